"""How figures and instants are written for a reader: by Babel, in the site's zone. Unknown is a dash, never a zero."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime, format_skeleton, format_time
from babel.numbers import format_currency, format_decimal, format_percent

from meterbook.domain.calendar import first_of_month
from meterbook.domain.instant import HOUR, MINUTE, SECOND, Instant, to_datetime
from meterbook.domain.text import Language
from meterbook.i18n import translator

UNKNOWN = "—"

_LOCALES: dict[Language, Locale] = {"zh": Locale("zh", "CN", "Hans"), "en": Locale("en", "GB")}
_MOMENTS: dict[Language, str] = {"zh": "y年M月d日 HH:mm", "en": "d MMM y, HH:mm"}
_UNITS = {"m3": "m³", "m3/h": "m³/h", "degC": "°C", "1": "", "none": ""}


def unit_sign(unit: str) -> str:
    """A canonical unit as people write it."""
    return _UNITS.get(unit, unit)


@dataclass(frozen=True, slots=True)
class Formats:
    """Writes figures for one language, zone and currency."""

    language: Language
    zone: ZoneInfo
    currency: str

    @property
    def locale(self) -> Locale:
        """Babel's rules of the language."""
        return _LOCALES[self.language]

    def number(self, value: Decimal | float | None, decimals: int | None = None) -> str:
        """A figure; without `decimals` three to four digits that matter are shown."""
        if value is None:
            return UNKNOWN
        if decimals is None:
            size = abs(float(value))
            decimals = 0 if size >= 1000 or not size else 1 if size >= 10 else 2
        return format_decimal(value, "#,##0" + ("." + "0" * decimals if decimals else ""), locale=self.locale)

    def exact(self, value: Decimal | None) -> str:
        """A figure with all its decimals, as it stands in the books."""
        if value is None:
            return UNKNOWN
        return self.number(value, max(0, -int(value.as_tuple().exponent)))

    def quantity(self, value: Decimal | float | None, unit: str) -> str:
        """A figure with its unit; seconds are told as a duration."""
        if value is not None and unit == "s":
            return self.span(int(value * SECOND))
        return f"{self.number(value)} {unit_sign(unit)}".rstrip()

    def money(self, value: Decimal | None) -> str:
        """A sum in the site's currency."""
        return UNKNOWN if value is None else format_currency(value, self.currency, locale=self.locale)

    def percent(self, share: Decimal | float | None, *, sign: bool = False) -> str:
        """A share of one as per cent: one decimal below 10 %, so that little is not shown as nothing."""
        if share is None:
            return UNKNOWN
        pattern = "#,##0%" if abs(float(share)) >= 0.1 or not share else "#,##0.#%"
        return format_percent(share, f"+{pattern};-{pattern}" if sign else pattern, locale=self.locale)

    def moment(self, at: Instant | None) -> str:
        """Day and time to the minute."""
        if at is None:
            return UNKNOWN
        return format_datetime(to_datetime(at, self.zone), _MOMENTS[self.language], locale=self.locale)

    def days(self, start: Instant, end: Instant) -> str:
        """The local days from `start` up to `end`, the last one included; instants where they are no midnights."""
        if {to_datetime(at, self.zone).time() for at in (start, end)} != {time()}:
            return f"{self.moment(start)} – {self.moment(end)}"
        return " – ".join(
            format_skeleton("yMMMd", to_datetime(at, self.zone), locale=self.locale) for at in (start, end - 1)
        )

    def time(self, at: Instant | None) -> str:
        """Time of the local day, to the second."""
        return UNKNOWN if at is None else format_time(to_datetime(at, self.zone), "HH:mm:ss", locale=self.locale)

    def month(self, month: str) -> str:
        """A month written YYYY-MM, in words."""
        return str(format_skeleton("yMMMM", first_of_month(month), locale=self.locale))

    def span(self, length: Instant) -> str:
        """A duration in its largest two units, such as `2 h 5 min`."""
        words = translator(self.language)
        seconds = max(0, length) // SECOND
        if seconds < 60:
            return words.gettext("%(count)s s") % {"count": seconds}
        minutes = max(0, length) // MINUTE
        if minutes < 60:
            return words.gettext("%(count)s min") % {"count": minutes}
        hours = length // HOUR
        if hours < 48:
            return words.gettext("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes % 60}
        return words.gettext("%(days)s d %(hours)s h") % {"days": hours // 24, "hours": hours % 24}
