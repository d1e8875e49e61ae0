"""What is odd about a figure read by hand, by the rules that judge readings afterwards."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meterbook.accounting.manual import Figure, Odd, Oddity, last, oddities, register_at
from meterbook.domain.instant import DAY, HOUR, parse
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.reading import Quality, Series
from meterbook.domain.text import Text
from meterbook.domain.timeline import Timeline

AT = parse("2026-10-13T08:00:00+08:00")
SERIES = Series.of([(AT - 2 * DAY, 5000.0, 0), (AT - DAY, 5100.5, 0), (AT, 5200.0, 0)])
BEFORE = Figure(Decimal("5200.0"), AT)


def meter(**changes: object) -> Meter:
    values: dict[str, object] = {"register": Register(Decimal("99999.9")), "max_rate": Decimal(120)}
    return Meter("M", "electricity", Text.same("M"), reads="M", manual=True, **(values | changes))  # type: ignore[arg-type]


def found(figure: str, after: int = 10 * HOUR, series: Series = SERIES, **changes: object) -> list[Oddity]:
    return oddities(meter(**changes), series, Figure(Decimal(figure), AT + after))


def kinds(figure: str, after: int = 10 * HOUR, series: Series = SERIES, **changes: object) -> list[Odd]:
    return [each.kind for each in found(figure, after, series, **changes)]


@pytest.mark.parametrize("figure", ["5200.0", "5200", "5250.3", "6520.2"])  # 1.1 x 120 kWh/h x 10 h + 2 digits
def test_a_plausible_rise_is_not_odd(figure: str) -> None:
    assert kinds(figure) == []


def test_a_rise_above_the_rate_says_how_fast_it_were() -> None:
    assert found("6520.3") == [Oddity(Odd.FASTER, BEFORE, Decimal("132.03"))]
    assert kinds("6520.3", max_rate=None) == []


def test_the_rate_is_after_the_multiplier() -> None:
    assert found("5300", multiplier=Timeline.always(Decimal(40)), max_rate=Decimal(300)) == [
        Oddity(Odd.FASTER, BEFORE, Decimal(400))
    ]


@pytest.mark.parametrize(
    ("figure", "kind"), [("5199.9", Odd.WOBBLE), ("5199.0", Odd.WOBBLE), ("5198.9", Odd.LOWER), ("0", Odd.LOWER)]
)
def test_below_the_last_figure(figure: str, kind: Odd) -> None:
    assert found(figure) == [Oddity(kind, BEFORE)]


def test_a_register_may_have_passed_its_highest_figure() -> None:
    high = Series.of([(AT, 99990.0, 0)])
    assert kinds("12.5", series=high) == [Odd.ROLLOVER]
    assert kinds("5000", series=high) == [Odd.LOWER], "too far for the time"
    assert kinds("12.5", series=high, max_rate=None) == [Odd.ROLLOVER]


def test_a_figure_that_the_register_cannot_show() -> None:
    assert kinds("100000", max_rate=None) == [Odd.OUTSIDE]
    assert kinds("-1", series=Series.empty()) == [Odd.OUTSIDE]
    assert kinds("-1", series=Series.empty(), signed=True) == []


def test_a_figure_finer_than_the_least_digit() -> None:
    assert kinds("5210.25") == [Odd.FINER]
    assert kinds("5210.250", register=Register(Decimal("99999.99"))) == []


def test_a_signed_register_may_fall_but_not_fast() -> None:
    assert kinds("5100", signed=True) == []
    assert found("2000", signed=True) == [Oddity(Odd.FASTER, BEFORE, Decimal(320))]


def test_a_figure_between_two_others() -> None:
    assert kinds("5150", -12 * HOUR) == []
    following = Figure(Decimal("5200.0"), AT)
    assert found("5300", -12 * HOUR) == [Oddity(Odd.HIGHER, following)]
    slow = Series.of([(AT - DAY, 0.0, 0), (AT, 2000.0, 0)])
    assert found("10", -HOUR, slow)[0] == Oddity(Odd.FASTER, Figure(Decimal("2000.0"), AT), Decimal(1990))
    assert kinds("2050", -HOUR, slow) == [Odd.HIGHER]


def test_between_two_figures_of_which_the_second_rolled_over() -> None:
    turned = Series.of([(AT - 2 * HOUR, 99900.0, 0), (AT, 50.0, 0), (AT + HOUR, 100.0, 0)])
    assert kinds("99990", -HOUR, turned) == []
    assert kinds("3", -HOUR, turned) == []
    assert kinds("40000", -HOUR, turned) != []


def test_a_figure_of_an_instant_that_has_one() -> None:
    assert found("5201", 0) == [Oddity(Odd.TAKEN, BEFORE)]
    assert found("5200", 0) == [], "sent again"
    bad = Series.of([(AT, 5200.0, int(Quality.BAD))])
    assert kinds("5200", 0, bad) == [Odd.TAKEN]


EXCHANGE = Installation(AT + HOUR, Decimal("5210.0"), Decimal("7.00"), Register(Decimal("9999.99")))


def test_after_an_exchange_the_new_register_is_asked() -> None:
    changed = meter(installations=(EXCHANGE,))
    assert register_at(changed, AT) == Register(Decimal("99999.9"))
    assert register_at(changed, AT + HOUR) == EXCHANGE.register
    assert kinds("9.25", 2 * HOUR, installations=(EXCHANGE,)) == []
    assert kinds("5220", 2 * HOUR, installations=(EXCHANGE,)) == [Odd.FASTER]
    assert kinds("5209", HOUR // 2, installations=(EXCHANGE,)) == []
    assert found("5215", HOUR // 2, installations=(EXCHANGE,)) == [
        Oddity(Odd.HIGHER, Figure(Decimal("5210.0"), AT + HOUR))
    ]
    assert found("8", HOUR, installations=(EXCHANGE,)) == [Oddity(Odd.EXCHANGED, Figure(Decimal("7.00"), AT + HOUR))]


def test_the_last_figure_is_one_that_counts() -> None:
    assert last(meter(), Series.empty(), AT) is None
    assert last(meter(), SERIES, AT + DAY) == BEFORE
    assert last(meter(), SERIES, AT - 1) == Figure(Decimal("5100.5"), AT - DAY)
    low = Series.of([(AT, 5200.0, 0), (AT + HOUR, 3.0, 0), (AT + 2 * HOUR, 5300.0, int(Quality.BAD))])
    assert last(meter(), low, AT + DAY) == BEFORE, "figures set aside and bad ones do not count"
    assert last(meter(installations=(EXCHANGE,)), SERIES, AT + DAY) == Figure(Decimal("7.0"), AT + HOUR)
