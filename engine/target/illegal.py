"""What a right engine never does: every state with every request that must not move a workflow out of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.target.target import Route, Target


@dataclass(frozen=True)
class IllegalRequest:
    """A request over `route`, from `origin` to `to`, asked in a `state` that is not among those in which it is due."""

    state: str
    route: Route
    origin: str
    to: str

    def key(self, target: Target) -> tuple[str, str, tuple[str, ...]]:
        """As a history shows it: the state, the next state, and the states in which the request is due."""
        return self.state, self.to, target.expected_by(self.route, self.origin, self.to)


def list_illegal(target: Target, state: str) -> list[IllegalRequest]:
    """Those of one state: each move that the graph does not have, over the general route; then the routes of edges."""
    found = {request.key(target): request for request in walk_illegal(target, state)}
    return list(found.values())


def walk_illegal(target: Target, state: str) -> Iterator[IllegalRequest]:
    for to in target.graph.states if target.general is not None else ():
        if not target.graph.allows(state, to):
            assert target.general is not None
            yield IllegalRequest(state, target.general, state, to)
    for route in target.routes:
        for origin in (route.sources or ())[: None if route.carries_expected else 1]:
            request = IllegalRequest(state, route, origin, route.to or "")
            if state not in request.key(target)[2]:
                yield request
