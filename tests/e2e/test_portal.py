"""The portal in a real browser, as its readers meet it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from served.server import Served
from served.world import NOW

from meterbook.books import incidents
from meterbook.domain.incident import Deed, Event, Evidence
from meterbook.domain.instant import DAY, MINUTE
from meterbook.domain.text import Text

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 850}
PATHS = [
    "/",
    "/departments",
    "/departments/radiology",
    "/departments/clinical?by=hour",
    "/incidents",
    "/incidents?show=all",
    "/incidents/1",
    "/incidents/2",
    "/meters",
    "/meters/E-MAIN",
    "/meters/E-B1-REST?view=month",
    "/meters/W-B1/reading",
    "/hand-readings",
    "/docs",
    "/departments/no-such",
]
UNDRAWN = "[data-chart] .plot:empty"
"""A chart that has neither its figures yet nor said why not."""


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about: blocked by the policy, broken scripts, requests to other hosts."""
    return []


@pytest.fixture
def page(browser: Browser, hospital: Served, complaints: list[str]) -> Iterator[Page]:
    """A desk that is not signed in. Whatever it loads must come from the server itself."""
    context = browser.new_context(viewport=DESK)
    yield watched(context, hospital.url, complaints)
    context.close()


@pytest.fixture
def phone(browser: Browser, hospital: Served, complaints: list[str]) -> Iterator[Page]:
    """A phone."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    yield watched(context, hospital.url, complaints)
    context.close()


def watched(context: BrowserContext, url: str, complaints: list[str]) -> Page:
    page = context.new_page()
    page.on("request", lambda request: complaints.append(request.url) if not request.url.startswith(url) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    return page


def test_the_crew_acknowledges_an_incident(page: Page, hospital: Served, complaints: list[str]) -> None:
    hospital.sign_in(page, "chen")
    page.goto(f"{hospital.url}/language/en?next=/")
    page.locator(".incident a[href='/incidents/1']").click()
    expect(page.get_by_role("heading", name="Chiller supply too warm")).to_be_visible()
    expect(page.locator(".incident-head .state-raised")).to_have_text("raised")
    expect(page.locator(".incident-head")).to_contain_text("12.6")
    expect(page.get_by_text("Check the cooling tower fan")).to_be_visible()
    expect(page.locator("figure.chart canvas")).to_be_visible()
    page.get_by_label("Comment").fill("on my way")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".incident-head .badge").nth(1)).to_have_text("acknowledged")
    expect(page.locator(".history")).to_contain_text("on my way")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    assert not complaints


def test_a_limit_per_hour_stands_across_bars_of_hours(page: Page, hospital: Served) -> None:
    night = Evidence("b2-water.volume", 2.3, 1.99, "m3/h")
    leak = hospital.world.raise_incident("W-B2 again", meter="W-B2", evidence=night, since=NOW - 2 * DAY)
    hospital.sign_in(page, "eng")
    page.goto(f"{hospital.url}/language/en?next=/incidents/{leak.id}")
    chart = page.locator("figure.chart")
    expect(chart).to_have_attribute("data-source", re.compile("/meters/W-B2/consumption.*by=hour"))
    expect(chart.locator(".u-legend")).to_contain_text("Limit")


def test_a_new_incident_appears_without_a_reload(page: Page, hospital: Served) -> None:
    page.clock.install()
    hospital.sign_in(page, "eng")
    page.goto(f"{hospital.url}/language/en?next=/")
    expect(page.locator(".incident")).to_have_count(3)
    hospital.world.raise_incident("b2-water", name=Text("水表失联", "Water meter silent"), since=NOW - 3 * MINUTE)
    page.clock.run_for(5_000)
    expect(page.get_by_text("Water meter silent")).to_be_visible()
    expect(page.locator(".tiles")).to_contain_text("4 unacknowledged")


def test_a_fault_that_goes_on_cannot_be_closed(page: Page, hospital: Served) -> None:
    hospital.sign_in(page, "chen")
    page.goto(f"{hospital.url}/language/en?next=/incidents/1")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("It closes by itself when the fault has gone.")).to_be_visible()
    expect(page.get_by_role("button", name="Resolve")).to_have_count(0)
    with hospital.world.rooms.books.write() as connection:
        incidents.record(connection, 2, Event(Deed.CLEAR, NOW, NOW, "meterbook"), None)
    page.goto(f"{hospital.url}/incidents/2")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".incident-head .badge").nth(1)).to_have_text("closed")


def test_the_language_is_chosen_and_remembered(page: Page, hospital: Served) -> None:
    page.goto(f"{hospital.url}/login")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    page.get_by_role("link", name="EN").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    hospital.sign_in(page, "eng")
    expect(page.get_by_role("heading", name="Electricity today")).to_be_visible()
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", name="今日用电")).to_be_visible()
    assert page.url == f"{hospital.url}/"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_phone_never_scrolls_sideways(
    phone: Page,
    hospital: Served,
    complaints: list[str],
    language: str,
) -> None:
    phone.goto(f"{hospital.url}/language/{language}?next=/login")
    wide = [] if fits(phone) else ["/login"]
    silence = Evidence(None, 180.0, 180.0, "s")
    hospital.world.raise_incident("b2-water", device="b2-water", evidence=silence, since=NOW - 15 * MINUTE)
    hospital.sign_in(phone, "eng")
    for path in PATHS:
        phone.goto(hospital.url + path)
        expect(phone.locator(UNDRAWN)).to_have_count(0)
        if not fits(phone):
            wide.append(path)
    assert not wide, f"wider than {PHONE['width']} px: {wide}"
    assert not complaints


def test_the_list_of_meters_shows_all_of_a_row_on_a_phone(phone: Page, hospital: Served) -> None:
    hospital.sign_in(phone, "eng")
    phone.goto(f"{hospital.url}/language/en?next=/meters")
    assert phone.evaluate("(([part]) => part.scrollWidth <= part.clientWidth)(document.querySelectorAll('.scroll'))")
    expect(phone.get_by_role("row").nth(1)).to_contain_text("Electricity·Outpatient building, Campus")


def fits(page: Page) -> bool:
    return int(page.evaluate("document.documentElement.scrollWidth")) <= PHONE["width"]


def test_charts_are_drawn_and_told_as_figures_too(page: Page, hospital: Served) -> None:
    hospital.sign_in(page, "ray")
    expect(page).to_have_url(re.compile("/departments/radiology$"))
    page.goto(f"{hospital.url}/language/en?next=/departments/radiology")
    chart = page.locator("figure.chart").first
    expect(chart.locator("canvas")).to_be_visible()
    expect(chart.locator(".u-legend")).to_contain_text("Missing")
    chart.locator("summary").click()
    expect(chart.locator("table.ledger tr")).to_have_count(19)  # the head and 18 days so far


def test_who_is_not_signed_in_any_more_is_led_to_the_login(page: Page, hospital: Served) -> None:
    page.clock.install()
    hospital.sign_in(page, "eng")
    hospital.world.clock.now += 13 * 60 * MINUTE
    page.clock.run_for(5_000)
    page.wait_for_url(f"{hospital.url}/login")


def test_the_keyboard_reaches_everything(page: Page, hospital: Served) -> None:
    hospital.sign_in(page, "eng")
    page.goto(f"{hospital.url}/language/en?next=/incidents")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('href')"))
    assert {"/incidents/1", "/incidents/2", "/incidents/3"} <= reached
