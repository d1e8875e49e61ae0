"""`meterbook dispute`: from a contested line to the adjustment that comes of a correction, with the commands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli.test_close import DECEMBER, LATE
from cli.test_close import Desk as Clerk


class Desk(Clerk):
    """A closed October of 100 m3, and `meterbook dispute` of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(LATE, folder)
        self("close", "2026-10", "--by", "wang")
        (self.line, *_) = self.json("statement", "2026-10", "--department", "a")["lines"]

    def say(self, *arguments: str, code: int = 0) -> str:
        return " ".join(self("dispute", *arguments, code=code, now=DECEMBER).split())

    def tell(self, *arguments: str) -> Any:
        return self.json("dispute", *arguments, now=DECEMBER)

    def open(self) -> Any:
        return self.tell("open", self.line["id"], "--by", "head of a", "--comment", " we were away ")

    def correct(self) -> None:
        span = ("--from", "2026-10-10", "--to", "2026-10-11")
        self(
            "correct",
            "estimate",
            "--meter",
            "W",
            *span,
            "--quantity",
            "0",
            "--by",
            "wang",
            "--reason",
            "away",
            now=DECEMBER,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One in whose books nobody writes."""
    return Desk(tmp_path_factory.mktemp("quiet"))


def test_a_correction_mends_what_was_contested(desk: Desk) -> None:
    opened = desk.open()
    assert (opened["author"], opened["comment"], opened["contested"]) == ("head of a", "we were away", desk.line)
    assert (opened["state"], opened["answer"], opened["at"][:16]) == ("closed", None, DECEMBER[:16])
    told = ("answer", "1", "--outcome", "adjustment", "--by", "wang", "--comment", "so it was", "--correction", "1")
    assert "there is no correction 1" in desk.say(*told, code=2)
    desk.correct()
    answered = desk.tell(*told)
    (adjusted,) = answered["adjustments"]
    assert (adjusted["month"], adjusted["own"]) == ("2026-11", True)
    assert float(adjusted["line"]["charge"]) < 0
    assert desk.tell("show", "1") == answered
    (explained,) = desk.json("explain", desk.line["id"], now=DECEMBER)["disputes"]
    assert explained == answered
    text = desk("explain", adjusted["line"]["id"], now=DECEMBER)
    assert f"异议 1（{desk.line['id']}，head of a 提出）：由 wang 同意调整" in text
    shown = desk.say("show", "1")
    assert "wang 于 2026-12-02T08:00" in shown
    assert "更正 1（W，wang）：away" in shown
    assert "2026-11 调整：water adjustment energy" in shown


def test_what_mends_nothing_is_no_adjustment(desk: Desk) -> None:
    desk.open()
    told = ("answer", "1", "--by", "wang", "--comment", "no")
    unmended = desk.say(*told, "--outcome", "adjustment", "--change", "allocations.yaml", code=1)
    assert "no adjustment has come of it" in unmended
    assert "somebody else must answer it" in desk.say(
        "answer", "1", "--by", "Head of A", "--comment", "no", "--outcome", "rejection", code=1
    )
    assert "--change: a rejection mends nothing" in desk.say(*told, "--outcome", "rejection", "--change", "x", code=2)
    assert "wang 于" in desk.say(*told, "--outcome", "rejection")
    assert "answered by wang already" in desk.say(*told, "--outcome", "rejection", code=1)


def test_they_are_listed(desk: Desk) -> None:
    desk.open()
    assert desk.tell("list", "--state", "answered") == []
    (listed,) = desk.tell("list", "--state", "open", "--department", "a", "--month", "2026-10")
    assert listed == {name: value for name, value in desk.tell("show", "1").items() if name in listed}
    assert "we were away" in desk.say("list")
    assert "contests" in desk.say("open", desk.line["id"], "--by", "b", "--comment", "x", code=1)


@pytest.mark.parametrize(
    ("typed", "code", "reason"),
    [
        (("open", "2026-10:a:000000000000", "--by", "b", "--comment", "x"), 1, "there is no statement line"),
        (("open", "x", "--by", " ", "--comment", "x"), 2, "--by"),
        (("show", "7"), 2, "没有异议 7；"),
        (("list", "--department", "aa"), 2, "没有部门 aa；是否指其中之一：a？"),
        (("list", "--month", "2026-13"), 2, "2026-13"),
        (("answer", "7", "--outcome", "payment", "--by", "w", "--comment", "x"), 2, "payment"),
    ],
)
def test_refusals_name_what_was_wrong(quiet: Desk, typed: tuple[str, ...], code: int, reason: str) -> None:
    assert reason in quiet.say(*typed, code=code)


def test_disputes_speak_english_too(desk: Desk) -> None:
    path = desk.site / "site.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("currency: CNY", "currency: CNY\n  language: en"), encoding="utf-8")
    desk.open()
    assert "waits for its answer" in desk.say("show", "1")
    assert "contested by" in desk.say("list")
