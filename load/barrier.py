"""The barrier: where the sources that share one race wait for each other. Each has a part of the contenders.

A source sends a value under a key, and gets the values of all sources. `BarrierServer` is the table of the master,
without I/O; `Alone` is the barrier of a source that shares no race.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from load.client.clock import Instant

# How long before the agreed instant the message that names it is sent: it must reach every worker in time.
MARGIN_NS = 15_000_000


class BarrierError(Exception):
    """A source did not arrive: its worker was lost or is stuck. The race cannot be run as planned."""


class Barrier(Protocol):
    """`number` is this source's number, from 0; the first one leads: it creates, reads and decides."""

    @property
    def number(self) -> int: ...

    @property
    def size(self) -> int: ...

    def gather(self, key: str, value: Any) -> list[Any]:
        """The values of all sources, by number, once all have sent theirs. Raises BarrierError."""

    def line_up(self, key: str, intended_ns: int | None) -> Instant:
        """The instant of the release, once all sources have lined up their requests. Raises BarrierError."""


@dataclass(frozen=True)
class Alone:
    """The barrier of one source: nothing to wait for."""

    number: int = 0
    size: int = 1

    def gather(self, key: str, value: Any) -> list[Any]:  # noqa: ARG002 - as a Barrier
        return [value]

    def line_up(self, key: str, intended_ns: int | None) -> Instant:  # noqa: ARG002 - as a Barrier
        return Instant(intended_ns, intended_ns)


ALONE = Alone()


@dataclass
class BarrierServer:
    """The values sent so far, by key and number. A key is forgotten when it is complete."""

    size: int
    open: dict[str, dict[int, Any]] = field(default_factory=dict)

    def take(self, key: str, number: int, value: Any) -> list[Any] | None:
        """All values by number when this was the last one, else None. A later value of a source replaces its former."""
        values = self.open.setdefault(key, {})
        values[number] = value
        if len(values) < self.size:
            return None
        del self.open[key]
        return [values[each] for each in range(self.size)]


def set_instant(now_ns: int, intended: Sequence[int | None]) -> int:
    """When to release: as soon as every worker can know it, and not before any intended instant."""
    return max([now_ns + MARGIN_NS, *(each for each in intended if each is not None)])
