"""The search for an order that also explains the versions of a workflow. Pure; one workflow at a time.

A workflow has one current version. It changes with a transition, and may change with an accepted write and with a
request that repeats a win; nothing else changes it. A read tells the current one, a request that carried one and was
carried out carried the current one, and a stale one carried another. In a state of which no answer tells the version it
may be any that was told of that state (the version may be a hash of what is stored), or one that nothing tells; it is
not one that was told of other states alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import IMPOSSIBLE, Impossible, Operation, step
from reports.judge.searches.linearizability_search import Alone, Rules, Searched, never_past, search

TOUCH = "touch"  # an accepted write: it may change the version
Spot = tuple[str | None, str | None]  # the state, and its version; None: one that no answer tells


@dataclass(frozen=True)
class Told:
    """One answer that told a version. `state`: the state that it tells with it, if any."""

    row: int
    version: str
    firm: bool
    state: str | None
    invoked: int
    returned: int


@dataclass(frozen=True)
class Versions:
    """The versions of one workflow: what each operation carried and firmly told, by row, and what told which, by
    invoke. `where`: the states in which each version may be current, by the answers that told it; None: in any.
    """

    carried: Mapping[int, str]
    firm: Mapping[int, str]
    told: tuple[Told, ...]
    where: Mapping[str, frozenset[str] | None]

    def list_allowed(self, state: str | None) -> list[str]:
        """The told versions that may be the current one in a state."""
        if state is None:
            return []
        return [version for version, states in self.where.items() if states is None or state in states]


@dataclass(frozen=True)
class VersionSearch:
    """A workflow's operations with their versions, stale ones and writes too, and the states that it may begin in.
    `born`: the version that a create told which is not among the operations, because it tells no state.
    """

    operations: Sequence[Operation]
    starts: Sequence[str | None]
    graph: TransitionGraph | None
    versions: Versions
    deadline_s: float
    born: str | None = None

    def search_all(self) -> Searched:
        """Whether some order explains all answers and all versions."""
        return self.search(self.operations)

    def search_carried(self, rows: frozenset[int] | None = None) -> Searched:
        """The same without what was told: a version may be current wherever it was told of the state. `rows`: only
        these are held to what they carried.
        """
        kept = (self.keep(each, rows) for each in self.operations if each.outcome != "stale")
        return replace(self, born=None).search([replace(each, told=None) for each in kept])

    def search_told(self, rows: frozenset[int] = frozenset()) -> Searched:
        """The same without what requests carried, but for these `rows`."""
        kept = (each for each in self.operations if each.outcome != "stale" or each.row in rows)
        return self.search([self.keep(each, rows) for each in kept])

    def keep(self, operation: Operation, rows: frozenset[int] | None) -> Operation:
        return operation if rows is None or operation.row in rows else replace(operation, carried=None)

    def search(self, operations: Sequence[Operation]) -> Searched:
        alone = self.list_alone if self.graph is not None and self.graph.timed else None
        rules = Rules(self.take, never_past, self.named, branch=self.branch, alone=alone)
        born = self.born
        spots = [
            spot for state in self.starts for spot in (self.list_spots(state) if born is None else [(state, born)])
        ]
        return search(operations, spots, self.graph, self.deadline_s, rules)

    @cached_property
    def named(self) -> frozenset[str]:
        return frozenset(each.next for each in self.operations if each.next is not None)

    def list_alone(self, spot: Spot) -> list[Alone]:
        """The moves that no request makes; each changes the version, as every transition does."""
        moves = self.graph.timed_from.get(spot[0], ()) if self.graph is not None and spot[0] is not None else ()
        return [(move.after_ns, after) for move in moves for after in self.list_spots(move.to)]

    def list_spots(self, state: str | None) -> list[Spot]:
        """The state with each version that it may have."""
        return [*((state, version) for version in self.versions.list_allowed(state)), (state, None)]

    def take(self, spot: Spot, operation: Operation) -> Spot | Impossible:
        """Whether an answer that changes nothing holds."""
        state, version = spot
        if operation.outcome == "stale":
            return IMPOSSIBLE if operation.carried is not None and operation.carried == version else spot
        if step(state, operation, self.graph) is IMPOSSIBLE:
            return IMPOSSIBLE
        return spot if operation.told in (None, version) else IMPOSSIBLE

    def branch(self, spot: Spot, operation: Operation) -> Sequence[Spot]:
        """Where an operation that changes something may lead."""
        state, version = spot
        stays = operation.kind == TOUCH or (operation.repeats and state == operation.next)
        after: Any = state if stays else step(state, operation, self.graph)
        if after is None or after is IMPOSSIBLE:
            return ()
        # A service may answer a request for the state that there is already before it looks at the version.
        if operation.carried not in (None, version) and not (stays and operation.repeats):
            return ()
        if operation.told is not None:
            return [(after, operation.told)]
        spots = self.list_spots(after)
        return spots if not stays or spot in spots else [*spots, spot]
