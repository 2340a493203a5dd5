"""Goal: a finding about a workflow whose state moved without a transition names the writes that ran beside its moves.

Method: histories written by hand; a PUT of the whole row undoes a win.
"""

import json

import pytest

from engine.target.graph import TransitionGraph
from reports.judge.judge import judge
from tests.reports.building import Record, advance, build, build_history, create, read

GRAPH = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
UNDONE = [create("c", 0, 1), advance("a1", "A-B", 10, 20), read("r", 30, 40, "A")]


def write(identity: str, invoked: int, returned: int | None, outcome: str = "ok", **more: object) -> Record:
    detail = json.dumps({"request": "PUT /cases/{id}"})
    return build(identity, "write", invoked, returned, {"outcome": outcome, "detail": detail} | more)


def tell(*writes: Record) -> dict[str, str]:
    """The words of the first finding of each check that fails."""
    judgement = judge(build_history([*UNDONE, *writes]), GRAPH)
    return {finding.check: finding.words for finding in reversed(judgement.findings)}


def test_a_write_beside_the_move_is_named_with_its_request() -> None:
    told = tell(write("w1", 15, 25))
    assert set(told) >= {"linearizable", "final-state"}
    for words in told.values():
        assert "it was also written to: PUT /cases/{id} (request w1 (client p)). If a write saves" in words


def test_of_many_writes_a_few_are_named() -> None:
    told = tell(*(write(f"w{number}", 15, 25) for number in range(5)))
    named = "(request w0 (client p), request w1 (client p), request w2 (client p) and 2 more)"
    assert named in told["linearizable"]


@pytest.mark.parametrize(
    "other",
    [
        write("w1", 25, 28),
        write("w1", 15, 25, outcome="refused"),
        write("w1", 15, 25, outcome="conflict"),
        write("w1", 15, 25, workflow="another"),
        read("r2", 15, 25, "B"),
    ],
)
def test_what_cannot_have_undone_the_move_is_not_named(other: Record) -> None:
    told = tell(other)
    assert told
    assert not any("written to" in words for words in told.values())


def test_a_write_without_an_answer_may_have_undone_it() -> None:
    assert "PUT /cases/{id}" in tell(write("w1", 15, None, outcome="unknown", returned_ns=None))["linearizable"]


def test_a_write_that_was_not_answered_in_time_may_have_undone_it_later() -> None:
    assert "PUT /cases/{id}" in tell(write("w1", 5, 8, outcome="unknown"))["linearizable"]
