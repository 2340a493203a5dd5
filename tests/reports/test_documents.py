"""Goal: every document tells the same verdict, and shows every answer of an engine as text.

Method: a judgement whose texts are markup, control characters and very long.
"""

from collections import Counter
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from reports.comparison.facts import Facts
from reports.documents.junit import render_junit
from reports.documents.page import render_page
from reports.documents.page.document import SCRIPT
from reports.documents.summary import BYTES_MAX, render_summary
from reports.judge.levels.scenarios import sum_scenarios
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict
from tests.reports.building import make_facts

HOSTILE = "</pre><script>alert('x')</script> | `tick` ``` *bold* [link](javascript:x) \x00\x1b\ufffe ü"
FACTS: dict[str, Any] = {"name": HOSTILE, "command": f"onewinner gate {HOSTILE}", "target": HOSTILE, "seed": 1}
HOSTILE_PAIRS = {
    "states": [HOSTILE, HOSTILE],
    "legal": [[0, 1], [1, 1]],
    "asked": [[0, 0]],
    "taken": [[0, 0], [1, 1]],
}
HOSTILE_DEFECTS = [
    dict.fromkeys(("name", "level", "check", "promised"), HOSTILE)
    | {
        "status": "wrong check",
        "kind": "defect",
        "seeds": 2,
        "caught": 1,
        "checks": {HOSTILE: 1},
        "operations_p50": 3.0,
        "seconds_p50": 0.5,
    }
]
HOSTILE_STRENGTH = {
    "transitions": {"covered": 1, "total": 2},
    "illegal_pairs": {"covered": 1, "total": 2},
    "raced_pairs": {
        "covered": 0,
        "total": 1,
        "rounds": [{**dict.fromkeys(("state", "first", "second"), HOSTILE), "rounds": 0}],
    },
    "bounds": [{"sort": "alone", "trials": 5, "sizes": [2, 2], "violations_max": 0.6}],
    "calibration": {"defect": HOSTILE, "races": 3, "caught": 2, "contenders": 2},
}


def build(verdict: Verdict, text: str = HOSTILE) -> Judgement:
    finding = Finding("audit", verdict, text, f"{text}\n\n{text}", ("a",), text, None, text)
    checks = (
        CheckResult("audit", verdict, text, 3, "trails", (finding,), 1),
        CheckResult("effects", None, text),
        CheckResult("legality", Verdict.PASS, "", 1, "transitions"),
    )
    return Judgement(verdict, text, checks, {"operations": 3})


class Tags(HTMLParser):
    """Collects the tags of a page, what stands in its attributes, and in its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and data.strip():
            self.scripts.append(data)


@pytest.mark.parametrize("verdict", Verdict)
def test_the_page_shows_markup_as_text(verdict: Verdict) -> None:
    page = render_page(make_facts(**FACTS), build(verdict))
    tags = Tags(page)
    assert tags.counts["script"] == 1
    assert tags.scripts[0] == SCRIPT
    assert {value for name, value in tags.attributes if name == "src"} == set()
    assert all(value.startswith("#") or value == "data:," for name, value in tags.attributes if name == "href")
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "style"]
    assert "&lt;script&gt;" in page
    assert "\x00" not in page
    assert "\x1b" not in page
    assert f'<div class="verdict {verdict}">' in page


def test_hostile_operations_are_shown_as_text() -> None:
    """Ids, processes, states, messages, the names of levels, checks and measures: nothing is trusted."""
    told = FACTS | {
        "samples": {"pictures": [draw_hostile("finding"), draw_hostile("typical")], "state_pairs": HOSTILE_PAIRS},
        "levels": [{"level": HOSTILE, "unit": HOSTILE, "planned": 1, "run": 1, "seconds": 1, "not_applicable": {}}],
        "versions": {HOSTILE: HOSTILE},
        "machine": {HOSTILE: HOSTILE},
        "defects": HOSTILE_DEFECTS,
        "strength": HOSTILE_STRENGTH,
    }
    facts = make_facts(**told)
    tags = Tags(render_page(facts, build(Verdict.FAIL)))
    assert tags.counts["script"] == 1
    assert tags.counts["figure"] >= 3
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert "This cannot be shown" not in render_page(facts, build(Verdict.FAIL))


def draw_hostile(purpose: str) -> dict[str, Any]:
    texts = dict.fromkeys(("id", "process", "kind", "next", "outcome", "observed", "tenant", "message"), HOSTILE)
    texts |= dict.fromkeys(("unit", "key", "sent", "received"), HOSTILE)
    times = {"invoked_ns": 0, "returned_ns": None, "arrived_ns": 3, "status": None, "held": True}
    about = {"checks": [HOSTILE], "race": HOSTILE, "scenario": HOSTILE, "workflow": HOSTILE}
    operations = [{**texts, **times, "expected": [HOSTILE]}] * 2
    return {"purpose": purpose, **about, "contenders": 3, "left_out": 1, "operations": operations}


@pytest.mark.parametrize("verdict", Verdict)
def test_junit_is_xml_and_counts_right(verdict: Verdict) -> None:
    [suite] = ET.fromstring(render_junit(make_facts(**FACTS), build(verdict)))  # noqa: S314 - our own text
    failed, unknown = verdict is Verdict.FAIL, verdict is Verdict.UNKNOWN
    counted = {name: int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": 3, "failures": int(failed), "errors": int(unknown), "skipped": 1}
    assert len(list(suite.iter("failure"))) == failed
    assert len(list(suite.iter("error"))) == unknown


def test_junit_turns_red_when_the_run_as_a_whole_is_unknown() -> None:
    judgement = Judgement(Verdict.UNKNOWN, "no check applied", ())
    (suite,) = ET.fromstring(render_junit(make_facts(**FACTS), judgement))  # noqa: S314 - our own text
    assert suite.get("errors") == "1"
    assert [found.get("message") for found in suite.iter("error")] == ["no check applied"]


@pytest.mark.parametrize("verdict", Verdict)
def test_the_summary_escapes_markup_and_keeps_its_table(verdict: Verdict) -> None:
    text = render_summary(make_facts(**FACTS), build(verdict))
    coded = ("Judge it again: `", "- the same run again: `")
    in_fence = False
    for line in text.splitlines():
        in_fence ^= line.startswith("````")
        assert in_fence or line.startswith(coded) or "<script>" not in line
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") == 5 for line in rows), rows
    assert len(rows) == 1 + 3


def test_the_summary_begins_with_what_failed() -> None:
    text = render_summary(Facts(), build(Verdict.FAIL, "two winners"))
    assert text.index("two winners") < text.index("## Checks")
    assert text.startswith("# onewinner: Not correct")


def test_long_texts_stay_within_the_limit() -> None:
    judgement = build(Verdict.FAIL, "x" * 1_000_000)
    assert len(render_summary(make_facts(**FACTS), judgement).encode()) <= BYTES_MAX
    assert len(render_page(make_facts(**FACTS), judgement).encode()) < 200_000
    assert len(render_junit(make_facts(**FACTS), judgement)) < 100_000


def test_a_junit_case_stands_for_each_scenario() -> None:
    """What failed names its scenario; a scenario that no finding names passed; one that does not apply is skipped."""
    finding = Finding("audit", Verdict.FAIL, "A row", "A row\n\ntable", ("a",), "w", None, "onewinner check x", "fork")
    judgement = Judgement(Verdict.FAIL, "", (CheckResult("audit", Verdict.FAIL, "", 3, "trails", (finding,), 1),))
    part = {"unit": "races", "planned": 1, "run": 1}
    level = {
        "level": "race",
        "unit": "races",
        "planned": 2,
        "run": 2,
        "scenarios": [
            {"scenario": "fork", **part},
            {"scenario": "guards", **part},
            {"scenario": "tenants", **part, "run": 0},
        ],
        "not_applicable": {"step-routes": "no routes"},
    }
    _, scenarios = ET.fromstring(render_junit(make_facts(levels=[level], command="again"), judgement))  # noqa: S314
    told = {case.get("name"): [(child.tag, child.get("message")) for child in case] for case in scenarios}
    assert told == {
        "fork": [("failure", "A row")],
        "guards": [],
        "tenants": [("skipped", "nothing of it was run")],
        "step-routes": [("skipped", "not applicable: no routes")],
    }
    body = next(scenarios.iter("failure")).text or ""
    assert "table\nagain: onewinner check x" in body
    assert body.endswith("the same run again: again")


def test_a_scenario_does_not_pass_when_findings_were_not_told_apart() -> None:
    judgement = Judgement(Verdict.FAIL, "", (CheckResult("audit", Verdict.FAIL, "", 3, "trails", (), 7),))
    [result] = sum_scenarios(
        make_facts(levels=[{"level": "race", "scenarios": [{"scenario": "fork", "run": 1}]}]).levels, judgement
    )
    assert result.verdict is None
    assert "audit" in result.reason
