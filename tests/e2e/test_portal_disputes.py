"""A department contests a line, an engineer answers, the department sees it: by phone and desk, in both tongues."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from served.server import Served
from served.world import MONTH

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 850}
WORDS = {
    "en": {
        "wrong": "What is wrong with it?",
        "contest": "Contest this line",
        "waiting": "waits for its answer",
        "rejected": "rejected",
        "reply": "Answer to the department",
        "answer": "Answer",
        "accounts": "Accounts",
        "disputes": "Disputes",
    },
    "zh": {
        "wrong": "哪里不对？",
        "contest": "对这条明细提出异议",
        "waiting": "待答复",
        "rejected": "已驳回",
        "reply": "给部门的答复",
        "answer": "答复",
        "accounts": "结算",
        "disputes": "异议",
    },
}

OWN = [
    f"/departments/radiology/statement?month={MONTH}",
    f"/departments/radiology/score?month={MONTH}",
    "/disputes?show=all",
    "/disputes/1",
]
ALL = ["/disputes?show=all", "/accounting", f"/accounting/{MONTH}", "/accounting/quotas", "/accounting/scores"]

Open = Callable[[str, str, bool], Page]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about."""
    return []


@pytest.fixture
def opened(browser: Browser, hospital: Served, complaints: list[str]) -> Iterator[Open]:
    """Opens a browser of its own for somebody who is signed in."""
    contexts = []

    def open_(who: str, language: str, phone: bool) -> Page:
        context = browser.new_context(viewport=PHONE if phone else DESK, has_touch=phone, is_mobile=phone)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
        hospital.sign_in(page, who)
        page.goto(f"{hospital.url}/language/{language}?next=/departments")
        return page

    yield open_
    for context in contexts:
        context.close()


def wide(page: Page) -> bool:
    """Whether a page scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize(
    ("ours", "theirs", "on_phone"), [("en", "zh", True), ("zh", "en", False)], ids=["phone-en", "desk-zh"]
)
def test_a_department_contests_and_sees_the_answer(
    opened: Open, hospital: Served, complaints: list[str], ours: str, theirs: str, on_phone: bool
) -> None:
    said = WORDS[ours]
    head = opened("ray", ours, on_phone)
    head.goto(f"{hospital.url}/departments/radiology/statement?month={MONTH}")
    head.locator(".lines a[href^='/statement-lines/']").first.click()
    expect(head.locator(".registers").first).to_be_visible()
    assert not wide(head)
    head.get_by_label(said["wrong"]).fill("the scanner stood still")
    head.keyboard.press("Tab")
    expect(head.get_by_role("button", name=said["contest"])).to_be_focused()
    head.keyboard.press("Enter")
    expect(head.locator(".heading .dispute-open")).to_have_text(said["waiting"])
    assert head.get_by_role("radio").count() == 0

    heard = WORDS[theirs]
    engineer = opened("eng", theirs, not on_phone)
    engineer.get_by_role("link", name=heard["accounts"]).click()
    engineer.get_by_role("navigation", name=heard["accounts"]).get_by_role("link", name=heard["disputes"]).click()
    engineer.get_by_text("the scanner stood still").click()
    engineer.get_by_role("radio", name=heard["rejected"]).check()
    engineer.get_by_label(heard["reply"]).fill("it ran from Monday on")
    engineer.get_by_role("button", name=heard["answer"]).click()
    expect(engineer.locator(".heading .dispute-rejection")).to_have_text(heard["rejected"])

    head.reload()
    expect(head.locator(".heading .dispute-rejection")).to_have_text(said["rejected"])
    expect(head.locator(".history")).to_contain_text("it ran from Monday on")
    phone, paths = (head, OWN) if on_phone else (engineer, ALL)
    sideways = []
    for path in paths:
        phone.goto(hospital.url + path)
        sideways += [path] if wide(phone) else []
    assert not sideways
    assert not complaints
