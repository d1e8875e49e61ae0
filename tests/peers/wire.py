"""A TCP server that answers as a test says: dead slaves, short replies, late answers, curt brokers."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType

Send = Callable[[bytes], None]
"""Sends to one client."""

Answer = Callable[[bytes, Send], None]
"""Called for each piece that arrives, with a function that sends to the same client."""


class Wire:
    """Listens on a free port and gives every piece that arrives to `answer`; `connections` counts clients.

    `greet` is called with each client that comes.
    """

    def __init__(self, answer: Answer, port: int = 0, greet: Callable[[Send], None] | None = None) -> None:
        self._answer = answer
        self._greet = greet
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen()
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self._links: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Wire:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for link in (self._listener, *self._links):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._links.append(link)
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: socket.socket) -> None:
        def send(reply: bytes) -> None:
            with contextlib.suppress(OSError):
                link.sendall(reply)

        with link:
            if self._greet is not None:
                self._greet(send)
            while True:
                try:
                    piece = link.recv(4096)
                except OSError:
                    return
                if not piece:
                    return
                self._answer(piece, send)


def crc(frame: bytes) -> bytes:
    """The two checksum bytes of a Modbus RTU frame."""
    value = 0xFFFF
    for octet in frame:
        value ^= octet
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def tcp_request(piece: bytes) -> tuple[int, int, int, int, int]:
    """(transaction, unit, function, address, count) of a Modbus TCP read request."""
    transaction, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", piece[:12])
    assert 1 <= function <= 4, f"function code {function} left"
    return transaction, unit, function, address, count


def tcp_reply(transaction: int, unit: int, body: bytes) -> bytes:
    """A Modbus TCP frame around function code and content."""
    return struct.pack(">HHHB", transaction, 0, len(body) + 1, unit) + body


def registers(function: int, words: list[int]) -> bytes:
    """Function code and content of a reply to a read of registers."""
    return struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words)
