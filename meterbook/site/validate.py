"""From the tree of a file to its model: every mistake becomes a Problem, and what is sound is kept."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from meterbook.site.models.values import shown
from meterbook.site.problem import Problem, nearest
from meterbook.site.tree import Path, Rows, Section, Where

Model = TypeVar("Model", bound=BaseModel)

_SHAPES = {
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "tuple_type": "a list",
    "int_parsing": "a whole number",
    "bool_parsing": "true or false",
}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_ROUNDS = 30
_NOTHING = object()


def validate(model: type[Model], section: Section) -> tuple[Model | None, list[Problem]]:
    """The model of a file's tree, and what is wrong with it.

    What is wrong is taken out, an entry with a required key missing or wrong as a whole, so that the rest can still be
    checked; None where nothing usable is left.
    """
    problems: list[Problem] = []
    tree: object = section
    for attempt in range(_ROUNDS):
        try:
            return model.model_validate(tree), problems
        except ValidationError as error:
            details = error.errors(include_url=False)
            if attempt == 0:
                problems = [_problem(model, section, detail) for detail in details]
            places = {_walk(tree, detail["loc"])[0] for detail in details}
            if () in places:
                return None, problems
            tree = _without(tree, places)
    return None, problems


def _walk(tree: object, location: Sequence[str | int]) -> tuple[Path, object]:
    """The deepest place of a pydantic location that is written in the file, and its value.

    Locations also hold parts nobody wrote: the kind of a rule, the list around a value that never changed.
    """
    path: list[str | int] = []
    for part in location:
        held = _inside(tree, part)
        if held is not _NOTHING:
            path.append(part)
            tree = held
    return tuple(path), tree


def _inside(tree: object, part: str | int) -> object:
    if isinstance(tree, Section) and isinstance(part, str):
        return tree.get(part, _NOTHING)
    if isinstance(tree, Rows) and isinstance(part, int) and part < len(tree):
        return tree[part]
    return _NOTHING


def _without(tree: object, places: set[Path]) -> object:
    """A copy of the tree without the values at `places`."""
    here = {place[0] for place in places if len(place) == 1}
    below = {
        key: {place[1:] for place in places if len(place) > 1 and place[0] == key}
        for key in {place[0] for place in places}
    }
    if isinstance(tree, Section):
        kept = tree.without(here)
        for key in kept.keys() & below.keys():
            kept[key] = _without(kept[key], below[key])
        return kept
    if isinstance(tree, Rows):
        rows = Rows(tree.where)
        for index, item in enumerate(tree):
            if index not in here:
                rows.append(_without(item, below[index]) if index in below else item)
        return rows
    return tree


def _problem(model: type[BaseModel], tree: Section, detail: ErrorDetails) -> Problem:
    location = detail["loc"]
    context = detail.get("ctx", {})
    path, value = _walk(tree, location)
    if detail["type"] == "missing":
        where = _place(tree, path)
        missing = Where(where.file, where.line, (*where.path, location[-1]))
        return missing.problem("is missing", _description(model, location))
    if detail["type"] == "extra_forbidden":
        known = sorted(_keys(model, location[:-1]))
        return _place(tree, path).problem("is no known key", _some(known), nearest(str(location[-1]), known))
    if detail["type"] == "refused":
        where = _place(tree, (*path, context["key"]) if context["key"] else path)
        return where.problem(context["message"], context["expected"], context["near"])
    if detail["type"].startswith(("literal_error", "union_tag")):
        return _not_one_of(model, tree, detail, path, value)
    expected = _SHAPES.get(detail["type"]) or _bound(context) or _description(model, location) or detail["msg"]
    return _place(tree, path).problem(f"{shown(value)} does not fit here", expected)


def _bound(context: Mapping[str, Any]) -> str | None:
    return next((f"{word} {context[key]}" for key, word in _BOUNDS.items() if key in context), None)


def _not_one_of(model: type[BaseModel], tree: Section, detail: ErrorDetails, path: Path, value: object) -> Problem:
    choices = sorted(_choices(model, detail["loc"]))
    if detail["type"].startswith("union_tag"):
        path = (*path, "kind")
        value = value.get("kind") if isinstance(value, Section) else value
    if value is None and detail["type"] == "union_tag_not_found":
        return _place(tree, path).problem("is missing", _some(choices))
    return _place(tree, path).problem(f"{shown(value)} is not known", _some(choices), nearest(str(value), choices))


def _place(tree: object, path: Path) -> Where:
    """Where a path of the tree stands, or the deepest part of it that does."""
    where = getattr(tree, "where", Where("", None))
    for part in path:
        if not isinstance(tree, Section | Rows):
            break
        where = _at_part(tree, part)
        tree = _inside(tree, part)
        if isinstance(tree, Section):
            # A pack's rule stands in a list nobody wrote; the mapping knows better where it comes from.
            where = Where(where.file, where.line, tree.where.path)
    return where


def _at_part(tree: Section | Rows, part: str | int) -> Where:
    if isinstance(tree, Section):
        return tree.at(str(part))
    return tree.at(part) if isinstance(part, int) else tree.where


def _some(names: Sequence[str]) -> str:
    return f"one of {', '.join(names)}" if len(names) > 1 else "".join(names)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models an annotation can stand for, through Optional, unions, lists, mappings and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is Annotated:
        yield from _models(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType, list, dict, tuple):
        for argument in get_args(annotation):
            yield from _models(argument)


def _fields(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _kind_of(model: type[BaseModel]) -> tuple[str, ...]:
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()


def _at(model: type[BaseModel], location: Sequence[str | int]) -> list[type[BaseModel]]:
    """The models that stand at a location of a model."""
    models = [model]
    for part in location:
        fields = [
            _fields(candidate)[part] for candidate in models if isinstance(part, str) and part in _fields(candidate)
        ]
        if fields:
            models = [found for field in fields for found in _models(field.annotation)]
        else:
            models = [candidate for candidate in models if part in _kind_of(candidate)] or models
    return models


def _keys(model: type[BaseModel], location: Sequence[str | int]) -> set[str]:
    return {key for found in _at(model, location) for key in _fields(found)}


def _description(model: type[BaseModel], location: Sequence[str | int]) -> str | None:
    for part in reversed(range(len(location))):
        for found in _at(model, location[:part]):
            field = _fields(found).get(str(location[part]))
            if field is not None:
                return field.description
    return None


def _choices(model: type[BaseModel], location: Sequence[str | int]) -> set[str]:
    """What a literal may be: the literal itself, or the kinds of a union."""
    for part in reversed(range(len(location))):
        for found in _at(model, location[:part]):
            field = _fields(found).get(str(location[part]))
            if field is not None:
                return set(_literals(field.annotation)) or {
                    kind for one in _models(field.annotation) for kind in _kind_of(one)
                }
    return set()


def _literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    else:
        for argument in get_args(annotation):
            if not (isinstance(argument, type) and issubclass(argument, BaseModel)):
                yield from _literals(argument)
