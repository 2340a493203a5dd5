"""Polling: what is asked after a request was accepted, until an answer tells its outcome. Pure but for the clock.

The operation is one: it lasts from its release to the end of the poll that told. `poll` sends through a release;
an event loop takes the requests one by one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from engine.target.answer_rules import ACCEPTED, SERVER_ERROR
from engine.target.call import Call
from engine.target.classified_answer import classify_advance, classify_poll
from engine.target.http_answer import Answer
from engine.target.idempotency import name_key
from engine.target.poll import Poll
from engine.target.routes import Route
from engine.target.savings import find_values
from engine.target.target import NotBuiltError, Target
from engine.target.template import NO_VALUES, Request, Values
from load.client.release import Exchange, Release, ReleaseError, now_ns


@dataclass
class Polling:
    """One accepted advance. `exchange` is its own; `told` the whole one, once an answer told the outcome or the time
    was up. `failure` is the first server error among the answers that did not tell it.
    """

    target: Target
    route: Route
    call: Call
    tenant: str
    server_id: str
    id: str
    exchange: Exchange
    values: Values = field(default_factory=lambda: NO_VALUES)
    told: Exchange | None = None
    failure: Exchange | None = None
    _last: str = field(default="was not sent", repr=False)

    @property
    def poll(self) -> Poll:
        assert self.route.poll is not None
        return self.route.poll

    @property
    def timeout_s(self) -> float:
        return self.poll.timeout_s or self.target.timeout_s

    def next_request(self) -> Request | None:
        """What to send now; None when the operation has ended."""
        if self.told is not None:
            return None
        if now_ns() > self.exchange.invoked_ns + int(self.timeout_s * 1e9):
            self._give_up(f"no poll told the outcome within {self.timeout_s:g} s; the last one {self._last}")
            return None
        try:
            return self._build()
        except NotBuiltError as error:
            self._give_up(f"the poll could not be sent: {error}")
            return None

    def take(self, asked: Exchange) -> None:
        """Takes the answer to the last request."""
        answer = asked.answer
        if answer.status is not None and classify_poll(self.target, answer, self.route, self.call.to) is not None:
            self.told = Exchange(self.exchange.invoked_ns, asked.returned_ns, answer)
            return
        self._last = f"was answered {answer.status}" if answer.status is not None else f"got no answer: {answer.error}"
        if self.failure is None and (answer.status or 0) >= SERVER_ERROR:
            self.failure = asked

    def _build(self) -> Request:
        call, saved = self.call, find_values(self.route.savings, self.exchange.answer)
        key = name_key(self.server_id + self.target.find_scope(self.values), call.key) if call.key else ""
        move = (self.route, self.tenant, self.server_id, call.origin, call.to)
        values = {**self._list_others(), **saved}
        return self.target.build_advance(*move, self.id, key or self.id, values, key=key, poll=self.poll)

    def _list_others(self) -> Values:
        """The values without those that an answer to an advance gives: another operation may have got them."""
        names = {saving.name for saving in self.route.savings}
        return {name: value for name, value in self.values.items() if name not in names}

    def _give_up(self, why: str) -> None:
        error = f"it was accepted ({self.exchange.answer.status}), and {why}"
        self.told = Exchange(self.exchange.invoked_ns, None, Answer(None, error=error, timed_out=True))


def is_accepted(target: Target, route: Route, answer: Answer, to: str) -> bool:
    """Whether a poll tells what came of an advance that got this answer."""
    return route.poll is not None and classify_advance(target, answer, route, to).outcome == ACCEPTED


def poll(release: Release, pollings: Sequence[Polling]) -> None:
    """Polls all of them, at once, until each has ended. Blocks."""
    for turn in count():
        open_now = [(each, request) for each in pollings if (request := each.next_request()) is not None]
        if not open_now:
            return
        if turn:
            time.sleep(min(each.poll.every_s for each, _ in open_now))
        for (each, _), asked in zip(open_now, send(release, [request for _, request in open_now]), strict=True):
            each.take(asked)


def send(release: Release, requests: Sequence[Request]) -> list[Exchange]:
    """The answers; none where the server cannot be reached now."""
    try:
        return release.race(requests)
    except ReleaseError as error:
        return [Exchange(now_ns(), None, Answer(None, error=str(error)))] * len(requests)
