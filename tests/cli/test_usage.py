"""Wrong usage is told in the language of the site or of `--language`, with exit code 2 and without a traceback."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from shutil import copytree

import pytest
from house.sources import ROOT, modules
from typer.testing import CliRunner

from meterbook.cli import app
from meterbook.cli.usage import in_words
from meterbook.i18n import translator

SITE = ROOT / "tests/site/hospital"
CHINESE = re.compile(r"[一-鿿]")


def told(*typed: str) -> list[str]:
    """What stands on stderr, line by line."""
    done = CliRunner().invoke(app, list(typed), env={"COLUMNS": "500", "TERM": "dumb"})
    assert done.exit_code == 2, done.output
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("typed", "chinese"),
    [
        ("close SITE 2026-10", "错误：缺少选项 '--by'。"),
        ("close SITE", "错误：缺少参数 'MONTH'。"),
        ("close SITE 2026-10 --by wang extra", "错误：多余的参数（extra）"),
        ("close SITE 2026-10 --bye wang", "错误：没有选项 --bye（是否指 --by）"),
        ("close SITE 2026-10 --by", "错误：选项 '--by' 需要一个值。"),
        ("close SITE 2026-13 --by wang", "错误：2026-13 不是月份；例如 2026-10"),
        ("close SITE 2026-10 --by wang --now noon", "错误：--now noon 不是时刻；请写成 2026-11-02T08:00:00+08:00"),
        ("explain SITE x --format csv", "错误：'--format' 的值无效：'csv' 不在可选范围内：'text', 'json'。"),
        ("quota SITE", "错误：缺少子命令。"),
        ("quota SITE aprove 3 --by wang", "错误：没有命令 'aprove'，是否指 'approve'？"),
        ("quota SITE approve three --by wang", "错误：'ID' 的值无效：应为整数"),
        ("quota SITE approve 0 --by wang", "错误：'ID' 的值无效：应不小于 1"),
        ("doctor SITE --fix=3", "错误：选项 '--fix' 不带值。"),
        ("run SITE --only wait", "错误：--only wait：应为其中之一：alerts, api, collect"),
        ("score SITE 2026-Q5", "错误：值无效：'2026-Q5' 不是季度；例如 2026-Q3"),
        ("explain nowhere x --language zh", "错误：'SITE' 的值无效：目录 'nowhere' 不存在。"),
    ],
)  # fmt: skip
def test_in_chinese(typed: str, chinese: str) -> None:
    lines = told(*(str(SITE) if word == "SITE" else word for word in typed.split()))
    assert lines[-1] == chinese
    assert len(lines) == 1 or (lines[0][:3], lines[1][:3]) == ("用法：", "帮助：")


def test_in_english_where_the_site_speaks_it_or_there_is_none(tmp_path: Path) -> None:
    site = copytree(SITE, tmp_path / "site")
    file = site / "site.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("language: zh", "language: en"), encoding="utf-8")
    wanted = ["Error: Missing option '--by'."]
    assert told("close", str(site), "2026-10")[-1:] == wanted
    assert told("close", str(SITE), "2026-10", "--language", "en")[-1:] == wanted
    assert told("close", str(SITE), "2026-10", "--language=en")[-1:] == wanted
    assert told("close", str(site), "2026-10", "--language", "zh")[-1] == "错误：缺少选项 '--by'。"
    assert told("close")[-1] == "Error: Missing argument 'SITE'."


@pytest.mark.parametrize("content", [None, "site: [", "- 1", "site: 3", b"\xff\xfe\x00"])
def test_a_site_that_cannot_be_read_leaves_the_sentence(tmp_path: Path, content: str | bytes | None) -> None:
    if content is not None:
        (tmp_path / "site.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert told("close", str(tmp_path), "2026-10")[-1] in ("Error: Missing option '--by'.", "错误：缺少选项 '--by'。")


def test_what_is_not_known_stays_as_it_is() -> None:
    chinese = translator("zh")
    assert in_words("Something typer never said before.", chinese) == "Something typer never said before."
    assert in_words("Invalid value for '--by': never said before", chinese) == "'--by' 的值无效：never said before"
    assert in_words("Missing option '--role'. Choose from:\n\tadmin,\n\tcrew", chinese) == (
        "缺少选项 '--role'，可选：admin, crew"
    )


def test_our_commands_refuse_with_sentences_that_are_marked() -> None:
    """A plain BadParameter with a sentence of its own would stay English; it may pass on what another room said."""
    plain = []
    for path in modules().values():
        if path.parts[:2] == ("meterbook", "cli"):
            for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.BadParameter":
                    parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                    if any(re.search(r"[a-z]{2,} [a-z]{2,}", str(part)) for part in parts):
                        plain.append(f"{path}:{node.lineno}")
    assert not plain, f"raise meterbook.cli.usage.Wrong with a marked sentence: {plain}"
