"""Turns, back-off and what a device refused, in simulated time."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal

import pytest
from peers.small import profile, register, slave

from collectors.modbus.line import Line
from collectors.modbus.plan import Block
from collectors.modbus.slave import Answer, Holes, Slave, way
from collectors.modbus.turns import SEARCH, clock_set, next_turn, returned
from meterbook.domain.device import ModbusConnection
from meterbook.domain.instant import HOUR, MINUTE, SECOND, Instant
from meterbook.domain.profile import Profile, Rescale

BEGIN: Instant = 1_000_000 * HOUR + 7 * SECOND
ONE = profile(register("power", 0))


def make(unit: int, every: Instant = 60 * SECOND, shape: Profile = ONE, line: Line | None = None) -> Slave:
    return Slave(slave(f"m{unit}", unit, shape, every=every), shape, line or Line(9600), BEGIN)


def run(slaves: list[Slave], dead: Collection[str], until: Instant, cost: Instant, timeout: Instant):
    """Polls a bus in simulated time: an answer takes `cost`, silence takes `timeout`; instants by device."""
    now = BEGIN
    polled: dict[str, list[Instant]] = defaultdict(list)
    while now < until:
        one, due = next_turn(slaves, now, timeout)
        if due > now:
            now = min(due, now + SECOND)
            continue
        one.asked = now
        polled[one.device.id].append(now)
        if one.device.id in dead:
            now += timeout
            one.failed(now)
        else:
            now += cost
            returned(slaves, one, now)
            one.answered(now)
    return polled


@pytest.mark.parametrize(
    ("every", "cost", "timeout", "dead"),
    [
        (60 * SECOND, 50_000, SECOND, {"m30"}),
        (10 * SECOND, 250_000, SECOND, {"m30"}),
        (10 * SECOND, 330_000, SECOND // 2, {"m1"}),  # 96 % of the line in use: there are no gaps to ask the dead in
        (60 * SECOND, 1_000_000, 3 * SECOND, {"m1", "m7", "m30"}),
    ],
)
def test_neighbours_of_the_dead_keep_their_period_for_six_hours(every, cost, timeout, dead):
    slaves = [make(unit, every) for unit in range(1, 31)]
    polled = run(slaves, dead, BEGIN + 6 * HOUR, cost, timeout)
    for one in slaves:
        instants = polled[one.device.id]
        if one.device.id in dead:
            assert len(instants) >= 6 * HOUR // (10 * MINUTE + every)
            assert one.silent
            continue
        # From the second period on: in the first, everybody is asked at once and the dead are not yet known.
        intervals = [after - before for before, after in itertools.pairwise(instants[2:])]
        assert len(intervals) > 300
        assert max(abs(interval - every) for interval in intervals) <= every / 10


def test_periods_are_those_of_the_wall_clock():
    polled = run([make(1), make(2, 15 * SECOND)], (), BEGIN + HOUR, 50_000, SECOND)
    assert all(instant % (60 * SECOND) < SECOND for instant in polled["m1"][1:])
    assert all(instant % (15 * SECOND) < SECOND for instant in polled["m2"][1:])
    assert len(polled["m1"]) == 61
    assert len(polled["m2"]) == 241


def test_on_a_bus_too_slow_for_its_periods_everybody_gets_the_same():
    polled = run([make(unit, SECOND) for unit in range(1, 11)], (), BEGIN + HOUR, 500_000, SECOND)
    counted = [len(instants) for instants in polled.values()]
    assert len(counted) == 10
    assert max(counted) - min(counted) <= 2


def test_a_device_with_a_short_period_starves_nobody():
    slaves = [make(1, SECOND), make(2, 60 * SECOND), make(3, 60 * SECOND)]
    polled = run(slaves, (), BEGIN + HOUR, 900_000, SECOND)
    assert len(polled["m2"]) >= 60
    assert len(polled["m3"]) >= 60


def test_while_all_are_dead_one_is_asked_every_five_seconds_in_turn():
    slaves = [make(unit) for unit in range(1, 4)]
    polled = run(slaves, {"m1", "m2", "m3"}, BEGIN + HOUR, 50_000, SECOND)
    everything = sorted(itertools.chain(*polled.values()))
    late = [after - before for before, after in itertools.pairwise(everything)][20:]
    assert max(late) <= SEARCH + SECOND
    assert min(len(instants) for instants in polled.values()) > 200


def test_when_a_bus_returns_all_its_devices_are_asked_at_once():
    slaves = [make(unit) for unit in range(1, 4)]
    run(slaves, {"m1", "m2", "m3"}, BEGIN + HOUR, 50_000, SECOND)
    returned(slaves, slaves[0], BEGIN + HOUR)
    assert [one.due <= BEGIN + HOUR for one in slaves[1:]] == [True, True]


def test_when_one_of_many_returns_the_dead_are_left_alone():
    alive, back, dead = (make(unit) for unit in range(1, 4))
    for _ in range(9):
        back.failed(BEGIN)
        dead.failed(BEGIN)
    before = dead.due
    returned([alive, back, dead], back, BEGIN)
    assert dead.due == before


def test_a_clock_that_is_set_back_stops_nobody():
    one, patient = make(1), make(2)
    one.answered(BEGIN)
    patient.failed(BEGIN)
    clock_set([one, patient], BEGIN)
    assert (one.due, patient.due) == (BEGIN + 53 * SECOND, BEGIN + 2 * SECOND)
    clock_set([one, patient], BEGIN - HOUR)
    assert (one.due, patient.due) == (BEGIN - HOUR, BEGIN - HOUR)


@pytest.mark.parametrize("back", [30 * SECOND, 2 * MINUTE, 290 * SECOND, HOUR])
def test_a_clock_set_back_costs_a_living_device_a_period_at_most(back):
    living, dead = make(1, 10 * SECOND), make(2, 10 * SECOND)
    living.answered(BEGIN)
    dead.failed(BEGIN)
    clock_set([living, dead], BEGIN - back)
    assert living.due <= BEGIN - back + 10 * SECOND
    assert next_turn([living, dead], BEGIN - back, SECOND)[1] <= BEGIN - back + 10 * SECOND


def test_a_clock_set_back_does_not_hide_a_bus_that_returns():
    slaves = [make(unit) for unit in range(1, 4)]
    for one in slaves:
        one.asked = BEGIN
        for _ in range(9):
            one.failed(BEGIN)
    now = BEGIN - 40 * SECOND
    clock_set(slaves, now)
    assert next_turn(slaves, now, SECOND)[1] <= now + SEARCH


def test_a_failing_device_is_asked_less_and_less_and_one_that_answers_on_the_clock():
    one = make(1)
    pauses = []
    for _ in range(200):
        one.failed(BEGIN)
        pauses.append(one.due - BEGIN)
    assert pauses[:3] == [2 * SECOND, 4 * SECOND, 6 * SECOND]
    assert pauses[-1] == max(pauses) == 5 * MINUTE
    assert one.silent
    one.answered(BEGIN)
    assert (one.due, one.silent) == (BEGIN - 7 * SECOND + MINUTE, False)


def shape(blocks: list[Block]) -> list[tuple[int, int]]:
    return [(block.start, block.count) for block in blocks]


def test_what_a_device_refused_is_tried_again_after_an_hour():
    one = make(1, shape=profile(register("a", 0), register("b", 4), register("c", 6)))
    now = BEGIN
    assert shape(one.reads(now)) == [(0, 8)]
    one.learns(Holes(cuts={("input", 4)}))
    assert shape(one.reads(now)) == [(0, 2), (4, 4)]
    one.learns(Holes({one.reads(now)[1].spans[1]}))
    assert shape(one.reads(now + HOUR - 1)) == [(0, 2), (4, 2)]
    assert shape(one.reads(now + HOUR)) == [(0, 8)]


def test_a_device_that_refuses_everything_has_no_holes_and_is_sounded_in_turn():
    one = make(1, shape=profile(register("a", 0), register("b", 4), register("c", 300)))
    one.learns(Holes({one.reads(BEGIN)[0].spans[1]}))
    one.refuses_all()
    assert one.barren
    sounded = []
    for _ in range(4):
        sounded.append(one.sounding())
        one.failed(BEGIN)
    assert shape(sounded) == [(0, 2), (4, 2), (300, 2), (0, 2)]
    assert shape(one.reads(BEGIN)) == [(0, 6), (300, 2)]
    assert one.refused_news() == []
    one.learns(Holes())
    assert not one.barren


def test_a_late_answer_is_heard_out_with_a_read_of_a_length_of_its_own():
    places = (0, 2, 4, 300)
    one = make(1, shape=profile(*(register(f"p{at}", at) for at in places)))
    assert shape(one.reads(BEGIN)) == [(0, 6), (300, 2)]
    odd = one.odd_one(BEGIN)
    assert odd is not None
    assert shape([odd]) == [(0, 4)]
    one.learns(Holes(cuts={("input", 2)}))
    assert shape(one.reads(BEGIN)) == [(0, 2), (2, 4), (300, 2)]
    assert one.odd_one(BEGIN) is None


def test_a_model_that_stands_elsewhere_is_planned_anew():
    shape_ = profile(register("a", 2), register("b", 300), sunspec=203)
    one = make(1, shape=shape_)
    assert one.origin is None
    one.origin = 40070
    assert shape(one.reads(BEGIN)) == [(40072, 2), (40370, 2)]
    one.learns(Holes(set(one.reads(BEGIN)[1].spans)))
    one.failed(BEGIN)
    assert one.origin is None
    one.origin = 50070
    assert shape(one.reads(BEGIN)) == [(50072, 2), (50370, 2)]


def test_what_a_device_refused_is_told_once():
    one = make(1, shape=profile(register("a", 0), register("b", 300)))
    one.learns(Holes(set(one.reads(BEGIN)[1].spans)))
    assert [(span.table, span.address) for span in one.refused_news()] == [("input", 300)]
    one.reads(BEGIN + HOUR)
    one.learns(Holes({span for block in one.reads(BEGIN + HOUR) for span in block.spans if span.address}))
    assert one.refused_news() == []


def test_the_load_of_a_line_is_known():
    assert make(1, SECOND, line=Line(9600)).load(BEGIN) == pytest.approx(0.0275, rel=0.01)


def test_a_register_and_the_one_that_scales_it_may_come_in_different_reads():
    far = register("far", 0, "int16", rescale=Rescale(300, "exponent"))
    near = register("near", 2, "int16", scale=Decimal("0.1"))
    one = make(1, shape=profile(far, near))
    first, second = one.reads(BEGIN)
    assert shape([first, second]) == [(0, 3), (300, 1)]
    answers = [Answer(first, [25, 0, 7], 5), Answer(second, [0xFFFF], 9)]
    assert [(s.point, s.value, s.at) for s in one.samples(answers)] == [("far", "2.5", 9), ("near", "0.7", 9)]
    assert [(s.point, s.value) for s in one.samples(answers[:1])] == [("near", "0.7")]
    assert one.samples([]) == []


def test_the_silence_a_device_wants_is_its_own_or_its_profiles_or_its_connections():
    quiet = profile(register("x", 0), pause=50_000)
    hurried = slave("m", 1, quiet)
    connection = ModbusConnection("bus", "tcp", "::1", 502, turnaround=20_000)
    assert way(connection, hurried, quiet) == Line(None, 50_000)
    assert way(connection, hurried, ONE) == Line(None, 20_000)
    own = type(hurried)("m", "bus", SECOND, unit=1, profile=quiet, pause=70_000)
    assert way(ModbusConnection("bus", "rtu", "/dev/ttyUSB0", 0, baud=2400), own, quiet) == Line(2400, 70_000)
    assert way(ModbusConnection("bus", "rtu-over-tcp", "::1", 502), hurried, quiet) == Line(9600, 50_000)
