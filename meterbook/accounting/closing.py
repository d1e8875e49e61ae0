"""Closing a month: what stands in the way, and the record that stays of it.

`findings` gathers what the ledger knows of a month, `blocks` judges it and asks nobody anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from meterbook.accounting.computation import Question
from meterbook.accounting.imbalance import Imbalance, imbalances
from meterbook.accounting.ledger import Ledger
from meterbook.accounting.sources import physical, roots
from meterbook.domain.closing import Block, BlockKind, Closed, Signature, Terms
from meterbook.domain.instant import Instant, iso
from meterbook.domain.interval import Consumption
from meterbook.domain.meter import Meter
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.site import Site
from meterbook.domain.statement import Line, Statement
from meterbook.i18n import Translator, mark

COVERED = Decimal("0.95")
"""The share of a charged meter's month that must not be missing."""

SENTENCES: Mapping[BlockKind, str] = {
    "running": mark("%(subject)s is not over before %(end)s; close it then"),
    "coverage": mark(
        "%(subject)s is covered to %(covered)s of the month, at least %(least)s is expected; "
        "import its readings, or enter an estimate with `meterbook correct`"
    ),
    "question": mark(
        "%(subject)s stood at %(figure)s at %(since)s and shows %(shown)s at %(until)s; "
        "declare the exchange with `meterbook correct`, or exclude the readings"
    ),
    "price": mark(
        "%(subject)s has no price from %(start)s to %(end)s (%(band)s) for %(quantity)s %(unit)s; "
        "add it to tariffs.yaml"
    ),
    "opening": mark(
        "%(tariff)s counts the year's use, and the readings of %(subject)s begin after %(start)s; "
        "write under `opening` in site.yaml what was used before"
    ),
    "reactive": mark(
        "%(subject)s has no reactive energy for %(missing)s of the month, which the power factor of %(tariff)s needs; "
        "import the readings of %(points)s"
    ),
    "imbalance": mark(
        "%(subject)s counted %(difference)s %(unit)s more than the meters below it, %(share)s of its %(whole)s; "
        "its max_loss is %(limit)s; look for a wrong ratio or a meter that is missing in the tree"
    ),
}


def sentence(block: Block, words: Translator) -> str:
    """What is wrong and what to do, in the translator's language."""
    return words.gettext(SENTENCES[block.kind]) % {"subject": block.subject, **block.figures}


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a month, [start, end), at the instant `now`.

    `used` is the month of every meter that somebody is charged for, and of those that balance with it; `charged` names
    the former. `unpriced` are lines without a price where the utility has tariffs. `late` are (tariff, meter, start of
    its period) where readings begin later and no opening says what was used before. `reactive` is the share of the
    month that is missing, by (tariff, meter).
    """

    site: Site
    month: str
    now: Instant
    used: Mapping[str, Consumption]
    charged: frozenset[str]
    questions: Sequence[Question]
    unpriced: Sequence[Line]
    late: Sequence[tuple[str, str, Instant]]
    reactive: Mapping[tuple[str, str], Decimal]
    imbalances: Sequence[Imbalance]


def blocks(found: Findings) -> list[Block]:
    """Everything that stands in the way of closing a month; nothing else is told of one that is not over."""
    site, zone = found.site, found.site.calendar.zone
    end = site.calendar.month(found.month)[1]
    if found.now < end:
        return [Block("running", found.month, {"end": iso(end, zone)})]
    return [
        *_coverage(found),
        *_questions(found, end, zone),
        *_prices(found.unpriced, zone),
        *(
            Block("opening", meter, {"tariff": tariff, "start": iso(start, zone)})
            for tariff, meter, start in found.late
        ),
        *(
            Block(
                "reactive",
                meter,
                {"tariff": tariff, "missing": _percent(missing), "points": ", ".join(site.meters[meter].reactive)},
            )
            for (tariff, meter), missing in found.reactive.items()
            if missing
        ),
        *_imbalances(found),
    ]


def _coverage(found: Findings) -> Iterator[Block]:
    for meter in sorted(found.charged):
        covered = 1 - found.used[meter].shares.missing
        if covered < COVERED:
            yield Block("coverage", meter, {"covered": _percent(covered), "least": _percent(COVERED)})


def _questions(found: Findings, end: Instant, zone: ZoneInfo) -> Iterator[Block]:
    for question in found.questions:
        if question.since < end:
            figures = {"figure": f"{question.figure:f}", "shown": f"{question.shown:f}"}
            spoken = {"since": iso(question.since, zone), "until": iso(question.until, zone)}
            yield Block("question", question.meter, figures | spoken)


def _prices(unpriced: Iterable[Line], zone: ZoneInfo) -> Iterator[Block]:
    slots: dict[tuple[str, Instant, Instant, str, str], Decimal] = {}
    for line in unpriced:
        slot = (line.utility, line.start, line.end, line.band or "-", line.unit or "")
        slots[slot] = slots.get(slot, Decimal(0)) + (line.quantity or Decimal(0))
    for (utility, start, end, band, unit), quantity in sorted(slots.items()):
        figures = {"start": iso(start, zone), "end": iso(end, zone), "band": band}
        yield Block("price", utility, figures | {"quantity": f"{quantity:f}", "unit": unit})


def _imbalances(found: Findings) -> Iterator[Block]:
    for one in found.imbalances:
        meter, whole = found.site.meters[one.meter], found.used[one.meter].value
        if meter.max_loss is None or one.difference is None or whole is None:
            continue
        if abs(one.difference) > meter.max_loss * abs(whole):
            figures = {
                "difference": f"{one.difference:f}",
                "unit": UNITS[UTILITIES[meter.utility][0]],
                "whole": f"{whole:f}",
                "share": _percent(one.difference / whole) if whole else "-",
                "limit": _percent(meter.max_loss),
            }
            yield Block("imbalance", one.meter, figures)


def _percent(share: Decimal) -> str:
    shown = f"{share * 100:.2f}"
    return f"{shown.rstrip('0').rstrip('.')} %"


def findings(ledger: Ledger, month: str, now: Instant) -> Findings:
    """What the ledger knows of a month at the instant `now`."""
    site = ledger.site
    start, end = site.calendar.month(month)
    if now < end:
        return Findings(site, month, now, {}, frozenset(), (), (), (), {}, ())
    charged = _charged(ledger, start, end)
    families = {one.id for one in site.meters.values() if one.parent or site.children(one.id)}
    used = {
        meter: ledger.consumption(meter, start, end, "month")[0]
        for meter in sorted(charged | families)
        if site.meters[meter].physical
    }
    priced = {tariff.utility for tariff in site.tariffs}
    lines = (line for lines in ledger.charged_when_over(month).values() for line in lines)
    return Findings(
        site=site,
        month=month,
        now=now,
        used=used,
        charged=charged,
        questions=ledger.questions(),
        unpriced=[line for line in lines if line.charge is None and line.utility in priced],
        late=list(_late(ledger, start, end)),
        reactive=_reactive(ledger, start, end),
        imbalances=list(imbalances(site, used)),
    )


def _charged(ledger: Ledger, start: Instant, end: Instant) -> frozenset[str]:
    """The physical meters that somebody's quantities stand on."""
    site = ledger.site
    found: set[str] = set()
    for utility in {meter.utility for meter in site.meters.values()}:
        for piece in ledger.carried(utility, start, end):
            meter = site.meters[piece.meter]
            found.update((meter.id,) if meter.physical else physical(site, meter.factors))
    return frozenset(found)


def _late(ledger: Ledger, start: Instant, end: Instant) -> Iterator[tuple[str, str, Instant]]:
    """Supply meters of a yearly tier whose readings begin after the year, without an opening."""
    site = ledger.site
    first = site.calendar.midnight(date(site.calendar.day_of(start).year, 1, 1))
    for tariff in site.tariffs:
        later = [one.start for one in site.tariffs if one.utility == tariff.utility and one.start > tariff.start]
        if tariff.tiers is None or tariff.tiers.period != "year":
            continue
        if tariff.start < end and min(later, default=end) > start:
            for root in roots(site, tariff.utility):
                if not _known_since(ledger, root, first, end):
                    yield tariff.id, root.id, first


def _known_since(ledger: Ledger, root: Meter, first: Instant, end: Instant) -> bool:
    opening = ledger.site.openings.get(root.id)
    if opening is not None and first <= opening.at < end:
        return True
    return not bool(ledger.look(first, end).intervals(root).missing[0])


def _reactive(ledger: Ledger, start: Instant, end: Instant) -> dict[tuple[str, str], Decimal]:
    """What is missing of the reactive registers that the tariffs in force at the month's end need."""
    site, found = ledger.site, {}
    for utility in {tariff.utility for tariff in site.tariffs}:
        begun = [one for one in site.tariffs if one.utility == utility and one.start < end]
        tariff = max(begun, key=lambda one: one.start, default=None)
        if tariff is not None and tariff.power_factor is not None:
            meter = site.meters[tariff.power_factor.meter]
            look = ledger.look(start, end)
            shares = [look.reactive(meter, point).total().shares.missing for point in meter.reactive]
            found[tariff.id, meter.id] = max(shares, default=Decimal(1))
    return found


def record(ledger: Ledger, signature: Signature, now: Instant) -> Closed:
    """Everything that stays of a month when it is closed."""
    month = signature.month
    return Closed(
        signature,
        Terms.of(ledger.site, month),
        tuple(ledger.every_statement(month, now)),
        tuple(ledger.balances(month, now)),
    )


def recomputed(ledger: Ledger, month: str) -> list[Statement]:
    """A closed month by its terms and today's readings: the statements of its record, while nothing was read since.

    Adjustments are those that were booked in it. Raises KeyError where the month is not closed.
    """
    record = ledger.closed(month)
    if record is None:
        raise KeyError(month)
    return ledger.of_terms(record).every_statement(month, ledger.site.calendar.month(month)[1])
