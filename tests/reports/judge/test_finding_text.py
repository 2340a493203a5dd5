"""Goal: a finding reads well in a CI log. Method: golden files, `tests/golden/*.txt`, made from the corpus.

After a deliberate change, ONEWINNER_GOLDEN=write writes them anew; read the diff.
"""

import os
from pathlib import Path

import msgspec
import pytest

from reports.history.history import Record
from reports.history.journal_lines import OPERATION_SCHEMA
from reports.judge.text.call_table import draw_table
from reports.judge.text.finding_text import describe_overlap, describe_two_winners
from tests.reports.test_corpus import BAD, judge_file

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_the_words_are_those_of_the_golden_file(path: Path) -> None:
    _, history, judgement = judge_file(path)
    check = path.stem.split(".")[0]
    findings = [finding for finding in judgement.findings if finding.check == check]
    text = "\n\n".join(
        f"{finding.title}\n\n{finding.words}\n\n{', '.join(map(str, finding.operations))}\n{finding.command}"
        for finding in findings
    )
    text = text.replace(str(history.path), "HISTORY") + "\n"
    golden = GOLDEN / f"{path.stem}.txt"
    if os.environ.get("ONEWINNER_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()
    assert max(len(line) for line in text.splitlines()) <= 250


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in BAD}


def record(identity: str, process: str, invoked_ms: float, returned_ms: float | None) -> Record:
    invoked, returned = int(invoked_ms * 1e6), None if returned_ms is None else int(returned_ms * 1e6)
    fields = {"kind": "advance", "expected": ["A"], "next": "B", "outcome": "unknown" if returned is None else "won"}
    times = {"invoked_ns": invoked, "returned_ns": returned}
    blank = dict.fromkeys(OPERATION_SCHEMA) | {"scenario": "", "tenant": "", "workflow": "w"}
    return msgspec.convert({**blank, "row": 0, "id": identity, "process": process, **fields, **times}, Record)


@pytest.mark.parametrize(
    ("expected", "named"), [(["A"], "A"), (["A", "B", "C"], "A|B|C"), (["A", "B", "C", "D"], "one of 4 states")]
)
def test_a_request_that_is_due_in_many_states_names_none(expected: list[str], named: str) -> None:
    winners = [msgspec.structs.replace(record(name, name, 1, 5), expected=expected, next="END") for name in "ab"]
    title, words = describe_two_winners(winners)
    assert f"both moved workflow w from {named} to END" in title
    assert f"> a: advance {named} -> END" in words


def test_the_table_has_one_column_per_client() -> None:
    table = draw_table([record("a", "3", 1, 5), record("b", "7", 2, None), record("c", "3", 5, 6)])
    assert table.splitlines() == [
        "   ms | client 3            | client 7",
        "------+---------------------+--------------------",
        "0.000 | > a: advance A -> B |",
        "1.000 |                     | > b: advance A -> B",
        "4.000 | > c: advance A -> B |",
        "4.000 | < a: won            |",
        "5.000 | < c: won            |",
    ]


def test_an_overlap_and_a_gap_are_told_in_milliseconds() -> None:
    assert describe_overlap(record("a", "1", 0, 5), record("b", "2", 1.1, 9)) == "they overlapped by 3.9 ms"
    gap = describe_overlap(record("b", "2", 7, 9), record("a", "1", 0, 5))
    assert gap == "a had returned 2 ms before the other was invoked"
    assert describe_overlap(record("a", "1", 0, None), record("b", "2", 1, None)) == "neither of them ever returned"
