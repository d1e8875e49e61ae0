"""Messages: what somebody is told about an incident, and whether it reached them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meterbook.domain.instant import Instant
from meterbook.domain.text import Language

MessageState = Literal["waiting", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class Message:
    """One text to one address. `due` is when it is to be sent (again), `reason` why the last try was refused."""

    id: int
    incident: int
    channel: str
    address: str
    language: Language
    text: str
    created: Instant
    due: Instant
    tries: int
    state: MessageState
    reason: str | None
