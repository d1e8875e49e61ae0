"""`check`: every mistake of a site directory at once; `schema`: what editors complete its files with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from meterbook.cli.options import SiteDirectory, TextFormat
from meterbook.cli.terminal import write
from meterbook.site.load import load
from meterbook.site.problem import as_json, as_text
from meterbook.site.schema import schemas


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(check)
    app.command()(schema)


def check(
    site: SiteDirectory,
    format_: Annotated[TextFormat, typer.Option("--format", help="how to tell")] = TextFormat.TEXT,
) -> None:
    """Every mistake in a site directory: file, line, key, what was expected, the nearest known name."""
    loaded = load(site)
    if format_ is TextFormat.JSON:
        write(as_json(loaded.problems))
    else:
        for line in as_text(loaded.problems).splitlines():
            write(line)
        if loaded.site is not None:
            found = loaded.site
            write(
                f"{site}: fine. {len(found.meters)} meters, {len(found.devices)} devices, "
                f"{len(found.departments)} departments, {len(found.tariffs)} tariffs, {len(found.rules)} rules"
            )
            inactive = [rule.id for rule in found.rules.values() if not rule.active]
            if inactive:
                write(f"inactive rules: {', '.join(inactive)}")
    raise typer.Exit(0 if loaded.site is not None else 1)


def schema(folder: Annotated[Path, typer.Argument(help="where the schema files go")] = Path("schema")) -> None:
    """Write a JSON schema for each file of a site directory, for editors that complete and check YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in schemas().items():
        target = folder / f"{name}.schema.json"
        target.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        write(str(target))
