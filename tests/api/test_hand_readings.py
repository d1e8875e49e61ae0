"""Registers read by hand through the form: checked first, stored once, written down with who read them."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from served.world import NOW, World, app_of, sign_in

from meterbook.accounting.ledger import Ledger
from meterbook.books import audit, corrections
from meterbook.domain.correction import Exchange, Exclusion
from meterbook.domain.instant import DAY, HOUR, Instant, parse
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.reading import IntakeFull, NotKept, Reading

URL = "/meters/E-KITCHEN/reading"
POINT = "E-KITCHEN"
HERE = "2026-11-18T10:20"
SEEN = re.compile(r'name="seen" value="([^"]*)"')


@pytest.fixture
def reader(world: World) -> TestClient:
    """An engineer at the portal, in English; the kitchen's meter was read a day ago."""
    return at_the_portal(world)


@pytest.fixture(scope="module")
def looker(shared: World) -> TestClient:
    """The same, for what stores nothing."""
    return at_the_portal(shared)


def at_the_portal(world: World) -> TestClient:
    world.pipeline.deliver("test", [Reading(POINT, NOW - DAY, 5000.5)])
    client = TestClient(app_of(world.rooms), follow_redirects=False, cookies={"meterbook_language": "en"})
    client.csrf = sign_in(client, "eng")  # type: ignore[attr-defined]
    return client


def send(client: TestClient, figure: str, at: str = HERE, url: str = URL, **more: str) -> Any:
    form = {"figure": figure, "at": at, "csrf": client.csrf, **more}  # type: ignore[attr-defined]
    return client.post(url, data=form)


def told(answer: Any) -> str:
    """The words of a page, without its marks."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", answer.text).split()))


def seen(answer: Any) -> str:
    """What a page sends along when what it says is confirmed."""
    found = SEEN.search(answer.text)
    assert found is not None
    return html.unescape(found[1])


def stored(world: World, point: str = POINT, start: Instant = NOW - HOUR) -> list[float]:
    return [float(value) for value in world.rooms.store.read(point, start, NOW + DAY).value]


def audited(world: World) -> list[tuple[str, str, str | None]]:
    with world.rooms.books.read() as connection:
        entries = audit.entries(connection, 100)
    return [(entry.who, entry.subject, entry.detail) for entry in entries if entry.deed == "meter reading"]


def test_the_form_tells_what_one_must_know_at_the_meter(looker: TestClient) -> None:
    page = told(looker.get(URL))
    for words in (
        "Read Kitchen by hand",
        "Ward building, Campus",
        "5 digits before the point, 1 after it",
        "kWh",
        "Multiplier 1",
        "Last figure that counts: 5,000.5 kWh, 17 Nov 2026, 10:20",
        "Asia/Shanghai",
    ):
        assert words in page
    assert f'value="{HERE}"' in looker.get(URL).text
    assert 'inputmode="decimal"' in looker.get(URL).text


def test_a_plausible_figure_is_stored_at_once_and_written_down(world: World, reader: TestClient) -> None:
    answer = send(reader, "5100.3", note="lid was open; see photo")
    assert answer.status_code == 303, told(answer)
    assert stored(world) == [5100.3]
    assert "Stored: 5,100.3 kWh, 18 Nov 2026, 10:20." in told(reader.get(answer.headers["location"]))
    assert audited(world) == [
        ("eng", POINT, "5100.3 kWh at 2026-11-18T10:20:00+08:00; new; lid was open; see photo"),
    ]


def test_sending_the_form_twice_stores_one_reading(world: World, reader: TestClient) -> None:
    first, second = send(reader, "5100.3"), send(reader, "5100.3")
    assert (first.status_code, second.status_code) == (303, 303)
    assert stored(world) == [5100.3]
    assert "Stored before, and nothing has changed: 5,100.3 kWh" in told(reader.get(second.headers["location"]))


def test_another_figure_of_the_same_minute_is_asked_about_and_then_counts(world: World, reader: TestClient) -> None:
    send(reader, "5100.3")
    asked = send(reader, "5100.8")
    assert asked.status_code == 409
    assert "There is a reading of this minute already: 5,100.3 kWh." in told(asked)
    assert stored(world) == [5100.3]
    answer = send(reader, "5100.8", seen=seen(asked))
    assert "It counts in place of another figure, which is kept too." in told(reader.get(answer.headers["location"]))
    assert stored(world) == [5100.8]
    assert [conflict.value for conflict in world.rooms.store.conflicts(POINT, NOW - HOUR, NOW + HOUR)] == [5100.3]
    again = send(reader, "5100.8", seen=seen(asked))
    assert again.headers["location"].endswith("outcome=repeated")


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ("4988.5", "12.0 kWh lower than the reading of 17 Nov 2026, 10:20 (5,000.5 kWh): possibly an exchange"),
        ("5000.0", "0.5 kWh lower than the reading of 17 Nov 2026, 10:20 (5,000.5 kWh). So small a step back"),
        ("9000.5", "it would be 166.7 kWh/h; this meter takes 120.0 kWh/h at most"),
        ("500031", "The register shows figures from 0 to 99,999.9."),
        ("5003.14", "The least digit of the register is 0.1 kWh, and this is finer"),
    ],
)
def test_an_odd_figure_is_repeated_with_what_is_odd_and_stored_when_confirmed(
    world: World, reader: TestClient, figure: str, words: str
) -> None:
    asked = send(reader, figure, note="really")
    assert asked.status_code == 409
    assert words in told(asked)
    assert "is that right?" in told(asked)
    assert stored(world) == []
    assert audited(world) == []
    assert send(reader, figure, note="really", seen=seen(asked)).status_code == 303
    assert stored(world) == [float(figure)]
    assert "confirmed though" in str(audited(world)[0][2])


def test_what_was_confirmed_is_that_very_figure(shared: World, looker: TestClient) -> None:
    asked = send(looker, "4988.5")
    assert send(looker, "4988.4", seen=seen(asked)).status_code == 409
    assert send(looker, "4988.5", "2026-11-18T10:19", seen=seen(asked)).status_code == 409
    assert send(looker, "4988.5", seen="nonsense").status_code == 409
    assert stored(shared) == []


def test_news_between_question_and_confirmation_are_asked_about_too(world: World, reader: TestClient) -> None:
    asked = send(reader, "4988.5")
    world.pipeline.deliver("test", [Reading(POINT, NOW, 5050.0)])
    again = send(reader, "4988.5", seen=seen(asked))
    assert again.status_code == 409
    assert "There is a reading of this minute already" in told(again)


def test_a_register_that_has_passed_its_highest_figure(world: World, reader: TestClient) -> None:
    world.pipeline.deliver("test", [Reading(POINT, NOW - DAY, 99990.0)])
    assert "Perhaps the register has passed 99,999.9" in told(send(reader, "12.5"))


def test_a_figure_above_a_later_one(reader: TestClient) -> None:
    send(reader, "5100.3")
    asked = send(reader, "5200", "2026-11-18T08:00")
    assert "99.7 kWh higher than the later reading of 18 Nov 2026, 10:20 (5,100.3 kWh)" in told(asked)


@pytest.mark.parametrize(
    ("figure", "at", "words"),
    [
        ("", HERE, "is no figure of a register"),
        ("5,100", HERE, "“5,100” is no figure of a register"),
        ("5.100,3", HERE, "is no figure of a register"),
        ("12²", HERE, "“12²” is no figure of a register"),
        ("500③", HERE, "“500③” is no figure of a register"),
        ("½", HERE, "is no figure of a register"),
        ("NaN", HERE, "is no figure of a register"),
        ("1e3", HERE, "is no figure of a register"),
        ("1234567890123456", HERE, "is no figure of a register"),
        ("5100", "", "is no date and time"),
        ("5100", "yesterday", "is no date and time"),
        ("5100", "2026-W47-3T10:10", "is no date and time"),
        ("5100", "2026-11-18", "is no date and time"),
        ("5100", "2026-11-18T10:20:00+08:00", "is no date and time"),
        ("5100", "0001-01-01T00:00", "before the year 2000"),
        ("5100", "1999-12-31T23:59", "before the year 2000"),
        ("5100", "2026-11-18T10:26", "in the future"),
        ("<b>", HERE, "“<b>” is no figure"),
    ],
)
def test_what_cannot_be_a_reading_is_refused_and_the_form_kept(
    shared: World, looker: TestClient, figure: str, at: str, words: str
) -> None:
    answer = send(looker, figure, at, note="my note")
    assert answer.status_code == 422
    assert words in told(answer)
    assert "my note" in answer.text
    assert "<b>”" not in answer.text
    assert stored(shared) == []


@pytest.mark.parametrize("figure", ["5100.3", " 5100.3 ", "05100.3", "５１００．３"])
def test_a_figure_as_people_type_it(world: World, reader: TestClient, figure: str) -> None:
    assert send(reader, figure, "2026-11-18T10:25").status_code == 303
    assert stored(world) == [5100.3]


def test_a_register_that_a_device_reads_too(world: World, reader: TestClient) -> None:
    # As `import` does: the reading of a meter that reads a point stands among the point's.
    point = "b1-water.volume"
    register = stored(world, point, NOW - DAY)[-1]
    url = "/meters/W-B1/reading"
    assert "A device reads this register too" in told(reader.get(url))
    assert send(reader, f"{register + 0.01:.2f}", url=url).status_code == 303
    assert stored(world, point, NOW)[-1] == pytest.approx(register + 0.01)


@pytest.mark.parametrize("meter", ["E-B1-REST", "no-such"])
def test_what_has_no_register_cannot_be_read(looker: TestClient, meter: str) -> None:
    assert looker.get(f"/meters/{meter}/reading").status_code == 404
    assert send(looker, "1", url=f"/meters/{meter}/reading").status_code == 404


@pytest.mark.parametrize(("who", "status"), [("ada", 200), ("eng", 200), ("chen", 403), ("ray", 403), ("clin", 403)])
def test_engineers_read_meters_and_nobody_else(world: World, client: TestClient, who: str, status: int) -> None:
    csrf = sign_in(client, who)
    assert client.get(URL).status_code == status
    assert client.get("/hand-readings").status_code == status
    answer = client.post(URL, data={"figure": "5100", "at": HERE, "csrf": csrf})
    assert answer.status_code == (303 if status == 200 else 403)
    assert stored(world) == ([5100.0] if status == 200 else [])
    assert ("/meters/E-KITCHEN/reading" in client.get("/meters/E-KITCHEN").text) is (status == 200)


def test_a_form_of_another_page_stores_nothing(shared: World, looker: TestClient) -> None:
    assert send(looker, "5100", csrf="").status_code == 403
    assert send(looker, "5100", csrf="x").status_code == 403
    assert stored(shared) == []


@pytest.mark.parametrize("trouble", [IntakeFull("full"), NotKept("disk")])
def test_nothing_is_said_to_be_stored_before_it_is(world: World, reader: TestClient, trouble: Exception) -> None:
    def broken(*_: object) -> None:
        raise trouble

    world.rooms.deliver = broken  # type: ignore[assignment]
    answer = send(reader, "5100.3", note="my note")
    assert answer.status_code == 503
    assert "it is not stored" in told(answer)
    assert "5100.3" in answer.text
    assert "my note" in answer.text
    assert audited(world) == []


@pytest.mark.parametrize("query", ["stored=1", "stored=99999999999999999", f"stored={NOW + DAY}"])
def test_addresses_that_nobody_was_led_to_claim_nothing(looker: TestClient, query: str) -> None:
    page = looker.get(f"{URL}?{query}")
    assert page.status_code == 200
    assert "Stored" not in told(page)


def test_the_round_lists_what_is_read_by_hand(looker: TestClient) -> None:
    page = looker.get("/hand-readings")
    assert "Kitchen E-KITCHEN Ward building, Campus 5,000.5 kWh 17 Nov 2026, 10:20" in told(page)
    assert "E-MAIN" not in page.text
    assert 'href="/hand-readings"' in looker.get("/meters").text


def change(world: World, **kitchen: object) -> None:
    """Another site: the kitchen's meter with other facts, or all of it in Berlin."""
    rooms = world.rooms
    changed = replace(rooms.site.meters[POINT], **kitchen)  # type: ignore[arg-type]
    meters: dict[str, Meter] = {**rooms.site.meters, POINT: changed}
    berlin = replace(rooms.site.calendar, zone=ZoneInfo("Europe/Berlin"))
    other = replace(rooms.site, meters=meters, calendar=rooms.site.calendar if kitchen else berlin)
    rooms.swap(other, Ledger(other, rooms.store))


def test_after_an_exchange_the_new_register_is_asked_for(world: World, reader: TestClient) -> None:
    change(world, installations=(Installation(NOW - HOUR, Decimal("5010"), Decimal("7"), Register()),))
    assert "Last figure that counts: 7 kWh, 18 Nov 2026, 09:20" in told(reader.get(URL))
    assert send(reader, "9.5").status_code == 303


def test_what_was_corrected_counts_as_corrected(world: World, reader: TestClient) -> None:
    exchanged = Exchange(Installation(NOW - HOUR, Decimal("5010"), Decimal("7"), Register(Decimal("9999.99"))), None)
    wrong = Exclusion(NOW - DAY, NOW - DAY + 1)
    with world.rooms.books.write() as connection:
        corrections.add(connection, POINT, wrong, "eng", "another meter's", NOW)
    assert "No figure has been read yet." in told(reader.get(URL))
    with world.rooms.books.write() as connection:
        corrections.add(connection, POINT, exchanged, "eng", "it was exchanged", NOW)
    page = told(reader.get(URL))
    assert "Last figure that counts: 7.00 kWh, 18 Nov 2026, 09:20" in page
    assert "4 digits before the point, 2 after it" in page
    assert send(reader, "9.25").status_code == 303


BERLIN = [
    ("2026-10-25T02:30", "comes twice", ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]),
    ("2026-03-29T02:30", "never comes", ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"]),
]


@pytest.mark.parametrize(("at", "words", "choices"), BERLIN)
def test_where_the_clocks_change_the_writer_chooses(
    world: World, reader: TestClient, at: str, words: str, choices: list[str]
) -> None:
    change(world)
    asked = send(reader, "4000.1", at)
    assert asked.status_code == 422
    assert words in told(asked)
    assert re.findall(r'name="choice" value="([^"]*)"', html.unescape(asked.text)) == choices
    assert send(reader, "4000.1", at, choice="2026-01-01T00:00:00+01:00").status_code == 422
    for figure, choice in zip(("4000.1", "4000.2"), choices, strict=True):
        assert send(reader, figure, at, choice=choice).status_code == 303
        kept = world.rooms.store.read(POINT, parse(choice), parse(choice) + 1)
        assert kept.value.tolist() == [float(figure)]
