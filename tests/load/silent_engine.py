"""An engine that answers no more, and a clock that passes by a timeout for each release that is not answered."""

from collections.abc import Callable, Sequence

import pytest

from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client import silence
from load.client.release import BeforeRelease, Exchange
from tests.load.stub import Engine, StubRelease

TIMED_OUT = Answer(None, error="no answer within 5 s", timed_out=True)
TIMEOUT_S = 5.0
Twist = Callable[[Request, Answer], Answer]


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


def stop_time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Nothing waits; what a source thinks of silence goes by this clock."""
    clock = Clock()
    monkeypatch.setattr(silence, "time", clock)
    monkeypatch.setattr("load.client.read_retry.time.sleep", lambda _: None)
    monkeypatch.setattr("load.source.REST_S_MAX", 0.0)
    return clock


class SlowRelease(StubRelease):
    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(engine)
        self.clock = clock

    def race(self, requests: Sequence[Request], before_release: BeforeRelease | None = None) -> list[Exchange]:
        exchanges = super().race(requests, before_release)
        self.clock.now_s += TIMEOUT_S * any(exchange.answer.timed_out for exchange in exchanges)
        return exchanges


def answer_first(amount: int) -> Twist:
    """So many answers, then none."""
    asked = 0

    def twist(_: Request, answer: Answer) -> Answer:
        nonlocal asked
        asked += 1
        return answer if asked <= amount else TIMED_OUT

    return twist
