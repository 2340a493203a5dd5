"""Goal: a held statement belongs to the one request that can have sent it, and to none if two can.

Method: connections with a held statement, inside a transaction or outside; the requests that run or are late.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from stateful_tests.interleavings.messages import REQUEST
from stateful_tests.interleavings.statement_owners import StatementOwners, Task


class StubConnection:
    def __init__(self, claim: str) -> None:
        self.protocol = SimpleNamespace(held="UPDATE items", claim=claim)
        self.is_closed = self.is_at_work = False


def hold(claim: str = "") -> Any:
    """A connection on which a statement is held. Something of its last request is open if the claim is REQUEST."""
    return StubConnection(claim)


def make_owners(tasks: list[Task], connection: Any) -> StatementOwners:
    proxy: Any = SimpleNamespace(connections=[connection])
    return StatementOwners(proxy, tasks)


def test_the_request_that_runs_sent_it() -> None:
    first, second, connection = Task(0), Task(1), hold()
    owners = make_owners([first, second], connection)
    owners.current = second
    owners.assign()
    assert (first.held, second.held, owners.is_one_unknown) == ([], [connection], False)


@pytest.mark.parametrize("claim", [REQUEST, ""])
def test_a_late_request_may_have_sent_what_belongs_to_no_open_transaction(claim: str) -> None:
    late, current, connection = Task(0, is_late=True), Task(1), hold(claim)
    owners = make_owners([late, current], connection)
    owners.last[connection] = owners.current = current
    owners.assign()
    assert owners.is_one_unknown is (claim == "")
    assert (late.held, current.held) == ([], [connection] if claim else [])


def test_a_connection_that_a_pool_lends_on_belongs_to_the_request_that_runs() -> None:
    """The BEGIN of the new transaction passed unheld."""
    connection = hold()
    before, current = Task(0, is_accepted=True, connections={connection}), Task(1)
    owners = make_owners([before, current], connection)
    owners.last[connection], owners.current = before, current
    connection.is_at_work = True
    owners.assign()
    assert (before.held, current.held) == ([], [connection])
    assert before.is_over, "what is open on it now belongs to the other request"


def test_a_statement_on_a_closed_connection_is_dropped_and_another_may_come() -> None:
    task, connection = Task(0), hold()
    owners = make_owners([task], connection)
    owners.current = task
    owners.assign()
    connection.is_closed = True
    owners.drop_closed()
    assert (task.held, task.is_late, owners.assigned) == ([], True, set())


def test_a_statement_that_is_let_go_makes_its_request_the_one_that_runs() -> None:
    first, second, connection = Task(0), Task(1), hold()
    owners = make_owners([first, second], connection)
    owners.current = first
    owners.assign()
    owners.current = second
    assert owners.take_held(first) is connection
    assert (owners.current, first.held, owners.last) == (first, [], {connection: first})
