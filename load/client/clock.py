"""The clock: what turns this process's monotonic nanoseconds into the run's, and the instant of a release."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Instant:
    """When to release, in this process's monotonic nanoseconds; `intended_ns` is when the plan wanted it."""

    at_ns: int | None = None
    intended_ns: int | None = None


@dataclass(frozen=True)
class Clock:
    """`offset_ns` is added to every time that is written.

    The processes of one host share the monotonic clock. Those of several hosts use the wall clock.
    """

    offset_ns: int = 0


MONOTONIC = Clock()


def read_wall_clock() -> Clock:
    """The offset of the wall clock, read between two readings of the monotonic one."""
    before = time.monotonic_ns()
    wall = time.time_ns()
    after = time.monotonic_ns()
    return Clock(wall - (before + after) // 2)
