"""What the API needs of the service behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated, Protocol, cast

from fastapi import Depends, Request

from collectors.normalise import Normaliser
from collectors.port import Status
from meterbook.accounting.ledger import Ledger
from meterbook.books.database import Books
from meterbook.domain.instant import Clock
from meterbook.domain.reading import Reading, Receipt, Refusal, Sample
from meterbook.domain.site import Site
from meterbook.readings.port import ReadingStore
from meterbook.settings import Settings


class Deliver(Protocol):
    """Hands over a delivery and returns when it is on disk; raises IntakeFull when there is no room for it."""

    def __call__(self, source: str, samples: Sequence[Sample | Reading], refusals: Sequence[Refusal] = ()) -> Receipt:
        """What became of the delivery."""


def no_troubles() -> Sequence[tuple[str, str]]:
    """Nothing to complain of."""
    return ()


@dataclass
class Rooms:
    """The rooms of the service as the API reaches them. `swap` gives them another site when files change.

    `sources` says how the collectors are; `troubles` names parts of the service that do not work, each with the
    reason a person can act on (a stopped writer thread, a full disk); `normaliser` judges pushed rows by the points
    of the site.
    """

    site: Site
    settings: Settings
    store: ReadingStore
    books: Books
    ledger: Ledger
    deliver: Deliver
    sources: Callable[[], Sequence[Status]]
    clock: Clock
    troubles: Callable[[], Sequence[tuple[str, str]]] = no_troubles
    normaliser: Normaliser = field(init=False, repr=False)
    _turn: Lock = field(default_factory=Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self.normaliser = Normaliser(self.site)

    def swap(self, site: Site, ledger: Ledger) -> None:
        """Take another site and its ledger, both at once; requests under way keep the ones they began with."""
        normaliser = Normaliser(site)
        with self._turn:
            self.site, self.ledger, self.normaliser = site, ledger, normaliser

    def at_once(self) -> Rooms:
        """The rooms as they are together at this moment, for one request to use to its end."""
        with self._turn:
            return copy(self)


def rooms_of(request: Request) -> Rooms:
    """The rooms for a request, the same to its end."""
    return cast(Rooms, request.app.state.rooms).at_once()


Here = Annotated[Rooms, Depends(rooms_of)]
