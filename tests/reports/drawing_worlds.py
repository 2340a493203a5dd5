"""Drawing worlds: what clients of a right service ask, and what they record of it. Races, requests that overlap others,
lost answers that take effect late or never, keys sent again, versions, units, early readings of trails and markers.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from engine.target.graph import Timed, TransitionGraph
from tests.reports.right_service import Edges, Move, Record, Rules, Service

WORLDS: tuple[tuple[Edges, list[Move]], ...] = (
    ({"A": ["B", "X"], "B": ["C", "X"], "C": ["D", "X"]}, []),
    ({"A": ["B", "C"], "B": ["A", "C"], "C": ["A"]}, []),
    ({"A": ["A", "B"], "B": ["A", "C"], "C": ["B"]}, []),
    ({"F": ["H"], "H": ["S"], "S": ["F"]}, [("H", "F", 25)]),
    ({"F": ["H"], "H": ["S", "E"], "E": ["F"]}, [("H", "E", 15), ("E", "F", 0)]),
)
STATUSES = {"won": 200, "ok": 200, "conflict": 409, "stale": 412, "busy": 423, "refused": 422}
ASKED = (
    "id",
    "process",
    "race",
    "tenant",
    "workflow",
    "kind",
    "expected",
    "next",
    "marker",
    "repeats",
    "key",
    "payload",
)
CHANGES = ("advance", "set", "write", "take", "give_back")
FOREVER = 10**7


@dataclass(frozen=True)
class Habits:
    """What the clients of a world do."""

    lost: float
    ids: float
    markers: bool
    shares_markers: bool
    repeats: bool
    keys: bool
    sets: bool
    writes: bool
    trails: bool


@dataclass
class Client:
    """All that is asked of one workflow, at moments of one clock."""

    service: Service
    habits: Habits
    random: Random
    clock: int = 0
    operations: list[Record] = field(default_factory=list)
    events: list[Record] = field(default_factory=list)
    _queue: list[tuple[int, int, Callable[[int], None]]] = field(default_factory=list)
    _numbers: Any = field(default_factory=count)

    @property
    def last(self) -> int:
        """When the last answer came, of those that do."""
        return max((each["until"] for each in self.operations), default=0)

    def ask(self, kind: str, **asked: Any) -> Record:
        random, name = self.random, self.service.name
        begun = self.clock + random.randrange(4)
        moment = begun + random.randrange(20)
        record: Record = dict.fromkeys((*ASKED, "token_carried", "units", "unit", "of", "request_id", "outcome"))
        ident = f"{name}.{len(self.operations)}"
        record |= {"id": ident, "process": ident, "workflow": name, "tenant": "acme", "kind": kind, "calm": False}
        record |= {"invoked_ns": begun, "until": moment + random.randrange(8), "told": {}}
        record["request_id"] = f"q{ident}" if random.random() < self.habits.ids else None
        record["marker"] = f"m{ident}" if self.habits.markers and kind in CHANGES else None
        record |= asked
        record["lost"] = kind in CHANGES and not record["calm"] and random.random() < self.habits.lost
        if record["lost"]:
            record["outcome"] = "unknown"
            moment += random.choice((0, 0, 15, 60, 400, FOREVER))
        self.operations.append(record)
        self.plan(moment, lambda at: self.finish(record, self.service.serve(at, record)))
        return record

    def plan(self, moment: int, what: Callable[[int], None]) -> None:
        if moment < FOREVER:
            heapq.heappush(self._queue, (moment, next(self._numbers), what))

    def run_until(self, moment: int) -> None:
        while self._queue and self._queue[0][0] <= moment:
            at, _, what = heapq.heappop(self._queue)
            what(at)
        self.service.wait(moment)

    def finish(self, record: Record, answer: Record) -> None:
        if not record["lost"]:
            record.update(outcome=answer["outcome"], told=answer)

    def rest(self) -> None:
        """Waits for all answers that come."""
        self.clock = max(self.clock, self.last + 1)
        self.run_until(self.clock)

    def look(self, what: str) -> None:
        """A reading of the trail or of the markers, as it is at some moment of it."""
        begun = self.clock + self.random.randrange(5)
        event: Record = {"event": what, "workflow": self.service.name, "read_ns": begun}

        def read(at: int) -> None:
            shown = {"returned_ns": at + 3, "entries": [*self.service.rows]}
            self.events.append(event | (shown if what == "audit" else {"markers": [*self.service.markers]}))

        self.plan(begun + self.random.randrange(5), read)

    def drive(self, steps: int) -> None:
        for _ in range(self.random.choice((1, 1, 2)) if self.habits.keys else 1):
            self.ask("create", key="create" if self.habits.keys else None, payload="create")
        self.rest()
        for _ in range(steps):
            self.run_until(self.clock)
            self.step_units() if self.service.units else self.step()
            self.clock += self.random.choice((0, 3, 10))
            if self.random.random() < 0.65:
                self.rest()
        self.rest()
        self.ask("read")
        for what, asks in (("audit", self.habits.trails), ("effects", self.habits.markers)):
            if asks:
                self.look(what)
        self.run_until(FOREVER - 1)

    def step_units(self) -> None:
        held = list(self.service.held)
        if held and self.random.random() < 0.3:
            taken = self.random.choice(held)
            units, unit = self.service.held[taken]
            for _ in range(self.random.choice((1, 2))):
                self.ask("give_back", of=taken, units=units, unit=unit, key=f"back {taken}", payload="back")
            return
        units = self.random.choice((1, 1, 2)) if not self.service.rules.named_units else 1
        for _ in range(self.random.randint(1, 4)):
            self.ask("take", units=units, **self.draw_key(f"take {units}"))

    def step(self) -> None:
        state, what = self.service.state or "", self.random.random()
        states, nexts = list(self.service.rules.edges), self.service.rules.edges.get(state, [])
        if what < 0.3 and nexts:
            self.race([state, *(each for each in states if each != state and self.random.random() < 0.15)], nexts)
        elif what < 0.6 and nexts:
            to = self.random.choice(nexts)
            key = self.draw_key(f"{state} {to}")
            for _ in range(self.random.choice((1, 2, 3)) if key else 1):
                self.ask_move([state], to, **key)
        elif what < 0.7:
            self.ask_move([self.random.choice(states)], self.random.choice(states))
        elif what < 0.75 and self.habits.sets:
            self.ask("set", next=self.random.choice(states), **self.draw_version())
        elif what < 0.82 and self.habits.writes:
            self.ask("write", **self.draw_version())
        elif what < 0.86:
            self.ask("read", expected=self.random.sample(states, self.random.choice((1, 2))))
        elif what < 0.9:
            self.ask("advance", tenant="globex", expected=[state], next=self.random.choice(states))
        elif what < 0.95 and (self.habits.trails or self.habits.markers):
            self.look("audit" if self.habits.trails else "effects")
        else:
            self.ask("read")

    def race(self, expected: list[str], nexts: list[str]) -> None:
        """A race, and if all of its contenders were busy or lost, one of them again, alone."""
        aims = [each for each in nexts if each not in expected]
        if not aims:
            return
        first, name = len(self.operations), f"{self.service.name}-{len(self.operations)}"
        for _ in range(self.random.randint(2, 4)):
            self.ask_move(expected, self.random.choice(aims), race=name)
        self.rest()
        contenders = self.operations[first:]
        outcomes = {each["outcome"] for each in contenders}
        if "busy" in outcomes and "won" not in outcomes:
            self.clock += 15
            self.ask("advance", expected=expected, next=contenders[0]["next"], calm=True)
            self.rest()
            self.clock += 15

    def ask_move(self, expected: list[str], to: str, **more: Any) -> None:
        version = {} if "key" in more else self.draw_version()
        key = {} if version or "key" in more else self.draw_key(f"{more.get('race', '')} {expected} {to}")
        self.ask("advance", expected=expected, next=to, repeats=self.habits.repeats or None, **version, **key, **more)

    def draw_version(self) -> Record:
        told = [each["told"].get("token_told") for each in self.operations[-6:]]
        known = [version for version in told if version is not None]
        return {"token_carried": self.random.choice(known)} if known and self.random.random() < 0.5 else {}

    def draw_key(self, payload: str) -> Record:
        if not self.habits.keys or self.random.random() < 0.5:
            return {}
        key = f"{self.random.choice('kl')} {payload}"
        shared = {"marker": f"{self.service.name} {key}"} if self.habits.markers and self.habits.shares_markers else {}
        return {"key": key, "payload": payload} | shared


def draw_world(seed: int, workflows: int, make: type[Service] = Service) -> tuple[TransitionGraph, list[Record]]:
    """A graph, and the lines of a journal."""
    random = Random(seed)
    edges, timed = random.choice(WORLDS)
    rules, habits, wide = draw_rules(random, edges, timed), draw_habits(random), random.choice((0, 0, 2, 6))
    lines: list[Record] = [{"event": "header", "format": 2, "clock_uncertainty_ns": wide}]
    if rules.per:
        sink = {"event": "sink", "name": "pay", "per": [*rules.per], "times": "exactly once", "by": rules.by}
        lines += [sink, {"event": "calls_awaited", "sources": ["world"], "at_ns": FOREVER}]
    for number in range(workflows):
        units = random.randint(1, 4) if random.random() < 0.2 else 0
        client = Client(make(f"w{number}", rules, random, units), habits, random)
        client.drive(random.randint(2, 8))
        for operation in client.operations:
            lines += record(operation, random.randint(-wide, wide))
        lines += [*client.events, *client.service.calls]
    moves = [Timed(origin, to, after / 1e9) for origin, to, after in timed]
    return TransitionGraph.of(rules.first, edges, moves), lines


def draw_rules(random: Random, edges: Edges, timed: list[Move]) -> Rules:
    states = list(edges)
    return Rules(
        edges,
        timed,
        busy=random.choice((0.0, 0.1, 0.3)),
        tells_state=random.random() < 0.7,
        versions=random.random() < 0.4,
        writes_change=random.random() < 0.5,
        timed_rows=random.random() < 0.5,
        named_units=random.random() < 0.5,
        per=random.choice(((), (states[1],), (states[1], states[2]))),
        by=random.choice(("marker", "workflow")),
        call_keys=random.random() < 0.5,
    )


def draw_habits(random: Random) -> Habits:
    lost, ids = random.choice((0, 0.05, 0.2, 0.4)), random.choice((0, 0.5, 1))
    return Habits(lost, ids, *(random.random() < share for share in (0.6, 0.5, 0.25, 0.6, 0.3, 0.4, 0.6)))


def record(operation: Record, skew: int) -> list[Record]:
    """The two lines of an operation, by a clock that is off by `skew`."""
    told, is_lost = operation["told"], operation["outcome"] == "unknown"
    asked = {name: operation[name] for name in (*ASKED, "token_carried", "units") if operation[name] is not None}
    if operation["kind"] == "give_back" and operation["unit"] is not None:
        asked["unit"] = operation["unit"]
    detail = {"server_id": operation["workflow"]} if operation["kind"] == "create" else {}
    detail |= {"request_id": operation["request_id"]} if operation["request_id"] else {}
    status = None if is_lost else told.get("status", 201 if detail.get("server_id") else STATUSES[operation["outcome"]])
    answer = {
        name: told[name] for name in ("observed", "token_told", "left", "unit", "answer") if told.get(name) is not None
    }
    until = {"returned_ns": operation["until"] + skew}
    return [
        {"event": "invoke", "scenario": "s", **asked, "invoked_ns": operation["invoked_ns"] + skew},
        {"event": "return", "id": operation["id"], "outcome": operation["outcome"], "status": status, **answer, **until}
        | {"detail": detail or None},
    ]
