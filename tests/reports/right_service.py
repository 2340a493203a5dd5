"""A right service: what it answers, stores and calls, with everything that a target file may ask of one.

It serves one workflow, or one resource with units. Requests take effect one after another, each at its moment; moves
without a request happen in between. All that a check says against what it left is a false accusation.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

Record = dict[str, Any]
Edges = dict[str, list[str]]
Move = tuple[str, str, int]


@dataclass
class Rules:
    """What the service does, and what it tells."""

    edges: Edges
    timed: list[Move]
    busy: float = 0.0
    tells_state: bool = True
    versions: bool = False
    writes_change: bool = False
    timed_rows: bool = False
    named_units: bool = False
    per: tuple[str, ...] = ()
    by: str = "marker"
    call_keys: bool = False

    @property
    def first(self) -> str:
        return next(iter(self.edges))


@dataclass
class Service:
    """`state` is None until it is created."""

    name: str
    rules: Rules
    random: Random
    units: int = 0
    state: str | None = None
    entered: int = 0
    version: int = 1
    left: int = 0
    free: list[str] = field(default_factory=list)
    held: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    stored: dict[str, tuple[str, Record]] = field(default_factory=dict)
    markers: list[str] = field(default_factory=list)
    rows: list[Record] = field(default_factory=list)
    calls: list[Record] = field(default_factory=list)

    def wait(self, at: int) -> None:
        """Makes some of the moves that may have happened by now without a request."""
        while self.random.random() < 0.6:
            due = [to for origin, to, after in self.rules.timed if origin == self.state and at - self.entered >= after]
            if not due:
                return
            self.move(at, self.random.choice(due), None, has_row=self.rules.timed_rows and self.random.random() < 0.7)

    def serve(self, at: int, asked: Record) -> Record:
        """The answer to a request: its outcome, and what it tells."""
        self.wait(at)
        if asked["tenant"] != "acme" or (self.state is None and asked["kind"] != "create"):
            return {"outcome": "refused", "status": 404}
        if asked["kind"] not in ("read", "create") and not asked["calm"] and self.random.random() < self.rules.busy:
            return {"outcome": "busy"}
        if asked["key"] in self.stored:
            payload, first = self.stored[asked["key"]]
            return first if payload == asked["payload"] else {"outcome": "refused", "status": 422}
        answer = self.carry_out(at, asked)
        if asked["key"] is not None:
            answer["answer"] = f"answer to {asked['id']}"
            self.stored[asked["key"]] = asked["payload"], answer
        return answer

    def carry_out(self, at: int, asked: Record) -> Record:
        kind, may = asked["kind"], self.random.random() < 0.5
        if kind == "create":
            return self.create(at)
        if kind in ("take", "give_back"):
            return self.give(asked) if kind == "take" else self.take_back(asked)
        if kind == "read":
            return self.show(asked["expected"])
        is_there = bool(asked["repeats"]) and self.state == asked["next"]
        if asked["token_carried"] not in (None, self.tell()) and not is_there:
            return {"outcome": "stale"}
        if kind == "write":
            self.version += self.rules.writes_change
            return self.leave(asked, {"outcome": "ok"})
        is_due = self.state in (asked["expected"] or ()) and asked["next"] in self.rules.edges.get(self.state or "", [])
        if kind == "advance" and not is_due and not is_there:
            return {"outcome": "conflict", "observed": self.state if may else None}
        if not is_there:
            self.leave(asked, {})
            self.move(at, asked["next"], asked)
        return {"outcome": "won", "observed": asked["next"] if may else None, "token_told": self.tell()}

    def create(self, at: int) -> Record:
        self.state, self.entered, self.left = self.rules.first, at, self.units
        self.free = [f"{self.name}.unit{number}" for number in range(self.units)]
        told = {"observed": self.state if self.rules.tells_state else None, "token_told": self.tell()}
        return {"outcome": "ok", "left": self.units or None, **told}

    def show(self, expected: list[str] | None) -> Record:
        if expected:
            return {"outcome": "ok"} if self.state in expected else {"outcome": "conflict", "observed": self.state}
        if self.units:
            return {"outcome": "ok", "left": self.left}
        return {"outcome": "ok", "observed": self.state, "token_told": self.tell()}

    def give(self, asked: Record) -> Record:
        count = asked["units"] or 1
        if self.left < count:
            return {"outcome": "conflict"}
        self.left -= count
        unit = self.free.pop() if self.rules.named_units and count == 1 else None
        self.held[asked["id"]] = count, unit
        return self.leave(asked, {"outcome": "won", "left": self.left, "unit": unit})

    def take_back(self, asked: Record) -> Record:
        if asked["of"] not in self.held:
            return {"outcome": "conflict"}
        count, unit = self.held.pop(asked["of"])
        self.left += count
        self.free += [] if unit is None else [unit]
        return self.leave(asked, {"outcome": "won", "left": self.left})

    def move(self, at: int, to: str, asked: Record | None, *, has_row: bool = True) -> None:
        if has_row:
            self.rows.append({"from": self.state, "to": to, "request_id": asked["request_id"] if asked else None})
        since = at if asked is None else self.random.choice((at, asked["invoked_ns"]))
        self.state, self.entered, self.version = to, since, self.version + 1
        subject = self.name if self.rules.by == "workflow" else asked and asked["marker"]
        if to in self.rules.per and subject is not None:
            key = f"{self.name}.{len(self.calls)}" if self.rules.call_keys else None
            call = {"event": "call", "sink": "pay", "at_ns": at, "subject": subject, "key": key}
            self.calls += [call] * (2 if key and self.random.random() < 0.3 else 1)

    def leave(self, asked: Record, answer: Record) -> Record:
        """The same answer, after the request has left its marker."""
        self.markers += [] if asked["marker"] is None else [asked["marker"]]
        return answer

    def tell(self) -> str | None:
        """The current version."""
        return f"v{self.version}" if self.rules.versions else None
