"""What the model believes of a workflow: the states that it may be in, and the trail that led there. Pure.

One state while every answer is known. After an unknown answer there are two or more; a read narrows them. But whoever
was not answered may take effect later, at any moment and once: that stays possible until something shows that it did.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.target.graph import TransitionGraph
from engine.target.target import ClassifiedAnswer
from reports.judge.models.workflow import NEVER, Impossible, Operation, step


@dataclass(frozen=True)
class Claim:
    """What an operation asks for: its kind, and for an advance or a guard the states in which it is due."""

    kind: str
    expected: tuple[str, ...] = ()
    next: str | None = None


@dataclass(frozen=True)
class World:
    """One possibility: the state, every transition so far as (from, to), and the unknown operations that have not taken
    effect, in the order in which they were asked.
    """

    state: str
    trail: tuple[tuple[str, str], ...] = ()
    open: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class Belief:
    """Every world that explains the answers so far: with each, all that open operations may make of it."""

    worlds: frozenset[World]

    @classmethod
    def fresh(cls, graph: TransitionGraph) -> "Belief":
        return cls(frozenset({World(graph.initial)}))

    @property
    def states(self) -> frozenset[str]:
        return frozenset(world.state for world in self.worlds)

    @property
    def state(self) -> str:
        """The state; any one of them, always the same, while several are possible."""
        return min(self.states)

    @property
    def is_certain(self) -> bool:
        return len(self.worlds) == 1

    @property
    def open_most(self) -> int:
        """How many unknown operations may still take effect, at the most."""
        return max((len(world.open) for world in self.worlds), default=0)

    def after(self, claim: Claim, reading: ClassifiedAnswer, graph: TransitionGraph) -> "Belief":
        """The worlds that remain after this answer; none when no world explains it."""
        if reading.outcome in ("refused", "busy"):
            return self
        if reading.outcome == "unknown":
            return replace(self, worlds=spread((leave_open(world, claim, graph) for world in self.worlds), graph))
        operation = Operation(0, claim.kind, reading.outcome, claim.expected, claim.next, reading.observed, 0, NEVER)
        moved = [moved for world in self.worlds if (moved := take(world, operation, graph)) is not None]
        return replace(self, worlds=spread(moved, graph))

    def seen(self, trail: Iterable[tuple[str, str]], graph: TransitionGraph) -> "Belief":
        """The worlds with this very trail, and what may have come of them since."""
        wanted = tuple(trail)
        return replace(self, worlds=spread((world for world in self.worlds if world.trail == wanted), graph))

    def is_due(self, claim: Claim, graph: TransitionGraph) -> bool | None:
        """Whether the claim must win (or a guard answer); None while that is not known."""
        verdicts = {
            state in claim.expected and (claim.next is None or graph.allows(state, claim.next)) for state in self.states
        }
        return verdicts.pop() if len(verdicts) == 1 else None


def take(world: World, operation: Operation, graph: TransitionGraph) -> World | None:
    """The world after the operation took effect in it; None when it cannot have."""
    state = step(world.state, operation, graph)
    if isinstance(state, Impossible) or state is None:
        return None
    if operation.kind == "advance" and operation.outcome in ("won", "unknown"):
        return replace(world, state=state, trail=(*world.trail, (world.state, state)))
    return replace(world, state=state)


def leave_open(world: World, claim: Claim, graph: TransitionGraph) -> World:
    """The world in which this operation may take effect one day, if it is one that ever can."""
    can_move = claim.kind == "advance" and any(graph.allows(state, claim.next or "") for state in claim.expected)
    return replace(world, open=(*world.open, claim)) if can_move else world


def spread(worlds: Iterable[World], graph: TransitionGraph) -> frozenset[World]:
    """These worlds, and every one that comes of them when open operations take effect, in any order."""
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
