"""Goal: who won, and who was in flight with whom, can be seen. Method: three requests, as text and as SVG."""

from typing import Any
from xml.etree import ElementTree as ET

from reports.documents.standalone_picture import LANE_WIDTH, draw_lanes, draw_svg, sort_lanes

RECORDS: list[dict[str, Any]] = [
    {"id": "#0", "outcome": "conflict", "status": 409, "invoked_ns": 0, "returned_ns": 500_000},
    {"id": "#1", "outcome": "won", "status": 200, "invoked_ns": 20_000, "returned_ns": 1_000_000},
    {"id": "#2", "outcome": "unknown", "status": None, "invoked_ns": 0, "returned_ns": None},
    {"id": "#3", "outcome": "won", "status": 200, "invoked_ns": 10_000, "returned_ns": 900_000},
]


def test_winners_come_first_and_what_was_never_answered_last() -> None:
    assert [each["id"] for each in sort_lanes(RECORDS)] == ["#3", "#1", "#0", "#2"]


def test_a_lane_is_as_long_as_its_request() -> None:
    head, *lanes = draw_lanes(RECORDS).splitlines()
    assert head.split() == ["0", "1", "ms"]
    bars = {lane[:2]: lane[4 : 4 + LANE_WIDTH].rstrip() for lane in lanes}
    assert bars["#0"] == f"|{'-' * 26}|"
    assert bars["#1"].lstrip() == f"|{'#' * 53}|"
    assert bars["#2"] == f"|{'?' * 54}?"
    assert [lane[4 + LANE_WIDTH :].strip() for lane in lanes] == [
        "WON 200",
        "WON 200",
        "conflict 409",
        "unknown: no answer",
    ]


def test_requests_without_any_length_are_drawn() -> None:
    same = [{**RECORDS[0], "invoked_ns": 5, "returned_ns": 5}, {**RECORDS[2], "invoked_ns": 5}]
    assert len(draw_lanes(same).splitlines()) == 3
    ET.fromstring(draw_svg(same, "title"))  # noqa: S314 - our own text


def test_of_several_winners_none_is_green() -> None:
    assert "#1a7340" not in draw_svg(RECORDS, "title")
    assert draw_svg(RECORDS[:3], "title").count("#1a7340") == 3


def test_a_long_title_is_whole() -> None:
    title = " ".join(f"word{number}" for number in range(40))
    root = ET.fromstring(draw_svg(RECORDS, title))  # noqa: S314 - our own text
    texts = [each for each in root.iter("{http://www.w3.org/2000/svg}text") if "word" in (each.text or "")]
    assert " ".join(each.text or "" for each in texts) == title
    heights = [int(each.attrib["y"]) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert heights == sorted(heights), "no line of the title lies on a request"


def test_the_picture_is_one_file_that_loads_nothing() -> None:
    text = draw_svg(RECORDS, 'POST /<script>&"')
    root = ET.fromstring(text)  # noqa: S314 - our own text
    space = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{space}title") == 'POST /<script>&"'
    assert len(root.findall(f"{space}rect")) == 1 + len(RECORDS)
    assert "href" not in text
