"""Goal: a plan is data that is read as it was saved; a plan that cannot run is refused in one sentence.

Method: plans for the reference engine and for a small target, saved, changed and loaded.
"""

from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from engine.target.call import Call
from engine.target.target import Target
from engine.target.target_file import load_target
from stateful_tests.parallel.generated_plans import ask_clear_guards, generate_plans
from stateful_tests.parallel.pinned_plans import list_pinned, walk_to
from stateful_tests.parallel.plan import ParallelPlan, PlanError, list_calls, load_plan, save_plan

SECRETS = {
    "ONEWINNER_JWT_SECRET": "s",
    "ONEWINNER_ACME_TOKEN": "a",
    "ONEWINNER_GLOBEX_TOKEN": "g",
}


def draw_example(target: Target, seed: int, count: int) -> list[ParallelPlan]:
    drawn: list[ParallelPlan] = []
    generate_plans(target, seed, count, drawn.append)
    return drawn


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target(REFERENCE, SECRETS)


def test_a_plan_comes_back_as_it_was_saved(tmp_path: Path, target: Target) -> None:
    for number, plan in enumerate([*list_pinned(target), *draw_example(target, 1, 20)]):
        path = tmp_path / f"{number}.json"
        save_plan(plan, path)
        assert load_plan(path, target) == plan


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no plan"),
        ('{"branches": [[{"colour": "red"}]]}', "is no plan"),
        ('{"branches": [[{"route": "nope", "from": "CREATED", "to": "CANCELLED"}], [{}]]}', "has no route 'nope'"),
        ('{"branches": [[{}], [{"guard": "nope"}]]}', "has no guard 'nope'"),
        ('{"branches": [[{"workflow": 1}], [{}]]}', "workflow or a tenant that is not there"),
        ('{"branches": [[{"tenant": "nobody"}], [{}]]}', "workflow or a tenant that is not there"),
        ('{"branches": [[{}]]}', "2 or more are needed"),
        ('{"branches": [[{}], []]}', "each with an operation"),
        ('{"branches": [[{}], [{}]], "workflows": 1000000}', "on 1 to 20 workflows"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(text: str, told: str, tmp_path: Path, target: Target) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(PlanError, match=told):
        load_plan(path, target)


def test_a_plan_that_is_not_there_is_refused(tmp_path: Path, target: Target) -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        load_plan(tmp_path / "plan.json", target)


def test_rounds_take_one_operation_of_each_branch() -> None:
    first, second, third = (Call(to=name) for name in "ABC")
    plan = ParallelPlan(((first, second), (third,)))
    assert list(plan.number_rounds()) == [[(0, first), (1, third)], [(0, second)]]
    assert plan.in_turn() == ParallelPlan((), (first, second, third))
    assert list(plan.in_turn().number_rounds()) == []


def test_the_pinned_plans_ask_for_the_classic_ones(target: Target) -> None:
    pinned = {plan.name: plan for plan in list_pinned(target)}
    same = pinned["one edge, by advance"]
    assert len(set(same.branches)) == 1
    assert len(same.branches) == 4
    assert any("or CANCELLED, by cancel" in name for name in pinned)
    assert any("after the end" in name for name in pinned)
    assert "another tenant beside the owner" in pinned
    assert "one edge, by icp-generate" in pinned, "a route of its own, with its payload"
    assert list_pinned(target) == list_pinned(target)


def test_drawn_plans_are_the_same_for_the_same_seed_and_stay_within_the_target(target: Target, tmp_path: Path) -> None:
    drawn = draw_example(target, 7, 50)
    assert drawn == draw_example(target, 7, 50)
    assert drawn != draw_example(target, 8, 50)
    assert {len(plan.branches) for plan in drawn} == {2, 3, 4}
    asked = [call for plan in drawn for call in list_calls(plan)]
    assert any(call.tenant for call in asked)
    assert any(call.guard for call in asked)
    assert any(call.route and not target.graph.allows(call.origin, call.to) for call in asked)


def test_a_guard_that_the_state_alone_does_not_decide_becomes_a_read(target: Target) -> None:
    guard = Call(guard="icp-generate")
    cancel = Call(route="cancel", origin="CREATED", to="CANCELLED")
    assert ask_clear_guards(ParallelPlan(((guard,), (cancel,))), target).branches == ((Call(),), (cancel,))
    assert ask_clear_guards(ParallelPlan(((guard,), (Call(),))), target).branches == ((guard,), (Call(),))


def test_the_way_to_a_state_is_made_of_legal_moves(target: Target) -> None:
    way = walk_to(target, "ICP_COMPLETED")
    assert way[0].origin == target.graph.initial
    assert all(target.graph.allows(call.origin, call.to) for call in way)
