"""What goes wrong with a store, in words that name the file or the setting and the next step."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot do what was asked; nothing of the call was kept."""


class Away(StoreError):
    """A remote store does not take readings now and will again once somebody mends what the message names.

    `wait` is how long, in seconds, the server asked to be left alone; None when it did not say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class NotThere(Away):
    """The server is there, and the database, or what was asked for, is not."""


class Rejected(StoreError):
    """A remote store took offence at the lines themselves: sending them again cannot help."""
