"""Wrong usage, told in the language of the site or of `--language`; English where there is neither.

What our commands refuse is a `Wrong`. What typer refuses is English text: it is recognised by its words, and a sentence
that is not stays English. Exit code 2 in both cases.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from meterbook.cli.terminal import complain
from meterbook.domain.text import LANGUAGES, Language
from meterbook.i18n import Translator, mark, translator
from meterbook.site.tongue import language_of

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer keeps the name to itself

SENTENCES = (
    mark("Invalid value for %(name)s: %(reason)s"),
    mark("Invalid value: %(reason)s"),
    mark("Missing %(what)s %(name)s. Choose from: %(choices)s"),
    mark("Missing %(what)s %(name)s."),
    mark("No such option: %(name)s (Possible options: %(near)s)"),
    mark("No such option: %(name)s"),
    mark("No such command %(name)s. Did you mean %(near)s?"),
    mark("No such command %(name)s."),
    mark("Missing command."),
    mark("Option %(name)s requires an argument."),
    mark("Option %(name)s does not take a value."),
    mark("Got unexpected extra argument(s) (%(words)s)"),
    mark("Got unexpected extra arguments (%(words)s)"),
    mark("Got unexpected extra argument (%(words)s)"),
    mark("%(value)s is not one of %(choices)s."),
    mark("%(value)s is not a valid %(kind)s."),
    mark("%(what)s %(name)s does not exist."),
    mark("%(what)s %(name)s is a file."),
    mark("%(what)s %(name)s is a directory."),
    mark("%(what)s %(name)s is not readable."),
    mark("%(what)s %(name)s is not writable."),
    mark("Input should be a valid integer, unable to parse string as an integer"),
    mark("Input should be greater than or equal to %(limit)s"),
    mark("Input should be less than or equal to %(limit)s"),
    mark("%(text)s is no quarter; one looks like 2026-Q3"),
    mark("%(text)s is no month; one looks like 2026-10"),
    mark("quota entry %(id)s was approved by %(name)s already"),
    mark("%(name)s asked for quota entry %(id)s; somebody else must approve it"),
)
"""What typer and the rooms below say, each before those that would take it for theirs."""

WORDS: Mapping[str, str] = {
    "option": mark("option"),
    "argument": mark("argument"),
    "parameter": mark("parameter"),
    "dir": mark("directory"),
    "Directory": mark("directory"),
    "file": mark("file"),
    "File": mark("file"),
    "Path": mark("path"),
    "path": mark("path"),
    "integer": mark("integer"),
}
_PIECE = re.compile(r"%\\\((\w+)\\\)s")


class Wrong(typer.BadParameter):
    """Wrong usage of a command: a sentence that is marked for translation, and its figures."""

    def __init__(self, sentence: str, **facts: object) -> None:
        super().__init__(sentence % facts)
        self.sentence, self.facts = sentence, facts

    def told(self, words: Translator) -> str:
        """The sentence in the translator's language."""
        return words.gettext(self.sentence) % self.facts


class Commands(TyperGroup):
    """The commands, which say in the reader's language what was wrong about an invocation."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; see click.Command.main."""
        typed = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except UsageError as error:
            _tell(error, translator(_language(typed)))
            sys.exit(2)
        except typer.Abort:
            complain(translator(_language(typed)).gettext("Aborted!"))
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)


def _tell(error: Any, words: Translator) -> None:
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return
    if error.ctx is not None:
        usage = error.ctx.get_usage().replace("Usage:", words.gettext("Usage:"), 1)
        usage = usage.replace("[OPTIONS]", words.gettext("[OPTIONS]"), 1)
        hint = words.gettext("Try '%(command)s' for help.") % {"command": f"{error.ctx.command_path} --help"}
        complain(f"{usage}\n{hint}\n")
    reason = error.told(words) if isinstance(error, Wrong) else in_words(error.format_message(), words)
    complain(words.gettext("Error: %(reason)s") % {"reason": reason})


def in_words(text: str, words: Translator) -> str:
    """A sentence of typer's in the translator's language, as far as it is known."""
    text = " ".join(text.removeprefix("Value error, ").split())
    for sentence, pattern in _patterns():
        if found := pattern.fullmatch(text):
            facts = {name: _fact(name, value, words) for name, value in found.groupdict().items()}
            return words.gettext(sentence) % facts
    return text


def _fact(name: str, value: str, words: Translator) -> str:
    if name == "reason":
        return in_words(value, words)
    return words.gettext(WORDS[value]) if name in ("what", "kind") and value in WORDS else value


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    pieces = {"name": r".+?", "what": r"\w+", "kind": r"\w+"}
    found = []
    for sentence in SENTENCES:
        pattern = _PIECE.sub(lambda one: f"(?P<{one[1]}>{pieces.get(one[1], '.*')})", re.escape(sentence))
        found.append((sentence, re.compile(pattern, re.DOTALL)))
    return found


def _language(typed: Sequence[str]) -> Language:
    """The language of `--language`, else of the first site directory that is named, else English."""
    for place, word in enumerate(typed):
        value = word.partition("=")[2] if word.startswith("--language=") else ""
        if word == "--language":
            value = next(iter(typed[place + 1 :]), "")
        for language in LANGUAGES:
            if value == language:
                return language
    return next(_languages(typed), "en")


def _languages(typed: Iterable[str]) -> Iterator[Language]:
    for word in typed:
        found = language_of(Path(word.removeprefix("--site=")))
        if found is not None:
            yield found
