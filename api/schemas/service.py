"""How the service is."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Answer


class Health(Answer):
    """The process answers."""

    status: str = Field(default="ok", examples=["ok"])


class Check(Answer):
    """One part of the service; `reason` says what is wrong and never holds a secret."""

    name: str = Field(examples=["source broker"])
    ok: bool = Field(examples=[True])
    reason: str | None = Field(default=None, examples=[None])


class Readiness(Answer):
    """Whether everything that should work does."""

    ready: bool = Field(examples=[True])
    checks: list[Check]
