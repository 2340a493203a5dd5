"""Lists the illegal requests of a state: those that must not move a workflow in it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.target.routes import Route
from engine.target.target import Target


@dataclass(frozen=True)
class IllegalRequest:
    """A request over `route`, from `origin` to `to`, in a `state` that the request does not expect."""

    state: str
    route: Route
    origin: str
    to: str

    def key(self, target: Target) -> tuple[str, str, tuple[str, ...]]:
        """The request as a history shows it: the state, the next state, and the expected states."""
        return self.state, self.to, target.expected_by(self.route, self.origin, self.to)


def list_illegal(target: Target, state: str) -> list[IllegalRequest]:
    """The illegal moves of a state over the general route, then those over the routes of edges."""
    found = {request.key(target): request for request in walk_illegal(target, state)}
    return list(found.values())


def walk_illegal(target: Target, state: str) -> Iterator[IllegalRequest]:
    for to in target.graph.states:
        if target.graph.refuses(state, to):
            yield from (IllegalRequest(state, route, state, to) for route in target.routes_for(state, to)[-1:])
    for route in target.routes:
        for origin in (route.sources or ())[: None if route.carries_expected else 1]:
            request = IllegalRequest(state, route, origin, route.to or "")
            if state not in request.key(target)[2]:
                yield request
