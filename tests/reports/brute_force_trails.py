"""Brute force for trails: every order of a few operations and readings, and every fate of those that are unknown.

It shares nothing with the judge. An operation is a dict with the columns of a history and its `request_id`; a reading
is a dict as the event `audit`. Times are widened by the clock's uncertainty before anything else.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

Record = dict[str, Any]
Edges = frozenset[tuple[str, str]] | None
UNBORN, OTHER, LATE = object(), "(no state of these)", 10**15
NO = object()


@dataclass(frozen=True)
class Item:
    """An operation or a reading, and when it was. `needed`: it is in every order."""

    begin: int
    end: int
    needed: bool
    record: Record


@dataclass(frozen=True)
class Sought:
    """A race, and whether it is to be won or not."""

    name: str
    won: bool


@dataclass(frozen=True)
class World:
    """One workflow, to be explained."""

    operations: list[Record]
    readings: list[Record]
    edges: Edges  # None: all
    initial: str | None  # the state before the first operation, where the caller knows it
    first: str | None  # the state that a create leads to, where it does not tell
    wide: int

    def judge(self) -> dict[str, bool]:
        """Whether the checks `linearizable` and `audit` pass. Where no order explains the answers, only the transitions
        are held against the trail.
        """
        explained = self.explains(answers=True, trail=False)
        both = self.explains(answers=False, trail=True)
        return {
            "linearizable": explained,
            "audit": both and (not explained or self.explains(answers=True, trail=True)),
        }

    def can_be(self, race: str, *, won: bool) -> bool:
        """Whether some order explains everything in which some contender of the race wins; or none does."""
        return self.explains(answers=True, trail=True, race=Sought(race, won))

    def explains(self, *, answers: bool, trail: bool, race: "Sought | None" = None) -> bool:
        """Whether some order does. Where the answers are left out, what follows the last reading is too."""
        operations = [each for each in self.operations if (matters(each) if answers else is_move(each))]
        items = [self.place(each) for each in operations + (self.readings if trail else [])]
        untold = any(is_made(each) and self.tell_birth(each) is None for each in self.operations)
        for world in [replace(self, first=state) for state in self.name_states()] if untold else [self]:
            for start, older in world.begin(world.find_starts(by_create=answers), older=trail):
                left = [item for item in items if item.record.get("kind") != "create" or start is UNBORN]
                if follow(world, start, older, left, whole=answers, race=race):
                    return True
        return False

    def place(self, record: Record) -> Item:
        if "entries" in record:
            until = record["read_ns"] if record["returned_ns"] is None else record["returned_ns"]
            return Item(record["read_ns"] - self.wide, until + self.wide, needed=True, record=record)
        unknown = record["outcome"] == "unknown"
        end = LATE if unknown or record["returned_ns"] is None else record["returned_ns"] + self.wide
        return Item(record["invoked_ns"] - self.wide, end, needed=not unknown, record=record)

    def begin(self, starts: list[Any], *, older: bool) -> Iterator[tuple[Any, tuple[Record, ...]]]:
        """The states to begin in, with the rows of what was before."""
        yield from ((start, ()) for start in starts)
        creates = [each for each in self.operations if each["kind"] == "create"]
        born = [
            each for each in creates if each["outcome"] == "unknown" or (is_made(each) and each["status"] is not None)
        ]
        if born or not older or not self.readings:
            return
        longest = max((reading["entries"] for reading in self.readings), key=len)
        sets = {each["next"] for each in self.operations if each["kind"] == "set" and is_move(each)}
        ids = {each["request_id"] for each in self.operations} - {None}
        told = {self.tell_birth(each) for each in self.operations if is_made(each)}
        for count in range(1, len(longest) + 1):
            rows = longest[:count]
            chained = all(one["to"] == two["from"] for one, two in pairwise(rows))
            legal = all(self.edges is None or (r["from"], r["to"]) in self.edges or r["to"] in sets for r in rows)
            ours = any(
                reading["entries"][i]["request_id"] in ids
                for reading in self.readings
                for i in range(min(count, len(reading["entries"])))
            )
            end = rows[-1]["to"]
            if chained and legal and not ours and UNBORN in starts and end in told:
                yield UNBORN, tuple(rows)
            elif chained and legal and not ours and end in starts:
                yield end, tuple(rows)

    def tell_birth(self, create: Record) -> str | None:
        """The state that a create led to."""
        told: str | None = create["observed"]
        return self.first if told is None else told

    def find_starts(self, *, by_create: bool) -> list[Any]:
        """The states that the workflow may begin in. Without `by_create` a create is taken for its word."""
        made = [self.tell_birth(each) for each in self.operations if is_made(each)]
        if made:
            return [UNBORN] if by_create else list(dict.fromkeys(made)) if None not in made else self.name_states()
        asked = [each for each in self.operations if each["kind"] == "create" and each["outcome"] == "unknown"]
        answered = [self.place(each).end for each in self.operations if matters(each) and each["outcome"] != "unknown"]
        # What was answered before an unknown create was asked for, was about a workflow that there was already.
        younger = asked and min(self.place(each).begin for each in asked) <= min(answered, default=LATE)
        known = self.first if younger else self.initial
        return self.name_states() if known is None else [known]

    def name_states(self) -> list[Any]:
        """Every state of which something tells, and another one."""
        named = {s for each in self.operations for s in (*(each["expected"] or ()), each["next"], each["observed"])}
        named |= {s for reading in self.readings for row in reading["entries"] for s in (row["from"], row["to"])}
        return [*sorted(s for s in named if s is not None), OTHER]


def is_made(record: Record) -> bool:
    return bool(record["kind"] == "create" and record["outcome"] == "ok")


def is_move(record: Record) -> bool:
    return record["kind"] in ("advance", "set") and record["outcome"] in ("won", "unknown")


def is_repeat(record: Record, state: Any) -> bool:
    """Whether it is answered as a win because the workflow is in its next state already."""
    return bool(record.get("repeats")) and record["next"] == state


def matters(record: Record) -> bool:
    """Refused operations, unknown reads and unknown creates say nothing about any order."""
    return is_move(record) or record["outcome"] in ("ok", "conflict")


def follow(
    world: World, state: Any, trail: tuple[Record, ...], left: list[Item], *, whole: bool, race: Sought | None
) -> bool:
    """Whether what is left can follow. A row of `trail` has its operation as `by`, and the id that it was read with."""
    done = not any(item.needed for item in left)
    if done and (race is None or race.won == any(row["by"]["race"] == race.name for row in trail if "by" in row)):
        return True
    if not whole and not any("entries" in item.record for item in left):
        return True
    for index, item in enumerate(left):
        rest = left[:index] + left[index + 1 :]
        if any(other.needed and other.end < item.begin for other in rest):
            continue
        if "entries" in item.record:
            read = compare(world, trail, item.record["entries"])
            if read is not None and follow(world, state, read, rest, whole=whole, race=race):
                return True
            continue
        after = take(world, state, item.record)
        if after is NO:
            continue
        row = {"from": state, "to": after, "request_id": None, "by": item.record}
        moved = is_move(item.record) and not is_repeat(item.record, state)
        longer = (*trail, row) if moved else trail
        if follow(world, after, longer, rest, whole=whole, race=race):
            return True
    return False


def compare(world: World, trail: tuple[Record, ...], entries: list[Record]) -> tuple[Record, ...] | None:
    """The trail with the ids that a reading tells, if the reading is of it."""
    if len(trail) != len(entries):
        return None
    told = []
    for row, entry in zip(trail, entries, strict=True):
        if (row["from"], row["to"]) != (entry["from"], entry["to"]):
            return None
        request_id = entry["request_id"]
        if request_id is None:
            told.append(row)
            continue
        if row["request_id"] not in (None, request_id):
            return None
        if "by" in row:
            own = row["by"]["request_id"]
            others = {each["request_id"] for each in world.operations}
            if own != request_id and (own is not None or request_id in others):
                return None
        told.append(row | {"request_id": request_id})
    return tuple(told)


def take(world: World, state: Any, record: Record) -> Any:
    """The state after the operation in `state`, or NO: what the answer says cannot be there."""
    kind, outcome, told = record["kind"], record["outcome"], record["observed"]
    expected, following = record["expected"] or (), record["next"]
    if kind == "create" and outcome == "ok":
        return world.tell_birth(record) if state is UNBORN else NO
    if state is UNBORN:
        return NO
    if kind == "write":
        return state
    due = state in expected
    if following is not None and world.edges is not None and kind != "set":
        due = due and (state, following) in world.edges
    if outcome == "conflict":
        lies = due or (told is not None and told != state and told not in expected)
        return NO if lies else state
    if kind == "read":
        right = (told is None or told == state) and (due or not expected)
        return state if right else NO
    return following if due or kind == "set" or is_repeat(record, state) else NO
