"""Goal: an explanation contradicts all by itself, and nothing in it can be spared. Method: drawn histories that fail,
and brute force over every weakening."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.target.graph import TransitionGraph
from reports.judge.evidence.linearizability_decision import decide
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.conflict_core import ConflictCore, find_conflict_core
from tests.reports.brute_force import try_orders
from tests.reports.building import advance, build_evidence, create, read
from tests.reports.drawing import draw_case

CHAIN = TransitionGraph.of("A", {"A": ["B"], "B": ["C"], "C": ["D"]})


def contradicts(chosen: list[Operation], everything: list[Operation], starts: list[str | None], graph: Any) -> bool:
    """The definition, word by word: no order of the chosen explains them with all others weakened."""
    rows = {each.row for each in chosen}
    created = [each for each in everything if each.kind == "create" and each.outcome == "ok"]
    begun = [None] if any(each.row in rows for each in created) else [each.observed for each in created] or starts
    others = [each for each in everything if each.row not in rows and not each.is_pure and each.kind != "create"]
    weak = [replace(each, outcome="unknown", observed=None, invoked=-NEVER, returned=NEVER) for each in others]
    return not any(try_orders(start, [*chosen, *weak], graph) for start in begun)


@pytest.mark.parametrize("examples", [15, pytest.param(100, marks=pytest.mark.exhaustive)])
def test_nothing_in_an_explanation_can_be_spared(examples: int) -> None:
    @settings(
        max_examples=examples, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(draw_case(size_max=5, workflows_max=3))
    def spare_each(case: tuple[Any, TransitionGraph | None, str | None]) -> None:
        workflows, graph, initial = case
        records = []
        for number, each in enumerate(workflows):
            records += [
                create("", 0, 0) | {"observed": None, "expected": None} | one | {"workflow": f"w{number}"}
                for one in each
            ]
        for number, record in enumerate(records):
            record["id"] = str(number)
        evidence = build_evidence(records, graph=graph, initial=initial)
        failed = [found for found in decide(evidence).failed.values() if not found.core]
        assume(failed)
        for found in failed:
            explanation = find_conflict_core(found.operations, found.starts, found.searched.conflict_core, graph, 60.0)
            chosen = list(explanation.operations)
            assert explanation.is_minimal
            assert contradicts(chosen, found.operations, found.starts, graph)
            for spared in range(len(chosen)):
                assert not contradicts(chosen[:spared] + chosen[spared + 1 :], found.operations, found.starts, graph)

    spare_each()


def explain_records(*records: dict[str, Any]) -> tuple[set[str], ConflictCore]:
    evidence = build_evidence(records, graph=CHAIN)
    (found,) = decide(evidence).failed.values()
    explanation = find_conflict_core(found.operations, found.starts, found.searched.conflict_core, CHAIN, 5.0)
    return {records[each.row]["id"] for each in explanation.operations}, explanation


def test_of_a_whole_history_only_the_culprits_are_named() -> None:
    true = [create("c", 0, 1), advance("1", "A-B", 2, 4), advance("2", "B-C", 5, 7), advance("3", "C-D", 8, 10)]
    lost = [advance(f"l{number}", "B-C", 5, 9, "conflict", observed="C") for number in range(6)]
    assert explain_records(*true, *lost, advance("4", "B-C", 6, 8))[0] == {"2", "4"}
    assert explain_records(*true, *lost, read("4", 11, 12, "Z"))[0] == {"4"}
    assert explain_records(*true, *lost, read("4", 8, 9, "B"))[0] == {"2", "4"}
    names, explanation = explain_records(*true, *lost, read("4", 1, 2, "C"))
    assert "4" in names
    assert len(names) <= 3
    assert explanation.start == "A"


@given(st.integers(0, 2))
@settings(max_examples=3, deadline=None)
def test_without_time_the_explanation_says_that_it_may_be_too_long(number: int) -> None:
    records = [
        create("c", 0, 1),
        advance("1", "A-B", 2, 4),
        advance("2", "A-B", 2, 4),
        read("3", 5, 6, "AB"[number % 2]),
    ]
    (found,) = decide(build_evidence(records, graph=CHAIN)).failed.values()
    explanation = find_conflict_core(found.operations, found.starts, found.searched.conflict_core, CHAIN, 0.0)
    assert not explanation.is_minimal
    assert {1, 2} <= {each.row for each in explanation.operations}
