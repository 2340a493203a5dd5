"""Goal: a kind of request that its tenant may never make is a refusal, and credentials that expired are none.

Method: literal histories of one source. What was answered 401 or 403 is unknown there; what else the tenant was
answered, and when, decides.
"""

from typing import Any

import pytest

from engine.target.graph import TransitionGraph
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from tests.reports.building import Record, advance, build_history, create, read

GRAPH = TransitionGraph.of("A", {"A": ["B", "X"], "B": ["C"]})
DENIED: Record = {"event": "access_denied", "source": "", "at_ns": 10, "until_ns": 20, "what": "403", "tenant": "acme"}
OTHER = {"workflow": "other"}


def deny(identity: str, edge: str, invoked: int, returned: int, **more: Any) -> Record:
    return advance(identity, edge, invoked, returned, "unknown", status=403, **more)


def find_refused(*records: Record, event: Record = DENIED) -> list[tuple[int | str, ...]]:
    """The operations of the findings of `contract`."""
    history = build_history([create("c", 0, 1), create("d", 2, 3, **OTHER), *records], event)
    (result,) = judge(history, GRAPH, only=["contract"]).checks
    return [finding.operations for finding in result.findings if finding.verdict is Verdict.FAIL]


@pytest.mark.parametrize(
    "served",
    [
        advance("s", "A-X", 30, 40, **OTHER),
        advance("s", "A-X", 30, 40, "conflict", observed="B", **OTHER),
        read("s", 30, 40, "A", **OTHER),
    ],
    ids=["won", "conflict", "read"],
)
def test_what_is_never_accepted_from_a_tenant_that_is_served_afterwards_is_refused(served: Record) -> None:
    assert find_refused(deny("a", "A-B", 10, 20), served) == [("a",)]


@pytest.mark.parametrize(
    "other",
    [
        [],
        [read("s", 5, 9, "A", **OTHER)],
        # Asked before the refusal had come: it may have been decided before.
        [read("s", 15, 40, "A", **OTHER)],
        [read("s", 30, 40, "A", tenant="globex", **OTHER)],
        [deny("s", "A-X", 30, 40, **OTHER)],
    ],
    ids=["alone", "served before", "served meanwhile", "another tenant", "nothing is accepted"],
)
def test_the_credentials_of_a_tenant_that_is_not_served_afterwards_may_have_expired(other: list[Record]) -> None:
    assert find_refused(deny("a", "A-B", 10, 20), *other) == []


@pytest.mark.parametrize(("invoked", "returned"), [(4, 6), (30, 40)])
def test_a_kind_that_was_accepted_once_is_not_forbidden(invoked: int, returned: int) -> None:
    accepted = advance("s", "A-B", invoked, returned, **OTHER)
    assert find_refused(deny("a", "A-B", 10, 20), accepted, read("r", 50, 51, "B", **OTHER)) == []


def test_another_kind_that_was_accepted_says_nothing_about_this_one() -> None:
    accepted = advance("s", "A-X", 4, 6, **OTHER)
    assert find_refused(deny("a", "A-B", 10, 20), accepted, read("r", 50, 51, "X", **OTHER)) == [("a",)]


def test_an_answer_without_a_status_of_a_refusal_is_no_refusal() -> None:
    lost = advance("a", "A-B", 10, 20, "unknown", status=500)
    assert find_refused(lost, read("r", 50, 51, "A", **OTHER)) == []
