"""Goal: the finer points of single checks, beyond the corpus. Method: literal journals."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.target.graph import TransitionGraph
from reports.history.history import read_history
from reports.judge.all_checks import CHECKS, MEANINGS
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.levels.unfinished_levels import REASONS
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import advance, build, build_history, create, read, trail

AB = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
MS = 1_000_000
PLAN = RunPlan(sources=("s",))


def check(folder: Path, name: str, *events: dict[str, Any], plan: Any = None) -> CheckResult:
    """What one check says of a journal of these events."""
    path = folder / "s.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    (result,) = judge(read_history(path), AB, only=[name], plan=plan).checks
    return result


def ask(identity: str, kind: str, begin: float, end: float | None, outcome: str, **more: Any) -> list[dict[str, Any]]:
    invoke = {"event": "invoke", "id": identity, "process": "p", "workflow": "w", "kind": kind, "tenant": "acme"}
    invoke |= {"invoked_ns": int(begin * MS)} | {
        key: more.pop(key) for key in list(more) if key in ("expected", "next", "tenant")
    }
    returned = None if end is None else int(end * MS)
    return [invoke, {"event": "return", "id": identity, "outcome": outcome, "returned_ns": returned, **more}]


CREATE = ask("c", "create", 0, 1, "ok", observed="A", status=201)
WIN = ask("a", "advance", 2, 3, "won", expected="A", next="B", status=200)


@pytest.mark.parametrize(("uncertainty_ms", "verdict"), [(0, Verdict.FAIL), (0.4, Verdict.FAIL), (0.5, Verdict.PASS)])
def test_clock_uncertainty_widens_both_ends_of_every_call(
    tmp_path: Path, uncertainty_ms: float, verdict: Verdict
) -> None:
    """The read of the old state came 1 ms after the transition; half a millisecond on either side makes them touch."""
    header = {"event": "header", "clock_uncertainty_ns": int(uncertainty_ms * MS)}
    stale = ask("r", "read", 4, 5, "ok", observed="A")
    assert check(tmp_path, "linearizable", header, *CREATE, *WIN, *stale).verdict is verdict


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"at_ns": 5 * MS}, Verdict.PASS),
        ({"at_ns": 1 * MS, "until_ns": 5 * MS}, Verdict.PASS),
        ({"at_ns": 7 * MS}, Verdict.FAIL),
        ({"at_ns": 3 * MS}, Verdict.FAIL),
    ],
)
def test_only_a_fault_during_the_call_forgives_a_server_error(tmp_path: Path, fault: Any, verdict: Verdict) -> None:
    error = ask("r", "read", 4, 6, "unknown", status=503)
    assert check(tmp_path, "no-5xx", *CREATE, *error, {"event": "fault", "what": "kill"} | fault).verdict is verdict


@pytest.mark.parametrize(
    ("outcome", "verdict"), [("unknown", Verdict.FAIL), ("busy", Verdict.PASS), ("conflict", Verdict.PASS)]
)
def test_a_server_error_that_says_what_happened_is_none(tmp_path: Path, outcome: str, verdict: Verdict) -> None:
    lost = ask("l", "advance", 4, 6, outcome, expected="A", next="B", status=500)
    assert check(tmp_path, "no-5xx", *CREATE, *lost).verdict is verdict


@pytest.mark.parametrize(
    ("when", "what", "verdict"),
    [
        ({"at_ns": 4 * MS, "until_ns": 6 * MS}, "kill", Verdict.PASS),
        ({"at_ns": 4 * MS, "until_ns": 6 * MS, "workflow": "w"}, "kill", Verdict.PASS),
        ({"at_ns": 6 * MS}, "kill", Verdict.FAIL),
        ({"at_ns": 6 * MS, "workflow": "w"}, "kill", Verdict.FAIL),
        ({"at_ns": 4 * MS, "until_ns": 6 * MS}, "delayed", Verdict.FAIL),
        ({}, "kill", Verdict.FAIL),
    ],
)
def test_only_a_fault_during_a_probe_forgives_its_server_error(
    tmp_path: Path, when: Any, what: str, verdict: Verdict
) -> None:
    fault = {"event": "fault", "what": what, "at_ns": 5 * MS}
    problem = "the audit trail of w was not shown: status 503"
    probe = {"event": "probe", "check": "no-5xx", "what": "audit trail of w", "problem": problem, **when}
    result = check(tmp_path, "no-5xx", *CREATE, probe, fault)
    assert result.verdict is verdict
    assert [finding.title for finding in result.findings] == [f"audit trail of w: {problem}"] * (result.findings_total)


def test_a_trail_is_held_to_what_had_happened_when_it_was_read(tmp_path: Path) -> None:
    later = ask("b", "advance", 6, 8, "won", expected="B", next="C")

    def audit(read_ms: int, *rows: tuple[str, str]) -> dict[str, Any]:
        entries = [{"from": origin, "to": to} for origin, to in rows]
        return {"event": "audit", "workflow": "w", "read_ns": read_ms * MS, "entries": entries}

    first, both = ("A", "B"), [("A", "B"), ("B", "C")]
    right = [audit(5, first), audit(7, first), audit(7, *both), audit(9, *both)]
    assert check(tmp_path, "audit", *CREATE, *WIN, *later, *right).verdict is Verdict.PASS
    for wrong in (audit(5, *both), audit(9, first), audit(5)):
        assert check(tmp_path, "audit", *CREATE, *WIN, *later, wrong).verdict is Verdict.FAIL


def test_a_row_without_a_from_is_the_create(tmp_path: Path) -> None:
    entries = [{"from": None, "to": "A"}, {"from": "A", "to": "B", "request_id": "someone else's"}]
    trail = {"event": "audit", "workflow": "w", "read_ns": 9 * MS, "entries": entries}
    assert check(tmp_path, "audit", *CREATE, *WIN, trail).verdict is Verdict.PASS


def test_a_loser_of_another_tenant_is_no_contender(tmp_path: Path) -> None:
    foreign = ask("f", "advance", 2, 3, "refused", expected="A", next="B", tenant="globex", status=404)
    for event in (WIN[0], foreign[0]):
        event["race"] = "r"
    try:
        assert check(tmp_path, "conflict-count", *CREATE, *WIN, *foreign).verdict is Verdict.PASS
        assert check(tmp_path, "tenant-isolation", *CREATE, *WIN, *foreign).verdict is Verdict.PASS
    finally:
        del WIN[0]["race"]


def test_a_whole_account_passes(tmp_path: Path) -> None:
    plan = {"event": "plan", "operations": 1, "races": 0}
    end = {"event": "end", "operations": 2}
    account = check(tmp_path, "accounting", plan, *CREATE, plan, *WIN, end, plan=PLAN)
    assert account.verdict is Verdict.PASS
    short = check(tmp_path, "accounting", plan, *CREATE, *WIN, end, plan=PLAN)
    assert [finding.title for finding in short.findings] == ["The source s planned 1 operation and started 2."]


@pytest.mark.parametrize(
    ("run", "ended", "is_whole"),
    [
        (3, "complete", True),
        (2, "time", True),
        (0, "time", False),
        (0, "out of ids", False),
        (0, "asked to", True),
        (2, "tired", False),
    ],
)
def test_why_a_source_may_end_early(tmp_path: Path, run: int, ended: str, *, is_whole: bool) -> None:
    plan, end = {"event": "plan", "operations": 1}, {"event": "end", "operations": 1}
    level = {"event": "level", "level": "race", "unit": "races", "planned": 3, "run": run, "ended": ended}
    account = check(tmp_path, "accounting", plan, *CREATE, level, end, plan=PLAN)
    told = [] if is_whole else [f"The source s ended with {run} of its 3 races: {REASONS.get(ended, ended)}."]
    assert [finding.title for finding in account.findings] == told


def test_an_explicit_unknown_is_a_return(tmp_path: Path) -> None:
    plan, end = {"event": "plan", "operations": 2}, {"event": "end", "operations": 2}
    lost = ask("a", "advance", 2, None, "unknown", expected="A", next="B", detail={"message": "timed out"})
    assert check(tmp_path, "accounting", plan, *CREATE, *lost, end, plan=PLAN).verdict is Verdict.PASS
    assert check(tmp_path, "accounting", plan, *CREATE, lost[0], end, plan=PLAN).verdict is Verdict.UNKNOWN


def judge_events(folder: Path, name: str, *events: dict[str, Any], graph: TransitionGraph | None) -> Verdict | None:
    path = folder / "s.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    (result,) = judge(read_history(path), graph, only=[name]).checks
    return result.verdict


def test_a_return_that_says_nothing_but_unknown_is_one(tmp_path: Path) -> None:
    plan, end = {"event": "plan", "operations": 2}, {"event": "end", "operations": 2}
    [asked, _] = ask("a", "advance", 2, None, "unknown", expected="A", next="B")
    told = {"event": "return", "id": "a", "outcome": "unknown"}
    sources = RunPlan(sources=("s",))
    assert check(tmp_path, "accounting", plan, *CREATE, asked, told, end, plan=sources).verdict is Verdict.PASS


def test_answers_that_no_service_gave_are_none_as_specified(tmp_path: Path) -> None:
    assert judge_events(tmp_path, "contract", graph=AB) is None
    assert judge_events(tmp_path, "contract", *CREATE, graph=AB) is Verdict.PASS


def test_a_workflow_that_was_seen_is_not_unknown_later(tmp_path: Path) -> None:
    """For a read no graph is needed to say so; whether an advance was legal, only a graph can tell."""
    gone = ask("r", "read", 5, 6, "refused", status=404)
    refused = ask("b", "advance", 5, 6, "refused", status=404, expected="B", next="C")
    assert judge_events(tmp_path, "contract", *CREATE, *WIN, *gone, graph=None) is Verdict.FAIL
    assert judge_events(tmp_path, "contract", *CREATE, *WIN, *refused, graph=None) is None
    assert judge_events(tmp_path, "contract", *CREATE, *WIN, *refused, graph=AB) is Verdict.FAIL
    assert judge_events(tmp_path, "contract", *gone, graph=None) is None


@pytest.mark.parametrize(
    "first",
    [
        ask("f", "read", 0, 1, "refused", tenant="globex", status=404),
        ask("f", "create", 0, 1, "refused", tenant="globex", status=403),
        ask("f", "advance", 0, 1, "unknown", expected="A", next="B", tenant="globex"),
    ],
)
@pytest.mark.parametrize("outcome", ["won", "conflict"])
def test_the_tenant_that_is_served_is_the_owner_and_not_the_first_to_ask(
    tmp_path: Path, first: list[dict[str, Any]], outcome: str
) -> None:
    served = ask("a", "advance", 2, 3, outcome, expected="A", next="B", observed="B")
    assert check(tmp_path, "tenant-isolation", *first, *served).verdict is Verdict.PASS
    stranger = ask("g", "read", 4, 5, "ok", tenant="globex", observed="B")
    assert check(tmp_path, "tenant-isolation", *CREATE, *served, *stranger).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("own", "verdict"),
    [([], Verdict.UNKNOWN), (ask("o", "create", 0, 1, "ok", tenant="globex", status=201), Verdict.PASS)],
)
def test_a_tenant_that_the_service_does_not_know_shows_nothing(
    tmp_path: Path, own: list[dict[str, Any]], verdict: Verdict
) -> None:
    """Its calls of another one's workflow were turned away at the door."""
    for event in own:
        event["workflow"] = "v"
    foreign = [*ask("f", "read", 4, 5, "refused", tenant="globex", status=401)]
    foreign += ask("g", "advance", 6, None, "unknown", tenant="globex", expected="B", next="C")
    found = check(tmp_path, "tenant-isolation", *CREATE, *WIN, *own, *foreign)
    assert found.verdict is verdict
    if verdict is Verdict.UNKNOWN:
        assert found.findings[0].title == (
            "The service does not know tenant globex: it answered 401 to each of its requests."
        )


def test_an_operation_without_a_tenant_is_the_owners(tmp_path: Path) -> None:
    create = [{key: value for key, value in event.items() if key != "tenant"} for event in CREATE]
    foreign = ask("g", "read", 4, 5, "refused", tenant="globex", status=404)
    assert check(tmp_path, "tenant-isolation", *create, *WIN, *foreign).verdict is Verdict.PASS
    assert check(tmp_path, "linearizable", *create, *WIN).judged == 2
    twice = ask("b", "advance", 2, 3, "won", expected="A", next="B")
    assert check(tmp_path, "linearizable", *create, *WIN, *twice).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("before", "verdict"),
    [
        (ask("c", "create", 0, None, "unknown"), Verdict.UNKNOWN),
        ([], Verdict.FAIL),
        (CREATE, Verdict.FAIL),
        ([*ask("c", "create", 0, None, "unknown"), *ask("r", "read", 0.5, 1, "ok", observed="A")], Verdict.FAIL),
        ([*ask("c", "create", 0, None, "unknown"), *ask("r", "read", 2.5, 4, "ok", observed="A")], Verdict.UNKNOWN),
    ],
)
def test_contenders_may_be_refused_while_the_workflow_may_not_exist(
    tmp_path: Path, before: list[dict[str, Any]], verdict: Verdict
) -> None:
    contenders = [ask(name, "advance", 2, 3, "refused", expected="A", next="B", status=404) for name in ("a", "b")]
    for events in contenders:
        events[0]["race"] = "r"
    events = [event for pair in contenders for event in pair]
    assert check(tmp_path, "conflict-count", *before, *events).verdict is verdict


def test_a_fault_that_names_no_workflow_may_be_of_any(tmp_path: Path) -> None:
    error = ask("r", "read", 4, 6, "unknown", status=503)
    fault = {"event": "fault", "what": "kill", "at_ns": 5 * MS, "workflow": None}
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in (*CREATE, *error, fault)))
    (result,) = judge(read_history(path).only("w"), AB, only=["no-5xx"]).checks
    assert result.verdict is Verdict.PASS


def test_a_trail_that_is_cut_is_named_as_a_reason() -> None:
    """A workflow goes round; its trail shows the newest rows alone. A short trail is a cut one less likely."""
    hint = "a page of them"
    edges = ["A-B", "B-A"] * 4
    moves = [advance(f"m{n}", edge, 10 * n + 2, 10 * n + 3) for n, edge in enumerate(edges)]
    records = [create("c", 0, 1), *moves]
    cut = judge(build_history(records, trail(100, *edges[2:])), only=["audit"]).checks[0]
    odd = judge(build_history(records, trail(100, *edges[3:])), only=["audit"]).checks[0]
    short = judge(build_history(records[:4], trail(100, *edges[:2])), only=["audit"]).checks[0]
    shifted = judge(build_history(records, trail(74, *edges[:7]), trail(100, *edges[1:])), only=["audit"]).checks[0]
    assert {each.verdict for each in (cut, odd, short, shifted)} == {Verdict.FAIL}
    assert all(any(hint in found.words for found in each.findings) for each in (cut, odd, shifted))
    assert not any(hint in found.words for found in short.findings)


def test_a_marker_is_in_each_reading_after_the_answer() -> None:
    def judge_read(*readings: tuple[int, list[str]], **more: Any) -> Verdict:
        won = advance("a", "A-B", 2, 3, marker="m", **more)
        about = {"event": "effects", "source": "s", "workflow": "w"}
        events = [about | {"read_ns": read_ns, "markers": markers} for read_ns, markers in readings]
        return judge(build_history([create("c", 0, 1), won], *events), AB, only=["effects"]).verdict

    assert judge_read((10, ["m"]), (20, ["m"])) is Verdict.PASS
    assert judge_read((2, []), (3, []), (20, ["m"])) is Verdict.PASS
    assert judge_read((10, ["m"]), (20, [])) is Verdict.FAIL
    assert judge_read((10, []), (20, ["m"])) is Verdict.FAIL
    assert judge_read((10, ["m"]), (20, ["other"])) is Verdict.FAIL
    assert judge_read((10, ["m"]), (20, []), repeats=True) is Verdict.PASS


def test_a_write_that_left_its_marker_twice_was_answered() -> None:
    wrote = build("n", "write", 2, 3, {"outcome": "ok", "marker": "m"})
    shown = {"event": "effects", "source": "s", "workflow": "w", "read_ns": 9, "markers": ["m", "m"]}
    [found] = judge(build_history([create("c", 0, 1), wrote], shown), AB, only=["effects"]).findings
    assert "was carried out, and left its trace 2 times" in found.title


@pytest.mark.parametrize(("invoked", "is_lone"), [(2, False), (5, True)])
def test_a_win_is_lone_only_where_no_other_workflow_was_asked_beside_it(invoked: int, is_lone: bool) -> None:
    own = [create("c", 0, 1), advance("1", "A-B", 2, 4, marker="m")]
    other = [create("d", 0, 1, workflow="w2"), advance("2", "A-B", invoked, 6, workflow="w2", marker="n")]
    shown = {"event": "effects", "source": "s", "workflow": "w", "read_ns": 9, "markers": []}
    [found] = judge(build_history([*own, *other], shown), AB, only=["effects"]).findings
    assert ('winners = "any"' in found.words) is is_lone


def test_a_workflow_whose_effects_were_not_read_leaves_open_what_is_unknown() -> None:
    """As in a run that was ended: another one's were read."""
    own = [create("c", 0, 1), advance("m", "A-B", 2, 3, "unknown", marker="m"), read("r", 4, 5, "B")]
    other = create("d", 0, 1, workflow="w2", marker="d")
    shown = {"event": "effects", "source": "s", "workflow": "w2", "read_ns": 9, "markers": []}
    assert judge(build_history([*own, other], shown), AB, only=["effects"]).verdict is Verdict.PASS


def test_every_check_says_in_one_line_what_it_asks() -> None:
    assert list(MEANINGS) == list(CHECKS)
    assert all(line.endswith(".") and "\n" not in line and len(line) < 100 for line in MEANINGS.values())
