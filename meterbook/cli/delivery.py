"""Where an answer goes: to the screen, into a pipe, or into a file that is whole or not there."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Annotated

import typer

from meterbook.cli.terminal import write
from meterbook.cli.usage import Wrong
from meterbook.i18n import Translator, mark

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="write to this file")]


def see_to(out: Path | None, format_: str, *, binary: bool) -> None:
    """Refuse what cannot be delivered, before anything is computed; wrong usage says what to give instead."""
    if out is None:
        if binary and sys.stdout.isatty():
            raise Wrong(mark("%(format)s is not for a terminal; give --out FILE"), format=format_)
    elif out.is_dir():
        raise Wrong(mark("--out %(file)s is a directory; name a file in it"), file=out)
    elif not out.parent.is_dir():
        raise Wrong(mark("--out %(file)s: there is no directory %(folder)s"), file=out, folder=out.parent)


def deliver(content: bytes, out: Path | None, told: str, words: Translator) -> None:
    """Write an answer to `out` and tell so, or to stdout as it is. A file takes its name when it is on disk.

    Wrong usage where it cannot be written; what was there before stays then.
    """
    if out is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        _place(content, out.resolve())
    except OSError as error:
        sentence = mark("--out %(file)s cannot be written: %(reason)s")
        raise Wrong(sentence, file=out, reason=error.strerror or error) from error
    write(words.gettext(mark("%(file)s: %(what)s")) % {"file": str(out), "what": told})


def _place(content: bytes, target: Path) -> None:
    known = target.stat().st_mode if target.exists() else None
    if known is not None and not stat.S_ISREG(known):
        target.write_bytes(content)  # a pipe or a device is not to be replaced by a file
        return
    partial = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if known is not None:
            partial.chmod(stat.S_IMODE(known))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
