"""The administrative side of an InfluxDB 2, as far as `doctor` asks it: organisations, buckets, mappings. No real one
is packaged; the paths and answers are those of its documentation."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson


class InfluxDB2:
    """A server with one organisation; what it has is in `buckets` and `dbrps`."""

    def __init__(self, org: str = "hospital") -> None:
        self.org = org
        self.buckets: list[dict[str, Any]] = []
        self.dbrps: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Requests", (_Requests,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> InfluxDB2:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def found(self, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        """The answer to a GET."""
        if path == "/api/v2/orgs":
            known = asked["org"] == self.org
            return (200, {"orgs": [{"id": "o1"}]}) if known else (404, {"message": "organization name not found"})
        if path == "/api/v2/buckets":
            return 200, {"buckets": [bucket for bucket in self.buckets if bucket["name"] == asked["name"]]}
        if path == "/api/v2/dbrps":
            return 200, {"content": [mapping for mapping in self.dbrps if mapping["database"] == asked["db"]]}
        return 404, {}

    def made(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """What a POST or PATCH makes."""
        kind, _, id_ = path.removeprefix("/api/v2/").partition("/")
        things = self.buckets if kind == "buckets" else self.dbrps
        if id_:
            (thing,) = (one for one in things if one["id"] == id_)
            thing.update(content)
            return thing
        things.append({"id": f"{kind}{len(things)}", **content})
        return things[-1]


class _Requests(BaseHTTPRequestHandler):
    owner: InfluxDB2

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/ping":
            self.reply(204, None)
        elif self.headers["Authorization"] != "Token secret":
            self.reply(401, {"message": "unauthorized access"})
        else:
            self.reply(*self.owner.found(url.path, dict(parse_qsl(url.query))))

    def do_POST(self) -> None:
        content = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(201, self.owner.made(self.path, content))

    def do_PATCH(self) -> None:
        self.do_POST()

    def reply(self, status: int, content: Any) -> None:
        body = b"" if content is None else orjson.dumps(content)
        self.send_response(status)
        self.send_header("X-Influxdb-Version", "v2.7.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
