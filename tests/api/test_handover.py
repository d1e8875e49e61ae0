"""A meter that changes hands in mid-month: each department sees it for the time in which a rule of its own holds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served.world import World, app_of

from meterbook.accounting.ledger import Ledger
from meterbook.domain.allocation import Allocation, Split
from meterbook.domain.instant import parse

V1 = "/api/v1"
CT, CT_POINT = "E-B1-CT", "b1-ct.active_energy_import"
HANDED_OVER = parse("2026-11-12T10:07:00+08:00")
DAYS = {"from": "2026-11-10T00:00:00+08:00", "to": "2026-11-15T00:00:00+08:00"}


def governed(world: World, *rules: Allocation) -> World:
    """The world with other rules for the tomograph's meter."""
    others = tuple(rule for rule in world.rooms.site.allocations if rule.meter != CT)
    site = replace(world.rooms.site, allocations=(*others, *rules))
    world.rooms.swap(site, Ledger(site, world.rooms.store))
    return world


def rule(day: str, **to: Any) -> Allocation:
    return Allocation(CT, parse(f"{day}T00:00:00+08:00"), **to)


@pytest.fixture
def handed_over(world: World) -> World:
    """The tomograph's meter went from radiology to the wards at seven past ten."""
    return governed(world, rule("2026-01-01", to="radiology"), Allocation(CT, HANDED_OVER, to="wards"))


def ask(world: World, who: str, path: str, **query: str) -> Any:
    return TestClient(app_of(world.rooms)).get(path, params=query, headers=world.bearer(who))


def values(world: World, who: str, by: str) -> list[Decimal | None]:
    parts = ask(world, who, f"{V1}/meters/{CT}/consumption", by=by, **DAYS).json()["intervals"]
    assert all(sum(Decimal(part[share]) for share in ("measured", "estimated", "missing")) == 1 for part in parts)
    return [None if part["value"] is None else Decimal(part["value"]) for part in parts]


@pytest.mark.parametrize("by", ["15m", "hour", "day", "month"])
def test_consumption_is_told_to_whoever_carried_it(handed_over: World, by: str) -> None:
    before, after, whole = (values(handed_over, who, by) for who in ("ray", "ward", "eng"))
    assert len(before) == len(after) == len(whole)
    together = [
        sum((part for part in parts if part is not None), Decimal(0)) for parts in zip(before, after, strict=True)
    ]
    assert together == whole
    cut = sum(parts[0] is not None and parts[1] is not None for parts in zip(before, after, strict=True))
    assert cut == 1, "one window was divided between them"


def test_what_others_carried_is_missing_and_not_zero(handed_over: World) -> None:
    parts = ask(handed_over, "ray", f"{V1}/meters/{CT}/consumption", by="day", **DAYS).json()["intervals"]
    assert [part["value"] is None for part in parts] == [False, False, False, True, True]
    assert [part["missing"] for part in parts[3:]] == ["1", "1"]
    assert Decimal(parts[2]["missing"]) == Decimal("0.5785")  # from 10:07 on


def test_readings_end_and_begin_with_the_rule(handed_over: World) -> None:
    path = f"{V1}/points/{CT_POINT}/readings"
    before, after, whole = (ask(handed_over, who, path, **DAYS).json()["items"] for who in ("ray", "ward", "eng"))
    assert before + after == whole
    assert before[-1]["at"] == "2026-11-12T10:00:00+08:00"
    assert after[0]["at"] == "2026-11-12T10:15:00+08:00"
    latest = {
        who: {each["id"]: each["latest"] for each in ask(handed_over, who, f"{V1}/points").json()["items"]}[CT_POINT]
        for who in ("ray", "ward")
    }
    assert latest["ray"] is None
    assert latest["ward"]["at"] == "2026-11-18T10:15:00+08:00"


def test_the_page_of_the_meter_shows_own_time_only(handed_over: World) -> None:
    pages = {who: ask(handed_over, who, f"/meters/{CT}", view="day").text for who in ("ray", "ward", "eng")}
    headlines = {who: page.split('class="headline"><b>')[1].split("<")[0] for who, page in pages.items()}
    assert headlines["ray"] == "—"
    assert headlines["ward"] == headlines["eng"] != "—"


@pytest.mark.parametrize("who", ["ray", "ward"])
@pytest.mark.parametrize(
    "path", [f"/meters/{CT}", f"{V1}/meters/{CT}", f"{V1}/meters/{CT}/consumption", f"{V1}/points/{CT_POINT}/readings"]
)
def test_a_meter_that_was_never_theirs_is_not_there(world: World, who: str, path: str) -> None:
    governed(world, rule("2026-01-01", to="logistics"))
    assert ask(world, who, path, **DAYS).status_code == 404
    assert ask(world, "eng", path, **DAYS).status_code == 200


def test_a_department_above_both_sees_all_of_it(handed_over: World) -> None:
    assert values(handed_over, "clin", "hour") == values(handed_over, "eng", "hour")


def test_a_rule_that_was_replaced_at_its_own_instant_never_held(world: World) -> None:
    governed(world, rule("2026-01-01", to="radiology"), rule("2026-01-01", to="wards"))
    assert ask(world, "ray", f"{V1}/meters/{CT}").status_code == 404
    assert ask(world, "ward", f"{V1}/meters/{CT}").status_code == 200


def test_who_shares_by_the_weight_of_meters_sees_the_shared_one(world: World) -> None:
    weighed = Split("consumption", meters={"W-B2": "wards", "E-KITCHEN": "logistics"})
    governed(world, rule("2026-01-01", to="radiology"), Allocation(CT, HANDED_OVER, split=weighed))
    assert values(world, "ward", "day")[:2] == [None, None]
    assert values(world, "ward", "day")[3:] == values(world, "eng", "day")[3:]
    assert values(world, "ray", "day")[3:] == [None, None]


def test_a_swap_of_the_configuration_is_seen_whole(world: World) -> None:
    before = world.rooms.at_once()
    governed(world, rule("2026-01-01", to="logistics"))
    assert before.ledger.site is before.site is not world.rooms.site
    assert world.rooms.ledger.site is world.rooms.site
