"""Goal: workflows of one tenant with one id are found; ids of two tenants, or of a list, accuse no service."""

from reports.judge.creates import find_shared_ids
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


def test_ids_that_are_the_tenants_own_or_no_answer_are_left_out() -> None:
    assert find_shared_ids(build_history([make("1", "a", "7"), make("2", "b", "7", tenant="globex")])) == []
    assert find_shared_ids(build_history([make("1", "a", "7"), make("2", "b", "7", status=None)])) == []
    assert find_shared_ids(build_history([make("1", "a", "7"), make("2", "b", "7", outcome="unknown")])) == []
    assert find_shared_ids(build_history([create("1", 1, 5), create("2", 1, 5, workflow="v")])) == []
