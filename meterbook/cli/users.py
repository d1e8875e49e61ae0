"""`user`: who may log in, and tokens for programs."""

from __future__ import annotations

import re
import secrets
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from api.auth import digest, hash_password, new_token
from meterbook.books import access, audit
from meterbook.cli.options import Data, Now, data_directory, known, present
from meterbook.cli.terminal import write, write_table
from meterbook.cli.usage import Wrong
from meterbook.domain.instant import DAY
from meterbook.i18n import mark
from meterbook.settings import Settings
from meterbook.wiring.opening import Archive, clock_from, open_archive, open_settings, open_site

COMMAND_LINE = "command line"


class Role(StrEnum):
    """What somebody may do."""

    ADMIN = "admin"
    ENGINEER = "engineer"
    CREW = "crew"
    DEPARTMENT = "department"


SiteOption = Annotated[
    Path, typer.Option("--site", help="the site directory, where the data is not given", file_okay=False)
]
HERE = Path()
_NAME = re.compile(r"[\w.-]{1,64}")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="People and programs that may ask.", no_args_is_help=True)
    group.command()(add)
    group.command()(password)
    group.command()(token)
    group.command("list")(list_)
    group.command()(disable)
    app.add_typer(group, name="user")


def _archive(site: Path, data: Path | None) -> AbstractContextManager[Archive]:
    """The archive; wrong usage where neither --data nor --site leads to one."""
    here = (site / "site.yaml").exists()
    if data is None and not here:
        raise Wrong(mark("%(place)s is no site directory; give --site or --data"), place=site.resolve())
    return open_archive(data_directory(site, data), open_settings(site) if here else Settings())


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Wrong(mark("%(name)s is no login name; expected letters, digits, . _ and -, 64 at most"), name=repr(name))


def _existing(connection: Connection, name: str) -> access.User:
    """The user of a name; wrong usage where there is none."""
    user = access.user(connection, name)
    if user is None:
        raise Wrong(mark("there is no user %(name)s; `meterbook user list` shows them"), name=name)
    return user


def add(
    name: Annotated[str, typer.Argument(help="login name")],
    role: Annotated[Role, typer.Option(help="what they may do")],
    department: Annotated[str | None, typer.Option(help="whose rows role department sees")] = None,
    site: SiteOption = HERE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Enter a user; the generated password is shown once."""
    _check_name(name)
    if (role is Role.DEPARTMENT) != (department is not None):
        raise Wrong(mark("--department goes with --role department, and only with it"))
    if department is not None:
        opened, _ = open_site(site)
        known(department, opened.departments, "department", opened)
    fresh, moment = secrets.token_urlsafe(12), clock_from(present(now))()
    with _archive(site, data) as archive:
        try:
            with archive.books.write() as connection:
                access.add_user(connection, name, role.value, department, hash_password(fresh), moment)
                audit.add(connection, moment, COMMAND_LINE, "user added", name, role.value)
        except access.NameTaken as error:
            raise typer.BadParameter(str(error)) from None
    write(f"{name} may log in as {role.value} with the password {fresh}")


def password(
    name: Annotated[str, typer.Argument(help="login name")],
    site: SiteOption = HERE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Set a new generated password, shown once: sessions end, and the name may log in again at once."""
    fresh, moment = secrets.token_urlsafe(12), clock_from(present(now))()
    with _archive(site, data) as archive, archive.books.write() as connection:
        if _existing(connection, name).disabled:
            raise Wrong(mark("%(name)s is shut out for good; enter a user of another name"), name=name)
        access.set_password(connection, name, hash_password(fresh))
        access.clear_failures(connection, name)
        audit.add(connection, moment, COMMAND_LINE, "password set", name, "")
    write(f"{name} may log in with the password {fresh}")


def token(
    name: Annotated[str, typer.Argument(help="login name")],
    label: Annotated[str, typer.Option(help="what the token is for")] = "command line",
    days: Annotated[int, typer.Option(help="how long it is good for", min=1, max=3650)] = 365,
    site: SiteOption = HERE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Issue a bearer token; it is shown once."""
    fresh, moment = new_token(), clock_from(present(now))()
    with _archive(site, data) as archive, archive.books.write() as connection:
        user = _existing(connection, name)
        access.add_token(connection, user.id, digest(fresh), label, moment + days * DAY, moment)
        audit.add(connection, moment, COMMAND_LINE, "token issued", name, label)
    write(fresh)


def list_(site: SiteOption = HERE, data: Data = None) -> None:
    """Everybody who may log in."""
    with _archive(site, data) as archive, archive.books.read() as connection:
        found = access.users(connection)
    rows = [[user.name, user.role, user.department or "", "disabled" if user.disabled else ""] for user in found]
    write_table("", ["name", "role", "department", ""], rows)


def disable(
    name: Annotated[str, typer.Argument(help="login name")],
    site: SiteOption = HERE,
    data: Data = None,
    now: Now = None,
) -> None:
    """Shut a user out: sessions and tokens end at once, the history keeps the name."""
    moment = clock_from(present(now))()
    with _archive(site, data) as archive, archive.books.write() as connection:
        _existing(connection, name)
        access.disable(connection, name)
        audit.add(connection, moment, COMMAND_LINE, "user disabled", name, "")
    write(f"{name} is shut out")
