"""Figures of registers in words: as the register shows them, and what is odd about one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from api.hand_reading import confirmation
from api.portal.render import Page
from api.portal.words import ODDITIES
from api.problem import Said
from api.utilities import unit_of
from meterbook.accounting.judgement import LARGEST_DIGITS
from meterbook.accounting.manual import Figure, Oddity, register_at
from meterbook.domain.instant import Instant
from meterbook.domain.meter import Meter, Register
from meterbook.i18n.formats import unit_sign


@dataclass(frozen=True, slots=True)
class Question:
    """An entry to be confirmed: what is odd about it, in words, and what says that it was seen."""

    figure: str
    at: Instant
    odd: Sequence[Said]
    confirmation: str


def digits(register: Register) -> tuple[int, int] | None:
    """How many digits a register shows before and after the point; None where nobody has declared it."""
    if register.maximum is None:
        return None
    decimals = max(0, -int(register.digit.as_tuple().exponent))
    return len(str(int(register.maximum))), decimals


def question(page: Page, meter: Meter, entry: Figure, odd: Sequence[Oddity]) -> Question:
    """An entry with what is odd about it."""
    words = [Said(ODDITIES[each.kind], _facts(page, meter, entry, each)) for each in odd]
    return Question(shown(page, meter, entry), entry.at, words, confirmation(entry, odd))


def _facts(page: Page, meter: Meter, entry: Figure, oddity: Oddity) -> dict[str, str]:
    """Everything that the words of an oddity may name."""
    register, unit, f = register_at(meter, entry.at), unit_of(meter.utility), page.formats
    highest = register.maximum or LARGEST_DIGITS * register.digit
    beside = oddity.beside or entry
    return {
        "figure": shown(page, meter, beside),
        "moment": f.moment(beside.at),
        "difference": shown(page, meter, Figure(abs(entry.value - beside.value), entry.at)),
        "rate": f.quantity(oddity.rate, f"{unit}/h"),
        "max_rate": f.quantity(meter.max_rate, f"{unit}/h"),
        "digit": f"{f.exact(register.digit)} {unit_sign(unit)}",
        "lowest": f.exact(-highest if meter.signed else Decimal(0)),
        "highest": f.exact(highest),
    }


def shown(page: Page, meter: Meter, figure: Figure | None) -> str:
    """A figure with its unit and as many decimals as the register has, or more where there are more."""
    if figure is None:
        return page.formats.exact(None)
    register = register_at(meter, figure.at)
    least = max(0, -int(register.digit.as_tuple().exponent)) if register.maximum is not None else 0
    own = max(0, -int(figure.value.normalize().as_tuple().exponent))
    return f"{page.formats.number(figure.value, max(least, own))} {unit_sign(unit_of(meter.utility))}"
