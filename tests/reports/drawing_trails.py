"""Drawing trails: small histories as a right engine might have left them, read as its trail might have been; then none,
one or two lies. Branching cycles, self-loops, lost answers, late effects, sets, clocks that differ, older workflows.
"""

import json
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

Record = dict[str, Any]
Graph = dict[str, list[str]] | None
GRAPHS: tuple[Graph, ...] = (
    None,
    {"A": ["B"], "B": ["A"], "C": []},
    {"A": ["B", "C"], "B": ["A"], "C": ["A"]},
    {"A": ["A", "B"], "B": ["B", "C", "A"], "C": ["A"]},
    {"A": ["B", "C"], "B": ["C"], "C": ["B", "A"]},
    {"A": ["B"], "B": ["C"], "C": []},
)
ANY: dict[str, list[str]] = {state: ["A", "B", "C"] for state in "ABC"}
NAMES = (("A", "B", "C"),) * 4 + (("", "B", "A\x1fB"), ("A", "A\x1fB", "B"), ("\\s", "\\", "\x1f"))
IDS = ("told", "told", "none", "none", "partly", "partly")
KINDS = ("advance",) * 14 + ("read",) * 3 + ("guard", "set", "write")


@dataclass
class Drawn:
    """A workflow as it went: its operations, the rows with their moments, and the readings."""

    random: Random
    graph: Graph
    wide: int
    calm: bool  # every answer came, and the trail is read at the end: what is passed at first sight
    repeats: bool = False  # a request for the state that there is already is answered as a win
    operations: list[Record] = field(default_factory=list)
    rows: list[tuple[int, Record]] = field(default_factory=list)
    readings: list[Record] = field(default_factory=list)
    aimed: dict[str, list[str]] = field(default_factory=dict)  # what the contenders of each race expect
    lies: int = 0


def draw_workflow(random: Random, graph: Graph, wide: int, initial: str | None, size_max: int) -> Drawn:
    drawn = Drawn(random, graph, wide, calm=random.random() < 0.3)
    drawn.repeats = random.random() < 0.15
    state = draw_beginning(drawn, initial)
    ids = random.choice(IDS)
    requests: list[tuple[int, int, Record]] = []  # with the moment at which each takes effect
    clock, races = 2, 0
    size = random.randint(1, size_max)
    while len(requests) < size:
        clock += random.choice((0, 0, 1, 1, 2, 4))
        races += 1
        together = random.choice((1, 1, 2, 3))
        for number in range(len(requests), len(requests) + together):
            record = draw_request(drawn, ids, number, clock)
            late = random.choice((0, 0, 3, 9)) if record["lost"] else 0
            requests.append((clock + late, number, record))
            if together > 1 and record["kind"] == "advance":
                record.update(race=f"r{races}", at=clock)
    drawn.operations += [record for _, _, record in requests]
    for moment, _, record in sorted(requests, key=lambda each: each[:2]):
        state = take_effect(drawn, record, state, moment)
    for race in {each["race"] for each in drawn.operations} - {None}:
        keep_race(drawn, state, [each for each in drawn.operations if each["race"] == race])
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3))):
        draw_reading(drawn, clock + 6 if drawn.calm else random.randint(2, clock + 8), ids)
    drawn.lies = random.choice((0, 0, 1, 1, 1, 2))
    for _ in range(drawn.lies):
        lie(drawn)
    return drawn


def draw_beginning(drawn: Drawn, initial: str | None) -> str:
    """A create or none; where the workflow is older, with rows of before."""
    random, state = drawn.random, "A"
    how = random.choice(("asked", "asked", "asked", "named", "untold", "unknown", "none", "none"))
    if how in ("named", "none") and random.random() < 0.5:
        for number in range(random.randint(1, 2)):
            following = random.choice((drawn.graph or ANY)[state] or [state])
            drawn.rows.append((-1, {"from": state, "to": following, "request_id": f"old{number}"}))
            state = following
    if how == "none":
        return initial if initial is not None and not drawn.rows else state
    told = None if how in ("untold", "unknown") else state
    create = blank("create") | {"invoked_ns": 0, "returned_ns": random.choice((1, 1, 3)), "observed": told}
    create |= {
        "outcome": "unknown" if how == "unknown" else "ok",
        "status": None if how in ("named", "unknown") else 201,
    }
    drawn.operations.append(create)
    return state


def blank(kind: str) -> Record:
    return {
        "kind": kind,
        "expected": None,
        "next": None,
        "outcome": None,
        "observed": None,
        "status": None,
        "request_id": None,
        "race": None,
        "repeats": False,
    }


def draw_request(drawn: Drawn, ids: str, number: int, moment: int) -> Record:
    """What is asked, and when: about this moment. The answer is `lost` of some."""
    random = drawn.random
    kind = random.choice(("advance", "advance", "read") if drawn.calm else KINDS)
    record = blank("read" if kind == "guard" else kind)
    record["invoked_ns"] = moment - random.choice((0, 0, 1, 2, 5))
    record["returned_ns"] = moment + random.choice((0, 0, 1, 2, 5))
    record["lost"] = kind in ("advance", "set") and not drawn.calm and random.random() < 0.25
    if kind in ("advance", "guard"):
        record["expected"] = random.sample("ABC", 1 if drawn.calm else random.choice((1, 1, 1, 2)))
    if kind in ("advance", "set"):
        record["next"] = random.choice("ABC")
    record["repeats"] = kind == "advance" and drawn.repeats
    if ids == "told" or (ids == "partly" and random.random() < 0.7):
        record["request_id"] = f"q{number}"
    record["own_id"] = record["request_id"] or f"e{number}"
    return record


def take_effect(drawn: Drawn, record: Record, state: str, moment: int) -> str:
    """Answers a request in `state`; returns the state after it."""
    random, graph, kind = drawn.random, drawn.graph, record["kind"]
    aim(drawn, record, state)
    own_id = record.pop("own_id")
    due = record["expected"] is None or state in record["expected"]
    if kind == "advance" and graph is not None:
        due = due and record["next"] in graph[state]
    again = record["repeats"] and record["next"] == state
    if record.pop("lost"):
        record.update(outcome="unknown", returned_ns=random.choice((None, record["returned_ns"])))
        due = due and not again and random.random() < 0.6
    elif kind == "write":
        record.update(outcome=random.choice(("ok", "ok", "conflict", "stale", "unknown", "refused")))
    elif due and kind != "read" and random.random() < 0.04:
        record.update(outcome="stale")
        due = False
    elif kind == "read":
        record.update(outcome="ok" if due else "conflict", observed=state if random.random() < 0.8 else None)
    elif due or again:
        record.update(outcome="won")
        due = not again
    else:
        told = random.choice((None, state))
        record.update(outcome="conflict", observed=None if told in record["expected"] else told)
    shift_clock(drawn, record)
    if due and kind not in ("read", "write"):
        drawn.rows.append((moment, {"from": state, "to": record["next"], "request_id": own_id}))
        return str(record["next"])
    return state


def keep_race(drawn: Drawn, state: str, contenders: list[Record]) -> None:
    """A race of several requests, all due in the state at its start, of which exactly one can win; others are none.
    `state`: where the workflow ended, which is where it began if it never moved.
    """
    at = max(each.pop("at") for each in contenders)
    began = min(each["invoked_ns"] for each in contenders) - 2 * drawn.wide
    later = [row["from"] for moment, row in drawn.rows if moment >= began]
    start = later[0] if later else state
    moved = any(began <= moment < at for moment, _ in drawn.rows)
    due = all(
        start in each["expected"] and (not drawn.graph or each["next"] in drawn.graph[start]) for each in contenders
    )
    expected = {state for each in contenders for state in each["expected"]}
    if len(contenders) < 2 or moved or not due or expected & {each["next"] for each in contenders}:
        for each in contenders:
            each["race"] = None


def aim(drawn: Drawn, record: Record, state: str) -> None:
    """Makes most requests due, so that much happens."""
    random = drawn.random
    if record["race"] is not None and record["race"] in drawn.aimed:
        record["expected"] = list(drawn.aimed[record["race"]])
        return
    if record["kind"] == "advance" and random.random() < (0.9 if drawn.calm or record["race"] else 0.65):
        following = (drawn.graph or ANY)[state]
        if following:
            record["next"] = random.choice(following)
            if state not in record["expected"]:
                record["expected"][0] = state
    if record["race"] is not None:
        drawn.aimed[record["race"]] = record["expected"]


def shift_clock(drawn: Drawn, record: Record) -> None:
    """What the clock of this client showed: any two of one call by as much, and never the end before the begin."""
    by = drawn.random.randint(-drawn.wide, drawn.wide)
    for name in ("invoked_ns", "read_ns", "returned_ns"):
        if record.get(name) is not None:
            record[name] += by


def draw_reading(drawn: Drawn, moment: int, ids: str) -> None:
    random = drawn.random
    tells = ids != "none" and random.random() < 0.85
    before = [row for when, row in drawn.rows if when < moment]
    before += [row for when, row in drawn.rows if when == moment][: random.randint(0, 2)]
    entries = [
        row | {"request_id": row["request_id"] if tells and (ids == "told" or random.random() < 0.8) else None}
        for row in before
    ]
    reading: Record = {
        "read_ns": moment - random.choice((0, 0, 1, 4)),
        "returned_ns": moment + random.choice((0, 0, 1, 4)),
    }
    if reading["read_ns"] == moment == reading["returned_ns"]:
        reading["returned_ns"] = random.choice((None, moment))
    shift_clock(drawn, reading)
    drawn.readings.append(reading | {"entries": entries})


def lie(drawn: Drawn) -> None:
    """Changes one thing, in the trail or in an operation."""
    random = drawn.random
    if drawn.readings and random.random() < 0.6:
        lie_in_trail(random, random.choice(drawn.readings), [each["request_id"] for each in drawn.operations])
        return
    if drawn.calm and random.random() < 0.6:
        turn(drawn)
        return
    record = random.choice(drawn.operations)
    what = random.choice(("outcome", "next", "invoked_ns", "observed", "request_id"))
    if what == "outcome" and record["kind"] in ("advance", "set"):
        record.update(outcome=random.choice(("won", "conflict", "unknown", "refused")), observed=None)
    elif what == "next" and record["next"] is not None and record["race"] is None:
        record["next"] = random.choice("ABC")
    elif what == "invoked_ns":
        by = random.randint(-6, 6)
        record["invoked_ns"] += by
        record["returned_ns"] = None if record["returned_ns"] is None else record["returned_ns"] + by
    elif what == "observed" and (record["outcome"] == "conflict" or record["kind"] in ("read", "create")):
        record["observed"] = random.choice((None, "A", "B", "C")) if record["outcome"] != "unknown" else None
    elif what == "request_id" and record["request_id"] is not None:
        record["request_id"] = random.choice((None, "q0", "q1", "q9"))


def turn(drawn: Drawn) -> None:
    """The rows of every reading in another order that chains: rounds through a cycle, the other way round."""
    numbers, rows = range(len(drawn.rows)), [row for _, row in drawn.rows]
    orders = [drawn.random.sample(numbers, len(rows)) for _ in range(40)]
    chained = [order for order in orders if all(rows[a]["to"] == rows[b]["from"] for a, b in pairwise(order))]
    order = next((order for order in chained if order != list(numbers)), list(numbers))
    for reading in drawn.readings:
        if len(reading["entries"]) == len(order):
            reading["entries"] = [reading["entries"][number] for number in order]


def lie_in_trail(random: Random, reading: Record, ids: list[str | None]) -> None:
    rows = reading["entries"]
    what = random.choice(("swap", "drop", "tail", "twice", "insert", "change", "id", "time", "time"))
    place = random.randrange(len(rows)) if rows else 0
    if what == "time":
        by = random.randint(-8, 8)
        reading["read_ns"] += by
        reading["returned_ns"] = None if reading["returned_ns"] is None else reading["returned_ns"] + by
    elif what == "insert" or not rows:
        origin = rows[place - 1]["to"] if rows and place else "A"
        rows.insert(place, {"from": origin, "to": random.choice("ABC"), "request_id": random.choice((None, "q0", "x"))})
    elif what == "swap":
        other = random.randrange(len(rows))
        rows[place], rows[other] = rows[other], rows[place]
    elif what == "drop":
        del rows[place : place + random.choice((1, 1, 2))]
    elif what == "tail":
        del rows[place:]
    elif what == "twice":
        rows.insert(place, rows[place])
    elif what == "change":
        rows[place] = rows[place] | {random.choice(("from", "to")): random.choice("ABC")}
    else:
        rows[place] = rows[place] | {"request_id": random.choice((*ids, "q9"))}


def rename(value: Any, names: dict[str, str]) -> Any:
    """The same with other names of the states."""
    if isinstance(value, dict):
        keys = ("expected", "next", "observed", "from", "to", "entries")
        return {key: rename(item, names) if key in keys else item for key, item in value.items()}
    if isinstance(value, list):
        return [rename(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def tell_id(record: Record) -> str | None:
    """The detail of an operation as a history has it."""
    return None if record["request_id"] is None else json.dumps({"request_id": record["request_id"]})
