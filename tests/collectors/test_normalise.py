from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.normalise import Normaliser
from meterbook.domain.device import Device, MqttPoint, MqttTopic, PointSpec
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND
from meterbook.domain.reading import Quality, Reading, Refusal, Sample

NOW = 20_000 * DAY


@pytest.fixture
def normaliser(make_site):
    specs = [
        PointSpec("volume", "volume", "counter", "m3"),
        PointSpec("active_energy", "active_energy", "counter", "Wh", Decimal("0.001")),
        PointSpec("temperature", "temperature", "gauge", "degC", Decimal(1), (Decimal(-40), Decimal(80))),
        PointSpec("state", "state", "state", "none"),
    ]
    points = tuple(MqttPoint(spec, f"$.{spec.name}", None) for spec in specs)
    return Normaliser(make_site([Device("meter-1", "broker", 60 * SECOND, mqtt=MqttTopic("t", points))]))


def sample(point: str, value: object, at: int | None = None) -> Sample:
    return Sample("meter-1", point, value, at, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("point", "value", "expected"),
    [
        ("volume", 12.5, 12.5),
        ("volume", 7, 7.0),
        ("volume", "8123.25", 8123.25),
        ("volume", "1.5e3", 1500.0),
        ("active_energy", 0.3, 0.0003),
        ("active_energy", 123456789, 123456.789),
        ("active_energy", 1.1, 0.0011),
        ("temperature", -40, -40.0),
        ("state", True, 1.0),
        ("state", False, 0.0),
    ],
)
def test_a_value_becomes_the_canonical_one_exactly(normaliser, point, value, expected):
    assert normaliser.normalise(sample(point, value), NOW) == Reading(f"meter-1.{point}", NOW, expected, Quality.GOOD)


@pytest.mark.parametrize(
    ("point", "value", "reason"),
    [
        ("volume", True, "true and false"),
        ("volume", "twelve", "'twelve' is not a number"),
        ("volume", "nan", "not a number"),
        ("volume", "1_000", "not a number"),
        ("volume", "", "not a number"),
        ("volume", "１２", "not a number"),
        ("volume", float("nan"), "not a finite number"),
        ("volume", float("inf"), "not a finite number"),
        ("volume", "1e999", "not a finite number"),
        ("active_energy", float("nan"), "not a finite number"),
        ("active_energy", float("-inf"), "not a finite number"),
        ("temperature", 80.1, "80.1 is outside the plausible range -40 to 80"),
        ("nothing", 1.0, "meter-1 has no point nothing"),
    ],
)
def test_what_is_no_value_of_the_point_is_refused_with_the_reason(normaliser, point, value, reason):
    refusal = normaliser.normalise(sample(point, value), NOW)
    assert isinstance(refusal, Refusal)
    assert reason in refusal.reason
    assert (refusal.source, refusal.subject) == ("broker", f"meter-1.{point}")


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW + 5 * MINUTE, None),
        (NOW + 5 * MINUTE + SECOND, "301 s in the future"),
        (NOW - 9000 * DAY, None),
        (10_957 * DAY, None),
        (10_957 * DAY - 1, "before 2000-01-01"),
        (0, "before 2000-01-01"),
        (2**80, "in the future"),
    ],
)
def test_clocks_that_cannot_be_right_are_refused(normaliser, at, reason):
    found = normaliser.normalise(sample("volume", 1.0, at), NOW)
    assert found == Reading("meter-1.volume", at, 1.0) if reason is None else reason in found.reason


def test_the_instant_of_arrival_serves_where_the_payload_has_none(normaliser):
    assert normaliser.normalise(sample("volume", 1.0)._replace(received=NOW - HOUR), NOW).at == NOW - HOUR


def test_rows_are_canonical_already_and_are_not_judged_for_plausibility(normaliser):
    row = {"now": NOW, "source": "f.csv", "subject": "line 2"}
    assert normaliser.row("meter-1.active_energy", NOW, "5.5", Quality.ESTIMATED, **row) == Reading(
        "meter-1.active_energy", NOW, 5.5, Quality.ESTIMATED
    )
    assert normaliser.row("meter-1.temperature", NOW, 1e6, Quality.BAD, **row).quality is Quality.BAD
    refused = normaliser.row("meter-2.volume", NOW, 1.0, Quality.GOOD, **row)
    assert refused == Refusal("f.csv", "line 2", "no point is called 'meter-2.volume'", "1.0", NOW)
    assert "finite" in normaliser.row("meter-1.volume", NOW, 10**400, Quality.GOOD, **row).reason
    assert "future" in normaliser.row("meter-1.volume", NOW + HOUR, 1.0, Quality.GOOD, **row).reason


def test_a_point_without_bounds_takes_any_finite_number(make_site, normaliser):
    for value in (1.7976931348623157e308, -1.7976931348623157e308, 0.0, 5e-324):
        assert normaliser.normalise(sample("volume", value), NOW).value == value


@given(
    value=st.one_of(st.floats(), st.integers(), st.text(max_size=50), st.booleans()),
    point=st.sampled_from(["volume", "active_energy", "temperature", "state", "unknown"]),
    at=st.one_of(st.none(), st.integers()),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_is_a_finite_reading_or_a_refusal(normaliser, value, point, at):
    found = normaliser.normalise(sample(point, value, at), NOW)
    assert isinstance(found, Reading | Refusal)
    if isinstance(found, Reading):
        assert abs(found.value) < float("inf")
        assert found.at <= NOW + 5 * MINUTE
