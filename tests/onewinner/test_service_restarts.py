"""Goal: a service that ends under faults is started again and its absence is told as a fault; one that cannot be, or is
not to be, is left alone.

Method: an access whose service is a list of what it says, one after the other.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.provision.service import ServiceError
from engine.target.file_tables import ServiceTable
from onewinner.deployment import EngineAccess
from onewinner.service_restarts import ENDED, GRACE_NS, SOURCE, STARTS_MAX, supervise
from reports.history import events
from reports.history.history import read_history
from tests.load.stub import SMALL, load_text

LIMIT_S = 30.0
TOLD = "the service ended by itself with status 3"


def make_access(
    folder: Path, restart: Callable[[], None], *, is_restarted: bool = True
) -> tuple[EngineAccess, threading.Event]:
    """An access whose service has ended once, and what is set when it is asked for the second time."""
    target = replace(load_text(folder, SMALL), service=ServiceTable(["true"], restart=is_restarted))
    said, asked_again = [TOLD], threading.Event()

    def describe_end() -> str | None:
        if said:
            return said.pop()
        asked_again.set()
        return None

    return EngineAccess(target, {}, describe_end=describe_end, restart=restart), asked_again


def test_one_that_ended_is_started_again_and_was_away_for_a_while(tmp_path: Path) -> None:
    restarts: list[str] = []
    access, asked_again = make_access(tmp_path / "target", lambda: restarts.append("again"))
    with supervise(access, tmp_path, wanted=True):
        assert asked_again.wait(LIMIT_S)
    assert restarts == ["again"]
    history = read_history(tmp_path / f"{SOURCE}.jsonl")
    (fault,), (restarted,) = history.having(events.Fault), history.having(events.Restarted)
    assert (fault.what, restarted.how) == (ENDED, TOLD)
    assert restarted.at_ns is not None
    assert restarted.until_ns is not None
    assert (fault.at_ns, fault.until_ns) == (restarted.at_ns, restarted.until_ns + GRACE_NS)
    assert restarted.at_ns <= restarted.until_ns
    assert len(list(history.having(events.End))) == 1


def test_one_that_ended_at_the_last_moment_is_started_again_too(tmp_path: Path) -> None:
    said = list[str | None]([None])
    access, _ = make_access(tmp_path / "target", lambda: said.append(None))
    access = replace(access, describe_end=lambda: said[-1])
    with supervise(access, tmp_path, wanted=True):
        said.append(TOLD)
    assert access.describe_end() is None
    assert len(list(read_history(tmp_path / f"{SOURCE}.jsonl").having(events.Restarted))) == 1


def test_one_that_met_a_fault_when_it_started_is_started_once_more(tmp_path: Path) -> None:
    tries: list[str] = []

    def fail_at_first() -> None:
        tries.append("again")
        if len(tries) < STARTS_MAX:
            raise ServiceError("a fault")

    access, asked_again = make_access(tmp_path / "target", fail_at_first)
    with supervise(access, tmp_path, wanted=True):
        assert asked_again.wait(LIMIT_S)
    assert len(tries) == STARTS_MAX
    assert len(list(read_history(tmp_path / f"{SOURCE}.jsonl").having(events.Restarted))) == 1


def test_one_that_cannot_be_started_again_is_given_up(tmp_path: Path) -> None:
    tries, is_over = list[str](), threading.Event()

    def fail() -> None:
        tries.append("again")
        if len(tries) == STARTS_MAX:
            is_over.set()
        raise ServiceError("no luck")

    access, asked_again = make_access(tmp_path / "target", fail)
    with supervise(access, tmp_path, wanted=True):
        assert is_over.wait(LIMIT_S)
    assert not asked_again.is_set()
    assert len(tries) == STARTS_MAX
    history = read_history(tmp_path / f"{SOURCE}.jsonl")
    assert not list(history.having(events.Fault))
    assert len(list(history.having(events.End))) == 1


@pytest.mark.parametrize(
    ("wanted", "is_restarted", "is_ours"), [(False, True, True), (True, False, True), (True, True, False)]
)
def test_one_that_is_not_to_be_started_again_is_left_alone(
    wanted: bool, is_restarted: bool, is_ours: bool, tmp_path: Path
) -> None:
    access, asked_again = make_access(
        tmp_path / "target", lambda: pytest.fail("started again"), is_restarted=is_restarted
    )
    access = access if is_ours else replace(access, restart=None)
    with supervise(access, tmp_path, wanted=wanted):
        pass
    assert not asked_again.is_set()
    assert not (tmp_path / f"{SOURCE}.jsonl").exists()
