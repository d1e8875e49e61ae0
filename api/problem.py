"""One error shape for everything that goes wrong (RFC 9457 problem details)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple

from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from meterbook.i18n import mark

MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One part of a request that is wrong."""

    where: str = Field(examples=["query.from"])
    reason: str = Field(examples=["expected an instant with offset such as 2026-10-01T00:00:00+08:00"])


class ProblemDetails(BaseModel):
    """What went wrong, for programs and for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "there is no meter 'E-B9' here",
                    "errors": [],
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


class Said(NamedTuple):
    """A sentence for people: an English message that pages translate, and the facts it names."""

    message: str
    facts: Mapping[str, str] = {}


class Problem(Exception):
    """An answer other than success: the status and one sentence that says what is wrong and what to do.

    `said` is that sentence on pages, where there is one to translate.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        said: Said | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.said = said

    def answer(self) -> JSONResponse:
        """The problem as a response."""
        details = ProblemDetails(
            title=self.status.phrase, status=self.status.value, detail=self.detail, errors=self.errors
        )
        return JSONResponse(jsonable_encoder(details), self.status.value, headers=self.headers, media_type=MEDIA_TYPE)


_NOT_HERE = {
    "correction": mark("There is no correction %(name)s here."),
    "dispute": mark("There is no dispute %(name)s here."),
    "department": mark("There is no department %(name)s here."),
    "incident": mark("There is no incident %(name)s here."),
    "meter": mark("There is no meter %(name)s here."),
    "point": mark("There is no point %(name)s here."),
    "statement line": mark("There is no statement line %(name)s here."),
    "quota entry": mark("There is no quota entry %(name)s here."),
}
NOT_UNDERSTOOD = Said(mark("What was sent cannot be understood: check the address, or fill in the form again."))


def not_here(kind: str, name: str) -> Problem:
    """Unknown, or not the caller's to see: the two must not be told apart."""
    said = Said(_NOT_HERE[kind], {"name": name})
    return Problem(HTTPStatus.NOT_FOUND, f"there is no {kind} {name!r} here", said=said)


def invalid(where: str, reason: str, said: Said = NOT_UNDERSTOOD) -> Problem:
    """One part of the request cannot be understood."""
    faults = [Fault(where=where, reason=reason)]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {reason}", errors=faults, said=said)
