"""A tour: walks from the initial state that make every move of a target file once, over each of its requests. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from engine.target.routes import Route
from engine.target.target import Target

STEPS_MAX = 150
ILLEGAL_MAX = 150


@dataclass(frozen=True)
class Step:
    """One legal move over one request."""

    route: Route
    origin: str
    to: str


@dataclass(frozen=True)
class Tour:
    """The walks, each of a workflow of its own; the steps that no walk makes."""

    walks: tuple[tuple[Step, ...], ...]
    left: tuple[Step, ...]


def plan_tour(target: Target, walks_max: int, done: tuple[Step, ...] = ()) -> Tour:
    """At most so many walks. `done` are steps that were made already."""
    left = [step for step in walk_steps(target) if step not in done]
    walks: list[tuple[Step, ...]] = []
    while left and len(walks) < walks_max and sum(map(len, walks)) < STEPS_MAX:
        walk = plan_walk(target, left)
        if not walk:
            break
        walks.append(walk)
    return Tour(tuple(walks), tuple(left))


def walk_steps(target: Target) -> Iterator[Step]:
    for origin, to in target.graph.walk_edges():
        for route in target.routes_for(origin, to):
            yield Step(route, origin, to)


def plan_walk(target: Target, left: list[Step]) -> tuple[Step, ...]:
    """A walk along steps of `left` as long as there are any within reach; it takes them out of `left`."""
    walk: list[Step] = []
    state = target.graph.initial
    while len(walk) < STEPS_MAX:
        onward = [step for step in left if step.origin == state]
        # Into a dead end last: nothing can be asked there any more.
        step = min(onward, key=lambda each: each.to in target.graph.terminal, default=None)
        way = [step] if step is not None else find_way(target, state, left)
        if not way:
            break
        for each in way:
            walk.append(each)
            if each in left:
                left.remove(each)
        state = way[-1].to
    return tuple(walk)


def find_way(target: Target, state: str, left: list[Step]) -> list[Step]:
    """The shortest way to a state in which a step is left."""
    paths = [target.graph.path(state, step.origin) for step in left]
    shortest = min((path for path in paths if path), key=len, default=())
    return [Step(target.routes_for(origin, to)[-1], origin, to) for origin, to in pairwise(shortest)]


def share(target: Target) -> int:
    """How many illegal requests of each state are asked."""
    return max(2, ILLEGAL_MAX // len(target.graph.states))
