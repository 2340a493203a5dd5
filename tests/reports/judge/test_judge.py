"""Goal: verdicts merge as the design says, and nothing that goes wrong inside a check is ever green."""

import json
from typing import Any

import pytest

from engine.target.graph import TransitionGraph
from reports.judge.all_checks import CHECKS
from reports.judge.context import CheckContext
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.limits import Limits
from reports.judge.verdict import CheckResult, Judgement, Verdict
from tests.reports.building import Record, advance, build_history, create, fault, override, read, trail

AB = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
RACE = [
    create("c", 0, 1),
    advance("a", "A-B", 2, 5, race="r"),
    advance("b", "A-B", 3, 6, "conflict", race="r", observed="B"),
]


def judge_records(*records: dict[str, Any], **more: Any) -> Judgement:
    return judge(build_history(records, *more.pop("events", ())), more.pop("graph", AB), **more)


def judge_run(*records: dict[str, Any], **more: Any) -> Judgement:
    """The same of a run that was planned, and got to all of it."""
    about = {"source": "history", "operations": len(records)}
    events = [*more.pop("events", ()), {"event": "plan", **about}, {"event": "end", **about}]
    told = [record | {"detail": record["detail"] or "{}"} for record in records]
    return judge_records(*told, events=events, plan=RunPlan(sources=("history",)), **more)


def get(judgement: Judgement, check: str) -> CheckResult:
    return next(result for result in judgement.checks if result.check == check)


def test_every_check_reports_even_where_it_does_not_apply() -> None:
    judgement = judge_records(*RACE)
    assert judgement.verdict is Verdict.PASS
    assert judgement.counts == {
        "operations": 3,
        "workflows": 1,
        "races": 1,
        "won": 1,
        "conflict": 1,
        "ok": 1,
        "refused": 0,
        "stale": 0,
        "busy": 0,
        "unknown": 0,
    }
    silent = {result.check: result.reason for result in judgement.checks if result.verdict is None}
    unseen = {"final-state", "audit", "effects", "durability", "tenant-isolation", "schema", "no-5xx", "accounting"}
    assert set(silent) == unseen | {"precondition", "capacity", "idempotent"}
    assert all(silent.values())


def test_a_check_that_raises_is_unknown_and_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(case: CheckContext) -> CheckResult:
        raise RuntimeError(f"no idea about {case.evidence.workflows} workflow")

    monkeypatch.setitem(CHECKS, "legality", break_down)
    judgement = judge_records(*RACE)
    assert judgement.verdict is Verdict.UNKNOWN
    result = get(judgement, "legality")
    assert result.verdict is Verdict.UNKNOWN
    assert "RuntimeError: no idea about 1 workflow" in result.reason
    assert judgement.reason == "legality could not be decided"
    assert result.findings[0].command == "onewinner check history --only legality"


def test_a_failure_outranks_a_breakdown(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(case: CheckContext) -> CheckResult:
        raise KeyError(str(case))

    monkeypatch.setitem(CHECKS, "legality", break_down)
    assert judge_records(*RACE, advance("d", "A-B", 2, 6, race="r")).verdict is Verdict.FAIL


def test_a_search_that_runs_out_of_time_is_unknown_and_says_so() -> None:
    sets = [override(f"s{number}", f"v{number}", 0, 1_000) for number in range(30)]
    reads = [read(f"q{number}", 0, 3_000, f"v{number}") for number in range(30)]
    reads += [read("r1", 2_000, 2_001, "v1"), read("r2", 2_002, 2_003, "v2")]
    judgement = judge_records(*sets, *reads, graph=None, limits=Limits(workflow_s=0.05))
    result = get(judgement, "linearizable")
    assert result.verdict is Verdict.UNKNOWN
    assert result.findings[0].title == "Workflow w could not be decided within 0.05 s."
    assert judgement.verdict is Verdict.UNKNOWN


def test_no_operations_prove_nothing() -> None:
    judgement = judge_records()
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason == "the history holds no operation"


@pytest.mark.parametrize(("unknown", "verdict"), [(2, Verdict.PASS), (3, Verdict.UNKNOWN)])
def test_more_than_two_percent_unknown_operations_prove_too_little(unknown: int, verdict: Verdict) -> None:
    records = [create("c", 0, 1), *(read(f"r{number}", 2, 3, "A") for number in range(99))]
    lost = [read(f"u{number}", 2, None, None, outcome="unknown") for number in range(unknown)]
    assert judge_run(*records, *lost).verdict is verdict


def test_unknown_operations_that_a_fault_touched_count_neither_above_nor_below_the_line() -> None:
    """98 answers and 2 unknown ones make 2 %; 40 touched ones change nothing of it, though with them there would be
    room for a third."""
    records = [create("c", 0, 1), *(read(f"r{number}", 2, 3, "A") for number in range(97))]

    def lose(count: int, invoked: int) -> list[Record]:
        return [read(f"u{invoked}.{number}", invoked, invoked + 1, None, outcome="unknown") for number in range(count)]

    crash = [fault(10, 20)]
    assert judge_run(*records, *lose(2, 5), *lose(40, 12), events=crash).verdict is Verdict.PASS
    judgement = judge_run(*records, *lose(3, 5), *lose(40, 12), events=crash)
    assert judgement.verdict is Verdict.UNKNOWN
    told = "3 of 101 operations are unknown, more than 2% (40 more that a fault touched are set aside)"
    assert judgement.reason == told
    assert judge_run(*records, *lose(3, 12), events=[fault(10, 20, "delayed")]).verdict is Verdict.UNKNOWN


def test_operations_whose_client_hung_up_are_set_aside() -> None:
    records = [create("c", 0, 1), *(read(f"r{number}", 2, 3, "A") for number in range(97))]
    left = [read(f"l{number}", 2, None, None, outcome="unknown", abandoned=True) for number in range(9)]
    lost = [read(f"u{number}", 2, None, None, outcome="unknown") for number in range(3)]
    assert judge_run(*records, *left, *lost[:1]).verdict is Verdict.PASS
    told = "3 of 101 operations are unknown, more than 2% (9 more that a fault touched or whose client hung up are set"
    assert judge_run(*records, *left, *lost).reason.startswith(told)


def test_a_history_that_is_judged_alone_has_no_shares() -> None:
    """Half of its operations are unknown, a kind never succeeded, and one of its two races is open."""
    race = [
        advance("u", "A-B", 2, 5, "unknown", race="s", workflow="v"),
        advance("x", "A-B", 2, 5, "conflict", race="s"),
    ]
    lost = [read(f"u{number}", 2, None, None, outcome="unknown") for number in range(9)]
    records = [*RACE, race[0], race[1] | {"workflow": "v"}, advance("l", "C-A", 2, 3, "conflict", workflow="w"), *lost]
    judgement = judge_records(*records, graph=None, events=[hide("audit trail", "v")])
    assert judgement.verdict is Verdict.PASS, judgement.reason
    limits = Limits(unknown_max=0.5)
    assert judge_records(*records, graph=None, limits=limits).reason.endswith("operations are unknown, more than 50%")
    assert judge_records(*records, graph=None, limits=Limits(unknown_max=0.7)).verdict is Verdict.PASS


def test_a_history_of_which_nothing_is_known_is_no_pass() -> None:
    lost = [advance(name, "A-B", 2, 5, "unknown", race="r") for name in "ab"]
    assert judge_records(*lost).reason.endswith("all operations are unknown")
    judgement = judge_records(create("c", 0, 1), *lost)
    assert get(judgement, "one-winner").verdict is Verdict.UNKNOWN


def test_a_run_of_nothing_but_what_faults_touched_is_no_pass() -> None:
    lost = [read(f"u{number}", 12, 13, None, outcome="unknown") for number in range(5)]
    judgement = judge_run(*lost, events=[fault(10, 20)])
    assert judgement.verdict is Verdict.UNKNOWN
    assert "a fault touched every operation, and all of them are unknown" in judgement.reason


def test_a_kind_of_operation_that_never_succeeded_proves_too_little() -> None:
    judgement = judge_run(create("c", 0, 1), advance("a", "B-C", 2, 3, "conflict", observed="A"))
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason == "no advance ever succeeded (1 tried)"


@pytest.mark.parametrize("what", ["audit trail", "effects"])
@pytest.mark.parametrize(("lost", "verdict"), [(1, Verdict.PASS), (2, Verdict.UNKNOWN)])
def test_what_was_never_shown_of_too_many_workflows_proves_too_little(what: str, lost: int, verdict: Verdict) -> None:
    """Shown of 49 workflows, some of them at the second attempt."""
    names = [f"w{number}" for number in range(49 + lost)]
    records = [create(f"c.{name}", 0, 1, workflow=name) for name in names]
    shown = [show(what, name) for name in names[:49]]
    judgement = judge_run(*records, events=[*shown, *(hide(what, name) for name in names[40:])])
    assert judgement.verdict is verdict
    told = f"2 of 51 workflows never showed their {what}, more than 2%"
    assert verdict is Verdict.PASS or judgement.reason == told


@pytest.mark.parametrize("workflow", [None, "w", "other"])
def test_what_a_fault_hid_is_set_aside(workflow: str | None) -> None:
    struck = fault(10, 20, **({} if workflow is None else {"workflow": workflow}))
    judgement = judge_run(*RACE, events=[hide("audit trail", "w"), struck])
    assert judgement.verdict is (Verdict.UNKNOWN if workflow == "other" else Verdict.PASS)


def show(what: str, workflow: str) -> Record:
    if what == "audit trail":
        return trail(5, workflow=workflow)
    return {"event": "effects", "source": "s", "workflow": workflow, "read_ns": 5, "markers": []}


def hide(what: str, workflow: str) -> Record:
    return {"event": "hidden", "source": "s", "what": what, "workflow": workflow, "at_ns": 12, "until_ns": 13}


def test_more_than_a_tenth_of_races_without_overlap_prove_too_little() -> None:
    def race(number: int, apart: int) -> list[dict[str, Any]]:
        name = f"w{number}"
        win = advance(f"{number}a", "A-B", 2, 5, race=name, workflow=name)
        lose = advance(f"{number}b", "A-B", 3 + apart, 6 + apart, "conflict", race=name, workflow=name, observed="B")
        return [win, lose]

    nine = [record for number in range(9) for record in race(number, 0)]
    assert judge_run(*nine, *race(9, 10)).verdict is Verdict.PASS
    judgement = judge_run(*nine[:16], *race(8, 10), *race(9, 10))
    assert get(judgement, "one-winner").verdict is Verdict.UNKNOWN
    assert get(judgement, "one-winner").reason == "in 2 of 10 races no contender overlapped the winner"


def test_races_that_a_fault_touched_count_neither_above_nor_below_the_line() -> None:
    """Nine races overlap; one more that does not is just a tenth. With a fault in it, it is no race to count."""

    def race(number: int, begin: int, apart: int, outcome: str = "won") -> list[Record]:
        name = f"w{number}"
        win = advance(f"{number}a", "A-B", begin, begin + 3, outcome, race=name, workflow=name)
        begin += apart
        told = "unknown" if outcome == "unknown" else "conflict"
        return [win, advance(f"{number}b", "A-B", begin + 1, begin + 4, told, race=name, workflow=name)]

    calm = [record for number in range(9) for record in race(number, 0, 0)]
    spoiled = [*race(20, 100, 10), *race(21, 101, 0, "unknown")]
    crash = [fault(101, 102)]
    result = get(judge_run(*calm, *spoiled, events=crash), "one-winner")
    assert result.verdict is Verdict.PASS
    assert result.reason == "2 that prove nothing were set aside, because a fault touched them"
    assert get(judge_run(*calm, *spoiled), "one-winner").verdict is Verdict.UNKNOWN
    result = get(judge_run(*calm, *race(9, 10, 10), *race(10, 10, 10), *spoiled, events=crash), "one-winner")
    assert result.verdict is Verdict.UNKNOWN
    assert result.reason.startswith("in 2 of 11 races no contender overlapped the winner; 2 that prove nothing")
    result = get(judge_run(*spoiled, events=crash), "one-winner")
    assert result.verdict is Verdict.UNKNOWN
    assert result.reason.endswith("because a fault touched them, and there were no others")


def test_findings_are_capped_and_counted() -> None:
    many = []
    for number in range(30):
        many += [advance(f"{number}{name}", "A-B", 2, 5, race="r", workflow=f"w{number}") for name in "ab"]
    result = get(judge_records(*many, limits=Limits(findings_max=3)), "one-winner")
    assert (len(result.findings), result.findings_total) == (3, 30)
    assert [finding.workflow for finding in result.findings] == ["w0", "w1", "w2"]


def test_only_some_checks_and_only_one_workflow() -> None:
    records = [
        *RACE,
        advance("x", "A-B", 2, 3, workflow="other wise"),
        advance("y", "A-B", 2, 3, workflow="other wise"),
    ]
    judgement = judge_records(*records, only=["linearizable"], command="onewinner check runs/1")
    assert [result.check for result in judgement.checks] == ["linearizable"]
    assert judgement.findings[0].command == "onewinner check runs/1 --only linearizable --workflow 'other wise'"
    assert judge_records(*records, workflow="w").verdict is Verdict.PASS
    assert judge_records(*records, workflow="other wise").verdict is Verdict.FAIL


@pytest.mark.parametrize(("status", "advised"), [(429, True), (423, True), (418, False)])
def test_unknown_answers_that_may_be_busy_name_what_to_write(status: int, advised: bool) -> None:
    lost = advance("1", "A-B", 10, 20, "unknown", status=status)
    judgement = judge_run(create("c", 0, 5), advance("0", "A-B", 6, 8), lost)
    assert (f"write busy = [{status}] under [advance]" in judgement.reason) == advised


@pytest.mark.parametrize(("message", "advised"), [("status 503 with Retry-After is", True), ("status 503 is", False)])
def test_a_server_error_that_says_when_to_try_again_names_what_to_write(message: str, advised: bool) -> None:
    lost = advance("1", "A-B", 10, 20, "unknown", status=503, detail=json.dumps({"message": message}))
    (finding,) = get(judge_records(create("c", 0, 5), lost), "no-5xx").findings
    assert ("write busy = [503] under [advance]" in finding.words) == advised
    assert ("Only a 503 with a Retry-After header" in finding.words) != advised


def test_another_server_error_says_nothing_of_trying_again() -> None:
    lost = advance("1", "A-B", 10, 20, "unknown", status=500)
    (finding,) = get(judge_records(create("c", 0, 5), lost), "no-5xx").findings
    assert finding.words.partition("\n")[0].endswith("No fault touched it.")


def test_a_refusal_that_may_be_busy_names_what_to_write() -> None:
    race = [advance("1", "A-B", 10, 20, race="r"), advance("2", "A-B", 10, 20, "refused", race="r", status=423)]
    (finding,) = get(judge_records(create("c", 0, 5), *race), "conflict-count").findings
    assert "write busy = [423] under [advance]" in finding.words
