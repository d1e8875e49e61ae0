"""Free ports of this machine."""

from __future__ import annotations

import random
import socket

_ANY = random.SystemRandom()  # hypothesis and tests seed the other one, in every process alike
_OURS = range(20_000, 32_000)
"""Below the ports that systems give to those who call out: none of these is taken before it is listened on."""

_given: set[int] = set()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listened on a moment ago; each is given once."""
    while True:
        port = _ANY.choice(_OURS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
