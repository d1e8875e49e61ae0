"""Kamstrup water meters: M-Bus records (EN 13757-3) behind a short header or none, with compact profiles.

Read are the volume (VIF 10 to 17), the instant of a storage (VIF 6D, type F), the inverse compact profile of the volume
(VIFE 13) and the meter's own info code; every other record is passed over by its length. A volume of a tariff, of a
subunit or in floating point is another record, and so is one in a storage whose instant is not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from datetime import datetime, timedelta
from typing import NamedTuple

from collectors.mqtt.lorawan.measurement import Measurement, NoUplink, scaled

_FILLER = 0x2F
_HEADERS = {0x78: 1, 0x7A: 5, 0x72: 13}
_LENGTHS = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 6, 7: 8, 8: 0, 9: 1, 10: 2, 11: 3, 12: 4, 14: 6}
_VARIABLE = 13
_INSTANT, _PROFILE, _INFO_CODE = 0x6D, 0x13, 0x25
_FLAGS = ("leak", "burst", "dry", "reverse", "tamper", "battery_low")
_WHOLE = (0, 0, 0)
"""Function, tariff and subunit of what is counted in all; others are extremes and parts of it."""

_INTEGERS = (1, 2, 3, 4, 6, 7)
_SPACINGS = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))


class _Record(NamedTuple):
    part: tuple[int, int, int]
    storage: int
    coding: int
    vif: int
    vife: tuple[int, ...]
    content: bytes

    @property
    def volume_places(self) -> int | None:
        """Decimal places of a volume in m3, None for anything else."""
        is_volume = self.vif & 0x78 == 0x10 and self.vif & 7 <= 6 and self.part == _WHOLE
        return 6 - (self.vif & 7) if is_volume else None

    @property
    def is_total(self) -> bool:
        """Whether it is a volume as a whole number."""
        return self.volume_places is not None and not self.vife and self.coding in _INTEGERS


def read(_port: int, sent: bytes) -> list[Measurement]:
    """The measurements of an uplink, newest first; raises NoUplink."""
    records = list(_records(sent))
    clocks = [one for one in records if one.vif == _INSTANT and len(one.content) == 4 and one.part == _WHOLE]
    instants = {one.storage: at for one in clocks if (at := _instant(one.content)) is not None}
    present = _present({one.storage for one in records if one.is_total}, instants)
    found: list[Measurement] = []
    bases: dict[int, tuple[int, int]] = {}
    for one in records:
        at = instants.get(one.storage)
        places = one.volume_places
        if places is not None and one.is_total and (at is not None or one.storage == 0):
            volume = int.from_bytes(one.content, "little", signed=True)
            bases.setdefault(one.storage, (volume, places))
            found.append(Measurement("volume", scaled(volume, places), at, past=one.storage != present))
        elif places is not None and one.vife == (_PROFILE,):
            found += _profile(one, bases.get(one.storage), at)
        elif one.vif == 0x7F and one.vife == (_INFO_CODE,):
            flags = int.from_bytes(one.content, "little")
            found += [Measurement(name, bool(flags >> bit & 1), at) for bit, name in enumerate(_FLAGS)]
    return found


def _present(storages: Set[int], instants: Mapping[int, datetime]) -> int:
    """The storage of the newest total: 0 is what the meter shows, of the others the latest counts."""
    dated = [one for one in storages if one in instants]
    return 0 if 0 in storages or not dated else max(dated, key=lambda one: instants[one])


def _records(sent: bytes) -> Iterator[_Record]:
    position = _HEADERS.get(sent[0], 0) if sent else 0
    if not position or len(sent) < position:
        raise NoUplink("the bytes begin with no M-Bus header")
    if position > 1 and sent[position - 1] & 0x1F:
        raise NoUplink("the uplink is encrypted")
    while position < len(sent):
        if sent[position] == _FILLER:
            position += 1
            continue
        try:
            record, position = _record(sent, position)
        except IndexError as error:
            raise NoUplink("a record ends before its bytes do") from error
        yield record


def _record(sent: bytes, position: int) -> tuple[_Record, int]:
    dif, more, position = _chain(sent, position)
    storage, tariff, subunit = dif >> 6 & 1, 0, 0
    for depth, part in enumerate(more):
        storage |= (part & 0x0F) << 1 + 4 * depth
        tariff |= (part >> 4 & 3) << 2 * depth
        subunit |= (part >> 6 & 1) << depth
    vif, vife, position = _chain(sent, position)
    coding = dif & 0x0F
    if coding == _VARIABLE:
        length, position = sent[position], position + 1
    elif coding in _LENGTHS:
        length = _LENGTHS[coding]
    else:
        raise NoUplink(f"records of the kind {dif:02X} are not read")
    if position + length > len(sent):
        raise NoUplink("a record ends before its bytes do")
    kept = tuple(part & 0x7F for part in vife)
    record = _Record(
        (dif >> 4 & 3, tariff, subunit), storage, coding, vif & 0x7F, kept, sent[position : position + length]
    )
    return record, position + length


def _chain(sent: bytes, position: int) -> tuple[int, bytes, int]:
    """A byte, those that extend it (bit 7 says that one more follows), and the position behind them."""
    end = position
    while sent[end] & 0x80:
        end += 1
    return sent[position], sent[position + 1 : end + 1], end + 1


def _instant(content: bytes) -> datetime | None:
    minute, hour, day, month = content
    if minute & 0x80:
        return None
    year = 2000 + (day >> 5 | month >> 4 << 3)
    try:
        return datetime(year, month & 0x0F, day & 0x1F, hour & 0x1F, minute & 0x3F)  # noqa: DTZ001  the meter's own clock
    except ValueError as error:
        raise NoUplink("the meter's clock shows no date") from error


def _profile(record: _Record, base: tuple[int, int] | None, newest: datetime | None) -> Iterator[Measurement]:
    """Former volumes, from the newest back; each is given as its difference to the one after it."""
    if base is None:
        raise NoUplink("a profile without the volume it begins with")
    if len(record.content) < 2:
        raise NoUplink("a profile without its head")
    control, spacing = record.content[:2]
    size, mode, steps = control & 0x0F, control >> 6, record.content[2:]
    if not 1 <= size <= 4 or mode not in (1, 3) or len(steps) % size or newest is None or not 0 < spacing < 251:
        raise NoUplink("a profile of a kind that is not read")
    volume, places = base
    for number in range(len(steps) // size):
        volume -= int.from_bytes(steps[number * size : (number + 1) * size], "little", signed=mode == 3)
        try:
            newest -= _SPACINGS[control >> 4 & 3] * spacing
        except OverflowError as error:
            raise NoUplink("a profile from before all dates") from error
        yield Measurement("volume", scaled(volume, places), newest, past=True)
