"""Simulation: what a right engine could have recorded, with everything that makes a history hard to judge.

Requests take effect at one moment of their call, or, where the answer was lost, at any moment later, or never. The
trail is what really happened. All that a check says against such a history is a false accusation.
"""

from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import polars as pl

from engine.target.graph import TransitionGraph
from reports.history.history import History, Piece, Source, join_pieces
from reports.history.journal_lines import AUDIT_SCHEMA, OPERATION_SCHEMA
from tests.reports.building import BLANK, make_event

Record = dict[str, Any]
GRAPH = TransitionGraph.of("A", {"A": ["B", "X"], "B": ["F", "C", "X"], "F": ["B", "X"], "C": ["D", "X"], "D": ["X"]})
LEGAL = [("A", "B"), ("B", "C"), ("B", "F"), ("C", "D")]
ILLEGAL = [("C", "B"), ("A", "D")]
LOST_SHARE = 0.03


class Simulation:
    """One workflow being driven through its states."""

    def __init__(self, name: str, random: Random) -> None:
        self.name, self.random = name, random
        self.requests: list[tuple[int, Record]] = []  # with the moment at which each takes effect
        self.clock = 0

    def ask(self, kind: str, *, length: int = 30, **fields: Any) -> Record:
        """A request invoked about now; it takes effect during its call."""
        invoked = self.clock + self.random.randrange(10)
        moment = invoked + self.random.randrange(length)
        record = BLANK | {
            "id": f"{self.name}.{len(self.requests)}",
            "kind": kind,
            "workflow": self.name,
            "process": str(len(self.requests) % 7),
            "invoked_ns": invoked,
            "returned_ns": moment + self.random.randrange(20),
            "detail": msgspec.json.encode({"request_id": f"q-{self.name}.{len(self.requests)}"}).decode(),
        }
        record |= fields
        if kind in ("advance", "set") and self.random.random() < LOST_SHARE:
            record["outcome"] = "unknown"
            moment += self.random.choice((0, 0, 40, 400, 10**9))
        self.requests.append((moment, record))
        return record

    def race(self, state: str, following: str, contenders: int) -> None:
        number = len(self.requests)
        for _ in range(contenders):
            self.ask("advance", expected=[state], next=following, race=f"{self.name}-{number}")
        self.clock += 60

    def run(self) -> tuple[list[Record], list[Record]]:
        """Lets everything take effect in the order of the moments; the operations and the trail."""
        state, trail = "A", []
        for moment, record in sorted(self.requests, key=lambda pair: (pair[0], pair[1]["id"])):
            after = self.take_effect(record, state)
            if record["kind"] in ("advance", "set") and after is not None and moment < 10**9:
                request_id = msgspec.json.decode(record["detail"])["request_id"]
                trail.append({"from": state, "to": after, "request_id": request_id, "workflow": self.name})
                state = after
        return [record for _, record in self.requests], trail

    def take_effect(self, record: Record, state: str) -> str | None:
        """The next state, or None; fills in the answer where it was not lost."""
        lost, kind, expected = record["outcome"] == "unknown", record["kind"], record["expected"]
        if kind == "create":
            record.update(outcome="ok", status=201, observed=state)
            return None
        if kind == "read" and not expected:
            record.update(outcome="ok", status=200, observed=state)
            return None
        if kind == "read":
            record.update(outcome="ok" if state in expected else "conflict", status=200 if state in expected else 409)
            return None
        if state in expected and (state, record["next"]) in GRAPH.edges:
            record.update({} if lost else {"outcome": "won", "status": 200})
            return str(record["next"])
        told = state if self.random.random() < 0.7 else None
        record.update({} if lost else {"outcome": "conflict", "status": 409, "observed": told})
        return None


def drive(name: str, random: Random, *, illegal: bool) -> Simulation:
    """A workflow with races along a path, reads and guards at any moment, illegal and foreign requests, a cancel."""
    simulation = Simulation(name, random)
    simulation.ask("create", length=5)
    simulation.clock += 60
    path = random.choice((["A", "B", "C", "D"], ["A", "B", "F", "B", "C"], ["A", "B", "F", "B", "F", "B", "C", "D"]))
    for state, following in pairwise(path):
        if random.random() < 0.7:
            simulation.ask("read", length=60)
        if random.random() < 0.3:
            simulation.ask("read", length=60, expected=["C", "D"])
        if illegal and random.random() < 0.2:
            simulation.ask("advance", expected=["D"], next="A")
        if random.random() < 0.2:
            edge = random.choice(
                [("A", "B"), ("B", "C"), ("B", "F"), ("C", "D"), *([("C", "B"), ("A", "D")] * illegal)]
            )
            simulation.ask("advance", expected=[edge[0]], next=edge[1], length=90)
        simulation.race(state, following, random.randrange(2, 6))
    if random.random() < 0.5:
        simulation.ask("advance", expected=["A", "B", "F", "C", "D"], next="X")
        simulation.ask("advance", expected=["C"], next="D")
        simulation.clock += 60
    simulation.clock += 100
    simulation.ask("read")
    return simulation


def inject(random: Random, workflows: int, count: int) -> list[Record]:
    """Faults at any time, long ones and short ones, some of which tell whom they struck."""
    found = []
    for _ in range(count):
        at = random.randrange(700)
        about = {"workflow": f"w{random.randrange(workflows)}"} if random.random() < 0.5 else {}
        what = random.choice(("answer lost", "backend ended", "delayed", "server killed"))
        found.append({"event": "fault", "at_ns": at, "until_ns": at + random.choice((0, 5, 60)), "what": what} | about)
    return found


def simulate(seed: int, workflows: int, *, illegal: bool = True, faults: int = 0) -> History:
    """A history of right answers; the trails are read at the very end."""
    random = Random(seed)
    operations, entries = [], []
    for number in range(workflows):
        records, trail = drive(f"w{number}", random, illegal=illegal).run()
        operations += records
        foreign = BLANK | {"id": f"f{number}", "kind": "read", "tenant": "globex", "workflow": f"w{number}"}
        operations.append(foreign | {"outcome": "refused", "status": 404, "invoked_ns": 90, "returned_ns": 95})
        blank = dict.fromkeys(AUDIT_SCHEMA) | {
            "workflow": f"w{number}",
            "read_ns": 10**8,
            "trail": number,
            "position": -1,
        }
        entries += [blank | row | {"position": position} for position, row in enumerate(trail)] or [blank]
    random.shuffle(operations)
    frame = pl.DataFrame(operations, schema=OPERATION_SCHEMA, infer_schema_length=None)
    audit = pl.DataFrame(entries, schema=AUDIT_SCHEMA, infer_schema_length=None)
    injected = [make_event(each)[1] for each in inject(random, workflows, faults)]
    path = Path("simulated")
    return join_pieces(path, [Piece(Source(path.name, path, frame.height), frame.lazy(), audit, injected)])
