"""The sweeps: every illegal request once in each state, every legal move once, and every legal move as of a client that
believes the workflow to be in another state from which the move is legal, too.

Random requests hardly ever hit one pair of a thousand. All pairs are cheap: a right engine stays in its state, so the
next pair follows at once.
"""

import time
from dataclasses import dataclass
from itertools import pairwise

from engine.target.graph import TransitionGraph
from engine.target.illegal import list_illegal
from engine.target.routes import Route
from engine.target.target import Target
from load.client.asker import Asker
from stateful_tests.level_report import MISMATCH, explain_end, record_level
from stateful_tests.sequential.checked_workflows import CheckedWorkflows

# A sweep gives up after that many workflows that led to no new request, or whose state became uncertain.
LOST_MAX = 5
LOST = "lost track"


@dataclass
class Sweep:
    """One sweep of a level: the `amount` of its requests, and how many of them were sent."""

    name: str
    unit: str
    amount: int
    run: int = 0
    lost: int = 0
    is_starved: bool = False

    @property
    def goes_on(self) -> bool:
        return self.lost < LOST_MAX

    def record(self, asker: Asker, *, met_mismatch: bool) -> None:
        """Records how much was sent, and why not all, as an event of its own: half of a sweep proves too little."""
        ended = MISMATCH if met_mismatch and self.run < self.amount else explain_end(asker, self)
        ended = LOST if ended == "time" and not self.goes_on else ended
        record_level(asker, self.name, self.unit, self, ended)


def ask_refused(workflows: CheckedWorkflows, sweep: Sweep, deadline: float) -> None:
    """Takes workflows through all states and sends, in each, every move that a right engine refuses.

    `deadline` is of time.monotonic(). Raises MismatchError at the first wrong answer.
    """
    graph = workflows.graph
    left = reach(graph, graph.initial)
    while left and time.monotonic() < deadline and sweep.goes_on:
        workflow, run = workflows.create(workflows.target.creators[0]), sweep.run
        if workflow is None:
            return
        state: str | None = graph.initial
        while state is not None:
            if state in left:
                left.discard(state)
                ask_in(workflows, workflow, state, sweep, deadline)
            state = walk(workflows, workflow, find_next(graph, state, left))
        workflows.compare(workflow)
        sweep.lost += sweep.run == run or not workflows.beliefs[workflow].is_certain


def make_legal(workflows: CheckedWorkflows, sweep: Sweep, deadline: float) -> None:
    """Takes workflows along every edge, as ask_refused does."""
    graph = workflows.graph
    left = list_edges(graph)
    while left and time.monotonic() < deadline and sweep.goes_on:
        workflow = workflows.create(workflows.target.creators[0])
        if workflow is None:
            return
        state: str | None = graph.initial
        while state is not None:
            trail, asked = find_edge(graph, state, left), workflows.asker.asked
            new = left & set(pairwise(trail))
            left -= new
            state = walk(workflows, workflow, trail)
            sweep.run += len(new) if workflows.asker.asked - asked >= len(trail) - 1 else 0
        workflows.compare(workflow)
        sweep.lost += not workflows.beliefs[workflow].is_certain


def plan_refused(target: Target) -> Sweep:
    states = reach(target.graph, target.graph.initial)
    return Sweep("refusals", "requests", sum(len(list_refused(target, state)) for state in states))


def plan_legal(target: Target) -> Sweep:
    return Sweep("legal moves", "moves", len(list_edges(target.graph)))


def list_edges(graph: TransitionGraph) -> set[tuple[str, str]]:
    """The edges out of every reachable state."""
    return {(origin, to) for origin in reach(graph, graph.initial) for to in graph.successors.get(origin, ())}


def ask_in(workflows: CheckedWorkflows, workflow: str, state: str, sweep: Sweep, deadline: float) -> None:
    """Sends each move that a right engine refuses in this state, and counts them, also one that there is no way to ask
    for: it needs a value, such as that of a hold, that the workflow does not have.
    """
    for route, origin, to in list_refused(workflows.target, state):
        if time.monotonic() < deadline:
            seen = workflows.asker.asked + workflows.asker.left_out
            workflows.advance_by(workflow, workflows.owners[workflow], route, origin, to)
            sweep.run += workflows.asker.asked + workflows.asker.left_out > seen


def list_refused(target: Target, state: str) -> list[tuple[Route, str, str]]:
    """The moves that a right engine refuses in a state: illegal ones, and legal ones that name another state."""
    illegal = [(request.route, request.origin, request.to) for request in list_illegal(target, state)]
    stale = [(to, find_stale(target, state, to)) for to in target.graph.successors.get(state, ())]
    return [*illegal, *((*found, to) for to, found in stale if found is not None)]


def find_stale(target: Target, state: str, to: str) -> tuple[Route, str] | None:
    """A route over which a move to `to` can be sent from another state than `state`, and not from this one too."""
    for origin in target.graph.states:
        if origin != state and target.graph.allows(origin, to):
            # The last route is the general one, if there is one: its requests name the state they expect.
            route = target.routes_for(origin, to)[-1]
            if state not in target.expected_by(route, origin, to):
                return route, origin
    return None


def walk(workflows: CheckedWorkflows, workflow: str, trail: tuple[str, ...]) -> str | None:
    """Makes the moves one by one; the state at their end, None if there is no move or the state is not certain."""
    if not trail:
        return None
    for origin, to in pairwise(trail):
        # The last route is the general one, if there is one: it is the one that can lack an edge.
        workflows.advance(workflow, workflows.owners[workflow], origin, to, -1)
    return trail[-1] if workflows.beliefs[workflow].states == {trail[-1]} else None


def find_next(graph: TransitionGraph, state: str, left: set[str]) -> tuple[str, ...]:
    """The path to the nearest state left: terminal ones last; then the one that leads to most, then the farthest."""
    trails = [trail for goal in sorted(left - {state}) if (trail := graph.path(state, goal)) is not None]

    def rank(trail: tuple[str, ...]) -> tuple[bool, int, int, int]:
        goal = trail[-1]
        far = len(graph.path(graph.initial, goal) or ())
        return goal in graph.terminal, len(trail), -len(reach(graph, goal) & left), -far

    return min(trails, key=rank, default=())


def find_edge(graph: TransitionGraph, state: str, left: set[tuple[str, str]]) -> tuple[str, ...]:
    """The path along the nearest edge left; those that end a workflow last."""
    trails = [(*trail, to) for origin, to in sorted(left) if (trail := graph.path(state, origin)) is not None]
    return min(trails, key=lambda trail: (trail[-1] in graph.terminal, len(trail)), default=())


def reach(graph: TransitionGraph, state: str) -> set[str]:
    """The states to which legal moves lead, this one included."""
    return {other for other in graph.states if graph.path(state, other) is not None}
