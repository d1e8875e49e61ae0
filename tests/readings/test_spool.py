"""The queue on disk: what a crash, a full disk or a rotten one may do to it."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterbook.domain.instant import DAY, HOUR, SECOND, parse
from meterbook.domain.reading import Quality, Reading
from meterbook.readings import record
from meterbook.readings.fault import StoreError
from meterbook.readings.port import Batch
from meterbook.readings.spool import Limits, Spool
from meterbook.settings import SpoolLimits

NOW = parse("2026-11-01T08:00:00Z")
WIDE = Limits(1 << 30, 14 * DAY)

readings = st.builds(
    Reading,
    point=st.text(st.characters(codec="utf-8")),
    at=st.integers(-(2**63), 2**63 - 1),
    value=st.floats(allow_nan=False),
    quality=st.sampled_from(Quality),
)


def batch(number: int, size: int = 10) -> Batch:
    return Batch([Reading(f"meter-{row}.volume", NOW + number, number / 8) for row in range(size)], NOW + number)


def size_of(*numbers: int, rows: int = 10) -> int:
    return sum(len(record.encode(batch(number, rows))) for number in numbers)


def everything(spool: Spool) -> list[Batch]:
    batches, _ = spool.take(1 << 62)
    return batches


@contextmanager
def small_disk(directory: Path, size: int) -> Iterator[Path]:
    """A file system of its own with `size` bytes."""
    directory.mkdir()
    mount = ctypes.CDLL(None, use_errno=True)
    if mount.mount(b"tmpfs", bytes(directory), b"tmpfs", 0, f"size={size}".encode()):
        pytest.skip(f"no small disk here: mounting needs more rights ({os.strerror(ctypes.get_errno())})")
    try:
        yield directory
    finally:
        mount.umount(bytes(directory))


@given(st.lists(readings), st.integers(-(2**63), 2**63 - 1))
def test_a_record_keeps_everything(rows: list[Reading], now: int) -> None:
    content = record.encode(Batch(rows, now))
    assert record.intact(content)
    assert record.decode(content) == Batch(rows, now)
    assert record.instant(content) == now


@given(st.integers(0, 200), st.integers(1, 255))
def test_one_wrong_bit_anywhere_is_noticed(place: int, flip: int) -> None:
    content = bytearray(record.encode(batch(1)))
    content[place % len(content)] ^= flip
    assert not record.intact(bytes(content))


def test_comes_out_in_order_and_stays_until_it_has_landed(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, WIDE)) as spool:
        assert spool.take(10)[0] == []
        for number in range(10):
            spool.append(batch(number))
        first, mark = spool.take(25)
        assert first == [batch(0), batch(1), batch(2)]
        assert spool.take(25)[0] == first
        spool.landed(mark)
        assert everything(spool) == [batch(number) for number in range(3, 10)]
        assert spool.oldest() == NOW + 3
        assert spool.waiting == size_of(*range(3, 10))
        spool.landed(spool.take(1_000)[1])
        assert (everything(spool), spool.oldest(), spool.waiting) == ([], None, 0)
        spool.append(batch(10))
        assert everything(spool) == [batch(10)]


def test_waits_through_restarts(tmp_path: Path) -> None:
    for number in range(5):
        with closing(Spool(tmp_path, WIDE)) as spool:
            assert everything(spool) == [batch(earlier) for earlier in range(max(0, number - 2), number)]
            if number > 1:
                spool.landed(spool.take(1)[1])
            spool.append(batch(number))


def lately(spool: Spool) -> list[Batch]:
    return [batch for part in spool.landed_lately(700) for batch in part]


def test_segments_end_and_the_last_that_landed_are_kept(tmp_path: Path) -> None:
    size = len(record.encode(batch(0, 500)))
    with closing(Spool(tmp_path, Limits(64 * size, DAY))) as spool:
        for number in range(40):
            spool.append(batch(number, 500))
        assert len(list(tmp_path.glob("*.spool"))) == 5
        spool.landed(spool.take(20 * 500)[1])
        assert everything(spool) == [batch(number, 500) for number in range(20, 40)]
        assert lately(spool) == [batch(number, 500) for number in range(20)][-len(lately(spool)) :]
        spool.landed(spool.take(1 << 62)[1])
        assert len(list(tmp_path.glob("*.spool"))) in {2, 3}
    with closing(Spool(tmp_path, Limits(64 * size, DAY))) as again:
        assert everything(again) == []
        assert 8 <= len(lately(again)) <= 24
        assert lately(again) == [batch(number, 500) for number in range(40)][-len(lately(again)) :]
        assert (again.waiting, again.fill(NOW + DAY)) == (0, 0)


def test_what_landed_is_no_reason_to_refuse(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, Limits(size_of(*range(16), rows=100), DAY))) as spool:
        for number in range(0, 160, 16):
            for one in range(number, number + 14):
                spool.append(batch(one, 100))
            spool.landed(spool.take(1 << 62)[1])
            assert lately(spool)[-1] == batch(number + 13, 100)
        for one in range(200, 213):
            spool.append(batch(one, 100))
        assert everything(spool) == [batch(one, 100) for one in range(200, 213)]


@pytest.mark.parametrize("text", ["", "2026-11-24T00:47:04Z", "一"])
def test_remembers_which_run_of_the_store_has_all(tmp_path: Path, text: str) -> None:
    with closing(Spool(tmp_path, WIDE)) as spool:
        assert spool.store_life == ""
        spool.store_life = text
    with closing(Spool(tmp_path, WIDE)) as spool:
        assert spool.store_life == text


def test_a_torn_end_is_cut_wherever_it_tore(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "whole", WIDE)) as spool:
        spool.append(batch(0))
        spool.append(batch(1))
    (segment,) = (tmp_path / "whole").glob("*.spool")
    content, first = segment.read_bytes(), len(record.encode(batch(0)))
    for end in range(first, len(content)):
        torn = tmp_path / "torn"
        shutil.copytree(tmp_path / "whole", torn)
        (torn / segment.name).write_bytes(content[:end])
        with closing(Spool(torn, WIDE)) as spool:
            assert everything(spool) == [batch(0)]
            assert (torn / segment.name).stat().st_size == first
            spool.append(batch(2))
            assert everything(spool) == [batch(0), batch(2)]
        assert not list(torn.glob("*.damaged"))
        shutil.rmtree(torn)


def test_damage_in_the_middle_costs_its_record_only_and_is_kept_aside(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, WIDE)) as spool:
        for number in range(5):
            spool.append(batch(number))
    (segment,) = tmp_path.glob("*.spool")
    content, start, end = bytearray(segment.read_bytes()), size_of(0, 1), size_of(0, 1, 2)
    content[start + 40] ^= 1
    segment.write_bytes(content)
    with closing(Spool(tmp_path, WIDE)) as spool:
        for _ in range(2):
            assert everything(spool) == [batch(0), batch(1), batch(3), batch(4)]
        (aside,) = tmp_path.glob("*.damaged")
        assert aside.read_bytes() == content[start:end]
        spool.landed(spool.take(1 << 62)[1])
        assert everything(spool) == []


@pytest.mark.parametrize("content", [b"", b"\0" * 20, b"half"])
def test_a_lost_position_lets_everything_land_again(tmp_path: Path, content: bytes) -> None:
    with closing(Spool(tmp_path, WIDE)) as spool:
        for number in range(4):
            spool.append(batch(number))
        spool.landed(spool.take(20)[1])
    (tmp_path / "position").write_bytes(content)
    with closing(Spool(tmp_path, WIDE)) as spool:
        assert everything(spool) == [batch(number) for number in range(4)]


def test_is_bounded_by_bytes_and_says_so(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, Limits(size_of(*range(10), rows=100), DAY))) as spool:
        for number in range(10):
            spool.append(batch(number, 100))
        assert spool.fill(NOW) == 1
        with pytest.raises(StoreError, match=r"is full: .* bytes are taken; .* raise storage\.spool\.max_bytes"):
            spool.append(batch(10, 100))
        spool.landed(spool.take(500)[1])
        spool.append(batch(10, 100))
        assert everything(spool) == [batch(number, 100) for number in range(5, 11)]
        assert spool.fill(NOW) < 0.8


def test_is_bounded_by_age_and_says_so(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, Limits(1 << 30, 2 * HOUR))) as spool:
        assert spool.fill(NOW + DAY) == 0
        spool.append(batch(0))
        spool.append(Batch(batch(1).readings, NOW + 2 * HOUR))
        assert spool.fill(NOW + HOUR) == pytest.approx(0.5)
        with pytest.raises(StoreError, match=r"readings wait for 0\.1 days; .* raise storage\.spool\.max_age"):
            spool.append(Batch(batch(2).readings, NOW + 2 * HOUR + SECOND))
        spool.landed(spool.take(10)[1])
        spool.append(Batch(batch(2).readings, NOW + 2 * HOUR + SECOND))


def test_of_two_notes_of_the_position_one_outlives_a_crash(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, WIDE)) as spool:
        for number in range(6):
            spool.append(batch(number))
            spool.landed(spool.take(10)[1])
        place = tmp_path / "position"
        whole = place.read_bytes()
    for torn in (0, len(whole) // 2):
        place.write_bytes(whole[: torn + 3] + b"\xff" + whole[torn + 4 :])
        with closing(Spool(tmp_path, WIDE)) as spool:
            assert everything(spool) in ([], [batch(5)])


def test_a_file_that_is_no_segment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "copy.spool").write_text("mine")
    with closing(Spool(tmp_path, WIDE)) as spool:
        spool.append(batch(0))
        assert everything(spool) == [batch(0)]
    assert (tmp_path / "copy.spool").read_text() == "mine"


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, WIDE)), pytest.raises(StoreError, match="is used by another process"):
        Spool(tmp_path, WIDE)
    Spool(tmp_path, WIDE).close()


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/spool: Not a directory"):
        Spool(tmp_path / "file" / "spool", WIDE)


def test_a_full_disk_refuses_aloud_and_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 256 * 1024) as disk, closing(Spool(disk / "spool", WIDE)) as spool:
        kept = []

        def fill(rows: int) -> None:
            for number in range(1_000):
                spool.append(batch(number, rows))
                kept.append(batch(number, rows))

        with pytest.raises(StoreError, match="No space left on device; make room on the disk"):
            fill(100)
        assert len(kept) > 20
        assert everything(spool) == kept
        # The rest of the disk is taken byte by byte, and nothing half-written is left between.
        for _ in range(3):
            with pytest.raises(StoreError, match="No space left"):
                fill(1)
        assert everything(spool) == kept
        spool.store_life = "noted or not, nobody waits for room"
        spool.landed(spool.take(1 << 62)[1])
        spool.append(batch(0))
        assert everything(spool) == [batch(0)]


def test_a_file_that_may_not_grow_refuses_aloud(tmp_path: Path) -> None:
    # Needs no rights: the kernel lets no file of this process pass the limit.
    child = os.fork()
    if not child:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        spool = Spool(tmp_path, WIDE)
        kept, refused = 0, 0
        for number in range(200):
            try:
                spool.append(batch(number, 50))
                kept += 1
            except StoreError:
                refused += 1
        os._exit(0 if refused and len(everything(spool)) == kept and kept > 100 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_week_at_667_a_second_fits_the_default(tmp_path: Path) -> None:
    # The worst case: each reading comes alone, and is a record of its own.
    with closing(Spool(tmp_path, WIDE)) as spool:
        for number in range(500):
            reading = Reading(f"device-{number:04}.active_energy", NOW + number, round(number * 7.31, 2))
            spool.append(Batch([reading], NOW + number))
        per_reading = spool.waiting / 500
    assert per_reading * 667 * 7 * DAY / SECOND < SpoolLimits().max_bytes
    assert SpoolLimits().age > 7 * DAY
