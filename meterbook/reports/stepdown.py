"""A step-down as CSV: a row for each sum that goes from one department to another, or stays where it is."""

from __future__ import annotations

import csv
import io

from meterbook.domain.site import Site
from meterbook.domain.stepdown import SteppedDown, Transfer, shown
from meterbook.domain.text import Language, Text
from meterbook.reports.inert import quoted

_COLUMNS: tuple[Text, ...] = (
    Text("月份", "month"),
    Text("级次", "stage"),
    Text("转出部门", "from"),
    Text("转出成本中心", "from_cost_centre"),
    Text("转入部门", "to"),
    Text("转入成本中心", "to_cost_centre"),
    Text("分摊依据", "by"),
    Text("权重", "weight"),
    Text("权重合计", "of"),
    Text("金额", "amount"),
    Text("币种", "currency"),
)


def transfers(site: Site, found: SteppedDown, language: Language) -> str:
    """Transfers under a heading; a sum that stays has nobody it goes to, and no weight."""
    moved = [(one.stage, one.giver, one.receiver, _weights(one), one.amount) for one in found.transfers]
    kept = [(one.stage, one.department, None, ("", ""), one.amount) for one in found.kept]
    rows = (
        [str(stage), *_party(site, giver), *_party(site, receiver), found.stages[stage - 1].by, *weights, f"{amount:f}"]
        for stage, giver, receiver, weights, amount in [*moved, *kept]
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(title.in_(language) for title in _COLUMNS)
    writer.writerows([found.month, *row, found.currency] for row in rows)
    return out.getvalue()


def _weights(one: Transfer) -> tuple[str, str]:
    return f"{shown(one.weight):f}", f"{shown(one.whole):f}"


def _party(site: Site, department: str | None) -> list[str]:
    own = None if department is None else site.departments.get(department)
    return [quoted(department), quoted(None if own is None else own.cost_centre)]
