"""Goal: plans of units ask what their target can express, and nothing else. Pure."""

from pathlib import Path

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from engine.target.target import Target
from load.client.ask import expect_units
from stateful_tests.parallel.plan import list_calls, load_plan, save_plan
from stateful_tests.parallel.unit_plans import PREFIX_MAX, pin_units, take_all_but, unit_plans
from tests.load.stub import SMALL, load_text
from tests.load.unit_stub import JOBS, TOLD, VOUCHERS

ALWAYS = ["the last unit", "more takes than units"]
READS, GIVE_BACKS = ["reads beside the last unit"], ["a give-back beside takes", "takes and give-backs"]
SEVERAL = ["two resources", "another tenant's take"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (VOUCHERS, [*ALWAYS, *READS, *GIVE_BACKS, *SEVERAL]),
        (TOLD, [*ALWAYS, *SEVERAL]),
        (JOBS, [*ALWAYS, *GIVE_BACKS]),
        (SMALL, []),
    ],
    ids=["vouchers", "told", "jobs", "no units"],
)
def test_the_classic_plans_of_a_target(text: str, names: list[str], tmp_path: Path) -> None:
    target = load_text(tmp_path, text)
    plans = list(pin_units(target))
    assert [plan.name for plan in plans] == names
    for plan in plans:
        save_plan(plan, tmp_path / "plan.json")
        assert load_plan(tmp_path / "plan.json", target) == plan


def test_so_many_are_taken_before_the_branches(tmp_path: Path) -> None:
    chosen, told = load_text(tmp_path / "c", VOUCHERS), load_text(tmp_path / "t", TOLD)
    many = load_text(tmp_path / "m", TOLD.replace('"uses"', "5000"))
    assert [expect_units(target) for target in (chosen, told, many)] == [2, 2, 5000]
    assert [len(take_all_but(chosen, left)) for left in (0, 1, 2, 3)] == [2, 1, 0, 0]
    assert len(take_all_but(many, 1)) == PREFIX_MAX


@pytest.fixture(scope="module", params=[VOUCHERS, TOLD, JOBS], ids=["vouchers", "told", "jobs"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Target:
    return load_text(tmp_path_factory.mktemp("target"), request.param)


@settings(max_examples=50, deadline=None, database=None)
@given(data=st.data())
def test_a_drawn_plan_can_be_asked(target: Target, data: st.DataObject) -> None:
    plan = data.draw(unit_plans(target))
    assert target.capacity is not None
    calls = list_calls(plan)
    assert all(call.workflow < plan.workflows for call in calls)
    assert target.capacity.give_back is not None or not any(call.gives_back for call in calls)
    assert target.can_read or all(call.is_of_units for call in calls)
    assert not target.capacity.is_shared or (plan.workflows == 1 and not any(call.tenant for call in calls))
    assert all(call.takes for call in plan.prefix)


def test_a_plan_of_takes_alone_is_drawn_too(target: Target) -> None:
    plan = find(unit_plans(target), lambda plan: all(call.takes for call in list_calls(plan)))
    assert len(plan.branches) == 2
