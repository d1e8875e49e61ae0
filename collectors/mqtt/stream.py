"""A connection that is read in large pieces and written in whole packets."""

from __future__ import annotations

import socket
import ssl

from collectors.mqtt.packets import PUBLISH, Publish, publishes, whole

PIECE = 64 * 1024
"""Bytes asked of the system at once."""

BURST = 512
"""Messages taken from the stream at once."""


class Stream:
    """What a broker sends, of which the messages are taken here and all else is read as from a socket.

    Used by one thread. Errors of the connection come as OSError; its end as empty bytes.
    """

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._ended = False
        self.fault: OSError | None = None
        """Why the connection broke, also where whoever wrote on it kept that to itself."""

    def fill(self) -> bool:
        """Reads what is there, up to one piece; whether there may be more."""
        try:
            piece = self._link.recv(PIECE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            self.fault = error
            raise
        self._ended = not piece
        self._incoming += piece
        return bool(piece)

    def take(self, *, properties: bool) -> list[Publish]:
        """The messages at the beginning; raises packets.Malformed."""
        if not self._at_message() or not self._is_whole():
            return []
        found, used = publishes(bytes(self._incoming), BURST, properties=properties)
        del self._incoming[:used]
        return found

    @property
    def has_other(self) -> bool:
        """Whether something other than a message is to be read, whole, be it the end; raises packets.Malformed."""
        return self._ended or (not self._at_message() and self._is_whole())

    @property
    def unsent(self) -> bool:
        """Whether something waits for room on the way out."""
        return bool(self._outgoing)

    def recv(self, size: int) -> bytes:
        """As of a socket that does not block; never reads on the wire."""
        if not self._incoming and not self._ended:
            raise BlockingIOError
        piece = bytes(self._incoming[:size])
        del self._incoming[:size]
        return piece

    def send(self, packet: bytes) -> int:
        """Takes all of a packet, sends what there is room for and keeps the rest."""
        self._outgoing += packet
        self.flush()
        return len(packet)

    def flush(self) -> None:
        """Sends what was kept, as far as there is room."""
        try:
            while self._outgoing:
                del self._outgoing[: self._link.send(self._outgoing)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self.fault = error
            raise

    def fileno(self) -> int:
        """For `select`."""
        return self._link.fileno()

    def setblocking(self, flag: bool) -> None:
        """As of a socket."""
        self._link.setblocking(flag)

    def close(self) -> None:
        """As of a socket."""
        self._link.close()

    def _at_message(self) -> bool:
        return bool(self._incoming) and self._incoming[0] & 0xF0 == PUBLISH

    def _is_whole(self) -> bool:
        end = whole(self._incoming)
        return end is not None and end <= len(self._incoming)
