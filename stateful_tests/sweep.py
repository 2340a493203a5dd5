"""Every illegal pair of states, asked once from the state that it names.

Random questions hardly meet one pair of a thousand; and asking them all is cheap, since a right engine stays where it
is and the next pair can be asked at once.
"""

import time
from itertools import pairwise

from engine.graph import TransitionGraph
from stateful_tests.machine import WorkflowMachine


def sweep(machine: WorkflowMachine, deadline: float) -> None:
    """Takes workflows through all states and asks, in each, for every move that the graph does not have.

    `deadline` is of time.monotonic(). Raises MismatchError at the first wrong answer.
    """
    graph = machine.graph
    left = set(graph.states)
    while left & reach(graph, graph.initial):
        known = len(machine.workflows)
        machine.create_one(1)
        if len(machine.workflows) == known:
            return
        workflow = machine.workflows[-1]
        state: str | None = graph.initial
        while state is not None:
            if state in left:
                ask_all(machine, workflow, state, deadline)
                left.discard(state)
            state = walk(machine, workflow, find_next(graph, state, left))
        machine.compare(workflow)
        if time.monotonic() > deadline or not machine.beliefs[workflow].is_certain:
            return


def ask_all(machine: WorkflowMachine, workflow: str, state: str, deadline: float) -> None:
    for number, other in enumerate(machine.graph.states):
        if not machine.graph.allows(state, other) and time.monotonic() < deadline:
            machine.advance(workflow, machine.owners[workflow], state, other, number)


def walk(machine: WorkflowMachine, workflow: str, trail: tuple[str, ...]) -> str | None:
    """Makes the moves one by one; the state at their end, None when there is none to go to or nobody knows."""
    if not trail:
        return None
    for origin, to in pairwise(trail):
        # The last route is the general one, if there is one: it is where an edge can have been forgotten.
        machine.advance(workflow, machine.owners[workflow], origin, to, -1)
    return trail[-1] if machine.beliefs[workflow].states == {trail[-1]} else None


def find_next(graph: TransitionGraph, state: str, left: set[str]) -> tuple[str, ...]:
    """The way to the nearest state that is left: dead ends last, of several the one that leads to most, or from far."""
    trails = [trail for goal in sorted(left - {state}) if (trail := graph.path(state, goal)) is not None]

    def rank(trail: tuple[str, ...]) -> tuple[bool, int, int, int]:
        goal = trail[-1]
        far = len(graph.path(graph.initial, goal) or ())
        return goal in graph.terminal, len(trail), -len(reach(graph, goal) & left), -far

    return min(trails, key=rank, default=())


def reach(graph: TransitionGraph, state: str) -> set[str]:
    """The states to which legal moves lead, this one included."""
    return {other for other in graph.states if graph.path(state, other) is not None}
