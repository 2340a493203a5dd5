"""Brute force for versions: every order of a few operations, with the version of each period bound as late as possible.
Of the judge it shares nothing; of the brute force for trails the states and their beginnings.
"""

from dataclasses import dataclass, replace
from typing import Any

from tests.reports.brute_force_trails import NO, UNBORN, Item, Record, World, is_made, is_move, matters, take

Where = dict[str, set[str] | None]


@dataclass(frozen=True)
class Period:
    """What is known of the current version: which one it is, if anything told, and which ones it is not."""

    version: str | None = None
    others: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Asked:
    """The versions that count: told by each operation (by identity), carried by it, and where each may be current."""

    told: dict[int, str]
    carried: dict[int, str]
    where: Where

    def may_be(self, version: str, state: Any) -> bool:
        states = self.where[version]
        return states is None or state in states


def judge_versions(world: World) -> str | None:
    """pass, fail or unknown; None where no request carried a version that counts."""
    operations = world.operations
    asked = read_versions(world)
    took = [each for each in operations if is_move(each) or is_touch(each) or each["outcome"] == "stale"]
    if not any(id(each) in asked.carried for each in took):
        return None
    if not is_explained(world, replace(asked, told={}, carried={})):
        return "pass" if moves_are_explained(world, replace(asked, told={})) else "fail"
    if is_explained(world, asked):
        return "pass"
    if not is_explained(world, replace(asked, told={}), stale=False):
        return "fail"
    told_alone = replace(asked, carried={})
    return "fail" if is_explained(world, told_alone, stale=False) or tells_old(world, told_alone) else "unknown"


def tells_old(world: World, asked: Asked) -> bool:
    """Whether a move told what another answer had told before it, and contradicts what others than moves told, which
    some order explains.
    """
    moves = [each for each in world.operations if id(each) in asked.told and each["outcome"] == "won"]
    rest = {key: version for key, version in asked.told.items() if key not in {id(each) for each in moves}}
    if not is_explained(world, replace(asked, told=rest), stale=False):
        return False
    return any(
        asked.told.get(id(other)) == asked.told[id(move)] and world.place(other).end < world.place(move).begin
        for move in moves
        if not is_explained(world, replace(asked, told=rest | {id(move): asked.told[id(move)]}), stale=False)
        for other in world.operations
    )


def read_versions(world: World) -> Asked:
    operations, wide = world.operations, world.wide
    strip = {
        id(each): [
            None if each[name] is None else each[name].removeprefix("W/") for name in ("token_carried", "token_told")
        ]
        for each in operations
    }
    told = {id(each): strip[id(each)][1] for each in operations if is_firm(world, each)}
    where: Where = {}
    sources: dict[str, int] = {}
    for each in operations:
        version = strip[id(each)][1]
        if version is None:
            continue
        states = find_states(world, each, firm=id(each) in told)
        known = where.setdefault(version, set())
        where[version] = None if states is None or known is None else known | states
        returned = 1 << 40 if each["outcome"] == "unknown" and each["returned_ns"] is None else each["returned_ns"]
        if returned is not None:
            sources[version] = min(sources.get(version, 1 << 40), returned)
    carried = {}
    for each in operations:
        version = strip[id(each)][0]
        is_weak = (
            each["outcome"] == "stale" and each["token_carried"].startswith("W/") if version is not None else False
        )
        if version is not None and not is_weak and sources.get(version, 1 << 41) - wide <= each["invoked_ns"] + wide:
            carried[id(each)] = version
    return Asked({key: value for key, value in told.items() if value is not None}, carried, where)


def is_touch(record: Record) -> bool:
    return record["kind"] == "write" and record["outcome"] in ("ok", "unknown")


def is_change(record: Record) -> bool:
    return is_move(record) or is_made(record) or is_touch(record)


def is_firm(world: World, record: Record) -> bool:
    if record["outcome"] not in ("ok", "won"):
        return False
    if record["kind"] == "read":
        return not record["expected"]
    mine = world.place(record)
    places = [world.place(each) for each in world.operations if is_change(each) and each is not record]
    return not any(other.begin <= mine.end and other.end >= mine.begin for other in places)


def find_states(world: World, record: Record, *, firm: bool) -> set[str] | None:
    """The states that an answer may have told a version of; None: any."""
    kind, outcome = record["kind"], record["outcome"]
    if firm and kind in ("advance", "set"):
        return {record["next"]}
    if firm and kind == "create":
        birth = world.tell_birth(record)
        if birth is not None:
            return {birth}
    if outcome in ("ok", "conflict", "stale") and kind not in ("write", "create") and record["observed"] is not None:
        return {record["observed"]}
    if kind == "create" and outcome == "ok" and world.tell_birth(record) is not None:
        return {world.tell_birth(record)}  # type: ignore[arg-type]
    starts = world.find_starts(by_create=True)
    if len(starts) > 1 or any(is_made(each) and world.tell_birth(each) is None for each in world.operations):
        return None
    mine = world.place(record)
    until = mine.end
    if outcome == "unknown" and record["returned_ns"] is not None:
        until = record["returned_ns"] + world.wide
    led = {
        world.tell_birth(each) if is_made(each) else each["next"]
        for each in world.operations
        if (is_move(each) or is_made(each)) and world.place(each).begin <= until
    }
    return {state for state in (*starts, *led) if state is not None and state is not UNBORN}


def is_explained(world: World, asked: Asked, *, stale: bool = True) -> bool:
    """Whether some order explains the answers, what was told and what was carried; `stale` answers too, or not."""
    counted = [
        each
        for each in world.operations
        if (matters(each) and each["kind"] != "write")
        or is_touch(each)
        or (each["kind"] == "write" and each["outcome"] == "conflict")
        or (stale and each["outcome"] == "stale")
    ]
    items = [world.place(each) for each in counted]
    untold = any(is_made(each) and world.tell_birth(each) is None for each in world.operations)
    for each in [replace(world, first=state) for state in world.name_states()] if untold else [world]:
        for start in each.find_starts(by_create=True):
            if follow(each, start, Period(), items, asked):
                return True
    return False


def moves_are_explained(world: World, asked: Asked) -> bool:
    """The same of the transitions alone, each possible in any state."""
    items = [world.place(each) for each in world.operations if is_move(each) or is_touch(each)]
    free = [replace(item, record={**item.record, "kind": "set"}) if is_move(item.record) else item for item in items]
    carried = {
        id(new.record): asked.carried[id(old.record)]
        for old, new in zip(items, free, strict=True)
        if id(old.record) in asked.carried
    }
    return any(
        follow(world, start, Period(), free, replace(asked, carried=carried))
        for start in world.find_starts(by_create=False)
    )


def follow(world: World, state: Any, period: Period, left: list[Item], asked: Asked) -> bool:
    if not any(item.needed for item in left):
        return True
    for index, item in enumerate(left):
        rest = left[:index] + left[index + 1 :]
        if any(other.needed and other.end < item.begin for other in rest):
            continue
        if any(follow(world, *after, rest, asked) for after in list_after(world, state, period, item.record, asked)):
            return True
    return False


def list_after(world: World, state: Any, period: Period, record: Record, asked: Asked) -> list[tuple[Any, Period]]:
    told, carried = asked.told.get(id(record)), asked.carried.get(id(record))
    if record["outcome"] == "stale":
        if carried is None:
            return [(state, period)]
        if period.version == carried:
            return []
        return [(state, replace(period, others=period.others | {carried}))]
    if record.get("repeats") and record["next"] == state and is_move(record):
        return [(state, Period(told))] if told is not None else [(state, Period()), (state, period)]
    touched = NO if state is UNBORN else state
    after = touched if is_touch(record) else take(world, state, record)
    if after is NO:
        return []
    if not is_change(record):
        if told is None:
            return [(after, period)]
        found = bind(period, told)
        return [] if found is None else [(after, found)]
    if carried is not None:
        found = bind(period, carried)
        if found is None or (period.version is None and not asked.may_be(carried, state)):
            return []
        period = found
    fresh = Period() if told is None else Period(told)
    return [(after, fresh), *([(after, period)] if is_touch(record) and told is None else [])]


def bind(period: Period, version: str) -> Period | None:
    """The period with this version, if it can be its own."""
    if version in period.others or period.version not in (None, version):
        return None
    return replace(period, version=version)
