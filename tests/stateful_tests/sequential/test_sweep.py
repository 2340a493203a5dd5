"""Goal: the sweeps reach every state, each of its illegal pairs, and every edge. Method: their paths, planned on graphs
alone; and an engine in memory, right or wrong.
"""

import json
import time
from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.provision.service import REFERENCE
from engine.reference.states import GRAPH
from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.target_file import load_target
from engine.target.template import Request
from load.client.asker import Asker
from load.client.read_retry import PAUSES_S
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.levels.unfinished_levels import describe_partial, sum_levels
from reports.judge.verdict import Verdict
from stateful_tests.sequential.checked_workflows import IN_VAIN_MAX, CheckedWorkflows
from stateful_tests.sequential.level import try_sweeps
from stateful_tests.sequential.sweep import find_edge, find_next, find_stale, reach
from tests.load.stub import SMALL, Engine, StubRelease, find_workflow, is_move, load_text, make_answer


def plan(graph: TransitionGraph) -> list[list[str]]:
    """The states through which ask_refused() takes each workflow of a right engine."""
    left, ways = set(graph.states), []
    while left & reach(graph, graph.initial):
        way = [graph.initial]
        left.discard(graph.initial)
        while trail := find_next(graph, way[-1], left):
            way += trail[1:]
            left.discard(trail[-1])
        ways.append(way)
    return ways


def test_the_reference_needs_two_workflows() -> None:
    """One through all states to a terminal one, one to the other terminal state."""
    through, cancelled = plan(GRAPH)
    assert set(through) == set(GRAPH.states) - {"CANCELLED"}
    assert cancelled == ["CREATED", "CANCELLED"]


def test_what_cannot_be_reached_is_left_out() -> None:
    graph = TransitionGraph.of("A", {"A": ["B", "C"], "B": ["A"], "D": ["A"]})
    assert plan(graph) == [["A", "B", "A", "C"]]


def test_every_edge_is_on_the_way() -> None:
    left, ways = set(GRAPH.walk_edges()), 0
    while left:
        state, ways = GRAPH.initial, ways + 1
        while trail := find_edge(GRAPH, state, left):
            assert all(GRAPH.allows(*edge) for edge in pairwise(trail))
            assert left & set(pairwise(trail))
            left.difference_update(pairwise(trail))
            state = trail[-1]
    ends = [edge for edge in GRAPH.walk_edges() if edge[1] in GRAPH.terminal]
    assert ways == len(ends)


def test_a_stale_question_names_another_state_and_a_legal_move_out_of_it() -> None:
    target = load_target(REFERENCE, None)
    found = {edge: find_stale(target, *edge) for edge in GRAPH.walk_edges()}
    assert sum(each is not None for each in found.values()) > 40
    for (state, to), each in found.items():
        if each is None:
            assert [origin for origin in GRAPH.states if GRAPH.allows(origin, to)] == [state]
            continue
        route, origin = each
        assert origin != state
        assert GRAPH.allows(origin, to)
        assert target.expected_by(route, origin, to) == (origin,)


class Clock:
    """Each question takes a second."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        self.now_s += 1.0
        return self.now_s


def make_workflows(folder: Path, twist: Callable[[Request, Answer], Answer] | None = None) -> CheckedWorkflows:
    target = load_text(folder, SMALL)
    release: Any = StubRelease(Engine(target.graph, twist))
    asker = Asker(target, release, Journal(folder / "sequential-0.jsonl"), "sequential")
    return CheckedWorkflows(asker, None)


def tell_levels(workflows: CheckedWorkflows) -> list[tuple[str, int, int, str]]:
    workflows.asker.journal.close()
    events = [json.loads(line) for line in workflows.asker.journal.path.read_text().splitlines()]
    levels = [event for event in events if event["event"] == "level"]
    return [(each["level"], each["planned"], each["run"], each["ended"]) for each in levels]


def test_a_sweep_asks_all_that_it_plans(tmp_path: Path) -> None:
    workflows = make_workflows(tmp_path)
    assert try_sweeps(workflows, time.monotonic() + 600) is None
    # Five states have 25 pairs, of which five are legal; two of the moves to D and X are asked from another state.
    assert tell_levels(workflows) == [("refusals", 22, 22, "complete"), ("legal moves", 5, 5, "complete")]


def test_a_sweep_without_time_tells_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workflows = make_workflows(tmp_path)
    monkeypatch.setattr("stateful_tests.sequential.sweep.time", Clock())
    assert try_sweeps(workflows, 8.0) is None
    (_, planned, run, ended), legal = tell_levels(workflows)
    assert (planned, ended) == (22, "time")
    assert 0 < run < planned
    assert legal == ("legal moves", 5, 0, "time")
    level = sum_levels([events.Level(level="refusals", unit="requests", planned=planned, run=run, ended=ended)])
    assert describe_partial(level) == f"partly run: {run} of 22 requests (refusals: its time was up)"


def test_a_sweep_goes_on_after_an_answer_that_was_lost(tmp_path: Path) -> None:
    asked = count(1)
    workflows = make_workflows(tmp_path, lambda _, answer: Answer(None, error="lost") if next(asked) == 5 else answer)
    assert try_sweeps(workflows, time.monotonic() + 600) is None
    assert [ended for _, _, _, ended in tell_levels(workflows)][1] == "complete"


def test_a_sweep_gives_up_when_answers_are_lost_again_and_again(tmp_path: Path) -> None:
    def lose(request: Request, answer: Answer) -> Answer:
        return Answer(None, error="lost") if request.path.endswith("advance") else answer

    workflows = make_workflows(tmp_path, lose)
    assert try_sweeps(workflows, time.monotonic() + 600) is None
    refusals, legal = tell_levels(workflows)
    assert refusals[-1] == "lost track"
    assert refusals[2] < 22
    assert legal == ("legal moves", 5, 5, "complete"), "each was asked once"


def test_a_wrong_answer_ends_a_sweep_and_not_the_other(tmp_path: Path) -> None:
    def win(request: Request, answer: Answer) -> Answer:
        return make_answer(200) if b'"expected":"A","next":"D"' in request.body.replace(b" ", b"") else answer

    workflows = make_workflows(tmp_path, win)
    assert try_sweeps(workflows, time.monotonic() + 600) is not None
    assert [ended for _, _, _, ended in tell_levels(workflows)] == ["mismatch", "complete"]


@pytest.mark.parametrize("headers", [{}, {"retry-after": "1"}])
def test_a_workflow_that_an_illegal_request_locked_is_found_and_costs_little(
    headers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine forgets to unlock after a conflict. The clock of the history is moved on by the pauses."""
    clock, pauses, locked = [10**9], list[float](), set[str]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock[0] += round(seconds * 1e9)

    def tick() -> int:
        clock[0] += 1_000_000
        return clock[0]

    class Leaky(Engine):
        def decide(self, request: Request) -> Answer:
            workflow = find_workflow(request)
            if is_move(request) and workflow in locked:
                return Answer(423, headers)
            answer = super().decide(request)
            locked.update([workflow] if answer.status == 409 else [])
            return answer

    monkeypatch.setattr("load.client.asker.time.sleep", sleep)
    monkeypatch.setattr("load.client.asker.now_ns", tick)
    monkeypatch.setattr("tests.load.stub.now_ns", tick)
    target = load_text(tmp_path, SMALL.replace("refused = [404]", "refused = [404]\nbusy = [423]"))
    release: Any = StubRelease(Leaky(target.graph))
    workflows = CheckedWorkflows(Asker(target, release, Journal(tmp_path / "sequential-0.jsonl"), "sequential"), None)
    assert try_sweeps(workflows, time.monotonic() + 600) is None
    workflows.asker.journal.close()
    [contract] = judge(read_history(tmp_path / "sequential-0.jsonl"), target.graph, only=["contract"]).checks
    assert contract.verdict is Verdict.FAIL
    assert all("stays busy" in each.title for each in contract.findings)
    assert len(pauses) <= 2 * IN_VAIN_MAX * len(PAUSES_S)


# A hold gives a token, and what follows needs it. PLACE: where the answer to the hold has it.
HOLDS = (
    SMALL[: SMALL.index("[workflow]")]
    + """
[workflow]
initial = "FREE"
transitions = { FREE = ["HELD"], HELD = ["SOLD"] }
"""
    + SMALL[SMALL.index("[create]") : SMALL.index("[advance]")]
    + """
[advance]
current_state = "state"
[[advance.edges]]
from = "FREE"
to = "HELD"
request = { method = "POST", path = "/w/{id}/advance", json = { expected = "FREE", next = "HELD" } }
save = { hold = "PLACE" }
[[advance.edges]]
from = "HELD"
to = "SOLD"
request = { method = "POST", path = "/w/{id}/advance", json = { expected = "HELD", next = "SOLD", by = "{hold}" } }
"""
)


@pytest.mark.parametrize(("told", "verdict"), [("hold", Verdict.PASS), ("other", Verdict.UNKNOWN)])
def test_what_needs_a_value_that_a_workflow_does_not_have_is_no_gap(
    told: str, verdict: Verdict, tmp_path: Path
) -> None:
    """Without a hold there is nothing to sell. If no answer ever tells a hold, the file may look at a wrong place."""

    def hold(request: Request, answer: Answer) -> Answer:
        return make_answer(200, **answer.json(), hold="7") if is_move(request) and answer.status == 200 else answer

    target = load_text(tmp_path, HOLDS.replace("PLACE", told))
    release: Any = StubRelease(Engine(target.graph, hold))
    asker = Asker(target, release, Journal(tmp_path / "h" / "sequential-0.jsonl"), "sequential")
    workflows = CheckedWorkflows(asker, None)
    assert try_sweeps(workflows, time.monotonic() + 600) is None
    asker.end()
    history = read_history(tmp_path / "h")
    assert history.having(events.Unsent)
    judgement = judge(history, target.graph, plan=RunPlan(sources=("sequential-0",)))
    assert judgement.verdict is verdict, judgement.reason
    assert ("which advance.edges[0].save gives" in judgement.reason) is (verdict is Verdict.UNKNOWN)
    refusals = next(level for level in history.having(events.Level) if level.level == "refusals")
    assert refusals.run == refusals.planned or verdict is Verdict.UNKNOWN
