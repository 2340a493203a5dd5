"""Goal: a service that stops answering for good leaves a run unknown; a last answer that was lost does not.

Method: the last operations of a source written by hand.
"""

from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.text.finding_text import describe_missing_key
from reports.judge.verdict import Judgement, Verdict
from tests.reports.building import Record, advance, build_history, create, fault, read

PLAN = RunPlan()
BEGUN = [
    create("c", 0, 5, status=201),
    *(read(f"r{turn}", 10 * turn, 10 * turn + 5, "A", status=200) for turn in range(1, 300)),
]
LOST = advance("a", "B-C", 4_000, None, "unknown")
SILENT = read("z", 5_000, None, None, outcome="unknown")


def judge_all(*records: Record, events: tuple[Record, ...] = (), plan: RunPlan | None = PLAN) -> Judgement:
    return judge(build_history([*BEGUN, advance("w", "A-B", 3_500, 3_600), *records], *events), plan=plan)


def tells(judgement: Judgement) -> bool:
    return judgement.verdict is not Verdict.PASS and "the service stopped answering" in judgement.reason


def test_a_request_and_a_read_without_an_answer_at_the_end() -> None:
    judgement = judge_all(LOST, SILENT)
    assert tells(judgement)
    assert "the last 2 requests of" in judgement.reason


def test_a_source_that_was_ended_meanwhile() -> None:
    assert tells(judge_all(LOST, SILENT, advance("b", "B-C", 6_000, None, "unknown")))


def test_a_read_that_is_answered_shows_that_it_goes_on() -> None:
    assert not tells(judge_all(LOST, read("z", 5_000, 5_100, "B", status=200)))
    assert not tells(judge_all(SILENT)), "a single answer that was lost"
    assert not tells(judge_all(read("z", 3_900, None, None, outcome="unknown"), LOST)), "no read after the first"


def test_what_a_fault_did_is_set_aside() -> None:
    assert not tells(judge_all(LOST, SILENT, events=(fault(4_500, 6_000, "connection lost"),)))


def test_a_history_that_is_judged_alone_is_not_held_to_it() -> None:
    assert not tells(judge_all(LOST, SILENT, plan=None))


def test_a_412_that_says_nothing_else_names_the_key_for_it() -> None:
    assert describe_missing_key([409]) == ""
    assert "write stale = [412] under [advance]" in describe_missing_key([412])
    assert "write busy = [423, 503] under [advance]" in describe_missing_key([503, 423])
