"""What the model believes of a workflow: the states that it may be in, and the trail that led there. Pure.

One state while every answer is known. After an unknown answer there are two or more; a read narrows them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.graph import TransitionGraph
from engine.target import Reading
from reports.model import NEVER, Impossible, Operation, step


@dataclass(frozen=True)
class World:
    """One possibility: the state, and every transition so far as (from, to)."""

    state: str
    trail: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Claim:
    """What an operation asks for: its kind, and for an advance or a guard the states in which it is due."""

    kind: str
    expected: tuple[str, ...] = ()
    next: str | None = None


@dataclass(frozen=True)
class Belief:
    """Every world that explains the answers so far."""

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

    def after(self, claim: Claim, reading: Reading, graph: TransitionGraph) -> "Belief":
        """The worlds that remain after this answer; none when no world explains it."""
        if reading.outcome == "refused":
            return self
        operation = Operation(0, claim.kind, reading.outcome, claim.expected, claim.next, reading.observed, 0, NEVER)
        moved = {moved for world in self.worlds if (moved := take(world, operation, graph)) is not None}
        if reading.outcome == "unknown":
            moved |= self.worlds
        return replace(self, worlds=frozenset(moved))

    def seen(self, trail: Iterable[tuple[str, str]]) -> "Belief":
        """The worlds with this very trail."""
        wanted = tuple(trail)
        return replace(self, worlds=frozenset(world for world in self.worlds if world.trail == wanted))

    def is_due(self, claim: Claim, graph: TransitionGraph) -> bool | None:
        """Whether the claim must win (or a guard answer); None while that is not known."""
        verdicts = {
            state in claim.expected and (claim.next is None or graph.allows(state, claim.next)) for state in self.states
        }
        return verdicts.pop() if len(verdicts) == 1 else None


def take(world: World, operation: Operation, graph: TransitionGraph) -> World | None:
    """The world after the operation took effect in it; None when it cannot have."""
    if operation.kind == "read" and operation.outcome == "unknown":
        return world
    state = step(world.state, operation, graph)
    if isinstance(state, Impossible) or state is None:
        return None
    if operation.kind == "advance" and operation.outcome in ("won", "unknown"):
        return World(state, (*world.trail, (world.state, state)))
    return World(state, world.trail)
