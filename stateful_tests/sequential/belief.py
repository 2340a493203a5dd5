"""What the model believes of a workflow: the states that it may be in, and the trail that led there. Pure.

While every answer is known, there is one state. After an unknown answer there are several; a read excludes some. An
unknown operation may take effect once, at any later moment: that stays possible until an answer shows that it did.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from engine.target.classified_answer import ClassifiedAnswer
from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import NEVER, Impossible, Operation, step

ANY_TIME = (-NEVER, NEVER)


@dataclass(frozen=True)
class Claim:
    """What an operation claims: its kind, and for an advance or a guard the states in which it must succeed.
    `repeats`: in its next state it succeeds, too, and changes nothing.
    """

    kind: str
    expected: tuple[str, ...] = ()
    next: str | None = None
    repeats: bool = False


@dataclass(frozen=True)
class World:
    """One possibility: the state, every transition so far as (from, to), and the unknown operations that have not taken
    effect, in the order in which they were sent. The state was entered at `since` at the earliest. `owed` is the last
    transition, if no request made it and its row is not in the trail: it may come later, or never.
    """

    state: str
    trail: tuple[tuple[str, str], ...] = ()
    open: tuple[Claim, ...] = ()
    since: int = -NEVER
    owed: tuple[str, str] | None = None


@dataclass(frozen=True)
class Belief:
    """Every world that explains the answers so far, and every world that open operations may make of these."""

    worlds: frozenset[World]

    @classmethod
    def fresh(cls, graph: TransitionGraph, since: int = -NEVER) -> "Belief":
        """Of a workflow that was created at `since` (ns) at the earliest."""
        return cls(frozenset({World(graph.initial, since=since)}))

    @property
    def states(self) -> frozenset[str]:
        return frozenset(world.state for world in self.worlds)

    @property
    def state(self) -> str:
        """The state; while several are possible, one of them, always the same."""
        return min(self.states)

    @property
    def is_certain(self) -> bool:
        return len(self.worlds) == 1

    @property
    def open_most(self) -> int:
        """How many unknown operations may still take effect, at the most."""
        return max((len(world.open) for world in self.worlds), default=0)

    def after(
        self, claim: Claim, classified: ClassifiedAnswer, graph: TransitionGraph, span: tuple[int, int] = ANY_TIME
    ) -> "Belief":
        """The worlds that remain after this answer; none if no world explains it. `span`: when the request was in
        flight (ns).
        """
        if classified.outcome in ("refused", "busy", "stale"):
            return self
        if classified.outcome == "unknown":
            return replace(self, worlds=spread((leave_open(world, claim, graph) for world in self.worlds), graph))
        operation = make_operation(claim, classified.outcome, classified.observed, span[0])
        worlds = wait(self.worlds, graph, span[1])
        moved = [moved for world in worlds if (moved := take(world, operation, graph)) is not None]
        return replace(self, worlds=spread(moved, graph))

    def seen(self, trail: Iterable[tuple[str, str]], graph: TransitionGraph, read_ns: int = NEVER) -> "Belief":
        """The worlds with exactly this trail by `read_ns`, and the worlds that open operations may make of these."""
        wanted, worlds = tuple(trail), wait(self.worlds, graph, read_ns)
        return replace(self, worlds=spread((world for world in worlds if world.trail == wanted), graph))

    def is_due(self, claim: Claim, graph: TransitionGraph) -> bool | None:
        """Whether the claim must succeed; None while that is not known."""
        states = {after for state in self.states for after in graph.reach_alone(state)}
        verdicts = {
            (state in claim.expected and (claim.next is None or graph.allows(state, claim.next)))
            or (claim.repeats and state == claim.next)
            for state in states
        }
        return verdicts.pop() if len(verdicts) == 1 else None


def take(world: World, operation: Operation, graph: TransitionGraph) -> World | None:
    """The world after the operation took effect in it; None if it cannot take effect."""
    state = step(world.state, operation, graph)
    if isinstance(state, Impossible) or state is None:
        return None
    if operation.repeats and operation.outcome in ("won", "unknown") and world.state == state:
        return world
    if operation.kind == "advance" and operation.outcome in ("won", "unknown"):
        since, trail = max(world.since, operation.invoked), (*world.trail, (world.state, state))
        return replace(world, state=state, trail=trail, since=since, owed=None)
    return replace(world, state=state)


def make_operation(claim: Claim, outcome: str, observed: str | None, invoked: int) -> Operation:
    return Operation(
        0, claim.kind, outcome, claim.expected, claim.next, observed, invoked, NEVER, repeats=claim.repeats
    )


def wait(worlds: frozenset[World], graph: TransitionGraph, until: int) -> frozenset[World]:
    """These worlds, and those that they become by moves without a request until a moment (ns). Of worlds that differ
    only in when their state was entered the earliest serves.
    """
    if not graph.timed:
        return worlds
    earliest: dict[World, int] = {}
    left = list(worlds)
    while left:
        world = left.pop()
        timeless = replace(world, since=0)
        if earliest.get(timeless, NEVER) > world.since:
            earliest[timeless] = world.since
            left += spread(leave_alone(world, graph, until), graph)
    return frozenset(replace(timeless, since=since) for timeless, since in earliest.items())


def leave_alone(world: World, graph: TransitionGraph, until: int) -> Iterator[World]:
    """The world one move without a request further, and with the row of the last such move."""
    if world.owed is not None:
        yield replace(world, trail=(*world.trail, world.owed), owed=None)
    for move in graph.timed_from.get(world.state, ()):
        if world.since + move.after_ns <= until:
            yield replace(world, state=move.to, since=world.since + move.after_ns, owed=(move.origin, move.to))


def leave_open(world: World, claim: Claim, graph: TransitionGraph) -> World:
    """The world in which this operation may still take effect, if it can take effect at all."""
    can_move = claim.kind == "advance" and any(graph.allows(state, claim.next or "") for state in claim.expected)
    return replace(world, open=(*world.open, claim)) if can_move else world


def spread(worlds: Iterable[World], graph: TransitionGraph) -> frozenset[World]:
    """These worlds, and every world that they become when open operations take effect, in any order."""
    left = list(worlds)
    found = set(left)
    while left:
        world = left.pop()
        for claim in set(world.open):
            operation = make_operation(claim, "unknown", None, -NEVER)
            moved = take(world, operation, graph)
            if moved is None:
                continue
            at = world.open.index(claim)
            moved = replace(moved, open=world.open[:at] + world.open[at + 1 :])
            if moved not in found:
                found.add(moved)
                left.append(moved)
    return frozenset(found)
