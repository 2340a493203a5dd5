"""Goal: what passed unscheduled, and how often the service ended, is counted and said. Method: events by hand."""

from typing import Any

from reports.history.history import History
from reports.judge.levels.proxy_facts import count_endings, count_unscheduled, describe_endings, describe_unscheduled
from tests.reports.building import build_history, read

PASSED = [
    {"event": "unscheduled", "source": "interleavings-0", "sql": "COMMIT", "passed": 3, "why": "background"},
    {"event": "unscheduled", "source": "interleavings-0", "sql": "NOTIFY jobs", "passed": 40, "why": "background"},
    {"event": "unscheduled", "source": "faults-0", "sql": "SET a = 1", "passed": 1, "why": "set-up"},
]
ENDED = [{"event": "restarted", "source": "faults-0", "fault": fault} for fault in ("answer lost", "x", "answer lost")]


def gather(*events: Any) -> History:
    return build_history([read("1", 1, 2, "A")], *events)


def test_how_often_the_service_ended_and_after_what() -> None:
    told = describe_endings(count_endings(gather(*ENDED)))
    assert "ended by itself 3 times, each time after an injected fault (answer lost 2, x 1)" in told
    assert "1 time," in describe_endings(count_endings(gather(ENDED[1])))


def test_what_passed_unheld() -> None:
    assert describe_unscheduled(count_unscheduled(gather(*PASSED))) == (
        "passed unscheduled during schedules: 43 of background work (NOTIFY jobs 40, COMMIT 3); "
        "1 that concern their session alone (SET a = 1 1)"
    )


def test_an_empty_statement_is_named() -> None:
    """Pools send one to see whether a connection lives."""
    empty = {"event": "unscheduled", "source": "faults-0", "sql": "", "passed": 5, "why": "set-up"}
    assert "(an empty statement) 5)" in describe_unscheduled(count_unscheduled(gather(empty)))


def test_nothing_is_said_of_nothing() -> None:
    assert describe_endings(count_endings(gather())) == describe_endings(None) == ""
    assert describe_unscheduled(count_unscheduled(gather())) == describe_unscheduled(None) == ""
