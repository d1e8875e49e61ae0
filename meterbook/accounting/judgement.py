"""Which readings of a register count: plausibility, wobble, rollover, drops.

One `judge` sees the readings of one installed register. It never changes a figure that a meter showed, except that
a wobble (a step back of at most ten least digits) holds the highest figure seen until it is passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting.runs import PATIENCE, Runs
from meterbook.domain.instant import HOUR, MINUTE, Instant
from meterbook.domain.meter import Register
from meterbook.domain.reading import Quality, Series
from meterbook.domain.timeline import Timeline

WOBBLE_DIGITS = 10
QUESTION_READINGS = 3
QUESTION_AFTER: Instant = 10 * MINUTE
FIRST_CONTRADICTED_BY = 3
LARGEST_DIGITS = 2**53


@dataclass(frozen=True, slots=True, eq=False)
class Accepted:
    """The readings that count, in order of time.

    `value` (float64) is what the register is held to show, `turns` (int64) how often it had rolled over by then.
    `estimated` (bool) marks figures somebody estimated, `held` (bool) those of a wobble, where a higher figure stays.
    `settled` (bool) marks readings from which `judge` comes to the same conclusions about everything after them,
    whatever was before them; see `judge`. `rejected` (int64 us) are the instants of readings that do not count.
    `open_since` is the last accepted instant when readings after it are set aside and nobody has said why yet,
    `open_until` the last one of these. `question` gives the last accepted instant and that of the latest reading which
    contradicts it, when three or more over ten minutes do: set aside below it, or rejected so far above it that the
    register cannot have risen there, and yet going on from each other.
    """

    at: NDArray[np.int64]
    value: NDArray[np.float64]
    turns: NDArray[np.int64]
    estimated: NDArray[np.bool_]
    held: NDArray[np.bool_]
    settled: NDArray[np.bool_]
    rejected: NDArray[np.int64]
    open_since: Instant | None = None
    open_until: Instant | None = None
    question: tuple[Instant, Instant] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a step of one register may be: `max_rate` (canonical unit per hour) is after the `multiplier`.

    A `signed` register may fall; its falls are judged like rises. A `relative` one counts from the first reading of a
    series, wherever that begins, and may therefore lie below zero.
    """

    register: Register
    multiplier: Timeline[Decimal]
    max_rate: Decimal | None
    signed: bool = False
    relative: bool = False

    def plausible(self, rise: Decimal, start: Instant, end: Instant) -> bool:
        """Multiplier x rise <= 1.1 x max_rate x elapsed hours + 2 digits x multiplier; without max_rate always."""
        if self.max_rate is None:
            return True
        multiplier = self.multiplier.at(end) or self.multiplier.values[0]
        allowed = Decimal("1.1") * self.max_rate * (end - start) / HOUR + 2 * self.register.digit * multiplier
        return multiplier * rise <= allowed

    @property
    def wobbles(self) -> Decimal:
        """How far back a step may be to be a wobble."""
        return WOBBLE_DIGITS * self.register.digit

    def wobble(self, before: float, low: float) -> bool:
        """Whether a step back is of at most ten least digits."""
        return 0 <= exact(before) - exact(low) <= self.wobbles

    def rolled_over(self, before: float, low: float, start: Instant, end: Instant) -> bool:
        """Whether a drop can be a rollover: the difference modulo the register's span is plausible.

        Where no max_rate judges it, the way up over zero must be the shorter one.
        """
        maximum = self.register.maximum
        if maximum is None:
            return False
        span = maximum + self.register.digit
        rise = (exact(low) - exact(before)) % span
        rise = rise + span if rise < 0 else rise
        return self.plausible(rise, start, end) if self.max_rate is not None else rise < span / 2

    def possible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which figures the register can show at all; without a declared maximum, those that doubles tell apart."""
        highest = float(self.register.maximum or LARGEST_DIGITS * self.register.digit)
        lowest = -highest if self.signed or self.relative else 0.0
        return np.asarray((values <= highest) & (values >= lowest))


def exact(value: float) -> Decimal:
    """The shortest decimal that names a double: what the device said."""
    return Decimal(repr(float(value)))


def judge(
    series: Series, limits: Limits, initial: bool = False, final: bool = False, patience: int = PATIENCE
) -> Accepted:
    """The readings of one register that count. Bad readings never do, nor figures it cannot show.

    `initial` and `final` say that the first and the last are the declared figures of an exchange, which always count.
    A series that begins with a settled reading of an earlier judgement is judged with `initial`, too: everything after
    it is then judged as it was there. `patience` changes nothing but how long it takes.
    """
    series = series.counting()
    can_be = limits.possible(series.value)
    impossible = series.at[~can_be]
    if len(impossible):
        series = Series(series.at[can_be], series.value[can_be], series.quality[can_be])
    steady = _steady(series, limits)
    if bool(steady.all()):
        count = len(series)
        return Accepted(
            series.at,
            series.value,
            np.zeros(count, np.int64),
            series.quality == Quality.ESTIMATED,
            np.zeros(count, bool),
            _past_the_first(np.arange(count), initial),
            impossible,
        )
    return _Walk(series, limits, steady, initial, final, patience).run(impossible)


def _steady(series: Series, limits: Limits) -> NDArray[np.bool_]:
    """Which steps are plausible rises, seen from a safe distance to the exact limit."""
    rise = np.diff(series.value)
    fine = np.ones(len(rise), bool) if limits.signed else rise >= 0
    if limits.max_rate is None:
        return np.asarray(fine)
    holding = np.clip(np.searchsorted(limits.multiplier.starts, series.at[1:], side="right") - 1, 0, None)
    multiplier = np.array([float(value) for value in limits.multiplier.values])[holding]
    allowed = 1.1 * float(limits.max_rate) * np.diff(series.at) / HOUR + float(limits.register.digit) * multiplier
    return np.asarray(fine & (np.abs(rise) * multiplier <= allowed))


def _past_the_first(index: NDArray[np.int64], initial: bool) -> NDArray[np.bool_]:
    """Which readings come after those that decide whether the first one is the outlier."""
    return np.asarray((index > FIRST_CONTRADICTED_BY) | initial)


class _Walk:
    """Goes through the readings where steps are unusual, and takes the steady stretches between them whole."""

    def __init__(
        self,
        series: Series,
        limits: Limits,
        steady: NDArray[np.bool_],
        initial: bool,
        final: bool,
        patience: int,
    ) -> None:
        self.series, self.limits, self.steady = series, limits, steady
        self.initial, self.final = initial, final
        self.unusual = np.append(np.flatnonzero(~steady), len(series) - 1)
        self.kept: list[int] = []
        self.figures: dict[int, float] = {}  # where not what was read
        self.turned: list[int] = []
        self.rejected: list[int] = []
        self.aside: list[int] = []
        self.above: list[int] = []
        self.runs = Runs(series, limits)
        self.same, self.streak, self.patience = "", 0, patience

    def run(self, impossible: NDArray[np.int64]) -> Accepted:
        index = self._first()
        while index < len(self.series):
            self._take(index)
            if self.kept and self.kept[-1] == index and index not in self.figures:
                index = self._stride(index)
            index += 1
            if self.streak >= self.patience:
                index = self._alike(index)
        return self._result(impossible)

    def _alike(self, index: int) -> int:
        """Judge the readings from `index` on that are certainly judged like those before; the next index."""
        first, stop = index, len(self.series) - self.final
        while index < stop and (count := self._at_once(index, stop)):
            index += count
        # Where runs are short, looking for them costs more than it spares.
        self.patience = PATIENCE if index - first > PATIENCE else min(2 * self.patience, len(self.series))
        self.streak = 0
        return index

    def _at_once(self, index: int, stop: int) -> int:
        """Judge a run of readings from `index` on; how many they were."""
        since, figure = self._at(self.kept[-1]), self._figure()
        if self.same == "kept":
            return 0 if self.limits.signed else self._keep_all(self.runs.kept(index, stop, figure, since), index)
        if self.same == "aside":
            count = self.runs.aside(index, stop, figure, since)
            self.aside.extend(range(index, index + count))
            return count
        if self.limits.signed:
            count = self.runs.apart(index, stop, figure, since)
        else:
            count = self.runs.above(index, stop, figure, since)
            self._go_on_above(index, index + count)
        self.rejected.extend(self.series.at[index : index + count].tolist())
        return count

    def _keep_all(self, held: NDArray[np.float64], index: int) -> int:
        if len(held):
            self._keep(index)
            self.kept.extend(range(index + 1, index + len(held)))
            places = np.flatnonzero(self.series.value[index : index + len(held)] < held)
            self.figures.update(zip((places + index).tolist(), held[places].tolist(), strict=True))
        return len(held)

    def _go_on_above(self, index: int, stop: int) -> None:
        """Note the readings of a run above; one that does not go on from that before it begins anew."""
        unusual = index + np.flatnonzero(~self.steady[index - 1 : stop - 1])
        anew = (place for place in reversed(unusual.tolist()) if not self._agree(place - 1, place))
        begins = next(anew, None)
        if begins is not None:
            self.above.clear()
        self.above.extend(range(index if begins is None else begins, stop))

    def _stride(self, index: int) -> int:
        """Keep everything up to the next unusual step; the last index kept."""
        last = int(self.unusual[np.searchsorted(self.unusual, index)])
        if self.final:
            last = min(last, max(index, len(self.series) - 2))
        self.kept.extend(range(index + 1, last + 1))
        return last

    def _take(self, index: int) -> None:
        """Decide about one reading: keep it, reject it, or set it aside."""
        if self.final and index == len(self.series) - 1:
            self._close(index)
        elif not self.kept:
            self._keep(index)
        elif self.limits.signed:
            self._keep(index) if self._moves(index) else self._reject_apart(index)
        else:
            self._judge(index)

    def _judge(self, index: int) -> None:
        before, value = self._figure(), self._value(index)
        if value >= before:
            self._keep(index) if self._rises(self.kept[-1], index) else self._reject_above(index)
        elif self.limits.wobble(before, value):
            self.figures[index] = before
            self._keep(index)
        elif self._falls_over(index) and self._goes_on(index, before):
            self.turned.append(index)
            self._keep(index)
        else:
            self._like("aside")
            self.aside.append(index)

    def _like(self, judged: str) -> None:
        """Count the readings in a row that are judged alike."""
        self.streak = self.streak + 1 if judged == self.same else 1
        self.same = judged

    def _close(self, index: int) -> None:
        """The declared last figure of a meter: it counts, and what contradicts it does not."""
        while not self.limits.signed and len(self.kept) > self.initial and self._above(index):
            self._reject(self._let_go())
        if self.kept and not self.limits.signed and self._figure() > self._value(index):
            if self.limits.wobble(self._figure(), self._value(index)):
                self.figures[index] = self._figure()
            else:
                self.turned.append(index)
        self._keep(index)

    def _above(self, index: int) -> bool:
        """Whether the register stands above a figure that it can have reached neither by a wobble nor over zero."""
        before, value = self._figure(), self._value(index)
        return before > value and not self.limits.wobble(before, value) and not self._falls_over(index)

    def _let_go(self) -> int:
        """Take back the last reading that was kept."""
        index = self.kept.pop()
        self.figures.pop(index, None)
        if self.turned and self.turned[-1] == index:
            self.turned.pop()
        return index

    def _keep(self, index: int) -> None:
        self._like("kept")
        for other in self.aside:  # the register came back
            self._reject(other)
        self.aside.clear()
        self.above.clear()
        self.kept.append(index)

    def _reject_apart(self, index: int) -> None:
        self._like("apart")
        self._reject(index)

    def _reject_above(self, index: int) -> None:
        self._reject_apart(index)
        if self.above and not self._agree(self.above[-1], index):
            self.above.clear()
        self.above.append(index)

    def _reject(self, index: int) -> None:
        self.rejected.append(self._at(index))

    def _at(self, index: int) -> Instant:
        return int(self.series.at[index])

    def _value(self, index: int) -> float:
        return float(self.series.value[index])

    def _figure(self) -> float:
        """The figure the register is held to stand at."""
        return self.figures.get(self.kept[-1], self._value(self.kept[-1]))

    def _falls_over(self, index: int) -> bool:
        return self.limits.rolled_over(self._figure(), self._value(index), self._at(self.kept[-1]), self._at(index))

    def _rises(self, one: int, other: int) -> bool:
        """Whether the rise from one reading to a later one is plausible; no rise is."""
        low = self.figures.get(one, self._value(one))
        rise = max(exact(self._value(other)) - exact(low), Decimal(0))
        return self.limits.plausible(rise, self._at(one), self._at(other))

    def _moves(self, index: int) -> bool:
        change = abs(exact(self._value(index)) - exact(self._figure()))
        return self.limits.plausible(change, self._at(self.kept[-1]), self._at(index))

    def _goes_on(self, index: int, before: float) -> bool:
        """Whether the next reading continues from the low value instead of coming back to the high one."""
        if index + 1 >= len(self.series):
            return False
        low, following = self._value(index), self._value(index + 1)
        if following < low and not self.limits.wobble(low, following):
            return False
        return self._rises(index, index + 1) if self.limits.max_rate is not None else following < before

    def _first(self) -> int:
        """Index of the first reading that counts: one that the three after it contradict is the outlier."""
        following = range(1, 1 + FIRST_CONTRADICTED_BY)
        if self.initial or self.limits.signed or len(self.series) <= FIRST_CONTRADICTED_BY:
            return 0
        contradicted = all(self._contradicts_first(index) for index in following)
        if contradicted and all(self._agree(index, index + 1) for index in following[:-1]):
            self._reject(0)
            return 1
        return 0

    def _contradicts_first(self, index: int) -> bool:
        first, value = self._value(0), self._value(index)
        if value >= first:
            return not self._rises(0, index)
        rolled = self.limits.rolled_over(first, value, self._at(0), self._at(index))
        return not self.limits.wobble(first, value) and not rolled

    def _agree(self, one: int, other: int) -> bool:
        low, high = self._value(one), self._value(other)
        return (high >= low or self.limits.wobble(low, high)) and self._rises(one, other)

    def _result(self, impossible: NDArray[np.int64]) -> Accepted:
        kept = np.array(self.kept, np.int64)
        value = self.series.value[kept].copy()
        places = np.searchsorted(kept, np.fromiter(self.figures, np.int64, len(self.figures)))
        value[places] = np.fromiter(self.figures.values(), np.float64, len(self.figures))
        held = np.zeros(len(kept), bool)
        held[places] = True
        open_since = self._at(self.kept[-1]) if self.aside and self.kept else None
        return Accepted(
            self.series.at[kept],
            value,
            np.searchsorted(np.array(self.turned, np.int64), kept, side="right").astype(np.int64),
            self.series.quality[kept] == Quality.ESTIMATED,
            held,
            _past_the_first(kept, self.initial) & ~held & ~np.isin(kept, self.turned),
            np.sort(np.concatenate((impossible, np.array(self.rejected, np.int64)))),
            open_since,
            self._at(self.aside[-1]) if open_since is not None else None,
            self._question(),
        )

    def _question(self) -> tuple[Instant, Instant] | None:
        for against in (self.aside, self.above):
            if len(against) >= QUESTION_READINGS and self._at(against[-1]) - self._at(against[0]) >= QUESTION_AFTER:
                return self._at(self.kept[-1]), self._at(against[-1])
        return None
