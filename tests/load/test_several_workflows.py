"""Goal: what several workflows share is pressed: a lock, a limit, a variable of the service, an id; and plans repeat.

Method: sources on engines in memory that are right as long as one workflow is asked about at a time, and stumble over
a release that holds requests of several.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.scenarios import SCENARIOS, hot_and_cold, lone_moves, side_by_side
from load.scripts import Scenario, Script, cut
from load.tally import Tally
from reports.judge.verdict import Verdict
from tests.load.stub import (
    RICH,
    SMALL,
    CrowdedEngine,
    CrowdRelease,
    Engine,
    find_workflow,
    is_move,
    judge_folder,
    load_text,
    make_answer,
    make_source,
)

PRESSED = ("side-by-side", "lone-moves", "hot-and-cold")


@pytest.fixture
def rich(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", RICH)


class SharedLock(CrowdedEngine):
    """One lock for all workflows, never waited for: the second request gets a conflict."""

    def decide(self, request: Request) -> Answer:
        first = next((other for other in self.crowd if is_move(other)), request)
        if is_move(request) and find_workflow(first) != find_workflow(request):
            return make_answer(409, state=self.states[find_workflow(request)])
        return super().decide(request)


class TenantLock(CrowdedEngine):
    """The same, with a lock for each tenant."""

    def decide(self, request: Request) -> Answer:
        mine = [other for other in self.crowd if is_move(other) and other.headers == request.headers]
        if is_move(request) and find_workflow(mine[0]) != find_workflow(request):
            return make_answer(409, state=self.states[find_workflow(request)])
        return super().decide(request)


class TenantLimit(CrowdedEngine):
    """So many moves of a tenant at one time; each further one gets a conflict that tells no state."""

    LIMIT = 8

    def decide(self, request: Request) -> Answer:
        mine = [other for other in self.crowd if is_move(other) and other.headers == request.headers]
        if is_move(request) and request in mine[self.LIMIT :]:
            return make_answer(409)
        return super().decide(request)


class SharedVariable(CrowdedEngine):
    """What a request found is kept where the one after it finds it: an answer tells another workflow's state."""

    kept = ""

    def decide(self, request: Request) -> Answer:
        answer, name = super().decide(request), find_workflow(request)
        told, self.kept = self.kept, self.states.get(name, "")
        crowded = len({find_workflow(other) for other in self.crowd}) > 1
        is_read = request.method == "GET" and request.path.count("/") == 2
        return make_answer(200, state=told) if is_read and crowded and told else answer


class ReusedId(CrowdedEngine):
    """Two creates at one time are given one id."""

    def decide(self, request: Request) -> Answer:
        creates = [other for other in self.crowd if other.method == "POST" and not find_workflow(other)]
        if request in creates and len(creates) > 1 and len(self.states) % 5 == 4:
            return make_answer(201, id=str(len(self.states) - 1))
        return super().decide(request)


def press(folder: Path, target: Target, engine: Engine, scenario: str) -> tuple[set[str], Tally]:
    """The checks that failed, and the live tally."""
    source, tally = make_source(folder / "h", target, engine, {scenario: 12}), Tally()
    source.asker.release = CrowdRelease(engine)  # type: ignore[assignment]
    for result in source.run():
        tally.count(result)
    source.finish()
    checks = judge_folder(folder / "h", target).checks
    return {check.check for check in checks if check.verdict is Verdict.FAIL}, tally


Make = Callable[[TransitionGraph], Engine]


@pytest.mark.parametrize(
    ("make", "scenario", "check"),
    [
        (SharedLock, "side-by-side", "one-winner"),
        (SharedLock, "hot-and-cold", "one-winner"),
        (SharedLock, "lone-moves", "linearizable"),
        (SharedLock, "lone-moves", "conflict-truth"),
        (TenantLock, "side-by-side", "one-winner"),
        (TenantLock, "lone-moves", "linearizable"),
        (TenantLimit, "lone-moves", "linearizable"),
        (TenantLimit, "lone-moves", "conflict-truth"),
        (SharedVariable, "side-by-side", "linearizable"),
        (SharedVariable, "lone-moves", "linearizable"),
        (ReusedId, "lone-moves", "contract"),
        (ReusedId, "side-by-side", "contract"),
    ],
)
def test_what_is_shared_is_found(make: Make, scenario: str, check: str, rich: Target, tmp_path: Path) -> None:
    failed, _ = press(tmp_path, rich, make(rich.graph), scenario)
    assert check in failed


@pytest.mark.parametrize("scenario", sorted({*SCENARIOS} - {*PRESSED, "expiry"}))
def test_one_workflow_at_a_time_shows_none_of_it(scenario: str, rich: Target, tmp_path: Path) -> None:
    assert press(tmp_path, rich, SharedLock(rich.graph), scenario)[0] == set()


@pytest.mark.parametrize("scenario", PRESSED)
def test_the_live_tally_shows_it_too(scenario: str, rich: Target, tmp_path: Path) -> None:
    assert press(tmp_path / "a", rich, SharedLock(rich.graph), scenario)[1].violations > 0
    assert press(tmp_path / "b", rich, CrowdedEngine(rich.graph), scenario)[1].violations == 0


def draw(scenario: Scenario, target: Target, seed: int = 7, scripts: int = 20) -> list[Script]:
    drawn = scenario.draw_scripts(target, random.Random(seed), 5)
    return [next(drawn) for _ in range(scripts)]


@pytest.mark.parametrize("name", PRESSED)
def test_a_seed_draws_the_same_lives(name: str, rich: Target) -> None:
    assert draw(SCENARIOS[name], rich) == draw(SCENARIOS[name], rich)
    assert draw(SCENARIOS[name], rich) != draw(SCENARIOS[name], rich, seed=8)


def test_races_of_several_tenants_are_released_together(rich: Target) -> None:
    script = draw(side_by_side.SCENARIO, rich)[0]
    assert script.rounds[0].races == side_by_side.WORKFLOWS
    assert set(script.owners) == set(rich.tenants)
    turns = [slot.group for slot in script.rounds[0].list_slots()]
    assert turns == [0, 1, 2, 3] * 5, "the races take turns in the release"


def test_hot_workflows_are_raced_for_at_one_instant(rich: Target) -> None:
    assert max(round_.races for round_ in draw(hot_and_cold.SCENARIO, rich)[0].rounds) == hot_and_cold.HOT


def test_a_lone_move_is_alone_on_its_workflow_and_due(rich: Target) -> None:
    scripts = draw(lone_moves.SCENARIO, rich)
    groups = [group for script in scripts for round_ in script.rounds for group in round_.groups]
    assert {len(group.calls) for group in groups} == {1}
    calls = [group.calls[0] for group in groups]
    assert {(call.creates, bool(call.route)) for call in calls} == {(True, False), (False, True), (False, False)}
    assert not any(script.races for script in scripts)


def test_lone_moves_are_of_all_tenants_and_of_each_one_alone(rich: Target) -> None:
    owners = [script.owners for script in draw(lone_moves.SCENARIO, rich)]
    assert all({*mixed} == {*rich.tenants} for mixed in owners[::2])
    assert {frozenset(crowd) for crowd in owners[1::2]} == {frozenset({tenant}) for tenant in rich.tenants}
    assert {len(crowd) for crowd in owners[1::2]} == {lone_moves.CROWD}


def test_what_a_round_creates_is_asked_about_afterwards(rich: Target) -> None:
    for script in draw(lone_moves.SCENARIO, rich):
        born = set(script.list_first())
        assert 0 < len(born) < script.workflows
        for round_ in script.rounds:
            created = {group.workflow for group in round_.groups if group.calls[0].creates}
            assert {group.workflow for group in round_.groups} - created <= born
            born |= created


def test_ids_that_no_request_makes_are_all_there_beforehand(tmp_path: Path) -> None:
    listed = SMALL.replace('request = { method = "POST", path = "/w" }\nid = "id"\nwon = [201]', 'command = ["make"]')
    target = load_text(tmp_path, listed)
    assert all(script.list_first() == list(range(script.workflows)) for script in draw(lone_moves.SCENARIO, target))


@pytest.mark.parametrize("left", [1, 2, 3, 4, 5, 7])
def test_a_life_is_cut_in_the_midst_of_a_round(left: int, rich: Target) -> None:
    for script in draw(side_by_side.SCENARIO, rich):
        assert cut(script, side_by_side.SCENARIO, left).races == min(left, script.races)
