"""Statements as files over HTTP: what they hold, what they are called, and who sees whose."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from openpyxl import load_workbook
from pypdf import PdfReader
from served.world import MONTH, World, app_of

from meterbook.settings import Reports

V1 = "/api/v1"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def get(world: World, path: str, who: str = "eng", status: int = 200) -> Response:
    answer = TestClient(app_of(world.rooms)).get(f"{V1}{path}", headers=world.bearer(who))
    assert answer.status_code == status, answer.text
    return answer


def rows(answer: Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def name(answer: Response) -> tuple[str, str]:
    """What a file is called for those who read no UTF-8, and for everybody else."""
    found = re.fullmatch(
        r"attachment; filename=\"([!-~]+)\"; filename\*=UTF-8''([!-~]+)", answer.headers["content-disposition"]
    )
    assert found
    return found[1], unquote(found[2])


def test_a_department_as_workbook_pdf_and_csv(shared: World) -> None:
    said = get(shared, f"/statements/{MONTH}/radiology").json()
    workbook = get(shared, f"/statements/{MONTH}/radiology.xlsx", "ray")
    assert workbook.headers["content-type"] == XLSX
    assert name(workbook) == ("statement-2026-11-radiology.xlsx", "2026-11 放射科 能源费用结算单.xlsx")
    (sheet,) = load_workbook(io.BytesIO(workbook.content)).worksheets
    assert sheet.title == "放射科"
    ids = [row[14] for row in sheet.iter_rows(min_row=4, values_only=True) if row[14]]
    assert ids == [line["id"] for line in said["lines"]]
    pdf = get(shared, f"/statements/{MONTH}/radiology.pdf?language=en", "ray")
    assert pdf.headers["content-type"] == "application/pdf"
    assert name(pdf) == ("statement-2026-11-radiology.pdf", "2026-11 Radiology Utility statement.pdf")
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf.content)).pages)
    assert f"{Decimal(said['total']):,}" in text
    assert said["hash"] in text
    lines = get(shared, f"/statements/{MONTH}/radiology.csv?language=en", "ray")
    assert lines.headers["content-type"] == "text/csv; charset=utf-8"
    assert [row["id"] for row in rows(lines)] == ids


def test_a_month_as_one_file(shared: World) -> None:
    workbook = get(shared, f"/statements/{MONTH}.xlsx")
    assert name(workbook)[0] == "statement-2026-11.xlsx"
    parties = [one["department"] for one in get(shared, f"/statements/{MONTH}").json()["items"]]
    book = load_workbook(io.BytesIO(workbook.content))
    assert book.sheetnames[0] == "汇总"
    assert len(book.sheetnames) == 1 + len(parties)
    pages = PdfReader(io.BytesIO(get(shared, f"/statements/{MONTH}.pdf").content)).pages
    assert "能源费用汇总表" in pages[0].extract_text()
    assert {row["部门"] for row in rows(get(shared, f"/statements/{MONTH}.csv"))} == set(parties)


def test_the_ledger_adds_up_to_the_sites_charge(shared: World) -> None:
    answer = get(shared, f"/ledger/{MONTH}.csv?language=en")
    assert name(answer) == ("ledger-2026-11.csv", "2026-11 Ledger.csv")
    total = sum(Decimal(one["total"]) for one in get(shared, f"/statements/{MONTH}").json()["items"])
    assert sum(Decimal(row["amount"]) for row in rows(answer)) == total


@pytest.mark.parametrize("path", [f"/statements/{MONTH}.csv", f"/ledger/{MONTH}.csv"])
def test_a_department_finds_its_own_rows_only(shared: World, path: str) -> None:
    def seen(who: str) -> set[str]:
        return {row["department"] for row in rows(get(shared, f"{path}?language=en", who))}

    assert seen("ray") == {"radiology"}
    assert seen("clin") <= {"clinical", "laboratory", "outpatient", "radiology", "wards"}
    assert "unallocated" in seen("eng")


def test_a_workbook_of_a_month_names_no_other_department(shared: World) -> None:
    content = get(shared, f"/statements/{MONTH}.xlsx?language=en", "ray").content
    assert load_workbook(io.BytesIO(content)).sheetnames == ["Radiology"]
    text = "".join(
        page.extract_text()
        for page in PdfReader(io.BytesIO(get(shared, f"/statements/{MONTH}.pdf", "ray").content)).pages
    )
    assert "住院部" not in text


@pytest.mark.parametrize("ending", ["csv", "pdf"])
def test_what_is_not_there_or_not_asked_for_rightly(shared: World, ending: str) -> None:
    get(shared, f"/statements/{MONTH}/wards.{ending}", "ray", 404)
    get(shared, f"/statements/{MONTH}/unallocated.{ending}", "ray", 404)
    get(shared, f"/statements/{MONTH}/unallocated.{ending}", "eng")
    get(shared, f"/statements/2026-13.{ending}", "eng", 422)
    get(shared, f"/statements/{MONTH}.{ending}?language=fr", "eng", 422)
    get(shared, f"/statements/{MONTH}.{ending}", "chen", 403)
    assert TestClient(app_of(shared.rooms)).get(f"{V1}/statements/{MONTH}.{ending}").status_code == 401


def test_without_a_font_a_pdf_is_answered_with_the_package_to_install(world: World, tmp_path: Path) -> None:
    reports = Reports(font=str(tmp_path / "house.ttf"))
    world.rooms.settings = world.rooms.settings.model_copy(update={"reports": reports})
    answer = get(world, f"/statements/{MONTH}/radiology.pdf", status=503)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "house.ttf, which is not there" in answer.json()["detail"]
    get(world, f"/statements/{MONTH}/radiology.xlsx")


def test_accounts_come_from_the_settings(world: World) -> None:
    reports = Reports(accounts={"electricity": "5001.21"})
    world.rooms.settings = world.rooms.settings.model_copy(update={"reports": reports})
    found = {(row["utility"], row["account"]) for row in rows(get(world, f"/ledger/{MONTH}.csv?language=en"))}
    assert ("electricity", "5001.21") in found
    assert all(account == "5001.21" or account.startswith("water.") for _, account in found)


def test_pages_lead_to_the_files(shared: World) -> None:
    client = TestClient(app_of(shared.rooms), cookies={"meterbook_language": "en"})
    for page, expected in (
        ("/departments/radiology", [f"/statements/{MONTH}/radiology.{one}" for one in ("xlsx", "pdf", "csv")]),
        ("/departments", [*(f"/statements/{MONTH}.{one}" for one in ("xlsx", "pdf", "csv")), f"/ledger/{MONTH}.csv"]),
    ):
        text = client.get(page, headers=shared.bearer("eng")).text
        links = re.findall(r'href="(/api/v1[^"]*\.(?:csv|xlsx|pdf)[^"]*)"', text)
        assert links == [f"{V1}{path}?language=en" for path in expected]
    assert client.get(links[0], headers=shared.bearer("eng")).status_code == 200
