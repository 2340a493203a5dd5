"""Brute force for moves without a request and for requests that repeat: every order of a few operations and readings of
the trail, with such moves anywhere between them, each as early as it can be. It shares nothing with the judge.

An operation is a dict with the columns of a history; a reading is a dict as the event `audit`.
"""

from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]
Edge = tuple[str, str]
UNBORN = "(not created yet)"
LATE = 10**9
ALONE_MAX = 3  # more in a row lead back to a state that was left, later


@dataclass(frozen=True)
class Item:
    """An operation or a reading, and when it was. `needed`: it is in every order."""

    begin: int
    end: int
    needed: bool
    record: Record


@dataclass(frozen=True)
class Spot:
    """Where a workflow is: what was placed last was at `now`. So many `rows` of the trail are written. Each move in
    `owed` may still leave its own, in this order.
    """

    state: str
    now: int = -LATE
    entered: int = -LATE
    rows: int = 0
    owed: tuple[Edge, ...] = ()
    alone: int = 0


@dataclass(frozen=True)
class TimedWorld:
    """`edges` are those of requests; `timed` has the least time of each other move; `trail` is the longest reading."""

    edges: frozenset[Edge]
    timed: dict[Edge, int]
    initial: str
    trail: tuple[Edge, ...] | None = None

    def explains(self, records: list[Record], readings: list[Record]) -> bool:
        items = [place(record) for record in records if matters(record)] + [place(each) for each in readings]
        made = [record for record in records if (record["kind"], record["outcome"]) == ("create", "ok")]
        asked = [record for record in records if (record["kind"], record["outcome"]) == ("create", "unknown")]
        if made or not asked:
            return self.follow(Spot(UNBORN if made else self.initial), items)
        answers = [place(record).end for record in records if matters(record) and is_told(record)]
        if min(answers, default=LATE) < asked[0]["invoked_ns"]:
            named = {state for edge in (*self.edges, *self.timed) for state in edge}
            return any(self.follow(Spot(state), items) for state in named)
        # The workflow is no older than the only request that can have created it.
        birth = asked[0] | {"outcome": "ok", "status": 201, "observed": self.initial, "returned_ns": None}
        return self.follow(Spot(UNBORN), [Item(birth["invoked_ns"], LATE, needed=True, record=birth), *items])

    def follow(self, spot: Spot, left: list[Item]) -> bool:
        if not any(item.needed for item in left):
            return True
        for number, item in enumerate(left):
            rest = left[:number] + left[number + 1 :]
            after = self.take(spot, item)
            if after is not None and all(other.end >= after.now for other in rest) and self.follow(after, rest):
                return True
        if spot.alone >= ALONE_MAX:
            return False
        return any(self.follow(after, left) for after in self.go_alone(spot) if all(e.end >= after.now for e in left))

    def go_alone(self, spot: Spot) -> list[Spot]:
        found = []
        for number, edge in enumerate(spot.owed if self.trail is not None else ()):
            if self.trail is not None and self.trail[spot.rows : spot.rows + 1] == (edge,):
                left = spot.owed[number + 1 :]
                found.append(Spot(spot.state, spot.now, spot.entered, spot.rows + 1, left, spot.alone))
        for (origin, to), least in self.timed.items():
            if origin == spot.state:
                moment = max(spot.now, spot.entered + least)
                found.append(Spot(to, moment, moment, spot.rows, (*spot.owed, (origin, to)), spot.alone + 1))
        return found

    def take(self, spot: Spot, item: Item) -> Spot | None:
        """The spot after an item at its earliest moment; None if it does not fit."""
        record, now = item.record, max(spot.now, item.begin)
        if now > item.end:
            return None
        stay = Spot(spot.state, now, spot.entered, spot.rows, spot.owed)
        if "entries" in record:
            return stay if len(record["entries"]) == spot.rows else None
        if record["outcome"] == "busy":
            return stay
        if record["kind"] == "create":
            return Spot(record["observed"] or self.initial, now, find_entry(record)) if spot.state == UNBORN else None
        if spot.state == UNBORN:
            return None
        return self.take_answer(spot, stay, record)

    def take_answer(self, spot: Spot, stay: Spot, record: Record) -> Spot | None:
        state, to, told = spot.state, record["next"], record["observed"]
        expected = record["expected"] or ()
        if record["kind"] == "read":
            return stay if told in (None, state) else None
        is_due = state in expected and (state, to) in self.edges
        if record["outcome"] == "conflict":
            return stay if not is_due and (told in (None, state) or told in expected) else None
        if record["outcome"] == "won" and told not in (None, to):
            return None
        if record["repeats"] and state == to:
            return stay
        if not is_due:
            return None
        rows = spot.rows + 1
        if self.trail is not None and spot.rows >= len(self.trail):
            rows = len(self.trail) + 1
        elif self.trail is not None and self.trail[spot.rows] != (state, to):
            return None
        return Spot(to, stay.now, record["invoked_ns"], rows)


def find_entry(record: Record) -> int:
    """When a created workflow began at the earliest: one that no request made may be older."""
    return record["invoked_ns"] if record["status"] is not None else -LATE


def matters(record: Record) -> bool:
    return bool(record["outcome"] != "refused") and bool(record["outcome"] != "unknown" or record["kind"] == "advance")


def is_told(record: Record) -> bool:
    return record["outcome"] not in ("unknown", "busy")


def place(record: Record) -> Item:
    if "entries" in record:
        return Item(record["read_ns"], record["returned_ns"], True, record)
    lost = record["outcome"] == "unknown" or record["returned_ns"] is None
    return Item(record["invoked_ns"], LATE if lost else record["returned_ns"], record["outcome"] != "unknown", record)
