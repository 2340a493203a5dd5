"""Every illegal request, asked once in each state in which it is illegal; every legal move, asked once by somebody who
believes the workflow to be in another state from which it would be legal too; and every legal move, made once.

Random questions hardly meet one pair of a thousand; and asking them all is cheap, since a right engine stays where it
is and the next pair can be asked at once.
"""

import time
from dataclasses import dataclass
from itertools import pairwise

from engine.target.graph import TransitionGraph
from engine.target.illegal import list_illegal
from engine.target.target import Route, Target
from load.client.asker import Asker
from reports.history import events
from stateful_tests.sequential.batches import MISMATCH, say_ended
from stateful_tests.sequential.machine import WorkflowMachine

# A sweep gives up after so many workflows that came to nothing new, or whose state it does not know any more.
LOST_MAX = 5
LOST = "lost track"


@dataclass
class Sweep:
    """One sweep of a level: how many questions it has, and how many were asked."""

    name: str
    unit: str
    planned: int
    run: int = 0
    lost: int = 0

    def tell(self, asker: Asker, *, met_mismatch: bool) -> None:
        """How much was asked, and why not all, as an event of its own: half of a sweep proves too little."""
        is_whole = self.run >= self.planned
        ended = MISMATCH if met_mismatch and not is_whole else say_ended(asker, is_whole=is_whole, is_starved=False)
        ended = LOST if ended == "time" and self.lost >= LOST_MAX else ended
        told = events.Level(level=self.name, unit=self.unit, planned=self.planned, run=self.run, ended=ended)
        asker.journal.write(told)


def ask_refused(machine: WorkflowMachine, sweep: Sweep, deadline: float) -> None:
    """Takes workflows through all states and asks, in each, for every move that a right engine refuses.

    `deadline` is of time.monotonic(). Raises MismatchError at the first wrong answer.
    """
    graph = machine.graph
    left = reach(graph, graph.initial)
    while left and time.monotonic() < deadline and sweep.lost < LOST_MAX:
        workflow, run = machine.create_one(1), sweep.run
        if workflow is None:
            return
        state: str | None = graph.initial
        while state is not None:
            if state in left:
                left.discard(state)
                ask_in(machine, workflow, state, sweep, deadline)
            state = walk(machine, workflow, find_next(graph, state, left))
        machine.compare(workflow)
        sweep.lost += sweep.run == run or not machine.beliefs[workflow].is_certain


def make_legal(machine: WorkflowMachine, sweep: Sweep, deadline: float) -> None:
    """Takes workflows along every edge, as ask_refused does."""
    graph = machine.graph
    left = list_edges(graph)
    while left and time.monotonic() < deadline and sweep.lost < LOST_MAX:
        workflow = machine.create_one(1)
        if workflow is None:
            return
        state: str | None = graph.initial
        while state is not None:
            trail, asked = find_edge(graph, state, left), machine.asker.asked
            new = left & set(pairwise(trail))
            left -= new
            state = walk(machine, workflow, trail)
            sweep.run += len(new) if machine.asker.asked - asked >= len(trail) - 1 else 0
        machine.compare(workflow)
        sweep.lost += not machine.beliefs[workflow].is_certain


def plan_refused(target: Target) -> Sweep:
    states = reach(target.graph, target.graph.initial)
    return Sweep("refusals", "requests", sum(len(list_refused(target, state)) for state in states))


def plan_legal(target: Target) -> Sweep:
    return Sweep("legal moves", "moves", len(list_edges(target.graph)))


def list_edges(graph: TransitionGraph) -> set[tuple[str, str]]:
    """The edges that lead on from where legal moves come to."""
    return {(origin, to) for origin in reach(graph, graph.initial) for to in graph.successors.get(origin, ())}


def ask_in(machine: WorkflowMachine, workflow: str, state: str, sweep: Sweep, deadline: float) -> None:
    """Asks for each move that is refused in this state; counts those that were asked."""
    for route, origin, to in list_refused(machine.target, state):
        if time.monotonic() < deadline:
            asked = machine.asker.asked
            machine.ask_advance(workflow, machine.owners[workflow], route, origin, to)
            sweep.run += machine.asker.asked > asked


def list_refused(target: Target, state: str) -> list[tuple[Route, str, str]]:
    """What a right engine refuses in a state: illegal moves, and legal ones that are asked from another state."""
    illegal = [(request.route, request.origin, request.to) for request in list_illegal(target, state)]
    stale = [(to, find_stale(target, state, to)) for to in target.graph.successors.get(state, ())]
    return [*illegal, *((*found, to) for to, found in stale if found is not None)]


def find_stale(target: Target, state: str, to: str) -> tuple[Route, str] | None:
    """A route over which a move to `to` is asked for out of another state than `state`, and not out of this one too."""
    for origin in target.graph.states:
        if origin != state and target.graph.allows(origin, to):
            # The last route is the general one, if there is one: its callers say where they believe to be.
            route = target.routes_for(origin, to)[-1]
            if state not in target.expected_by(route, origin, to):
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
