"""The embedded MQTT broker: amqtt on the loopback interface, with named users only."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from amqtt.broker import Broker
from argon2 import PasswordHasher

from meterbook.demo.ports import HOST


def write_passwords(path: Path, passwords: Mapping[str, str]) -> None:
    """The broker's password file: a name and an Argon2 hash a line, readable by its owner only."""
    # A generated password of 256 bits needs no slow hash; every reconnect verifies it.
    hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}:{hasher.hash(word)}\n" for name, word in passwords.items()), encoding="utf-8")


class DemoBroker:
    """A broker that knows the users of a password file. Authenticated clients keep their session while it runs."""

    def __init__(self, password_file: Path) -> None:
        self._password_file = password_file
        self._broker: Broker | None = None

    async def start(self, port: int) -> None:
        """Listen on a local port; raises BrokerError when it is taken."""
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
                "plugins": {
                    "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(self._password_file)},
                },
            }
        )
        await self._broker.start()

    async def stop(self) -> None:
        """Disconnect everyone and stop listening."""
        if self._broker is not None:
            await self._broker.shutdown()
            self._broker = None
