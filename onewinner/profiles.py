"""The profiles of a gate: how much of each level they run, and how long it may take. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass

# A level takes about its aim on two quiet cores. What it planned is run: nothing new is begun only once it has taken so
# many times its aim.
LIMIT_FACTOR = 8


@dataclass(frozen=True)
class Size:
    """How much of a level a profile wants, and how long it may go on beginning it, in seconds."""

    amount: int
    limit_s: float


def size_for(amount: int, aim_s: float) -> Size:
    """So much of a level, which takes about so many seconds on two quiet cores."""
    return Size(amount, LIMIT_FACTOR * aim_s)


# A service that handles one request at a time makes most schedules of the level faults wait for it.
PROFILES: Mapping[str, Mapping[str, Size]] = {
    "quick": {
        "sequential": size_for(8, 45),
        "parallel": size_for(60, 12),
        "race": size_for(300, 12),
        "interleavings": size_for(1_000, 20),
        "faults": size_for(1_000, 40),
    },
    "full": {
        "sequential": size_for(120, 240),
        "parallel": size_for(1_500, 180),
        "race": size_for(10_000, 300),
        "interleavings": size_for(1_000, 120),
        "faults": size_for(1_000, 60),
    },
}
LEVEL_MEANINGS = {
    "sequential": "random legal and illegal sequences, compared with the model",
    "parallel": "plans of two to four concurrent branches; the first that fails is shrunk",
    "race": "N concurrent requests for one transition, in every scenario",
    "interleavings": "every order in which two requests' statements can reach the database",
    "faults": "one fault at each statement of a request",
}
# Those that start a service of their own behind the proxy. Quick has one pairing of each kind, full all pairings.
PROXIED = ("interleavings", "faults")
SCOPES = {"quick": "kinds", "full": "all"}
MIXED = {"quick": 0, "full": 100}
