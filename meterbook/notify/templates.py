"""The words of a message. The first line stands alone: what a phone shows of it says how bad, what and where."""

from __future__ import annotations

from meterbook.domain.incident import Incident
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant, to_datetime
from meterbook.domain.organisation import path
from meterbook.domain.rule import OWNER, Severity
from meterbook.domain.site import Site
from meterbook.domain.text import Language, Text
from meterbook.i18n.formats import unit_sign

HEADLINE = 40
"""Characters of the first line, at most."""

_MARKS = {
    Severity.LOW: Text("提示", "LOW"),
    Severity.MEDIUM: Text("一般", "MEDIUM"),
    Severity.HIGH: Text("重要", "HIGH"),
    Severity.URGENT: Text("紧急", "URGENT"),
}
_RECOVERED = Text("恢复", "OK")
_WORDS = {
    "name": Text("事件", "Fault"),
    "where": Text("位置", "Where"),
    "asset": Text("资产", "Asset"),
    "device": Text("设备", "Device"),
    "meter": Text("计量表", "Meter"),
    "since": Text("开始", "Since"),
    "value": Text("数值", "Value"),
    "cause": Text("可能原因", "Likely cause"),
    "action": Text("先做", "First action"),
    "team": Text("负责", "Owner"),
    "link": Text("详情", "Details"),
}
_LIMIT = Text("限值", "limit")
_SPANS = (
    (DAY, Text("天", "d")),
    (HOUR, Text("小时", "h")),
    (MINUTE, Text("分钟", "min")),
    (SECOND, Text("秒", "s")),
)


def text(site: Site, incident: Incident, language: Language, link: str | None) -> str:
    """What people are told of an incident: of its recovery when it is cleared, of the fault before that."""
    facts = {
        "name": incident.name.in_(language),
        "where": _where(site, incident, language),
        "asset": _asset(site, incident),
        "device": _device(site, incident, language),
        "meter": _meter(site, incident, language),
        "since": _since(site, incident, language),
        "value": _value(incident, language),
        "cause": incident.cause and incident.cause.in_(language),
        "action": incident.action and incident.action.in_(language),
        "team": _team(site, incident, language),
        "link": link,
    }
    colon = "：" if language == "zh" else ": "
    lines = [f"{_WORDS[word].in_(language)}{colon}{fact}" for word, fact in facts.items() if fact]
    return "\n".join([headline(site, incident, language), *lines])


def headline(site: Site, incident: Incident, language: Language) -> str:
    """Severity (or recovery), what and where in at most HEADLINE characters; names too long for that are cut."""
    mark = (_RECOVERED if incident.cleared is not None else _MARKS[incident.severity]).in_(language)
    mark = f"【{mark}】" if language == "zh" else f"[{mark}] "
    space = site.spaces.get(incident.space or "")
    where = f" · {space.name.in_(language) if space is not None else incident.space or incident.subject}"
    room = HEADLINE - len(mark)
    where = _cut(where, max(room // 2, room - len(incident.name.in_(language))))
    return mark + _cut(incident.name.in_(language), room - len(where)) + where


def _cut(words: str, length: int) -> str:
    return words if len(words) <= length else words[: length - 1] + "…"


def _where(site: Site, incident: Incident, language: Language) -> str | None:
    if incident.space is None or incident.space not in site.spaces:
        return incident.space
    parents = {space.id: space.parent for space in site.spaces.values()}
    return " › ".join(site.spaces[space].name.in_(language) for space in path(incident.space, parents))


def _asset(site: Site, incident: Incident) -> str | None:
    device = site.devices.get(incident.device or "")
    return device.asset if device is not None else None


def _device(site: Site, incident: Incident, language: Language) -> str | None:
    device = site.devices.get(incident.device or "")
    if device is None or device.name is None:
        return incident.device
    return f"{device.name.in_(language)} ({device.id})"


def _meter(site: Site, incident: Incident, language: Language) -> str | None:
    meter = site.meters.get(incident.meter or "")
    if meter is None or meter.name.in_(language) == meter.id:
        return incident.meter
    return f"{meter.name.in_(language)} ({meter.id})"


def _since(site: Site, incident: Incident, language: Language) -> str:
    begun = to_datetime(incident.since, site.calendar.zone)
    until = incident.cleared if incident.cleared is not None else incident.raised
    lasted = _span(until - incident.since, language)
    return f"{begun:%Y-%m-%d %H:%M:%S %z}" + (f" ({lasted})" if lasted else "")


def _span(length: Instant, language: Language) -> str:
    """A duration in its two largest units; nothing for less than a second."""
    parts: list[str] = []
    for unit, name in _SPANS:
        count, length = divmod(length, unit)
        if count or parts:
            parts.append(f"{count} {name.in_(language)}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)


def _value(incident: Incident, language: Language) -> str | None:
    seen = incident.evidence
    if seen.value is None:
        return None
    unit = unit_sign(seen.unit)
    shown = f"{seen.value:.6g} {unit}".rstrip()
    if seen.limit is None:
        return shown
    limit = f"{_LIMIT.in_(language)} {seen.limit:.6g} {unit}".rstrip()
    return f"{shown}（{limit}）" if language == "zh" else f"{shown} ({limit})"


def _team(site: Site, incident: Incident, language: Language) -> str:
    """Who is to act: a team, or for the team `owner` the person who owns the department."""
    if incident.team in site.teams:
        return site.teams[incident.team].name.in_(language)
    department = incident.department
    if incident.team == OWNER and department is not None and department in site.departments:
        for above in reversed(path(department, site.department_parents)):
            owner = site.departments[above].owner
            if owner is not None:
                return site.people[owner].name.in_(language)
    return incident.team
