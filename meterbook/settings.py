"""Settings of the service (service.yaml): where it keeps things, how it is reached, what it forgets.

Secrets stand in files or the environment and are named here as `env:NAME` or `file:PATH`.
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from meterbook.domain.host import host_fault
from meterbook.domain.instant import DAY, HOUR, Instant
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.statement import LineKind

EMBEDDED = "sqlite"
"""Kept in a file of the data directory."""


class SecretMissing(ValueError):
    """A secret is named and not there; the message says where it was looked for, never what it is."""


def secret(reference: str) -> str:
    """The secret behind `env:NAME` or `file:PATH`; raises SecretMissing."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        value = os.environ.get(place)
        if value is None:
            raise SecretMissing(f"environment variable {place} is not set")
        return value
    if kind == "file":
        try:
            return Path(place).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SecretMissing(f"file {place} cannot be read: {error.strerror}") from error
    raise SecretMissing("a secret is written env:NAME or file:PATH")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _host(name: str) -> str:
    if host_fault(name):
        raise _refused(f"{name!r} is no address", "an IP address such as 127.0.0.1, or a host's name")
    return name


def _public_url(url: str) -> str:
    found = re.fullmatch(
        r"https?://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::([0-9]{1,5}))?(?:/[\w.~%/-]*)?", url, re.A
    )
    if not found or host_fault(found[1] or found[2]) or not 1 <= int(found[3] or 80) <= 65535:
        raise _refused(f"{url!r} is no address of a portal", "one such as https://meterbook.example.org")
    return url


class Http(_Section):
    """Where the portal listens; `public_url` is what links in messages begin with."""

    host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: Annotated[str, AfterValidator(_public_url)] | None = None


def _books(place: str) -> str:
    """Where the books are. What is refused is not quoted: it may hold a password."""
    if place != EMBEDDED and not re.match(r"(env|file):.|postgres(ql)?://", place):
        raise _refused("is no place for books", "sqlite, postgresql://USER@HOST/DATABASE, env:NAME or file:PATH")
    if re.search(r"//[^:/@]*:[^@]*@|[?&]\w*password=", place):
        raise _refused("holds a password", "the whole address in env:NAME or file:PATH, or the password in ~/.pgpass")
    return place


def _refused(message: str, expected: str, near: str | None = None) -> PydanticCustomError:
    """The error by which the check of a site directory knows what to say."""
    return PydanticCustomError(
        "refused", "{message}", {"message": message, "expected": expected, "near": near, "key": None}
    )


class Influx(_Section):
    """An InfluxDB 1.6 or later, 2 or 3. `database` is version 2's bucket; a token of version 1 is user:password."""

    url: str = Field(pattern=r"^https?://[^/]", description="such as http://127.0.0.1:8086")
    database: str = Field(default="meterbook", pattern=r"^[^/\\\s\"]+$")
    org: str = Field(default="", description="the organisation, for version 2")
    token: str | None = Field(default=None, pattern=r"^(env|file):", description="env:NAME or file:PATH")


class InfluxReadings(_Section):
    """Readings in an InfluxDB."""

    influxdb: Influx


def _store(readings: object) -> str:
    """Whether readings are in a file or on a server: each is checked as what it is."""
    return EMBEDDED if isinstance(readings, str) else "server"


Readings = Annotated[
    Annotated[Literal["sqlite"], Tag(EMBEDDED)] | Annotated[InfluxReadings, Tag("server")], Discriminator(_store)
]


class SpoolLimits(_Section):
    """How much may wait on disk for a database that is away, before readings are refused."""

    max_bytes: int = Field(default=32 * 1024**3, ge=1024**2)
    max_age: str = Field(default="14d", pattern=r"^[1-9][0-9]{0,3}[hd]$", description="days or hours, such as 14d")

    @property
    def age(self) -> Instant:
        """`max_age` in microseconds."""
        return int(self.max_age[:-1]) * (DAY if self.max_age.endswith("d") else HOUR)


class Storage(_Section):
    """Where things last: in files of the data directory, or the books in PostgreSQL, the readings in an InfluxDB.

    `spool` bounds what waits on disk in front of an InfluxDB.
    """

    books: Annotated[str, AfterValidator(_books)] = EMBEDDED
    readings: Readings = "sqlite"
    spool: SpoolLimits = SpoolLimits()


OTHERS = "other"
"""Stands in `retention` for every quantity that is not named."""


def _quantity(name: str) -> str:
    if name not in {*UNITS, OTHERS}:
        near = next(iter(get_close_matches(name, [*UNITS, OTHERS], 1)), None)
        raise _refused(f"{name} is no quantity", "one such as temperature, or other", near)
    return name


def _age(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,4}d", text):
        raise _refused(f"{text!r} is no age", "days such as 90d")
    return text


ACCOUNTS: tuple[str, ...] = (
    *UTILITIES,
    *(f"{utility}.{kind}" for utility in UTILITIES for kind in get_args(LineKind)),
)
"""What an account can be given to: a utility, or one kind of its lines."""


def _posted(name: str) -> str:
    if name not in ACCOUNTS:
        near = next(iter(get_close_matches(name, ACCOUNTS, 1)), None)
        raise _refused(f"{name} is nothing that is posted", "a utility, or one with a kind: water, water.loss", near)
    return name


def _embeddable(path: str) -> str:
    if Path(path).suffix.lower() not in (".ttf", ".otf", ".ttc", ".otc"):
        raise _refused(f"{path!r} is no file of a font", "one that ends in .ttf, .otf, .ttc or .otc")
    return path


class Reports(_Section):
    """What statements as files need: a font with Chinese for PDF, and the accounts that finance posts to.

    `accounts` are by utility (`water`), or by utility and kind (`water.loss`), which comes first.
    """

    font: Annotated[str, AfterValidator(_embeddable)] | None = None
    accounts: dict[Annotated[str, AfterValidator(_posted)], Annotated[str, Field(min_length=1, max_length=100)]] = {}


class Settings(_Section):
    """All of service.yaml. Every setting has a default that works for one machine.

    `retention` says how long raw readings of a quantity stay; those of one that is not named stay for ever.
    """

    http: Http = Http()
    storage: Storage = Storage()
    reports: Reports = Reports()
    retention: dict[Annotated[str, AfterValidator(_quantity)], Annotated[str, AfterValidator(_age)]] = {}
    session_hours: int = Field(default=12, ge=1, le=720, description="how long a login in the portal lasts")
    intake_capacity: int = Field(default=10_000, ge=100, description="deliveries waiting for the disk before refusal")

    def kept(self, quantity: str) -> Instant | None:
        """How long raw readings of a quantity stay, in microseconds; None for ever."""
        age = self.retention.get(quantity, self.retention.get(OTHERS))
        return None if age is None else int(age[:-1]) * DAY
