"""The spool: a queue of batches on disk, in front of a store that may be away.

A directory of segments, each appended to and then only read, of checksummed records. An append is on disk (fsync)
when it returns. What has landed in the store is remembered in the file `position`; a segment that has landed as a
whole is kept for a while, in case the store loses what it acknowledged, and then deleted. One process at a time uses a
spool.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from meterbook import telemetry
from meterbook.domain.instant import DAY, Instant
from meterbook.readings import record
from meterbook.readings.fault import StoreError
from meterbook.readings.port import Batch

SEGMENT = 8 * 1024 * 1024
"""Bytes after which a segment ends and the next begins; an eighth of a spool too small for several."""

KEPT_FILES = 1_000
KEPT = 8 * SEGMENT
"""Bytes of landed segments that are kept, at most a quarter of what the spool may hold.

InfluxDB may lose in a crash what it acknowledged since the crash before (docs/stores.md), but no more than a segment of
its log, 10 MB. As much never takes more room than this here.
"""

_POSITION = struct.Struct("<QQ")
_CHECK = struct.Struct("<I")
_SLOT = _POSITION.size + _CHECK.size
_SLOTS = 2

_log = telemetry.log("spool")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait: bytes on disk, and how long the oldest batch, in microseconds."""

    max_bytes: int
    max_age: Instant


class Mark(NamedTuple):
    """A place in the spool: everything before it has been taken out."""

    segment: int
    offset: int


@dataclass(slots=True)
class _Segment:
    number: int
    path: Path
    size: int


class Spool:
    """The queue in `directory`, which is made when it is not there. One thread appends, one takes out.

    Raises StoreError where the directory cannot be used or another process uses it.
    """

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits
        self._lock = Lock()
        self._active: int | None = None
        self._slot = 0
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._claim = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o640)
            self._hold()
            self._position_file = os.open(directory / "position", os.O_RDWR | os.O_CREAT, 0o640)
            self._mark = self._remembered()
            self._store_life = self._noted_life()
            self._segments, self._kept = self._found()
        except OSError as error:
            raise self._fault(error) from error

    def append(self, batch: Batch) -> None:
        """Put a batch at the end; it is on disk when this returns.

        Raises StoreError, with nothing kept, where the spool or the disk is full.
        """
        content = record.encode(batch)
        with self._lock:
            self._keep(self._limits.max_bytes - self._bytes() - len(content))
            self._refuse_when_full(len(content), batch.now)
            try:
                self._write_somehow(content)
            except OSError as error:
                self._undo()
                raise self._fault(error) from error

    def take(self, readings: int) -> tuple[list[Batch], Mark]:
        """The oldest batches, as many as hold about `readings` readings, and the place behind them.

        They stay until `landed` is told that place; without batches nothing waits.
        """
        batches: list[Batch] = []
        with self._lock:
            mark, segments = self._mark, [(segment, segment.size) for segment in self._segments]
        for segment, size in segments:
            if readings <= 0 or not size:
                break
            mark = Mark(segment.number, mark.offset if segment.number == mark.segment else 0)
            for batch, offset in self._records(segment, mark.offset, size):
                mark = Mark(segment.number, offset)
                if batch is not None:
                    batches.append(batch)
                    readings -= len(batch.readings)
                if readings <= 0:
                    break
        return batches, mark

    def landed_lately(self, readings: int) -> Iterator[list[Batch]]:
        """What has landed and is still here, oldest first, in parts of about `readings` readings.

        What goes meanwhile to make room is left out.
        """
        with self._lock:
            mark = self._mark
            segments = [(segment, segment.size) for segment in self._kept]
            segments += [(segment, mark.offset) for segment in self._segments if segment.number == mark.segment]
        part: list[Batch] = []
        room = readings
        for segment, size in segments:
            with suppress(FileNotFoundError):
                for batch, _ in self._records(segment, 0, size):
                    if batch is not None:
                        part.append(batch)
                        room -= len(batch.readings)
                    if room <= 0:
                        yield part
                        part, room = [], readings
        if part:
            yield part

    def landed(self, mark: Mark) -> None:
        """Forget what lies before a place; on disk when this returns."""
        if mark == self._mark:
            return
        try:
            self._remember(mark)
            with self._lock:
                self._mark = mark
                self._kept += [segment for segment in self._segments if self._is_over(segment)]
                self._segments = [segment for segment in self._segments if not self._is_over(segment)]
                self._keep(KEPT)
        except OSError as error:
            raise self._fault(error) from error

    @property
    def waiting(self) -> int:
        """Bytes that have not landed."""
        with self._lock:
            first = self._mark.offset if any(one.number == self._mark.segment for one in self._segments) else 0
            return sum(segment.size for segment in self._segments) - first

    def oldest(self) -> Instant | None:
        """When the oldest batch that waits was appended; None when nothing waits."""
        with self._lock:
            return self._oldest()

    def fill(self, now: Instant) -> float:
        """How full it is: the greater share of what bytes and age allow."""
        with self._lock:
            age = now - (self._oldest() or now)
            return max(self._bytes() / self._limits.max_bytes, age / self._limits.max_age)

    def close(self) -> None:
        """Let go of the files; what waits, waits for the next time."""
        with self._lock:
            self._end_segment()
            os.close(self._position_file)
            os.close(self._claim)

    def _hold(self) -> None:
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._claim)
            raise StoreError(
                f"{self._directory} is used by another process; end it, or give this one another --data directory"
            ) from None

    def _remembered(self) -> Mark:
        """What has landed, by the file `position`: the further of two notes, of which a crash tears one at most.

        The beginning where both are new or spoilt; what landed then lands once more.
        """
        found = []
        for slot in range(_SLOTS):
            content = os.pread(self._position_file, _SLOT, slot * _SLOT)
            packed = content[: _POSITION.size]
            if len(content) == _SLOT and content[_POSITION.size :] == _CHECK.pack(zlib.crc32(packed)):
                found.append(Mark(*_POSITION.unpack(packed)))
        if not found:
            for _ in range(_SLOTS):
                self._remember(Mark(0, 0))  # takes its place on the disk now: a full one must not hinder landing
        return max(found, default=Mark(0, 0))

    def _remember(self, mark: Mark) -> None:
        packed = _POSITION.pack(*mark)
        self._slot = (self._slot + 1) % _SLOTS
        os.pwrite(self._position_file, packed + _CHECK.pack(zlib.crc32(packed)), self._slot * _SLOT)
        os.fdatasync(self._position_file)

    @property
    def store_life(self) -> str:
        """The run of the store that is known to have all that has landed; empty where none is."""
        return self._store_life

    @store_life.setter
    def store_life(self, life: str) -> None:
        self._store_life = life
        try:
            # A torn text is no run of any store, nor is one that a full disk did not take: then what landed lately is
            # looked at again after the next start, which is safe.
            with (self._directory / "store").open("w", encoding="utf-8") as file:
                file.write(life)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            _log.warning("the run of the store could not be noted", error=error.strerror or str(error))

    def _noted_life(self) -> str:
        try:
            return (self._directory / "store").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def _found(self) -> tuple[list[_Segment], list[_Segment]]:
        """The segments on disk that wait and those that have landed, the torn end of the last one cut off."""
        paths = sorted(path for path in self._directory.glob("*.spool") if path.stem.isdecimal())
        if paths:
            _cut(paths[-1])
        segments = [_Segment(int(path.stem), path, path.stat().st_size) for path in paths]
        for segment in segments:
            if not segment.size:
                segment.path.unlink()
        over = [segment for segment in segments if segment.size and self._is_over(segment)]
        return [segment for segment in segments if not self._is_over(segment)], over

    def _keep(self, most: int) -> None:
        """Let go of the oldest landed segments until no more than `most` bytes of them are left, and none too many."""
        most = min(most, KEPT, self._limits.max_bytes // 4)
        size = sum(segment.size for segment in self._kept)
        while self._kept and (size > most or len(self._kept) > KEPT_FILES):
            size -= self._kept[0].size
            self._kept[0].path.unlink(missing_ok=True)
            del self._kept[0]

    def _is_over(self, segment: _Segment) -> bool:
        if segment.number == self._active:
            return False
        return (segment.number, segment.size) <= self._mark or segment.number < self._mark.segment or not segment.size

    def _refuse_when_full(self, more: int, now: Instant) -> None:
        limits, oldest = self._limits, self._oldest()
        if self._bytes() + more > limits.max_bytes:
            self._refuse(f"{self._bytes():,} of {limits.max_bytes:,} bytes are taken", "max_bytes")
        if oldest is not None and now - oldest > limits.max_age:
            self._refuse(f"readings wait for {(now - oldest) / DAY:.1f} days", "max_age")

    def _refuse(self, reason: str, setting: str) -> None:
        telemetry.SPOOL_REFUSED.inc()
        raise StoreError(
            f"{self._directory} is full: {reason}; bring the database back, or raise storage.spool.{setting}"
        )

    def _bytes(self) -> int:
        return sum(segment.size for segment in self._segments)

    def _oldest(self) -> Instant | None:
        for segment in self._segments:
            offset = self._mark.offset if segment.number == self._mark.segment else 0
            if offset < segment.size:
                with segment.path.open("rb") as file:
                    head = os.pread(file.fileno(), record.HEAD, offset)
                return record.instant(head) if record.length(head) is not None else None
        return None

    def _write_somehow(self, content: bytes) -> None:
        """Write; where the disk is full, once more without what was kept only in case the store loses it."""
        try:
            self._write(content)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._kept:
                raise
            self._undo()
            self._keep(0)
            self._write(content)

    def _write(self, content: bytes) -> None:
        limit = min(SEGMENT, self._limits.max_bytes // 8)
        if self._active is None or self._segments[-1].size >= limit:
            self._begin_segment()
        os.lseek(self._file, self._segments[-1].size, os.SEEK_SET)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        os.fdatasync(self._file)
        self._segments[-1].size += len(content)

    def _begin_segment(self) -> None:
        self._end_segment()
        number = max([self._mark.segment, *(segment.number for segment in (*self._kept, *self._segments))]) + 1
        path = self._directory / f"{number:012}.spool"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        self._segments.append(_Segment(number, path, 0))
        self._active = number
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _end_segment(self) -> None:
        if self._active is not None:
            self._active = None
            os.close(self._file)

    def _undo(self) -> None:
        """Take back an append that failed, and never trust its file again: a failed fsync may have lost pages."""
        if self._active is None:
            return
        failed = self._segments[-1]
        try:
            os.ftruncate(self._file, failed.size)
        except OSError as error:
            _log.warning("a failed append could not be cut off", file=str(failed.path), error=str(error))
        self._end_segment()
        if not failed.size:
            self._segments.pop()
            failed.path.unlink(missing_ok=True)

    def _records(self, segment: _Segment, offset: int, size: int) -> Iterator[tuple[Batch | None, int]]:
        """Each record of a segment from `offset` on and where it ends; nothing where one is damaged."""
        with segment.path.open("rb") as file:
            while offset < size:
                batch, offset = self._next(file.fileno(), Mark(segment.number, offset), size)
                yield batch, offset

    def _next(self, file: int, mark: Mark, size: int) -> tuple[Batch | None, int]:
        """The record at a place and where it ends; nothing, and the next intact one, where it is damaged."""
        wanted = record.length(os.pread(file, record.HEAD, mark.offset))
        if wanted is not None and mark.offset + wanted <= size:
            content = os.pread(file, wanted, mark.offset)
            if record.intact(content):
                return record.decode(content), mark.offset + wanted
        return None, self._skip(file, mark, size)

    def _skip(self, file: int, mark: Mark, size: int) -> int:
        """Where the next intact record begins behind a damaged one, which is kept aside for whoever can read it."""
        content = os.pread(file, size - mark.offset, mark.offset)
        end = record.search(content, 1)
        aside = self._directory / f"{mark.segment:012}-{mark.offset}.damaged"
        if not aside.exists():
            aside.write_bytes(content[:end])
            telemetry.SPOOL_DAMAGED.inc()
            _log.error("a record of the spool is damaged; see to the disk", kept=str(aside))
        return mark.offset + (len(content) if end is None else end)

    def _fault(self, error: OSError) -> StoreError:
        step = "make room on the disk, or see to it; nothing acknowledged is lost"
        return StoreError(f"{self._directory}: {error.strerror or error}; {step}")


def _cut(path: Path) -> None:
    """Cut what a crash left of a record at the end of a segment: it was never acknowledged."""
    content = path.read_bytes()
    end = 0
    while (size := record.length(content[end : end + record.HEAD])) is not None:
        if not record.intact(content[end : end + size]):
            break
        end += size
    if end < len(content) and record.search(content, end) is None:
        _log.warning("the torn end of the spool is cut off", file=str(path), bytes=len(content) - end)
        with path.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
