"""`log:` writes messages to the service's log: the channel that needs nothing and never fails."""

from __future__ import annotations

from meterbook import telemetry
from meterbook.domain.message import Message
from meterbook.notify.port import Refused, Sent

_log = telemetry.log("notify")


class LogChannel:
    """See Channel."""

    def send(self, message: Message) -> Sent | Refused:
        """One line of log with the whole text."""
        _log.info("message", incident=message.incident, to=message.address, text=message.text)
        return Sent()
