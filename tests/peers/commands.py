"""`meterbook` as somebody types it, in this process: what it writes and how it ends, without a new interpreter.

What is about processes (kill, terminals, full disks) starts one; that a command starts at all, tests/cli/test_start.py
sees to.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

import structlog

from meterbook.cli import main


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """All that it wrote."""
        return self.out + self.err


def typed(*arguments: object, **environment: str) -> Done:
    """Run a command with these arguments and environment variables; an error of ours is raised."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with _set(environment), redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(one) for one in arguments])
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            structlog.reset_defaults()  # the log it configured goes to what was its stderr
    assert isinstance(code, int), code
    return Done(code, out.getvalue(), err.getvalue())


@contextmanager
def _set(environment: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
