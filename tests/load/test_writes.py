"""Goal: a write that moves a workflow is found by every level, and a write that moves nothing is never accused.

Method: an engine in memory whose write saves the state that it read when its release began; plans, pairings
and scripts of a target with a write.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.target.call import Call, find_write
from engine.target.http_answer import Answer
from engine.target.target import Target
from load.client.ask import bind
from load.client.asker import Asker
from load.scenarios import SCENARIOS
from load.scripts import Round
from reports.history.history import Record, read_history
from reports.history.journal import Journal
from reports.judge.verdict import Verdict
from stateful_tests.interleavings.mixed_pairings import pairings_with_switches
from stateful_tests.interleavings.pairings import list_pairings, pick_one_of_each
from stateful_tests.level_report import MismatchError
from stateful_tests.parallel.generated_plans import generate_plans
from stateful_tests.parallel.pinned_plans import list_pinned
from stateful_tests.parallel.plan import ParallelPlan, PlanError, list_calls, load_plan, save_plan
from stateful_tests.sequential.machine import WorkflowMachine
from tests.load.stub import (
    RICH,
    CrowdedEngine,
    CrowdRelease,
    Engine,
    StubRelease,
    judge_folder,
    load_text,
    make_answer,
    make_source,
)

SCENARIO = SCENARIOS["writes-beside-moves"]


@pytest.fixture
def rich(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", RICH)


class WholeRow(CrowdedEngine):
    """A write saves the state that it read when its release began: a move of the same release is undone."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.before: dict[str, tuple[Sequence[Any], str]] = {}

    def move(self, name: str, request: Any) -> Answer:
        state = self.states[name]
        answer = super().move(name, request)
        if answer.status == 200:
            self.before[name] = self.crowd, state
        return answer

    def write(self, name: str) -> Answer:
        if name in self.before and self.before[name][0] is self.crowd:
            self.states[name] = self.before[name][1]
        return make_answer(204)


class Ending(Engine):
    """A write that moves the workflow by itself, and says nothing of it."""

    def write(self, name: str) -> Answer:
        self.states[name] = "X"
        return make_answer(204)


def draw_rounds(target: Target, seed: int = 7, scripts: int = 30) -> list[Round]:
    drawn = SCENARIO.draw_scripts(target, random.Random(seed), 6)
    return [round_ for _ in range(scripts) for round_ in next(drawn).rounds]


def test_writes_are_released_with_races_and_with_lone_moves(rich: Target) -> None:
    rounds = draw_rounds(rich)
    assert rounds == draw_rounds(rich)
    assert all(len(round_.groups) == 1 and any(call.write for call in round_.calls) for round_ in rounds)
    moves = {sum(bool(call.route) for call in round_.calls) for round_ in rounds}
    assert moves == {1, 6}
    assert all(round_.races == 1 for round_ in rounds if len(round_.calls) > 6)


def test_a_write_is_sent_in_its_states_only(tmp_path: Path) -> None:
    target = load_text(tmp_path, RICH.replace('name = "note"', 'name = "note"\nstates = ["B"]'))
    for round_ in draw_rounds(target):
        written = any(call.write for call in round_.calls)
        assert written == (next(call.origin for call in round_.calls if call.route) == "B")
    assert {pairing.state for pairing in list_pairings(target) if "write" in pairing.kind} == {"B"}


def test_without_a_move_out_of_its_states_there_is_nothing_to_race(tmp_path: Path) -> None:
    target = load_text(tmp_path, RICH.replace('name = "note"', 'name = "note"\nstates = ["X", "D"]'))
    assert SCENARIO.find_obstacle(target) == "no write is sent in a state that a move leaves"


@pytest.mark.parametrize(("engine", "verdict"), [(CrowdedEngine, Verdict.PASS), (WholeRow, Verdict.FAIL)])
def test_load_finds_the_write_that_undoes_a_move(
    engine: Callable[..., CrowdedEngine], verdict: Verdict, rich: Target, tmp_path: Path
) -> None:
    source = make_source(tmp_path / "h", rich, engine(rich.graph), {SCENARIO.name: 30})
    source.asker.release = CrowdRelease(source.asker.release.engine)  # type: ignore[assignment,attr-defined]
    for _ in source.run():
        continue
    source.finish()
    judgement = judge_folder(tmp_path / "h", rich, accept_partial=True)
    assert judgement.verdict is verdict


def ask_write(target: Target, folder: Path) -> list[Record]:
    release: Any = StubRelease(Engine(target.graph))
    with Journal(folder / "one.jsonl") as journal:
        asker = Asker(target, release, journal)
        workflow = asker.create("acme")
        assert workflow is not None
        asker.ask(bind(target, Call(write="note"), workflow, "acme"))
        asker.ask(bind(target, Call(write="note"), workflow, "globex"))
    return read_history(folder / "one.jsonl").rows(range(3))


def test_a_write_in_a_history(rich: Target, tmp_path: Path) -> None:
    _, written, strange = ask_write(rich, tmp_path)
    assert (written.kind, written.outcome, written.next) == ("write", "ok", None)
    assert not written.expected
    assert written.read_detail().request == "note"
    assert strange.outcome == "refused"


def make_machine(target: Target, folder: Path, engine: Engine) -> WorkflowMachine:
    release: Any = StubRelease(engine)
    machine = WorkflowMachine(Asker(target, release, Journal(folder / "s.jsonl"), "sequential"), None)
    machine.create_one(1)
    return machine


def test_the_sequential_machine_finds_a_write_that_moves(rich: Target, tmp_path: Path) -> None:
    machine = make_machine(rich, tmp_path, Ending(rich.graph))
    machine.write(which=0, write=0, stranger=1)
    with pytest.raises(MismatchError, match="was in A"):
        machine.agree()


def test_the_sequential_machine_accepts_a_right_write(rich: Target, tmp_path: Path) -> None:
    machine = make_machine(rich, tmp_path, Engine(rich.graph))
    for stranger in (0, 1):
        machine.write(which=0, write=0, stranger=stranger)
        machine.agree()


def test_plans_and_pairings_have_writes_beside_moves(rich: Target, tmp_path: Path) -> None:
    names = [plan.name for plan in list_pinned(rich)]
    assert {"note beside a move", "note beside a race"} <= set(names)
    drawn: list[ParallelPlan] = []
    generate_plans(rich, 7, 40, drawn.append)
    assert any(call.write for plan in drawn for call in list_calls(plan))
    plan = next(plan for plan in list_pinned(rich) if plan.name == "note beside a race")
    save_plan(plan, tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json", rich) == plan
    kinds = {pairing.kind for pairing in pick_one_of_each(list_pairings(rich))}
    assert {"advance / note, a write", "cancel / note, a write"} <= kinds
    assert not any(pairing.is_race(rich) for pairing in list_pairings(rich) if "write" in pairing.kind)
    assert pairings_with_switches(rich) is not None


def test_a_plan_with_a_write_that_is_not_there_is_refused(rich: Target, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"branches": [[{"write": "nope"}], [{}]]}')
    with pytest.raises(PlanError, match="has no write 'nope'"):
        load_plan(tmp_path / "plan.json", rich)
    with pytest.raises(LookupError, match="has no write 'nope'"):
        find_write(rich, Call(write="nope"))
