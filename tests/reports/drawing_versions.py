"""Drawing versions: small histories as a right service might have left them, with versions that are counted, hashed or
of a coarse clock; then none, one or two lies. Old versions, cycles (A, B, A), writes, lost answers, clocks that differ.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

Record = dict[str, Any]
Graph = dict[str, list[str]] | None
GRAPHS: tuple[Graph, ...] = (
    None,
    {"A": ["B"], "B": ["C"], "C": []},
    {"A": ["B"], "B": ["A", "C"], "C": ["A"]},
    {"A": ["A", "B"], "B": ["A"], "C": ["A"]},
)
ANY: dict[str, list[str]] = {state: ["A", "B", "C"] for state in "ABC"}
SCHEMES = ("counter", "counter", "counter of all", "hash", "hash of all", "clock")
TELLERS = {"read": 0.9, "create": 0.8, "advance": 0.5, "set": 0.5, "write": 0.4}
KINDS = ("advance",) * 10 + ("read",) * 5 + ("write",) * 2 + ("set", "guard")


@dataclass
class Drawn:
    """A service: its state, how often it changed, what writes left; and what was recorded of it."""

    random: Random
    graph: Graph
    scheme: str
    wide: int
    repeats: bool = False
    state: str = "A"
    changes: int = 0
    note: int = 0
    compares: bool = True
    weak: bool = False
    operations: list[Record] = field(default_factory=list)
    lies: int = 0

    def tell(self, moment: int) -> str:
        """The current version, as an answer tells it."""
        version = self.tell_plain(moment)
        return f"W/{version}" if self.weak and self.random.random() < 0.5 else version

    def tell_plain(self, moment: int) -> str:
        return {
            "counter": f"v{self.changes}",
            "counter of all": f"v{self.changes}.{self.note}",
            "hash": f"h{self.state}",
            "hash of all": f"h{self.state}{self.note % 2}",
            "clock": f"t{moment // 4}",
        }[self.scheme]


def draw_workflow(random: Random, graph: Graph, wide: int, initial: str | None, size_max: int) -> Drawn:
    drawn = Drawn(random, graph, random.choice(SCHEMES), wide)
    drawn.compares, drawn.weak = random.random() < 0.55, random.random() < 0.1
    drawn.repeats = random.random() < 0.2
    how = random.choice(("told", "told", "untold", "unknown", "none", "none"))
    if how != "none":
        told = "A" if how == "told" else None
        create = blank("create", 0, random.choice((1, 1, 3))) | {"observed": told}
        create |= {"outcome": "unknown" if how == "unknown" else "ok"}
        if how != "unknown" and random.random() < TELLERS["create"]:
            create["token_told"] = drawn.tell(1)
        drawn.operations.append(create)
    elif initial is None:
        drawn.state = random.choice("AAB")
    clock = 3
    size = random.randint(2, size_max)
    for _ in range(size):
        clock += random.choice((0, 0, 1, 2, 4, 6))
        draw_request(drawn, clock)
    drawn.lies = random.choice((0, 0, 1, 1, 2))
    for _ in range(drawn.lies):
        lie(drawn)
    for record in drawn.operations:
        shift_clock(drawn, record)
    return drawn


def blank(kind: str, invoked: int, returned: int) -> Record:
    names = ("expected", "next", "outcome", "observed", "status", "request_id", "race", "token_carried", "token_told")
    return dict.fromkeys(names) | {"repeats": False, "kind": kind, "invoked_ns": invoked, "returned_ns": returned}


def draw_request(drawn: Drawn, moment: int) -> None:
    random = drawn.random
    kind = random.choice(KINDS)
    calm = random.random() < 0.6
    record = blank(
        "read" if kind == "guard" else kind,
        moment - random.choice((0, 0, 1) if calm else (0, 1, 3, 6)),
        moment + random.choice((0, 0, 1) if calm else (0, 1, 3, 6)),
    )
    if kind in ("advance", "guard"):
        record["expected"] = [drawn.state] if random.random() < 0.8 else random.sample("ABC", random.choice((1, 2)))
    if kind in ("advance", "set"):
        nexts = (drawn.graph or ANY)[drawn.state]
        record["next"] = random.choice(nexts) if nexts and random.random() < 0.9 else random.choice("ABC")
    record["repeats"] = kind == "advance" and drawn.repeats
    if kind in ("advance", "set", "write") and random.random() < 0.9:
        record["token_carried"] = choose_version(drawn, record)
    lost = kind in ("advance", "set", "write") and random.random() < 0.12
    answer(drawn, record, moment, lost=lost)
    drawn.operations.append(record)


def choose_version(drawn: Drawn, record: Record) -> str | None:
    """A version that an answer had told when the request was sent: mostly the last one."""
    known = [
        (each["returned_ns"], each["token_told"])
        for each in drawn.operations
        if each["token_told"] and each["returned_ns"] is not None and each["returned_ns"] <= record["invoked_ns"]
    ]
    if not known or drawn.random.random() < 0.03:
        return drawn.random.choice((None, "foreign"))
    latest = max(known, key=lambda each: each[0])
    return str((latest if drawn.random.random() < 0.6 else drawn.random.choice(known))[1])


def answer(drawn: Drawn, record: Record, moment: int, *, lost: bool) -> None:
    """Answers a request as the service is now, and changes it."""
    random, kind, state = drawn.random, record["kind"], drawn.state
    due = record["expected"] is None or state in record["expected"]
    if kind == "advance" and drawn.graph is not None:
        due = due and record["next"] in drawn.graph[state]
    again = record["repeats"] and state == record["next"]
    due = due or again
    carried = record["token_carried"]
    # A weak one never matches where it is compared as If-Match asks.
    current = carried is None or (carried == drawn.tell_plain(moment) if drawn.compares else True)
    current = current or (again and random.random() < 0.7)
    carried_out = due and current and not again and not (lost and random.random() < 0.4) and kind != "read"
    if lost:
        record.update(outcome="unknown", returned_ns=random.choice((None, record["returned_ns"])))
    elif kind == "read":
        record.update(outcome="ok" if due else "conflict", observed=state if random.random() < 0.8 else None)
    elif kind != "set" and not due:
        record.update(outcome="conflict", observed=random.choice((None, state)))
        if record["observed"] in (record["expected"] or ()):
            record["observed"] = None
    elif not current:
        record.update(outcome="stale")
    else:
        record.update(outcome="ok" if kind == "write" else "won")
    if carried_out:
        change(drawn, record)
    if record["outcome"] in ("ok", "won") and random.random() < TELLERS[kind]:
        record["token_told"] = drawn.tell(moment)
    elif record["outcome"] in ("conflict", "stale") and random.random() < 0.15:
        record["token_told"] = random.choice(("garbage", drawn.tell(moment)))


def change(drawn: Drawn, record: Record) -> None:
    if record["kind"] == "write":
        drawn.note += 1
    else:
        drawn.state = record["next"]
        drawn.changes += 1


def lie(drawn: Drawn) -> None:
    """Changes one thing."""
    random = drawn.random
    record = random.choice(drawn.operations)
    what = random.choice(("outcome", "outcome", "carried", "told", "times", "observed"))
    versions = [each["token_told"] for each in drawn.operations if each["token_told"]] or ["v0"]
    if what == "outcome" and record["kind"] in ("advance", "set", "write"):
        success = "ok" if record["kind"] == "write" else "won"
        record.update(outcome=random.choice((success, "stale", "stale", "conflict", "unknown")), observed=None)
    elif what == "carried" and record["kind"] in ("advance", "set", "write"):
        record["token_carried"] = random.choice(versions)
    elif what == "told" and record["outcome"] in ("ok", "won"):
        record["token_told"] = random.choice((*versions, None, "v9"))
    elif what == "times":
        by = random.randint(-6, 6)
        record["invoked_ns"] += by
        record["returned_ns"] = None if record["returned_ns"] is None else record["returned_ns"] + by
    elif record["kind"] == "read" and record["outcome"] == "ok":
        record["observed"] = random.choice((None, "A", "B", "C"))


def shift_clock(drawn: Drawn, record: Record) -> None:
    by = drawn.random.randint(-drawn.wide, drawn.wide)
    for name in ("invoked_ns", "returned_ns"):
        if record[name] is not None:
            record[name] += by
