"""An InfluxDB 1.6 or later, 2 or 3 over HTTP: what it is, lines into it, rows out of it.

The one file that knows influxdb-client and HTTP. Lines go in as InfluxDB 2 takes them, or at `/write` for version 1;
rows come out by InfluxQL over `/query`, which all three speak.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
import urllib3

from meterbook.readings.fault import Away, NotThere, Rejected, StoreError

if TYPE_CHECKING:
    from influxdb_client import InfluxDBClient  # type: ignore[attr-defined]  # its stub exports nothing

LINES = 5_000
"""Lines of one request, as InfluxData advises."""

_LIVES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/debug/vars", ("system", "started")),
    ("/ready", ("started",)),
    ("/ping", ("process_id",)),
)
"""Where versions 1, 2 and 3 tell one of their runs from another, and under which keys."""

_SETTING = "storage.readings.influxdb"
_UNFIT = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is. `database` is the bucket of InfluxDB 2; `token` may be `user:password` for version 1."""

    url: str
    database: str
    org: str = ""
    token: str = ""

    def __str__(self) -> str:
        return f"InfluxDB at {self.url}"

    @property
    def headers(self) -> dict[str, str]:
        """What says who asks."""
        if ":" in self.token:
            return dict(urllib3.make_headers(basic_auth=self.token))
        return {"Authorization": f"Token {self.token}"} if self.token else {}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an answer: the tags of its series, and its columns by name."""

    tags: Mapping[str, str]
    columns: Mapping[str, Any]


class Server:
    """One database of one server; threads may share it. Nothing is asked before the first call.

    `timeout` is how long an answer may take, in seconds. Every call raises Away while the server does not do what it
    should, with the setting to mend.
    """

    def __init__(self, address: Address, timeout: float = 10.0) -> None:
        self.address = address
        self._timeout = timeout
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(timeout), maxsize=8)
        self._send: Callable[[str], None] | None = None
        self._lives = _LIVES
        self._client: InfluxDBClient | None = None

    def version(self) -> str:
        """What the server says it is, such as 1.6.7 or 2.7.1."""
        answer = self.ask("GET", "/ping")
        told = answer.headers.get("X-Influxdb-Version", "") or _json(self.ask("GET", "/health")).get("version", "")
        version = str(told).lstrip("v")
        if version[:1] not in {"1", "2", "3"}:
            raise Away(f"{self.address} is no InfluxDB 1, 2 or 3 (it calls itself {told!r}); mend {_SETTING}.url")
        return version

    def life(self) -> str | None:
        """What tells this run of the server from its earlier and later ones; None where it does not say."""
        for path, keys in self._lives:
            with self._explained():
                answer = self._pool.request("GET", self.address.url.rstrip("/") + path, headers=self.address.headers)
            told: Any = _json(answer)
            for key in keys:
                told = told.get(key) if isinstance(told, dict) else None
            if told:
                self._lives = ((path, keys),)
                return str(told)
        return None

    def write(self, lines: Sequence[str]) -> dict[int, str]:
        """Write lines; those that the server will never take come back by their place, with its reason."""
        if self._send is None:
            self._send = self.write_1 if self.version().startswith("1.") else self.write_2
        refused: dict[int, str] = {}
        for start in range(0, len(lines), LINES):
            _sift(self._send, lines[start : start + LINES], start, refused)
        return refused

    def write_1(self, lines: str) -> None:
        """Write at `/write`. Raises Rejected where the lines are at fault."""
        where = urlencode({"db": self.address.database, "precision": "ns"})
        body = gzip.compress(lines.encode(), 1)
        self.ask("POST", f"/write?{where}", body, {"Content-Encoding": "gzip"})

    def write_2(self, lines: str) -> None:
        """Write at `/api/v2/write`. Raises Rejected where the lines are at fault."""
        # Its 500 modules are not for those who never write to an InfluxDB 2.
        from influxdb_client import InfluxDBClient  # type: ignore[attr-defined]
        from influxdb_client.client.write_api import SYNCHRONOUS
        from influxdb_client.domain.write_precision import WritePrecision
        from influxdb_client.rest import ApiException

        if self._client is None:
            address, patience = self.address, int(self._timeout * 1_000)
            self._client = InfluxDBClient(
                address.url, address.token, org=address.org or "-", timeout=patience, enable_gzip=True
            )
        try:
            with self._explained(), self._client.write_api(write_options=SYNCHRONOUS) as api:
                api.write(self.address.database, record=lines, write_precision=WritePrecision.NS)
        except ApiException as error:
            raise self._fault(int(error.status or 0), error.headers or {}, error.body) from error

    def rows(self, query: str) -> Iterator[Row]:
        """The answer to an InfluxQL query, row by row as it comes; times in nanoseconds."""
        asked = urlencode({"db": self.address.database, "q": query, "epoch": "ns", "chunked": "true"})
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        with self._explained():
            answer = self._request("POST", "/query", asked.encode(), form, whole=False)
            try:
                for line in answer:
                    yield from self._rows(orjson.loads(line)) if line.strip() else ()
            finally:
                answer.close()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """The answer to any request to the server; raises Away or Rejected where it is no success."""
        with self._explained():
            return self._request(method, path, body, headers)

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None, *, whole: bool = True
    ) -> urllib3.BaseHTTPResponse:
        url = self.address.url.rstrip("/") + path
        sent = {**self.address.headers, **(headers or {})}
        answer = self._pool.request(method, url, body=body, headers=sent, redirect=False, preload_content=whole)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            try:
                raise self._fault(answer.status, answer.headers, answer.data)
            finally:
                answer.close()
        return answer

    def _rows(self, answer: Any) -> Iterator[Row]:
        for result in answer.get("results", ()):
            if "error" in result:
                status = HTTPStatus.NOT_FOUND if "not found" in result["error"] else HTTPStatus.OK
                raise self._fault(status, {}, result["error"])
            for series in result.get("series", ()):
                tags, columns = series.get("tags", {}), series["columns"]
                for values in series.get("values", ()):
                    yield Row(tags, dict(zip(columns, values, strict=True)))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        except orjson.JSONDecodeError as error:
            raise Away(f"{self.address} answers what is no JSON; is {_SETTING}.url an InfluxDB?") from error

    def _unreachable(self, error: Exception) -> Away:
        # urllib3 counts a refused connection among the timeouts.
        refused = isinstance(error, urllib3.exceptions.NewConnectionError)
        if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
            return Away(f"{self.address} does not answer within {self._timeout:g} s; see how it is")
        return Away(f"{self.address} cannot be reached ({_cause(error)}); start it, or mend {_SETTING}.url")

    def _fault(self, status: int, headers: Mapping[str, str], body: bytes | str | None) -> StoreError:
        """What a status that is no success means, and what to do about it."""
        said = _said(body)
        if status in _UNFIT:
            return Rejected(f"{self.address} refuses it: {said}")
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return Away(f"{self.address} does not let us in ({status}: {said}); mend {_SETTING}.token")
        if status == HTTPStatus.NOT_FOUND:
            step = f"mend {_SETTING}.database, or let `meterbook doctor SITE --fix` make it"
            return NotThere(f"{self.address} has no database {self.address.database} ({said}); {step}")
        if status == HTTPStatus.TOO_MANY_REQUESTS or "Retry-After" in headers:
            wait = _seconds(headers.get("Retry-After"))
            return Away(f"{self.address} asks us to wait ({status}: {said}); raise its limits if that lasts", wait)
        if status == HTTPStatus.OK:
            return Away(f"{self.address} cannot answer a query: {said}; see its log")
        return Away(f"{self.address} fails ({status}: {said}); see its log")


def _sift(send: Callable[[str], None], lines: Sequence[str], start: int, refused: dict[int, str]) -> None:
    """Send lines; where the server takes offence, halve them until the poison stands alone."""
    try:
        send("\n".join(lines))
    except Rejected as error:
        if len(lines) == 1:
            refused[start] = str(error)
            return
        middle = len(lines) // 2
        _sift(send, lines[:middle], start, refused)
        _sift(send, lines[middle:], start + middle, refused)


def _json(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.data)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _said(body: bytes | str | None) -> str:
    """What a server says about a fault, on one line and not too long."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        found = orjson.loads(text)
        text = str(found.get("error") or found.get("message") or text)
    except (orjson.JSONDecodeError, AttributeError):
        pass
    return " ".join(text.split())[:300] or "no reason given"


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; a date, or nonsense, is no answer."""
    return float(text) if text is not None and text.strip().isdecimal() else None


def _cause(error: BaseException) -> str:
    """The innermost reason of a failed connection."""
    while error.__cause__ is not None:
        error = error.__cause__
    return getattr(error, "strerror", None) or str(error)
