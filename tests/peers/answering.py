"""An HTTP server that calls itself an InfluxDB and answers writes as it is told to; what it took is in `taken`."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple


class Answer(NamedTuple):
    """What to answer a write, after how long."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    after: float = 0.0


NO_CONTENT = Answer(204)


class Answering:
    """The server on a free port; `answer` is given the lines of each write. Queries find nothing."""

    def __init__(self, version: str = "1.8.10", answer: Callable[[list[str]], Answer] = lambda _: NO_CONTENT) -> None:
        self.version, self.answer = version, answer
        self.taken: list[str] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.pages: dict[str, bytes] = {"/health": b'{"name": "influxdb", "version": "v2.7.1"}'}
        self.hurry = threading.Event()
        self._server = _Listening(("127.0.0.1", 0), type("Requests", (_Requests,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Answering:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hurry.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def write(self, lines: list[str]) -> Answer:
        """Take lines, or answer as told."""
        answer = self.answer(lines)
        self.hurry.wait(answer.after)
        if answer.status < 300:
            self.taken.extend(lines)
        return answer


class _Listening(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass  # a client that no longer waits for a slow answer


class _Requests(BaseHTTPRequestHandler):
    owner: Answering

    def do_GET(self) -> None:
        self.owner.asked.append((self.path, dict(self.headers)))
        told = self.owner.version
        if self.path in self.owner.pages:
            self.reply(Answer(200, self.owner.pages[self.path]))
        else:
            self.reply(Answer(204, headers=(("X-Influxdb-Version", told),) if told else ()))

    def do_POST(self) -> None:
        self.owner.asked.append((self.path, dict(self.headers)))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/query"):
            self.reply(Answer(200, b'{"results":[{"statement_id":0}]}\n'))
            return
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.reply(self.owner.write(body.decode().splitlines()))

    def reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass
