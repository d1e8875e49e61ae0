"""Where each command lives. Its module is imported when the command is typed: nobody waits for what others need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer

from meterbook.cli.usage import Commands

HOMES = {
    "demo": "service",
    "run": "service",
    "check": "site",
    "schema": "site",
    "import": "importing",
    "consumption": "accounts",
    "balance": "accounts",
    "statement": "statement",
    "stepdown": "stepdown",
    "close": "close",
    "explain": "explain",
    "correct": "correct",
    "dispute": "dispute",
    "quota": "quota",
    "score": "score",
    "device": "devices",
    "user": "users",
    "books": "books",
    "store": "stores",
    "doctor": "doctor",
}
"""The module of each command, in the order in which help lists them."""


class AllCommands(Commands):
    """Every command of `meterbook`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return list(HOMES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, imported with those it shares a module with; None where there is no such command."""
        if cmd_name not in HOMES:
            self._import(*HOMES)  # the nearest of all is named to whom mistyped one
        elif cmd_name not in self.commands:
            self._import(cmd_name)
        return self.commands.get(cmd_name)

    def _import(self, *names: str) -> None:
        for home in dict.fromkeys(HOMES[name] for name in names if name not in self.commands):
            part = typer.Typer(rich_markup_mode=None)
            import_module(f"meterbook.cli.{home}").add_to(part)
            part.callback()(lambda: None)  # a group, however few its commands are
            self.commands.update(typer.main.get_group(part).commands)
