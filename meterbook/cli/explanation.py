"""An explanation as text, in one language: figures are exact, instants carry their offset, ids stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from api.schemas.common import plain
from api.schemas.dispute import DisputeInFull
from api.schemas.explanation import EdgeOut, ExplanationOut, PartOut, RuleOut, StretchOut
from meterbook.domain.quantity import UTILITIES
from meterbook.domain.statement import QUOTA_KINDS
from meterbook.domain.text import Language
from meterbook.i18n import Translator, mark, translator
from meterbook.i18n.formats import UNKNOWN
from meterbook.i18n.statements import BANDS, KINDS, STATEMENT_STATES

WEIGHTS: Mapping[str, str] = {
    "headcount": mark("headcount"),
    "area_m2": mark("area"),
    "consumption": mark("consumption"),
    "shares": mark("fixed shares"),
}
COMPONENTS: Mapping[str, str] = {
    **BANDS,
    "energy": mark("Consumption"),
    "demand": KINDS["demand"],
    "power_factor": KINDS["power_factor"],
}
QUALITIES: Mapping[str, str] = {"good": mark("good"), "estimated": mark("estimated"), "bad": mark("bad")}
OUTCOMES: Mapping[str, str] = {"adjustment": mark("adjusted by %(name)s"), "rejection": mark("rejected by %(name)s")}


def lines_of(answer: ExplanationOut, currency: str, language: Language) -> list[str]:
    """The explanation line by line, from the statement line down to the raw readings."""
    return list(_Told(answer, currency, language))


class _Told:
    """One explanation in one language."""

    def __init__(self, answer: ExplanationOut, currency: str, language: Language) -> None:
        self.answer, self.currency, self.language = answer, currency, language
        self.words: Translator = translator(language)
        self.comma, self.colon = ("，", "：") if language == "zh" else (", ", ": ")

    def __iter__(self) -> Iterator[str]:
        _, answer = self.words.gettext, self.answer
        state = _(STATEMENT_STATES[answer.state])
        of = self.comma.join((answer.department, answer.month, state, f"SHA-256 {answer.hash}"))
        yield f"{answer.line.id}{self.colon}{of}"
        yield f"  {self._line()}"
        if answer.rule is not None:
            facts = {"rule": self._rule(answer.rule), "share": _plain(answer.line.share)}
            yield "  " + _("rule: %(rule)s; share %(share)s") % facts
        yield "  " + _("price: %(price)s") % {"price": self._price()}
        if answer.change is not None:
            charges = (answer.change.charge_before, answer.change.charge_after)
            before, after = (_plain(charge) for charge in charges)
            told = _("charged before: %(before)s; with this line: %(after)s")
            yield "  " + told % {"before": before, "after": after}
        for part in answer.meters:
            yield from self._part(part)
        if answer.days:
            days = ", ".join(f"{day.start[:10]} {_plain(day.value)}" for day in answer.days)
            yield "  " + _("by day, in the line's band: %(days)s") % {"days": days}
        if answer.lines:
            yield "  " + _("stands on the quantity of %(lines)s") % {"lines": ", ".join(answer.lines)}
        for dispute in answer.disputes:
            yield from self._dispute(dispute)

    def _line(self) -> str:
        _, line = self.words.gettext, self.answer.line
        what = [UTILITIES[line.utility][1].in_(self.language), _(KINDS[line.kind])]
        what += [line.meter] if line.meter else []
        facts = {"what": self.comma.join(what), "start": line.start, "end": line.end}
        amounts = [] if line.quantity is None else [f"{plain(line.quantity)} {line.unit or ''}".rstrip()]
        amounts.append(_("no price") if line.charge is None else f"{plain(line.charge)} {self.currency}")
        return _("%(what)s, %(start)s to %(end)s") % facts + self.colon + self.comma.join(amounts)

    def _rule(self, rule: RuleOut) -> str:
        _ = self.words.gettext
        what = _("losses of %(meter)s") % {"meter": rule.meter} if rule.losses else rule.meter
        if rule.to:
            whom = _("all to %(department)s") % {"department": rule.to}
        else:
            among = [f"{party} {plain(share)} %" for party, share in rule.shares.items()] or rule.among
            by = _(WEIGHTS.get(rule.by or "", rule.by or ""))
            whom = _("split by %(weight)s among %(among)s") % {"weight": by, "among": ", ".join(among)}
        return _("%(what)s %(whom)s, from %(start)s") % {"what": what, "whom": whom, "start": rule.start}

    def _price(self) -> str:
        _, price, line = self.words.gettext, self.answer.price, self.answer.line
        name = _(COMPONENTS[price.component]) if price.component in COMPONENTS else price.component
        told = [f"{price.tariff or _('none')} {name}"]
        if price.per_unit is not None:
            told.append(_("%(price)s each") % {"price": plain(price.per_unit)})
        for step in price.tiers:
            reach = _("any") if step.up_to is None else plain(step.up_to)
            told.append(_("up to %(reach)s: %(price)s") % {"reach": reach, "price": plain(step.price)})
        if line.kind not in QUOTA_KINDS and price.site_charge is not None:
            paid = plain(price.site_charge)
            if price.site_quantity is None:
                told.append(_("the site pays %(charge)s") % {"charge": paid})
            else:
                facts = {"charge": paid, "quantity": plain(price.site_quantity)}
                told.append(_("the site pays %(charge)s for %(quantity)s") % facts)
        return self.comma.join(told)

    def _part(self, part: PartOut) -> Iterator[str]:
        _, quality = self.words.gettext, part.quality
        shares = {name: _percent(getattr(quality, name)) for name in ("measured", "estimated", "missing")}
        facts = {"meter": part.meter, "factor": part.factor, "used": _plain(part.consumption)}
        told = _("meter %(meter)s x %(factor)s: %(used)s") % facts
        yield f"  {told} (" + _("%(measured)s measured, %(estimated)s estimated, %(missing)s missing") % shares + ")"
        for stretch in part.registers:
            yield from self._stretch(stretch)

    def _stretch(self, stretch: StretchOut) -> Iterator[str]:
        _ = self.words.gettext
        edges = (stretch.opening, stretch.closing)
        low, high = (_plain(edge.register_) for edge in edges)
        facts = {"low": low, "high": high, "multiplier": plain(stretch.multiplier)}
        told = _("register %(low)s to %(high)s x %(multiplier)s") % facts
        turned = (
            self.comma + _("rolled over %(count)s times") % {"count": stretch.rollovers} if stretch.rollovers else ""
        )
        yield f"    {told}{turned}"
        for edge in edges:
            yield f"      {self._edge(edge)}"

    def _edge(self, edge: EdgeOut) -> str:
        _ = self.words.gettext
        told = _("%(value)s at %(at)s (%(quality)s)")
        read = [
            told % {"value": plain(raw.value), "at": raw.at, "quality": _(QUALITIES.get(raw.quality, raw.quality))}
            for raw in edge.readings
        ]
        how = _("measured") if edge.measured else _("not measured")
        return f"{edge.at}{self.comma}{how}{self.colon}" + (self.comma.join(read) or _("no reading"))

    def _dispute(self, dispute: DisputeInFull) -> Iterator[str]:
        _ = self.words.gettext
        outcome = _("waits for its answer")
        if dispute.answer is not None:
            outcome = _(OUTCOMES[dispute.answer.outcome]) % {"name": dispute.answer.author}
        facts = {"id": dispute.id, "line": dispute.contested.id, "name": dispute.author, "outcome": outcome}
        yield "  " + _("dispute %(id)s of %(line)s by %(name)s: %(outcome)s") % facts
        for each in dispute.adjustments:
            told = _("adjusted in %(month)s: %(line)s %(charge)s")
            yield "    " + told % {"month": each.month, "line": each.line.id, "charge": _plain(each.line.charge)}


def _plain(figure: Decimal | None) -> str:
    return UNKNOWN if figure is None else plain(figure)


def _percent(share: Decimal) -> str:
    return f"{plain((share * 100).normalize())} %"
