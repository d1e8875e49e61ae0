"""Pushed bodies: from content type and encoding to the decoder that understands them. Pure."""

from __future__ import annotations

import gzip
import zlib
from http import HTTPStatus
from io import BytesIO

from api.edge import MAX_BODY
from api.port import Rooms
from api.problem import Problem, invalid
from collectors.push import csv_rows, json_rows, line_protocol
from collectors.push.body import NotUnderstood, Pushed, TooManyRows
from collectors.push.line_protocol import Precision
from meterbook.domain.instant import Instant

JSON, CSV, LINES = "application/json", "text/csv", "text/plain"

_FORMATS = f"send {JSON}, {CSV} or {LINES} (line protocol), in UTF-8"


def decode(body: bytes, content_type: str, precision: Precision, rooms: Rooms, now: Instant) -> Pushed:
    """The rows of a body by its content type; one without any is JSON.

    Raises Problem 415 for a content type or charset nobody reads, 422 for a body that is no list of readings,
    413 for too many rows.
    """
    kind, _, parameters = content_type.partition(";")
    kind, charset = kind.strip().lower() or JSON, _charset(parameters)
    if kind not in (JSON, CSV, LINES) or charset not in ("utf-8", "utf8", "us-ascii"):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"nobody reads {content_type!r} here; {_FORMATS}",
            headers={"Accept-Post": ", ".join((JSON, CSV, LINES))},
        )
    try:
        if kind == CSV:
            return csv_rows.decode(body, rooms.site, rooms.normaliser, now)
        if kind == LINES:
            return line_protocol.decode(body, precision, rooms.normaliser, now)
        return json_rows.decode(body, rooms.site, rooms.normaliser, now)
    except NotUnderstood as error:
        raise invalid("body", str(error)) from None
    except TooManyRows as error:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)) from None


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, text = parameter.partition("=")
        if name.strip().lower() == "charset":
            return text.strip().strip('"').lower()
    return "utf-8"


def inflated(body: bytes, encoding: str) -> bytes:
    """A body without its content encoding, which is gzip or none.

    Raises Problem 415 for another encoding, 413 where it is larger than MAX_BODY inflated (it is never inflated
    further), 422 for what is no gzip or not one whole.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"nobody reads content encoding {encoding!r} here; send gzip or none",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as members:  # of which RFC 1952 allows several
            plain = members.read(MAX_BODY + 1)
    except EOFError:
        raise invalid("body", "not one whole gzip stream") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise invalid("body", f"no gzip: {error}") from None
    if len(plain) > MAX_BODY:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body inflates to more than {MAX_BODY // 1024 // 1024} MiB; send it in several requests",
        )
    return plain
