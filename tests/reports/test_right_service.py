"""Goal: no check accuses a right service. Method: drawn worlds, with all that a history may hold
in one: keys, versions, units, calls, repeated wins, moves without a request, busy answers, readings of all sorts.

ONEWINNER_WORLDS=1000 judges so many, from the seed ONEWINNER_SEED on.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from tests.reports.drawing_worlds import draw_world
from tests.reports.right_service import Record, Service

COUNT = int(os.environ.get("ONEWINNER_WORLDS", "12"))
SEED = int(os.environ.get("ONEWINNER_SEED", "0"))
WORKFLOWS = 20


class Blind(Service):
    """Lets a request win in any state."""

    def carry_out(self, at: int, asked: Record) -> Record:
        if asked["kind"] == "advance" and self.random.random() < 0.1:
            self.leave(asked, {})
            self.move(at, asked["next"], asked)
            return {"outcome": "won"}
        return super().carry_out(at, asked)


class Forgetful(Service):
    """Carries out a request again that carries the key of one before."""

    def serve(self, at: int, asked: Record) -> Record:
        return super().serve(at, asked | {"key": None}) | {"answer": asked["id"]}


class Careless(Service):
    """Compares no version."""

    def carry_out(self, at: int, asked: Record) -> Record:
        return super().carry_out(at, asked | {"token_carried": None})


class Twice(Service):
    """Stores what a request carried twice."""

    def leave(self, asked: Record, answer: Record) -> Record:
        return super().leave(asked, super().leave(asked, answer))


class Silent(Service):
    """Writes no row for some moves, and calls for each of them twice."""

    def move(self, at: int, to: str, asked: Record | None, *, has_row: bool = True) -> None:
        super().move(at, to, asked, has_row=has_row and self.random.random() < 0.9)
        self.calls += self.calls[-1:]


class Generous(Service):
    """Gives a unit out again that is not free."""

    def give(self, asked: Record) -> Record:
        self.left, self.free = self.units, [f"{self.name}.unit{number}" for number in range(self.units)]
        return super().give(asked)


def accuse(seed: int, folder: Path, applied: Counter[str], make: type[Service] = Service) -> list[str]:
    graph, lines = draw_world(seed, WORKFLOWS, make)
    path = folder / "world.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    judgement = judge(read_history(path), graph)
    applied.update(result.check for result in judgement.checks if result.verdict is not None)
    return [
        f"{each.check} {seed} {each.workflow}: {each.words}"
        for each in judgement.findings
        if each.verdict is Verdict.FAIL
    ]


@pytest.mark.parametrize("seeds", [range(SEED, SEED + COUNT)], ids=["worlds"])
def test_no_check_accuses_a_right_service(seeds: range, tmp_path: Path) -> None:
    applied = Counter[str]()
    assert [words for seed in seeds for words in accuse(seed, tmp_path, applied)] == []
    asked = {"one-winner", "audit", "effects", "precondition", "capacity", "idempotent", "tenant-isolation"}
    assert asked <= set(applied)


@pytest.mark.parametrize(
    ("make", "checks"),
    [
        (Blind, {"one-winner", "linearizable"}),
        (Forgetful, {"idempotent"}),
        (Careless, {"precondition"}),
        (Twice, {"effects"}),
        (Silent, {"audit", "effects"}),
        (Generous, {"capacity"}),
    ],
)
def test_a_wrong_service_is_accused(make: type[Service], checks: set[str], tmp_path: Path) -> None:
    found = [words for seed in range(6) for words in accuse(seed, tmp_path, Counter[str](), make)]
    assert checks <= {words.split()[0] for words in found}
