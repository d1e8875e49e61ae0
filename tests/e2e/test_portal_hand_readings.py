"""Registers read by hand, on a phone with a thumb and at a desk with a keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect
from served.server import Served
from served.world import NOW

from meterbook.accounting.ledger import Ledger
from meterbook.domain.instant import DAY, parse
from meterbook.domain.reading import Reading

PHONE = {"width": 390, "height": 844}
PATH = "/meters/E-KITCHEN/reading"


@pytest.fixture
def kitchen(hospital: Served) -> Served:
    """The hospital whose kitchen was read a day ago."""
    hospital.world.pipeline.deliver("test", [Reading("E-KITCHEN", NOW - DAY, 5000.5)])
    return hospital


@pytest.fixture
def phone(browser: Browser, kitchen: Served) -> Iterator[Page]:
    """An engineer's phone, without JavaScript."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, java_script_enabled=False)
    page = context.new_page()
    kitchen.sign_in(page, "eng")
    page.goto(f"{kitchen.url}/language/en?next=/meters")
    yield page
    context.close()


@pytest.fixture
def desk(browser: Browser, kitchen: Served) -> Iterator[Page]:
    """An engineer's desk; the browser's policy stays silent."""
    context = browser.new_context(viewport={"width": 1280, "height": 850})
    page = context.new_page()
    blocked: list[str] = []
    page.on("console", lambda said: blocked.append(said.text) if "Content Security Policy" in said.text else None)
    kitchen.sign_in(page, "eng")
    yield page
    context.close()
    assert not blocked


def stored(kitchen: Served) -> list[float]:
    return [float(value) for value in kitchen.world.rooms.store.read("E-KITCHEN", NOW - 1, NOW + DAY).value]


def test_a_round_on_a_phone_without_javascript(phone: Page, kitchen: Served) -> None:
    phone.get_by_role("link", name="Meters read by hand").click()
    phone.get_by_role("link", name="Kitchen").click()
    figure = phone.get_by_label("Figure in kWh")
    expect(figure).to_have_attribute("inputmode", "decimal")
    expect(phone.get_by_text("Last figure that counts: 5,000.5 kWh")).to_be_visible()
    expect(phone.get_by_label("Local date and time (Asia/Shanghai)")).to_have_value("2026-11-18T10:20")
    figure.fill("4988.5")
    phone.get_by_label("Note").fill("new meter?")
    phone.get_by_role("button", name="Check and store").click()
    expect(phone.get_by_role("alert")).to_contain_text("12.0 kWh lower than the reading of 17 Nov 2026, 10:20")
    assert stored(kitchen) == []
    expect(phone.get_by_label("Note")).to_have_value("new meter?")
    phone.get_by_role("button", name="It is right: store it").click()
    expect(phone.get_by_role("status").filter(has_text="Stored: 4,988.5 kWh")).to_be_visible()
    assert stored(kitchen) == [4988.5]


def test_at_a_desk_with_the_keyboard_alone(desk: Page, kitchen: Served) -> None:
    desk.goto(f"{kitchen.url}/language/en?next={PATH}")
    desk.get_by_label("Figure in kWh").focus()
    desk.keyboard.type("9000.5")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("alert")).to_contain_text("it would be 166.7 kWh/h")
    desk.get_by_label("Figure in kWh").fill("5090.5")
    desk.keyboard.press("Enter")
    expect(desk.locator(".done")).to_have_text("Stored: 5,090.5 kWh, 18 Nov 2026, 10:20.")
    assert stored(kitchen) == [5090.5], "Enter checks again, it does not confirm"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_step_scrolls_sideways(browser: Browser, kitchen: Served, language: str) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    kitchen.sign_in(page, "eng")
    page.goto(f"{kitchen.url}/language/{language}?next={PATH}")
    for figure, shown in (("4988.55", ".question"), ("5,100", ".refusal"), ("5100.3", ".done")):
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.locator("#figure").fill(figure)
        page.locator("button.primary").click()
        expect(page.locator(shown)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    context.close()


def test_an_hour_that_comes_twice_is_chosen(desk: Page, kitchen: Served) -> None:
    rooms = kitchen.world.rooms
    berlin = replace(rooms.site, calendar=replace(rooms.site.calendar, zone=ZoneInfo("Europe/Berlin")))
    rooms.swap(berlin, Ledger(berlin, rooms.store))
    desk.goto(f"{kitchen.url}/language/en?next={PATH}")
    desk.get_by_label("Figure in kWh").fill("4000.1")
    desk.get_by_label("Local date and time (Europe/Berlin)").fill("2026-10-25T02:30")
    desk.get_by_role("button", name="Check and store").click()
    expect(desk.get_by_role("alert")).to_contain_text("2026-10-25 02:30 comes twice")
    desk.get_by_role("radio", name="UTC+01:00").check()
    desk.get_by_role("button", name="Check and store").click()
    expect(desk.locator(".done")).to_contain_text("Stored: 4,000.1 kWh, 25 Oct 2026, 02:30")
    chosen = parse("2026-10-25T02:30:00+01:00")
    assert rooms.store.read("E-KITCHEN", chosen, chosen + 1).value.tolist() == [4000.1]
