"""Rule packs: texts by kind of rule, and ready rules a site switches on and tunes."""

from __future__ import annotations

from pathlib import Path

from meterbook.site.files import Files
from meterbook.site.models.rules import PackFile, Texts
from meterbook.site.problem import Problem, nearest
from meterbook.site.tree import Rows, Section, Where
from meterbook.site.validate import validate

ESSENTIALS = "essentials"
"""The pack whose texts every site has, whether or not it switches on the pack's rules."""


def packs(config: Path) -> dict[str, Path]:
    """Every pack's file by its name."""
    return {path.stem: path for path in sorted((config / "rules").glob("*.yaml"))}


def unfold(tree: Section, config: Path, files: Files) -> tuple[dict[str, Texts], list[Problem]]:
    """Add the rules of the packs that a rules.yaml names to its tree; the texts by kind, and what is wrong."""
    known = packs(config)
    problems: list[Problem] = []
    texts: dict[str, Texts] = {}
    offered: dict[str, Section] = {}
    named = _named(tree)
    for name in dict.fromkeys((ESSENTIALS, *named)):
        if name not in known:
            expected = f"one of {', '.join(known)}"
            problems.append(tree.at("packs").problem(f"{name} is no rule pack", expected, nearest(name, known)))
            continue
        pack, rules, wrong = _load(known[name], files)
        problems.extend(wrong)
        texts.update(pack.texts)
        offered.update(rules if name in named else {})
    problems.extend(_switch_on(tree, offered))
    return texts, problems


def _named(tree: Section) -> list[str]:
    named = tree.get("packs")
    return [name for name in named if isinstance(name, str)] if isinstance(named, Rows) else []


def _load(path: Path, files: Files) -> tuple[PackFile, dict[str, Section], list[Problem]]:
    before = len(files.problems)
    tree = files.yaml(path, f"rules/{path.name}")
    problems, files.problems[before:] = files.problems[before:], []
    if tree is None:
        return PackFile(), {}, problems
    pack, wrong = validate(PackFile, tree)
    rules = tree.get("rules")
    ready = [rule for rule in rules if isinstance(rule, Section)] if isinstance(rules, Rows) else []
    return pack or PackFile(), {str(rule.get("id")): rule for rule in ready}, problems + wrong


def _switch_on(tree: Section, offered: dict[str, Section]) -> list[Problem]:
    tuned = tree.get("tune")
    tuned = tuned if isinstance(tuned, Section) else Section(tree.at("tune"))
    rows = tree.setdefault("rules", Rows(tree.at("rules")))
    if isinstance(rows, Rows):
        for name, rule in offered.items():
            rows.append(_merged(name, rule, tuned))
            rows.lines.append(tuned.at(name).line)
    return [
        tuned.at(name).problem(
            f"{name} is no rule of the packs", f"one of {', '.join(offered)}", nearest(name, offered)
        )
        for name in tuned
        if name not in offered
    ]


def _merged(name: str, rule: Section, tuned: Section) -> Section:
    changes = tuned.get(name)
    where = tuned.at(name)
    merged = Section(Where(where.file, where.line, where.path))
    merged.update(rule)
    if isinstance(changes, Section):
        merged.update(changes)
        merged.lines = changes.lines
    return merged
