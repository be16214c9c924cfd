"""Drawings are text: what they show is where its number says, and nothing in them can break out."""

from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from sql import figures

DAYS = [date(2026, 11, 1) + timedelta(days=n) for n in range(3)]
SVG = "{http://www.w3.org/2000/svg}"


def texts(drawing: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def rects(drawing: str) -> list[dict[str, str]]:
    return [rect.attrib for rect in ElementTree.fromstring(drawing).iter(f"{SVG}rect")]


@pytest.mark.parametrize(("value", "top"), [(0, 4), (4, 4), (5, 5), (11, 20), (21, 25), (26, 40), (999, 1000)])
def test_a_scale_ends_at_a_round_number(value: float, top: float) -> None:
    assert figures.ceiling(value) == top


def test_a_line_goes_up_where_its_numbers_do() -> None:
    drawing = figures.lines(DAYS, {"day": [1, 2, 4]})

    points = ElementTree.fromstring(drawing).find(f"{SVG}polyline")
    assert points is not None
    heights = [float(point.split(",")[1]) for point in points.attrib["points"].split()]
    assert heights == sorted(heights, reverse=True)
    assert "day" in texts(drawing)
    assert "3 Nov" in texts(drawing)


def test_names_of_lines_that_end_together_stand_apart() -> None:
    drawing = figures.lines(DAYS, {"one": [4, 4, 4], "other": [4, 4, 4]})

    places = [
        float(text.attrib["y"])
        for text in ElementTree.fromstring(drawing).iter(f"{SVG}text")
        if text.text in ("one", "other")
    ]
    assert abs(places[0] - places[1]) >= figures.LABEL_APART


def test_columns_stand_upon_each_other() -> None:
    first, second = rects(figures.columns(DAYS[:1], {"events": [3], "facts": [1]}))

    assert float(second["y"]) + float(second["height"]) == pytest.approx(float(first["y"]), abs=0.2)
    assert float(first["height"]) == pytest.approx(3 * float(second["height"]), abs=0.5)


def test_a_heat_map_says_each_share_and_leaves_out_what_is_not_there() -> None:
    drawing = figures.heat(["a", "b"], ["0", "1"], {(0, 0): 1.0, (0, 1): 0.25, (1, 0): 0.0}, percent=True)

    assert len(rects(drawing)) == 3
    assert [text for text in texts(drawing) if text in ("100", "25", "0")] == ["0", "100", "25", "0"]
    assert len({rect["fill"] for rect in rects(drawing)}) == 3


def test_a_bar_is_as_long_as_its_number() -> None:
    whole, half = rects(figures.bars(["a", "b"], [10, 5], ["", ""]))

    assert float(whole["width"]) == pytest.approx(2 * float(half["width"]), abs=0.2)


@pytest.mark.parametrize(
    "drawing",
    [
        figures.lines([], {}),
        figures.lines(DAYS[:1], {"day": [0]}),
        figures.columns([], {}),
        figures.heat([], [], {}, percent=False),
        figures.bars([], [], []),
        figures.bars(["nobody"], [0], [""]),
    ],
)
def test_nothing_to_show_is_a_drawing_too(drawing: str) -> None:
    assert ElementTree.fromstring(drawing).tag == f"{SVG}svg"


def test_a_name_cannot_break_out() -> None:
    assert "<b>" in texts(figures.bars(["<b>"], [1], [""]))
