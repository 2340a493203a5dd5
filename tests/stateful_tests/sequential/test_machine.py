"""Goal: the model allows every effect that an unanswered request may have had, and nothing else.

Method: the machine over an engine in memory that loses the answer to one advance and carries it out a little later.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.target.classified_answer import ClassifiedAnswer
from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.asker import Asker
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from stateful_tests.level_report import MismatchError
from stateful_tests.sequential.belief import Belief
from stateful_tests.sequential.checked_workflows import OPEN_MAX, check_outcome
from stateful_tests.sequential.machine import WorkflowMachine
from tests.load.stub import RICH, SMALL, Engine, StubRelease, load_text, make_answer


class LateEngine(Engine):
    """Carries its first move out after `late` more requests; no answer tells it. `stubborn`: nothing is carried out
    after that, and a conflict is told.
    """

    def __init__(self, graph: TransitionGraph, late: int, *, stubborn: bool = False) -> None:
        super().__init__(graph)
        self.late, self.stubborn = late, stubborn
        self.first: tuple[str, Request] | None = None
        self.left = 0

    def decide(self, request: Request) -> Answer:
        if self.first is not None:
            self.left -= 1
            if self.left == 0:
                super().move(*self.first)
        return super().decide(request)

    def move(self, name: str, request: Request) -> Answer:
        if self.first is None:
            self.first, self.left = (name, request), self.late
            return Answer(None, error="lost")
        return make_answer(409, state=self.states[name]) if self.stubborn else super().move(name, request)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., WorkflowMachine]:
    def make_machine(text: str, late: int, **ways: Any) -> WorkflowMachine:
        target = load_text(tmp_path, text)
        release: Any = StubRelease(LateEngine(target.graph, late, **ways))
        journal = Journal(tmp_path / "sequential-0.jsonl")
        machine = WorkflowMachine(Asker(target, release, journal, "sequential"), None)
        machine.create_one(1)
        return machine

    return make_machine


def advance(machine: WorkflowMachine, origin: str, to: str) -> None:
    """A move, and what follows every rule."""
    (workflow,) = machine.workflows.names
    machine.advance(workflow, origin, to, -1)
    machine.agree()


def judge_machine(machine: WorkflowMachine) -> dict[str, Verdict | None]:
    machine.workflows.asker.end()
    judged = judge(read_history(machine.workflows.asker.journal.path), machine.graph)
    return {check.check: check.verdict for check in judged.checks}


@pytest.mark.parametrize("text", [SMALL, RICH])
@pytest.mark.parametrize("late", range(1, 12))
def test_a_move_that_comes_late_is_no_mismatch(make: Callable[..., WorkflowMachine], text: str, late: int) -> None:
    machine = make(text, late)
    for origin, to in (("A", "B"), ("A", "B"), ("A", "B"), ("B", "C"), ("B", "C"), ("C", "D"), ("A", "B")):
        advance(machine, origin, to)
    machine.teardown()
    verdicts = judge_machine(machine)
    assert Verdict.FAIL not in verdicts.values(), verdicts


@pytest.mark.parametrize("text", [SMALL, RICH])
def test_a_wrong_answer_is_one_as_soon_as_the_late_move_cannot_explain_it(
    make: Callable[..., WorkflowMachine], text: str
) -> None:
    machine = make(text, 2, stubborn=True)
    advance(machine, "A", "B")
    advance(machine, "A", "B")
    with pytest.raises(MismatchError, match="conflict"):
        advance(machine, "B", "C")
    assert judge_machine(machine)["contract"] is Verdict.FAIL


def test_a_workflow_of_many_unknowns_is_moved_no_more(make: Callable[..., WorkflowMachine]) -> None:
    machine = make(SMALL, 10**6)
    release: Any = machine.workflows.asker.release
    release.engine.twist = lambda request, answer: (
        Answer(None, error="lost") if request.path.endswith("advance") else answer
    )
    for _ in range(2 * OPEN_MAX):
        advance(machine, "B", "C")
    assert machine.workflows.asker.unknowns == OPEN_MAX
    machine.teardown()


def test_a_wrong_answer_is_told_with_the_state_of_the_workflow() -> None:
    """The move names the state of the request's edge, which is another one."""
    belief = Belief.fresh(TransitionGraph.of("B", {"B": ["C"], "C": []}))
    won = ClassifiedAnswer("won", 200)
    told = check_outcome(("conflict", "refused"), won, belief)
    assert told == "the answer (status 200) means won, but only conflict or refused is right in the state B"
    assert check_outcome(("won",), won, belief) is None
