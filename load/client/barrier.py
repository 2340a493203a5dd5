"""Barrier: the sources that share one race. Each has a part of the contenders, on a worker of its own.

They meet: everybody says a word under a key, and gets everybody's words. `BarrierServer` is the table of the one in
the middle (the master), without I/O; `Alone` is the barrier of one that needs no table.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

# How long before the agreed instant the message that names it is sent: it must reach every worker in time.
MARGIN_NS = 15_000_000


class BarrierError(Exception):
    """Somebody did not come: a worker was lost or is stuck. The race cannot be run as planned."""


@dataclass(frozen=True)
class Instant:
    """When to release, in this process's monotonic nanoseconds; `intended_ns` is when the plan wanted it."""

    at_ns: int | None = None
    intended_ns: int | None = None


class Barrier(Protocol):
    """`number` is this source's place, from 0; the first one leads: it creates, reads and decides."""

    @property
    def number(self) -> int: ...

    @property
    def size(self) -> int: ...

    def gather(self, key: str, word: Any) -> list[Any]:
        """Everybody's word, by number, once all have said theirs. Raises BarrierError."""

    def line_up(self, key: str, intended_ns: int | None) -> Instant:
        """The instant of the release, once all stand at the line. Raises BarrierError."""


@dataclass(frozen=True)
class Alone:
    """No barrier: what is said is heard at once, and nobody is waited for."""

    number: int = 0
    size: int = 1

    def gather(self, key: str, word: Any) -> list[Any]:  # noqa: ARG002 - as a Barrier
        return [word]

    def line_up(self, key: str, intended_ns: int | None) -> Instant:  # noqa: ARG002 - as a Barrier
        return Instant(intended_ns, intended_ns)


ALONE = Alone()


@dataclass(frozen=True)
class Clock:
    """What turns this process's monotonic nanoseconds into the run's: added to every time that is written.

    On one host the monotonic clock is everybody's; across hosts it is the wall's, `uncertainty_ns` apart at most.
    """

    offset_ns: int = 0
    uncertainty_ns: int = 0


MONOTONIC = Clock()


def read_wall_clock(uncertainty_ns: int) -> Clock:
    """The offset of the wall's clock, as read between two looks at the monotonic one."""
    before = time.monotonic_ns()
    wall = time.time_ns()
    after = time.monotonic_ns()
    return Clock(wall - (before + after) // 2, uncertainty_ns)


@dataclass
class BarrierServer:
    """Who has said what so far. A meeting is forgotten when it is complete."""

    size: int
    open: dict[str, dict[int, Any]] = field(default_factory=dict)

    def say(self, key: str, number: int, word: Any) -> list[Any] | None:
        """All words by number when this was the last one, else None. Whoever says twice says the later word."""
        words = self.open.setdefault(key, {})
        words[number] = word
        if len(words) < self.size:
            return None
        del self.open[key]
        return [words[each] for each in range(self.size)]


def set_instant(now_ns: int, intended: Sequence[int | None]) -> int:
    """When to release: as soon as everybody can know, and not before anybody's intended instant."""
    return max([now_ns + MARGIN_NS, *(each for each in intended if each is not None)])
