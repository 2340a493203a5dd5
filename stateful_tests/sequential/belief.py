"""What the model believes of a workflow: the states that it may be in, and the trail that led there. Pure.

While every answer is known, there is one state. After an unknown answer there are several; a read excludes some. An
unknown operation may take effect once, at any later moment: that stays possible until an answer shows that it did.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.target.answer import ClassifiedAnswer
from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import NEVER, Impossible, Operation, step


@dataclass(frozen=True)
class Claim:
    """What an operation claims: its kind, and for an advance or a guard the states in which it must succeed."""

    kind: str
    expected: tuple[str, ...] = ()
    next: str | None = None


@dataclass(frozen=True)
class World:
    """One possibility: the state, every transition so far as (from, to), and the unknown operations that have not taken
    effect, in the order in which they were sent.
    """

    state: str
    trail: tuple[tuple[str, str], ...] = ()
    open: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class Belief:
    """Every world that explains the answers so far, and every world that open operations may make of these."""

    worlds: frozenset[World]

    @classmethod
    def fresh(cls, graph: TransitionGraph) -> "Belief":
        return cls(frozenset({World(graph.initial)}))

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

    def after(self, claim: Claim, classified: ClassifiedAnswer, graph: TransitionGraph) -> "Belief":
        """The worlds that remain after this answer; none if no world explains it."""
        if classified.outcome in ("refused", "busy", "stale"):
            return self
        if classified.outcome == "unknown":
            return replace(self, worlds=spread((leave_open(world, claim, graph) for world in self.worlds), graph))
        operation = Operation(
            0, claim.kind, classified.outcome, claim.expected, claim.next, classified.observed, 0, NEVER
        )
        moved = [moved for world in self.worlds if (moved := take(world, operation, graph)) is not None]
        return replace(self, worlds=spread(moved, graph))

    def seen(self, trail: Iterable[tuple[str, str]], graph: TransitionGraph) -> "Belief":
        """The worlds with exactly this trail, and the worlds that open operations may make of these."""
        wanted = tuple(trail)
        return replace(self, worlds=spread((world for world in self.worlds if world.trail == wanted), graph))

    def is_due(self, claim: Claim, graph: TransitionGraph) -> bool | None:
        """Whether the claim must succeed; None while that is not known."""
        verdicts = {
            state in claim.expected and (claim.next is None or graph.allows(state, claim.next)) for state in self.states
        }
        return verdicts.pop() if len(verdicts) == 1 else None


def take(world: World, operation: Operation, graph: TransitionGraph) -> World | None:
    """The world after the operation took effect in it; None if it cannot take effect."""
    state = step(world.state, operation, graph)
    if isinstance(state, Impossible) or state is None:
        return None
    if operation.kind == "advance" and operation.outcome in ("won", "unknown"):
        return replace(world, state=state, trail=(*world.trail, (world.state, state)))
    return replace(world, state=state)


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
            operation = Operation(0, claim.kind, "unknown", claim.expected, claim.next, None, 0, NEVER)
            moved = take(world, operation, graph)
            if moved is None:
                continue
            at = world.open.index(claim)
            moved = replace(moved, open=world.open[:at] + world.open[at + 1 :])
            if moved not in found:
                found.add(moved)
                left.append(moved)
    return frozenset(found)
