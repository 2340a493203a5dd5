"""Goal: a cell of the kill matrix is green only when what happened is what was promised.

Method: judgements written by hand against the promises of real defects.
"""

import pytest

from onewinner.kill_matrix import Cell, Detection, Status, Variant, conclude, find_detection, find_status, make_rows
from reports.judge.verdict import Finding, Verdict
from tests.reports.building import advance, build_history, create

RACY = Variant("check-then-act", "defect")
FAULTY = Variant("ack-before-commit", "defect")
CONTROL = Variant("slow", "control")


@pytest.mark.parametrize(
    ("engine", "level", "failed", "status"),
    [
        (RACY, "race", ["one-winner"], Status.CAUGHT),
        (RACY, "race", ["one-winner", "audit"], Status.CAUGHT),
        (RACY, "race", [], Status.SURVIVED),
        (RACY, "race", ["audit"], Status.SURVIVED),
        (RACY, "race", ["one-winner", "no-5xx"], Status.WRONG_CHECK),
        (RACY, "sequential", [], Status.PASSED),
        (RACY, "sequential", ["contract"], Status.WRONG_CHECK),
        (FAULTY, "race", ["audit"], Status.CAUGHT),
        (CONTROL, "race", [], Status.PASSED),
        (CONTROL, "race", ["audit"], Status.ACCUSED),
    ],
)
def test_what_failed_is_held_against_the_promise(
    engine: Variant, level: str, failed: list[str], status: Status
) -> None:
    assert find_status(engine, level, failed, Verdict.FAIL if failed else Verdict.PASS) is status


def test_nothing_decided_is_not_green() -> None:
    assert find_status(CONTROL, "race", [], Verdict.UNKNOWN) is Status.UNKNOWN
    assert find_status(RACY, "sequential", [], Verdict.UNKNOWN) is Status.UNKNOWN
    assert find_status(CONTROL, "race", [], Verdict.PASS, "the asker ended with status 9") is Status.UNKNOWN
    assert find_status(RACY, "race", [], Verdict.PASS, "the asker ended with status 9") is Status.UNKNOWN


def test_the_worst_seed_decides_the_row() -> None:
    cells = [Cell(RACY, "race", seed, Status.CAUGHT, ("one-winner",), Detection(11, 1, 0.5)) for seed in (1, 2)]
    rows = make_rows([RACY], [*cells, Cell(RACY, "race", 3, Status.SURVIVED)])
    by_level = {row.level: row for row in rows}
    assert by_level["race"].status is Status.SURVIVED
    assert by_level["sequential"].status is Status.NOT_RUN
    packed = by_level["race"].pack()
    assert (packed.caught, packed.seeds, packed.checks) == (2, 3, {"one-winner": 2})
    assert (packed.operations_p50, packed.seconds_p50) == (11, 0.5)
    judgement = conclude(rows)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason == "check-then-act at the level race: one-winner did not fail in 1 of 3 seeds (first: 3)"


def test_a_wrong_check_is_named() -> None:
    rows = make_rows([CONTROL], [Cell(CONTROL, "race", 4, Status.ACCUSED, ("audit", "contract"))])
    told = "slow at the level race: audit, contract failed in 1 of 1 seeds (first: 4), which is wrong"
    assert (conclude(rows).verdict, conclude(rows).reason) == (Verdict.FAIL, told)


def test_unknown_cells_make_the_matrix_unknown_and_none_at_all_too() -> None:
    rows = make_rows([CONTROL], [Cell(CONTROL, "race", 4, Status.UNKNOWN, reason="too slow")])
    assert conclude(rows).verdict is Verdict.UNKNOWN
    assert "too slow" in conclude(rows).reason
    assert conclude(make_rows([CONTROL], [])).verdict is Verdict.UNKNOWN


def test_a_green_matrix_passes() -> None:
    rows = make_rows([RACY, CONTROL], [Cell(RACY, "race", 1, Status.CAUGHT), Cell(CONTROL, "race", 1, Status.PASSED)])
    assert conclude(rows).verdict is Verdict.PASS


def test_the_way_to_a_violation_ends_with_the_last_operation_of_the_first_finding() -> None:
    history = build_history(
        [
            create("c", 0, 5),
            advance("1", "A-B", 10, 1_000_000_000, race="r"),
            advance("2", "A-B", 11, 20),
            advance("3", "B-C", 2_000_000_000, 2_000_000_001, race="s"),
        ]
    )
    late = Finding("one-winner", Verdict.FAIL, "late", operations=("3",))
    early = Finding("one-winner", Verdict.FAIL, "early", operations=("1", "2"))
    assert find_detection(history, [late, early]) == Detection(3, 1, 1.0)
    assert find_detection(history, [Finding("schema", Verdict.FAIL, "no operation")]) is None
