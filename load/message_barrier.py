"""A barrier over Locust's messages: a value goes to the master, and all values come back when the last one is there."""

from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import AsyncResult

from load.barrier import BarrierError
from load.client.clock import Clock, Instant

ARRIVED, OPENED = "onewinner-arrived", "onewinner-opened"


class MessageBarrier:
    """The barrier of a process, which has one source. `lost` says which source was lost, if one was."""

    def __init__(
        self, send: Callable[[str, dict[str, Any]], None], clock: Clock, number: int, size: int, limit_s: float
    ) -> None:
        self.send, self.clock = send, clock
        self.number, self.size, self.limit_s = number, size, limit_s
        self.lost = ""
        self.waiting: dict[str, AsyncResult[dict[str, Any]]] = {}

    def gather(self, key: str, value: Any) -> list[Any]:
        values: list[Any] = self._wait(key, value)["values"]
        return values

    def line_up(self, key: str, intended_ns: int | None) -> Instant:
        offset_ns = self.clock.offset_ns
        opened = self._wait(key, None if intended_ns is None else intended_ns + offset_ns)
        intended = opened["values"][0]
        return Instant(opened["at_ns"] - offset_ns, None if intended is None else intended - offset_ns)

    def open(self, data: dict[str, Any]) -> None:
        """The master's message that all values of a key are there."""
        waiting = self.waiting.get(data["key"])
        if waiting is not None:
            waiting.set(data)

    def lose(self, why: str) -> None:
        """A source was lost: no source waits any more."""
        self.lost = why
        for waiting in list(self.waiting.values()):
            waiting.set_exception(BarrierError(why))

    def _wait(self, key: str, value: Any) -> dict[str, Any]:
        if self.lost:
            raise BarrierError(self.lost)
        waiting: AsyncResult[dict[str, Any]] = AsyncResult()
        self.waiting[key] = waiting
        self.send(ARRIVED, {"key": key, "number": self.number, "value": value})
        try:
            opened: dict[str, Any] = waiting.get(timeout=self.limit_s) or {}
            return opened
        except gevent.Timeout:
            raise BarrierError(f"not every source came to {key} within {self.limit_s:g} s") from None
        finally:
            self.waiting.pop(key, None)
