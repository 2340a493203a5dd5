"""Every illegal request, asked once in each state in which it is illegal; every legal move, asked once by somebody who
believes the workflow to be in another state from which it would be legal too; and every legal move, made once.

Random questions hardly meet one pair of a thousand; and asking them all is cheap, since a right engine stays where it
is and the next pair can be asked at once.
"""

import time
from itertools import pairwise

from engine.target.graph import TransitionGraph
from engine.target.illegal import list_illegal
from engine.target.target import Route, Target
from stateful_tests.interleavings.schedule import Action, expect
from stateful_tests.sequential.machine import WorkflowMachine


def ask_refused(machine: WorkflowMachine, deadline: float) -> None:
    """Takes workflows through all states and asks, in each, for every move that a right engine refuses.

    `deadline` is of time.monotonic(). Raises MismatchError at the first wrong answer.
    """
    graph = machine.graph
    left = set(graph.states)
    while left & reach(graph, graph.initial):
        workflow = machine.create_one(1)
        if workflow is None:
            return
        state: str | None = graph.initial
        while state is not None:
            if state in left:
                ask_illegal(machine, workflow, state, deadline)
                ask_stale(machine, workflow, state, deadline)
                left.discard(state)
            state = walk(machine, workflow, find_next(graph, state, left))
        machine.compare(workflow)
        if time.monotonic() > deadline or not machine.beliefs[workflow].is_certain:
            return


def make_legal(machine: WorkflowMachine, deadline: float) -> None:
    """Takes workflows along every edge, as ask_refused does."""
    graph = machine.graph
    left = {(origin, to) for origin in reach(graph, graph.initial) for to in graph.successors.get(origin, ())}
    while left and time.monotonic() < deadline:
        workflow = machine.create_one(1)
        if workflow is None:
            return
        state: str | None = graph.initial
        while state is not None:
            trail = find_edge(graph, state, left)
            left.difference_update(pairwise(trail))
            state = walk(machine, workflow, trail)
        machine.compare(workflow)


def ask_illegal(machine: WorkflowMachine, workflow: str, state: str, deadline: float) -> None:
    for request in list_illegal(machine.target, state):
        if time.monotonic() < deadline:
            machine.ask_advance(workflow, machine.owners[workflow], request.route, request.origin, request.to)


def ask_stale(machine: WorkflowMachine, workflow: str, state: str, deadline: float) -> None:
    for to in machine.graph.successors.get(state, ()):
        found = find_stale(machine.target, state, to)
        if found is not None and time.monotonic() < deadline:
            route, origin = found
            machine.ask_advance(workflow, machine.owners[workflow], route, origin, to)


def find_stale(target: Target, state: str, to: str) -> tuple[Route, str] | None:
    """A route over which a move to `to` is asked for out of another state than `state`, and not out of this one too."""
    for origin in target.graph.states:
        if origin != state and target.graph.allows(origin, to):
            # The last route is the general one, if there is one: its callers say where they believe to be.
            route = target.routes_for(origin, to)[-1]
            if state not in expect(target, Action(target.owner, route.name, origin, to)):
                return route, origin
    return None


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


def find_edge(graph: TransitionGraph, state: str, left: set[tuple[str, str]]) -> tuple[str, ...]:
    """The way along the nearest edge that is left: those that end a workflow last."""
    trails = [(*trail, to) for origin, to in sorted(left) if (trail := graph.path(state, origin)) is not None]
    return min(trails, key=lambda trail: (trail[-1] in graph.terminal, len(trail)), default=())


def reach(graph: TransitionGraph, state: str) -> set[str]:
    """The states to which legal moves lead, this one included."""
    return {other for other in graph.states if graph.path(state, other) is not None}
