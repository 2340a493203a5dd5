"""Goal: workflows of one tenant with one id are found; ids of two tenants, or of a list, accuse no service."""

import json
from pathlib import Path

from reports.history.history import read_history
from reports.judge.evidence.creates import find_shared_ids
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from tests.reports.building import Record, build_history, create


def make(identity: str, workflow: str, server_id: str, **more: object) -> Record:
    return create(identity, 1, 5, status=201, workflow=workflow, detail=f'{{"server_id":"{server_id}"}}') | more


def test_one_id_for_two_workflows_is_a_finding() -> None:
    history = build_history([make("1", "a", "7"), make("2", "b", "7"), make("3", "c", "8")])
    assert find_shared_ids(history) == [[0, 1]]
    judgement = judge(history, only=["contract"])
    assert judgement.verdict is Verdict.FAIL
    assert judgement.findings[0].title == "The creates 1 and 2 were all answered with the id 7."


def test_an_id_may_be_unique_within_something_else() -> None:
    """As orders that are numbered in each shop."""
    within = [
        make(str(number), name, "1") | {"detail": json.dumps({"server_id": "1", "scope": scope})}
        for number, (name, scope) in enumerate((("a", "x"), ("b", "y"), ("c", "x")))
    ]
    assert find_shared_ids(build_history(within[:2])) == []
    assert find_shared_ids(build_history(within)) == [[0, 2]]


def test_ids_that_are_the_tenants_own_or_no_answer_are_left_out() -> None:
    assert find_shared_ids(build_history([make("1", "a", "7"), make("2", "b", "7", tenant="globex")])) == []
    assert find_shared_ids(build_history([make("1", "a", "7"), make("2", "b", "7", status=None)])) == []
    assert find_shared_ids(build_history([make("1", "a", "7"), make("2", "b", "7", outcome="unknown")])) == []
    assert find_shared_ids(build_history([create("1", 1, 5), create("2", 1, 5, workflow="v")])) == []


def test_a_service_in_memory_begins_anew_when_it_is_started_again(tmp_path: Path) -> None:
    """The levels behind the proxy start a service of their own."""
    again = {"event": "restarted", "fault": "terminate", "at_ns": 6, "until_ns": 8}
    later = make("2", "b", "7", invoked_ns=9, returned_ns=10)
    assert find_shared_ids(build_history([make("1", "a", "7"), later], again)) == []
    assert find_shared_ids(build_history([make("1", "a", "7"), later | {"invoked_ns": 5}], again)) == [[0, 1]]
    for level in ("race", "sequential", "faults"):
        detail = {"server_id": "7"}
        lines = [
            {"event": "invoke", "id": level, "process": "p", "workflow": level, "kind": "create", "invoked_ns": 1},
            {"event": "return", "id": level, "outcome": "ok", "status": 201, "returned_ns": 5, "detail": detail},
            {"event": "level", "level": level},
        ]
        (tmp_path / f"{level}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    history = read_history(tmp_path)
    [shared] = find_shared_ids(history)
    assert {record.id for record in history.rows(shared)} == {"race", "sequential"}
