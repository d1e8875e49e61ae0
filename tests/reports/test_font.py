"""Which font is embedded, and what is said where there is none that can be."""

from __future__ import annotations

from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont

from meterbook.i18n import translator
from meterbook.reports.font import Face, NoFont, find

CHINESE = "0电水费合计"


def font(family: str, letters: str) -> TTFont:
    """A font with a square for each letter."""
    pen = TTGlyphPen(None)
    for point, draw in (((0, 0), pen.moveTo), ((0, 500), pen.lineTo), ((500, 500), pen.lineTo)):
        draw(point)
    pen.closePath()
    names = [".notdef", *(f"u{ord(letter):04x}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"u{ord(letter):04x}" for letter in letters})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    return builder.font


def places(home: Path, *shared: Path) -> dict[str, str]:
    return {"HOME": str(home), "XDG_DATA_DIRS": ":".join(str(place) for place in shared)}


def put(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    font("Any", CHINESE).save(folder / name)
    return folder / name


def test_the_preferred_one_is_taken_wherever_it_lies(tmp_path: Path) -> None:
    put(tmp_path / "share/fonts/truetype/wqy", "wqy-zenhei.ttf")
    put(tmp_path / "share/fonts/truetype/latin", "DejaVuSans.ttf")
    own = put(tmp_path / "home/.local/share/fonts", "NotoSansSC-Regular.ttf")
    environment = places(tmp_path / "home", tmp_path / "share")
    put(tmp_path / "share/fonts", "NotoSansSC-Regular.ttf")
    assert find(None, environment) == Face(own, 0), "one's own comes before what all share"
    own.unlink()
    assert find(None, environment).file == tmp_path / "share/fonts/NotoSansSC-Regular.ttf"
    (tmp_path / "share/fonts/NotoSansSC-Regular.ttf").unlink()
    with pytest.raises(NoFont):
        find(None, environment)


def test_without_one_the_packages_are_named(tmp_path: Path) -> None:
    with pytest.raises(NoFont) as told:
        find(None, places(tmp_path / "home", tmp_path / "share"))
    for language, words in (("en", "install the package"), ("zh", "请安装软件包")):
        sentence = told.value.told(translator(language))  # type: ignore[arg-type]
        assert words in sentence
        assert "fonts-wqy-microhei" in sentence
        assert "fonts-noto-cjk" in sentence
        assert "`reports.font`" in sentence
        assert str(tmp_path / "share/fonts") in sentence


def test_of_a_collection_the_simplified_chinese_face_is_taken(tmp_path: Path) -> None:
    for families, number in ((("Noto Sans CJK JP", "Noto Sans CJK SC"), 1), (("WenQuanYi", "WenQuanYi Mono"), 0)):
        collection = TTCollection()
        collection.fonts = [font(family, CHINESE) for family in families]
        collection.save(tmp_path / "some.ttc")
        assert find(str(tmp_path / "some.ttc"), {}) == Face(tmp_path / "some.ttc", number)


def test_a_font_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoFont, match="which is not there"):
        find(str(tmp_path / "some.ttf"), {})


@pytest.mark.parametrize("ending", ["ttf", "otf", "ttc"])
@pytest.mark.parametrize("content", [b"", b"no font", b"\0\1\0\0\0\x0cnot quite one", b"ttcf\0\1\0\0\0\0\0\1"])
def test_a_file_that_is_no_font(tmp_path: Path, ending: str, content: bytes) -> None:
    file = tmp_path / f"some.{ending}"
    file.write_bytes(content)
    with pytest.raises(NoFont, match="cannot be embedded") as told:
        find(str(file), {})
    assert str(file) in str(told.value)


def test_a_font_cut_short(tmp_path: Path) -> None:
    whole = put(tmp_path, "whole.ttf").read_bytes()
    file = tmp_path / "cut.ttf"
    for length in range(4, len(whole), 97):
        file.write_bytes(whole[:length])
        with pytest.raises(NoFont):
            find(str(file), {})


def test_a_font_without_chinese(tmp_path: Path) -> None:
    file = tmp_path / "latin.ttf"
    font("Latin", "0abc").save(file)
    with pytest.raises(NoFont, match="has no Chinese letters"):
        find(str(file), {})
