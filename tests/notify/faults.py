"""An incident to tell of."""

from __future__ import annotations

from pipeline.plant import NOW

from meterbook.domain.incident import Evidence, Incident, State
from meterbook.domain.instant import MINUTE
from meterbook.domain.rule import Severity
from meterbook.domain.text import Text

HOT = Incident(
    id=0,
    rule="chiller-hot",
    subject="chiller-1.supply_temperature",
    name=Text("冷机出水温度过高", "Chiller supply too warm"),
    severity=Severity.HIGH,
    team="electricians",
    state=State.RAISED,
    since=NOW,
    raised=NOW + 10 * MINUTE,
    cleared=None,
    acknowledged_by=None,
    space="plant",
    department="logistics",
    device="chiller-1",
    meter=None,
    evidence=Evidence("chiller-1.supply_temperature", 12.75, 12.0, "degC"),
    cause=Text("冷却水不足", "Too little cooling water"),
    action=Text("查看冷却塔", "Look at the cooling tower"),
    late=False,
    revision=1,
)
