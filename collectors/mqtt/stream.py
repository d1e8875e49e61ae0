"""A connection that is read in large pieces and written in whole packets."""

from __future__ import annotations

import socket
import ssl

from collectors.mqtt.message import MAX_PAYLOAD
from collectors.mqtt.packets import PUBLISH, Malformed, Publish, beginning, publishes, whole

PIECE = 64 * 1024
"""Bytes asked of the system at once."""

BURST = 512
"""Messages taken from the stream at once."""

HEAD = 128 * 1024
"""Bytes that hold any topic, the properties of a message and more of its payload than anybody is shown."""

LONGEST = MAX_PAYLOAD + HEAD
"""Bytes of a packet; of a longer message only the beginning is kept, and anything else ends the session."""


class Stream:
    """What a broker sends, of which the messages are taken here and all else is read as from a socket.

    Used by one thread. Errors of the connection come as OSError; its end as empty bytes. It never holds more than
    LONGEST bytes and a piece.
    """

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._ended = False
        self._overlong: Publish | None = None
        self._missing = 0
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
        surplus = min(self._missing, len(piece))
        self._missing -= surplus
        self._incoming += piece[surplus:] if surplus else piece
        return bool(piece)

    def take(self, *, properties: bool) -> list[Publish]:
        """The messages at the beginning; raises packets.Malformed."""
        if self._overlong is not None and not self._missing:
            found, self._overlong = [self._overlong], None
            return found
        if not self._at_message():
            return []
        end = whole(self._incoming)
        if end is None or end > len(self._incoming):
            if end is not None and end > LONGEST and len(self._incoming) >= HEAD:
                self._cut(end, properties=properties)
            return []
        found, used = publishes(bytes(self._incoming), BURST, properties=properties)
        del self._incoming[:used]
        return found

    @property
    def has_other(self) -> bool:
        """Whether something other than a message is to be read, whole, be it the end; raises packets.Malformed."""
        return self._ended or (not self._at_message() and self._other_is_whole())

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

    def _cut(self, end: int, *, properties: bool) -> None:
        """Keeps the beginning of a message of `end` bytes, for when all of it has passed."""
        self._overlong = beginning(bytes(self._incoming[:HEAD]), end - HEAD, properties=properties)
        self._missing = end - len(self._incoming)
        self._incoming.clear()

    def _at_message(self) -> bool:
        return bool(self._incoming) and self._incoming[0] & 0xF0 == PUBLISH

    def _other_is_whole(self) -> bool:
        end = whole(self._incoming)
        if end is not None and end > LONGEST:
            raise Malformed(f"a packet of {end} bytes that is no message")
        return end is not None and end <= len(self._incoming)
