"""Goal: every document tells the same verdict, and shows whatever an engine answered as text.

Method: a judgement whose texts are markup, control characters and very long.
"""

from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from reports.junit import render_junit
from reports.page import render_page
from reports.summary import BYTES_MAX, render_summary
from reports.verdict import CheckResult, Finding, Judgement, Verdict

HOSTILE = "</pre><script>alert('x')</script> | `tick` ``` *bold* [link](javascript:x) \x00\x1b\ufffe ü"
FACTS: dict[str, Any] = {"name": HOSTILE, "command": f"onewinner gate {HOSTILE}", "target": HOSTILE, "seed": 1}


def build(verdict: Verdict, text: str = HOSTILE) -> Judgement:
    finding = Finding("audit", verdict, text, f"{text}\n\n{text}", ("a",), text, None, text)
    checks = (
        CheckResult("audit", verdict, text, 3, "trails", (finding,), 1),
        CheckResult("effects", None, text),
        CheckResult("legality", Verdict.PASS, "", 1, "transitions"),
    )
    return Judgement(verdict, text, checks, {"operations": 3})


class Tags(HTMLParser):
    """Collects the tags of a page and the addresses in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


@pytest.mark.parametrize("verdict", Verdict)
def test_the_page_shows_markup_as_text(verdict: Verdict) -> None:
    page = render_page(FACTS, build(verdict))
    tags = Tags(page)
    assert "script" not in tags.tags
    assert tags.addresses == []
    assert "&lt;script&gt;" in page
    assert f'class="kicker">{verdict}' in page


@pytest.mark.parametrize("verdict", Verdict)
def test_junit_is_xml_and_counts_right(verdict: Verdict) -> None:
    (suite,) = ET.fromstring(render_junit(FACTS, build(verdict)))  # noqa: S314 - our own text
    failed, unknown = verdict is Verdict.FAIL, verdict is Verdict.UNKNOWN
    counted = {name: int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": 3, "failures": int(failed), "errors": int(unknown), "skipped": 1}
    assert len(list(suite.iter("failure"))) == failed
    assert len(list(suite.iter("error"))) == unknown


def test_junit_turns_red_when_the_run_as_a_whole_is_unknown() -> None:
    judgement = Judgement(Verdict.UNKNOWN, "no check applied", ())
    (suite,) = ET.fromstring(render_junit(FACTS, judgement))  # noqa: S314 - our own text
    assert suite.get("errors") == "1"
    assert [found.get("message") for found in suite.iter("error")] == ["no check applied"]


@pytest.mark.parametrize("verdict", Verdict)
def test_the_summary_escapes_markup_and_keeps_its_table(verdict: Verdict) -> None:
    text = render_summary(FACTS, build(verdict))
    coded = ("Judge it again: `", "- the same run again: `")
    in_fence = False
    for line in text.splitlines():
        in_fence ^= line.startswith("````")
        assert in_fence or line.startswith(coded) or "<script>" not in line
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") == 5 for line in rows), rows
    assert len(rows) == 1 + 3


def test_the_summary_begins_with_what_failed() -> None:
    text = render_summary({}, build(Verdict.FAIL, "two winners"))
    assert text.index("two winners") < text.index("## Checks")
    assert text.startswith("# onewinner: Not correct")


def test_long_texts_stay_within_the_limit() -> None:
    judgement = build(Verdict.FAIL, "x" * 1_000_000)
    assert len(render_summary(FACTS, judgement).encode()) <= BYTES_MAX
    assert len(render_page(FACTS, judgement)) < 10_000_000
    assert len(render_junit(FACTS, judgement)) < 3_000_000
