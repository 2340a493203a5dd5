"""Goal: a 401 after a restart of the service is no expired credential and no refusal; any other is as before.

Method: literal histories of one source, whose tenant was served, met a restart and was answered 401.
"""

import pytest

from engine.target.graph import TransitionGraph
from reports.judge.judge import judge
from reports.judge.verdict import Judgement, Verdict
from tests.reports.building import Record, advance, build_history, create, read

GRAPH = TransitionGraph.of("A", {"A": ["B"]})
SAID = "tenant acme was let in before and got 401: its credentials may have expired"
RESTARTED: Record = {"event": "restarted", "source": "service-0", "at_ns": 20, "until_ns": 30}


def judge_all(*records: Record, status: int = 401, events: tuple[Record, ...] = (RESTARTED,)) -> Judgement:
    """What is said of an advance that was denied from 40 to 50, among these."""
    denied = {"event": "access_denied", "source": "history", "at_ns": 40, "until_ns": 50, "what": SAID}
    denied |= {"tenant": "acme", "status": status}
    asked = advance("a", "A-B", 40, 50, "unknown", status=status)
    return judge(build_history([create("c", 0, 5), asked, *records], denied, *events), GRAPH)


def test_a_401_after_a_restart_is_no_expired_credential_and_no_refusal() -> None:
    judgement = judge_all(read("r", 60, 65, "A"))
    assert SAID not in judgement.reason
    assert judgement.verdict is not Verdict.FAIL


def test_what_a_restart_does_not_explain_is_as_before() -> None:
    assert SAID in judge_all(events=()).reason
    assert SAID in judge_all(read("r", 32, 35, "A")).reason, "served since the restart"
    assert SAID in judge_all(status=403).reason
    assert SAID in judge_all(events=(RESTARTED | {"at_ns": 60, "until_ns": 70},)).reason, "the restart came later"


@pytest.mark.parametrize("events", [(), (RESTARTED | {"at_ns": 60, "until_ns": 70},)])
def test_a_kind_that_is_never_accepted_is_refused(events: tuple[Record, ...]) -> None:
    assert judge_all(read("r", 80, 85, "A"), events=events).verdict is Verdict.FAIL
