"""One service for each data directory and part: two would poll the same devices and judge the same readings twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from meterbook.wiring.opening import DirectoryUnusable, make

SINGLE = frozenset({"collect", "alerts"})
"""Parts of which a data directory bears one; APIs may be many."""


class SeatTaken(Exception):
    """Another process does this part on the same data directory."""


@contextmanager
def seated(directory: Path, parts: Iterable[str]) -> Iterator[None]:
    """Hold the parts of a data directory while the block runs; the kernel lets go of them with the process.

    Raises SeatTaken where another process holds one, DirectoryUnusable where nothing can be written.
    """
    make(directory)
    with ExitStack() as held:
        for part in sorted(SINGLE & frozenset(parts)):
            file = held.enter_context(_opened(directory / f"{part}.lock"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise SeatTaken(
                    f"{directory} is in use: process {file.read().strip() or '?'} does {part} there; "
                    "stop it, or give another --data"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        yield


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("a+")
    except OSError as error:
        raise DirectoryUnusable(f"{path} cannot be written ({error.strerror}); give another --data") from error
