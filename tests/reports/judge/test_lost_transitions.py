"""Goal: a loss is found exactly where there is one to be found. Method: drawn histories and faults, against every cut
and every set of transitions, tried one by one with the brute force over all orders; and engines that forget.
"""

import os
from collections import Counter
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import Operation
from reports.judge.searches.linearizability_search import search
from reports.judge.searches.lost_transitions import FaultedWorkflow
from reports.judge.verdict import Verdict
from tests.reports.brute_force import try_orders
from tests.reports.building import Record, advance, build_evidence, create, read
from tests.reports.drawing import answer, draw_anything, draw_nearly_true, draw_request, graphs

EXAMPLES = 2_000 if os.environ.get("ONEWINNER_PROFILE") == "full" else 100


class Oracle:
    """The definition, word by word, for one workflow."""

    def __init__(self, struck: FaultedWorkflow) -> None:
        self.struck, self.operations = struck, list(struck.operations)

    def is_explained(self, operations: list[Operation]) -> bool:
        return any(try_orders(start, operations, self.struck.graph) for start in self.struck.starts)

    def explains_until(self, cut: int) -> bool:
        weak = [
            Operation(each.row, each.kind, "unknown", each.expected, each.next, None, each.invoked, 1 << 62)
            for each in self.operations
            if each.invoked > cut and not each.is_pure and each.kind != "create"
        ]
        return self.is_explained([each for each in self.operations if each.invoked <= cut] + weak)

    def may_lose(self, win: Operation, cut: int) -> bool:
        """Whether it was acknowledged by the cut, and a fault was over between its invoke and the cut."""
        struck = any(win.invoked <= until <= cut for until in self.struck.untils)
        return win.outcome == "won" and win.returned <= cut and struck

    def explains_without(self, lost: tuple[Operation, ...], cut: int) -> bool:
        over = max(until for until in self.struck.untils if until <= cut)
        kept = [each for each in self.operations if each not in lost and (each.invoked > over or not each.is_pure)]
        return self.is_explained(kept)

    def is_wrong_otherwise(self) -> bool:
        """Whether overlapping transitions that undid each other, or conflicts that were none, would explain it."""
        moves = [each for each in self.operations if each.kind in ("advance", "set") and each.outcome != "conflict"]
        alone = [
            each
            for each in moves
            if not any(
                max(each.invoked, other.invoked) <= min(each.returned, other.returned)
                for other in moves
                if other.row != each.row
            )
        ]
        loose = [
            Operation(each.row, "set", "unknown", (), each.next, None, each.invoked, 1 << 62)
            for each in self.operations
            if (each in moves and each not in alone) or (each.outcome == "conflict" and each.next is not None)
        ]
        return self.is_explained([each for each in self.operations if each not in moves or each in alone] + loose)

    @property
    def cuts(self) -> set[int]:
        """The end of each fault, and the return of each transition that it found under way."""
        wins = [each for each in self.operations if each.kind != "create" and each.outcome == "won"]
        late = {win.returned for until in self.struck.untils for win in wins if win.invoked <= until < win.returned}
        return {*self.struck.untils, *late}

    def find_losses(self, cut: int, size: int) -> list[set[int]]:
        """The sets of so many transitions that explain everything when they are lost by this cut."""
        wins = [win for win in self.operations if win.kind != "create" and self.may_lose(win, cut)]
        return [{win.row for win in lost} for lost in combinations(wins, size) if self.explains_without(lost, cut)]


@st.composite
def draw_forgetful(draw: st.DrawFn, graph: TransitionGraph | None) -> tuple[list[Record], int]:
    """Requests answered as one order of them would have it, but that once an earlier state comes back; and when."""
    records = [*draw(st.lists(draw_request(), min_size=1, max_size=4)), *draw(st.lists(draw_request(), max_size=2))]
    states: list[str | None] = ["A"]
    crash, moment, fell_ns = draw(st.integers(1, len(records))), 0, 0
    for number, record in enumerate(records):
        if number == crash:
            fell_ns = moment + 1
            moment += draw(st.integers(1, 3))
            states.append(draw(st.sampled_from(states)))
        moment += draw(st.integers(0, 3))
        record["invoked_ns"] = moment - draw(st.integers(0, 1))
        record["returned_ns"] = moment + draw(st.integers(0, 2))
        states.append(answer(draw, record, states[-1], graph))
    return [create("c", -1, -1), *records], fell_ns


@st.composite
def draw_struck(draw: st.DrawFn) -> FaultedWorkflow:
    graph = draw(graphs)
    untils = sorted(draw(st.lists(st.integers(0, 20), min_size=1, max_size=3)))
    if draw(st.integers(0, 3)):
        records, fell_ns = draw(draw_forgetful(graph))
        untils = sorted([fell_ns, *untils[1:]])
    else:
        records = draw(st.one_of(draw_anything(4), draw_nearly_true(5, graph)))
    told = [record | {"id": str(number), "workflow": "w"} for number, record in enumerate(records)]
    blank: Record = {"process": "p", "tenant": "acme"}
    evidence = build_evidence([blank | record for record in told], graph=graph)
    operations, starts = evidence.lay_out(0)
    assume(search(operations, starts, graph).verdict is Verdict.FAIL)
    return FaultedWorkflow(operations, starts, graph, untils, float("inf"))


@pytest.mark.parametrize("examples", [30, pytest.param(EXAMPLES, marks=pytest.mark.exhaustive)])
def test_every_loss_is_one_by_its_definition_and_no_smaller_one_is_missed(examples: int) -> None:
    seen = Counter[str]()

    @settings(
        max_examples=examples, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(draw_struck())
    def compare(struck: FaultedWorkflow) -> None:
        oracle, loss = Oracle(struck), struck.find_loss()
        cuts = {cut for cut in oracle.cuts if oracle.explains_until(cut)}
        cuts = set() if oracle.is_wrong_otherwise() else cuts
        if loss is None:
            seen["none"] += 1
            assert not any(oracle.find_losses(cut, 1) for cut in cuts)
            return
        seen["loss"] += 1
        lost = {win.row for win in loss.lost}
        assert loss.cut in cuts
        assert lost in oracle.find_losses(loss.cut, len(lost))
        assert len(lost) == 1 or not any(oracle.find_losses(cut, 1) for cut in cuts)
        assert loss.seen.invoked > loss.cut
        assert all(win.returned <= loss.cut for win in loss.lost)
        assert not oracle.explains_until(loss.seen.invoked)
        assert oracle.explains_until(loss.seen.invoked - 1)

    compare()
    assert min(seen["loss"], seen["none"]) > examples // 50, seen


PATH = "ABCDEFGH"
GRAPH = TransitionGraph.of("A", {state: [following] for state, following in pairwise(PATH)})


@settings(deadline=None, database=None)
@given(st.integers(1, 6), st.integers(1, 6), st.booleans(), st.integers(0, 2))
def test_an_engine_that_forgets_is_found_out_and_what_it_forgot_is_named(
    won: int, forgotten: int, reads: bool, later: int
) -> None:
    """One request after the other; then a crash, after which the workflow is some transitions back."""
    assume(forgotten <= won)
    records: list[Record] = [create("c", 0, 1)]
    for number in range(won):
        records.append(advance(f"a{number}", f"{PATH[number]}-{PATH[number + 1]}", 10 * number + 10, 10 * number + 12))
        records += [read(f"r{number}", 10 * number + 14, 10 * number + 15, PATH[number + 1])] if reads else []
    state = won - forgotten
    again = [
        advance(
            f"b{number}", f"{PATH[state + number]}-{PATH[state + number + 1]}", 200 + 10 * number, 205 + 10 * number
        )
        for number in range(min(later, 7 - state))
    ]
    records += again or [read("seen", 200, 201, PATH[state])]
    operations, starts = build_evidence(records, graph=GRAPH).lay_out(0)
    loss = FaultedWorkflow(operations, starts, GRAPH, (150,), float("inf")).find_loss()
    assert loss is not None
    first = [str(records[win.row]["id"]) for win in loss.lost]
    assert first == [f"a{number}" for number in range(state, won)]
    assert records[loss.seen.row]["invoked_ns"] == 200


def explain(*records: Record, untils: tuple[int, ...], graph: Any = GRAPH) -> list[str] | None:
    """The ids of what was lost; None where nothing was, as far as this can tell."""
    operations, starts = build_evidence(list(records), graph=graph).lay_out(0)
    loss = FaultedWorkflow(operations, starts, graph, untils, float("inf")).find_loss()
    return None if loss is None else [str(records[win.row]["id"]) for win in loss.lost]


CREATE = create("c", 0, 1)
FORK = TransitionGraph.of("A", {"A": ["B", "X"], "B": ["C"], "C": ["B"]})


def test_two_winners_of_one_race_are_no_loss_wherever_the_fault_was() -> None:
    pair = (advance("a", "A-B", 10, 20), advance("b", "A-X", 12, 30), read("r", 50, 51, "X"))
    for until in range(55):
        assert explain(CREATE, *pair, untils=(until,), graph=FORK) is None


def test_a_transition_that_a_concurrent_one_wrote_over_was_not_lost_by_a_fault() -> None:
    """A cancel may follow the other in some order, so both answers have an explanation until the read."""
    cancel, other = advance("x", "A|B-X", 10, 20), advance("a", "A-B", 11, 30)
    graph = TransitionGraph.of("A", {"A": ["B", "X"], "B": ["X"]})
    for until in range(10, 50):
        assert explain(CREATE, cancel, other, read("r", 50, 51, "B"), untils=(until,), graph=graph) is None
    late = advance("x", "A|B-X", 31, 40)
    assert explain(CREATE, late, other, read("r", 50, 51, "B"), untils=(42,), graph=graph) == ["x"]


def test_a_conflict_that_was_carried_out_was_not_brought_about_by_a_fault() -> None:
    graph = TransitionGraph.of("A", {"A": ["B"], "B": ["A"]})
    won, denied = advance("a", "A-B", 10, 20), advance("d", "B-A", 30, 35, "conflict")
    late = advance("l", "B-A", 12, 14, "conflict", observed="A")
    assert explain(CREATE, late, won, read("r", 60, 61, "A"), untils=(40,), graph=graph) is None
    assert explain(CREATE, won, denied, read("r", 60, 61, "A"), untils=(40,), graph=graph) is None
    assert explain(CREATE, won, read("r", 60, 61, "A"), untils=(40,), graph=graph) == ["a"]


def test_a_winner_that_began_before_the_other_was_told_is_its_contender() -> None:
    """The second was asked after the end of the fault, but while the first was still under way."""
    first = advance("a", "A-B", 10, 40)
    last = read("r", 60, 61, "X")
    assert explain(CREATE, first, advance("b", "A-X", 30, 50), last, untils=(20,), graph=FORK) is None
    assert explain(CREATE, first, advance("b", "A-X", 41, 50), last, untils=(20,), graph=FORK) == ["a"]


def test_a_transition_that_was_seen_again_after_the_fault_was_not_lost() -> None:
    won, back = advance("a", "A-B", 10, 20), read("later", 70, 71, "B")
    assert explain(CREATE, won, read("r", 60, 61, "A"), untils=(40,)) == ["a"]
    assert explain(CREATE, won, read("r", 60, 61, "A"), back, untils=(40,)) is None
    assert explain(CREATE, won, back, read("r", 80, 81, "A"), untils=(40,)) is None


def test_an_answer_between_the_fault_and_a_late_acknowledgement_counts() -> None:
    """Another call was under way at the fault. Meanwhile the transition was seen: it was not lost."""
    won, slow = advance("a", "A-B", 10, 20), advance("s", "B-C", 35, 55)
    graph = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
    gone = read("r", 60, 61, "A")
    seen = read("m", 45, 46, "B")
    assert explain(CREATE, won, slow, gone, untils=(40,), graph=graph) == ["a", "s"]
    assert explain(CREATE, won, slow, seen, gone, untils=(40,), graph=graph) is None


def test_what_contradicts_itself_before_the_fault_says_nothing_of_it() -> None:
    stale = read("s", 22, 23, "A")
    assert explain(CREATE, advance("a", "A-B", 10, 20), stale, read("r", 60, 61, "A"), untils=(40,)) is None


def test_a_transition_asked_for_after_the_fault_was_not_lost_by_it() -> None:
    assert explain(CREATE, advance("a", "A-B", 10, 20), read("r", 60, 61, "A"), untils=(5,)) is None
