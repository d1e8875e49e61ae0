"""Readings that programs push."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.port import Here
from api.problem import Problem
from api.push import CSV, JSON, LINES, decode, inflated
from api.routers import PREFIX
from api.schemas.readings import PushOut, Rejected
from api.scope import Need, Viewer, allow
from collectors.push.body import MAX_ROWS, SOURCE
from collectors.push.line_protocol import Precision
from meterbook.domain.reading import IntakeFull, NotKept

router = APIRouter(prefix=f"{PREFIX}/readings", tags=["readings"])

RETRY_SECONDS = 5

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["readings"],
                    "properties": {
                        "readings": {
                            "type": "array",
                            "maxItems": MAX_ROWS,
                            "items": {
                                "type": "object",
                                "required": ["at", "value"],
                                "oneOf": [{"required": ["point"]}, {"required": ["meter"]}],
                                "properties": {
                                    "point": {"type": "string"},
                                    "meter": {"type": "string"},
                                    "at": {"type": "string", "format": "date-time"},
                                    "value": {"type": ["number", "string"]},
                                    "quality": {"enum": ["good", "estimated", "bad"]},
                                },
                            },
                        }
                    },
                },
                "example": {
                    "readings": [
                        {"point": "b1-water.volume", "at": "2026-10-01T00:00:00+08:00", "value": "1204.118"},
                        {"point": "b1-water.volume", "at": "2026-10-01T00:01:00+08:00", "value": 1204.12},
                        {"meter": "E-KITCHEN", "at": "2026-10-01T08:05:00+08:00", "value": "15230.4"},
                    ]
                },
            },
            CSV: {
                "schema": {"type": "string"},
                "example": "point,timestamp,value\nb1-water.volume,2026-10-01T00:00:00+08:00,1204.118\n",
            },
            LINES: {
                "schema": {"type": "string"},
                "example": "b1-water volume=1204.118 1790784000000000000\n"
                "water,point=b1-water.volume value=1204.12 1790784060000000000\n",
            },
        },
    }
}


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post(
    "",
    openapi_extra=_BODY,
    responses={
        413: {"description": f"more than 8 MiB, as sent or inflated, or more than {MAX_ROWS} rows"},
        415: {"description": "another content type, charset or content encoding than those above and gzip"},
        429: {"description": "the disk cannot keep up; nothing was kept, send again after Retry-After seconds"},
        503: {"description": "the disk took nothing, or not in time; send again after Retry-After seconds"},
    },
)
def push(
    request: Request,
    rooms: Here,
    viewer: Annotated[Viewer, Depends(allow(Need.PUSH))],
    body: Annotated[bytes, Depends(_body)],
    precision: Annotated[Precision, Query(description="unit of the time stamps of line protocol")] = "ns",
) -> PushOut:
    """Store readings, values in the canonical units of their points; what is accepted is on disk when this answers.

    A row names a point, or the meter that reads it; a meter read by hand is its own point.

    Sending the same again changes nothing. Rows that cannot be readings are rejected one by one, the others go in.
    The content encoding may be gzip.
    """
    plain = inflated(body, request.headers.get("content-encoding", ""))
    pushed = decode(plain, request.headers.get("content-type", ""), precision, rooms, rooms.clock())
    try:
        receipt = rooms.deliver(SOURCE, pushed.readings, [refusal for _, refusal in pushed.refusals])
    except IntakeFull as error:
        raise _later(HTTPStatus.TOO_MANY_REQUESTS, error) from error
    except NotKept as error:
        raise _later(HTTPStatus.SERVICE_UNAVAILABLE, error) from error
    return PushOut(
        accepted=receipt.accepted,
        repeated=receipt.repeated,
        conflicts=receipt.conflicts,
        rejected=[Rejected(row=row, reason=refusal.reason) for row, refusal in pushed.refusals],
    )


def _later(status: HTTPStatus, error: Exception) -> Problem:
    return Problem(status, str(error), headers={"Retry-After": str(RETRY_SECONDS)})
