"""Goal: every order once, and none that equals another. Method: programs in memory, against counting by hand."""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import permutations

import pytest

from engine.target.call import GIVE_BACK, TAKE, Call
from stateful_tests.interleavings.explorer import LATE_S, SOON_S, explore, explore_timed, follow
from stateful_tests.interleavings.locks import is_stuck
from stateful_tests.interleavings.schedule import DIVERGED, NAMES, Choose, Option, Pairing, Step, Trace, Wait

PAIRING = Pairing("A", ())
READ, WRITE = "SELECT a FROM t", "UPDATE t SET a = 1"


class Programs:
    """Each task has a list of statements. `a` is the value in the table; a read returns it."""

    def __init__(self, *programs: Sequence[str]) -> None:
        self.programs = programs
        self.runs = 0

    async def run(self, pairing: Pairing, choose: Choose) -> Trace:
        self.runs += 1
        trace, at, version = Trace(pairing, (f"w{self.runs}",)), [0] * len(self.programs), 0
        seen: list[list[int]] = [[] for _ in self.programs]
        while options := self.list_options(at):
            choice = choose(options)
            if choice is None:
                break
            sql = self.programs[choice.task][at[choice.task]]
            trace.steps.append(Step(choice.task, sql, options))
            at[choice.task] += 1
            version += sql == WRITE
            seen[choice.task].append(version)
        trace.answers = [str(each) for each in seen]
        return trace

    def list_options(self, at: Sequence[int]) -> tuple[Option, ...]:
        return tuple(
            Option(task, program[at[task]]) for task, program in enumerate(self.programs) if at[task] < len(program)
        )


def walk(programs: Programs) -> tuple[set[str], set[tuple[str, ...]], int]:
    found = asyncio.run(explore(PAIRING, programs.run, schedules_max=10_000))
    assert found.is_exhausted
    orders = {trace.order for trace in found.traces}
    assert len(orders) == len(found.traces)
    return orders, {tuple(trace.answers) for trace in found.traces}, found.pruned


@pytest.mark.parametrize(("lengths", "count"), [((1, 1), 2), ((2, 2), 6), ((4, 4), 70), ((2, 2, 2), 90)])
def test_every_order_is_run_once(lengths: tuple[int, ...], count: int) -> None:
    orders, _, pruned = walk(Programs(*([WRITE] * length for length in lengths)))
    letters = "".join(NAMES[task] * length for task, length in enumerate(lengths))
    assert orders == {"".join(order) for order in permutations(letters)}
    assert (len(orders), pruned) == (count, 0)


@pytest.mark.parametrize(
    "programs", [((READ, WRITE), (READ, WRITE)), ((READ, READ), (READ, READ)), ((READ, WRITE),) * 3]
)
def test_orders_that_differ_in_reads_that_commute_are_one_and_nothing_is_lost(
    programs: tuple[tuple[str, ...], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    reduced, outcomes, pruned = walk(Programs(*programs))
    monkeypatch.setattr("stateful_tests.interleavings.explorer.commute", lambda *_: False)
    every, all_outcomes, nothing_pruned = walk(Programs(*programs))
    assert outcomes == all_outcomes
    assert reduced < every
    assert pruned > nothing_pruned == 0


EARLY, LATE = Call(route="go", origin="A", to="B"), Call(route="on", origin="B", to="C")


@pytest.mark.parametrize(
    ("calls", "late", "stopped"),
    [
        ((LATE, LATE), ["BBAAA", "ABBAA", "AABBA"], []),
        ((LATE, EARLY), ["BBAAA", "ABBAA", "AABBA", "AAABB", "BAAAB"], []),
        ((EARLY, LATE), ["BBAAA", "ABBAA", "AABBA", "AAABB", "BAAAB"], ["ABBAA", "AABBA"]),
        ((GIVE_BACK, TAKE), ["BBAAA", "ABBAA", "AABBA", "AAABB", "BAAAB"], ["ABBAA", "AABBA"]),
    ],
    ids=["two alike", "none before", "one before", "units"],
)
def test_around_a_moment_each_request_stops_after_each_of_its_statements(
    calls: tuple[Call, Call], late: list[str], stopped: list[str]
) -> None:
    """Behind the moment both; the first one, if it is due before it, also when the moment comes."""
    pairing = Pairing("A", calls, wait=Wait(0.5))
    found = asyncio.run(explore_timed(pairing, Programs([WRITE] * 3, [WRITE] * 2).run))
    behind = [(Wait(0.5 + SOON_S), order) for order in late]
    across = [(Wait(0.5 + LATE_S, lead), order) for lead, order in enumerate(stopped, start=1)]
    assert [(trace.pairing.wait, trace.order) for trace in found.traces] == behind + across
    assert found.is_exhausted


def test_around_a_moment_what_was_left_out_is_told() -> None:
    pairing = Pairing("A", (EARLY, LATE), wait=Wait(0.5))
    for runs in range(1, 8):
        programs, go_on = Programs([WRITE] * 3, [WRITE] * 2), partial(next, iter([True] * (runs - 1)), False)
        found = asyncio.run(explore_timed(pairing, programs.run, go_on=go_on))
        assert (len(found.traces), found.is_exhausted) == (runs, runs == 7)


def test_a_limit_is_kept_and_told() -> None:
    found = asyncio.run(explore(PAIRING, Programs([WRITE] * 4, [WRITE] * 4).run, schedules_max=5))
    assert (len(found.traces), found.is_exhausted) == (5, False)


def test_without_a_statement_no_order_is_shown() -> None:
    found = asyncio.run(explore(PAIRING, Programs((), ()).run, schedules_max=5))
    assert (len(found.traces), found.is_exhausted) == (1, False)


def test_choices_that_lead_elsewhere_are_no_proof() -> None:
    class Fickle(Programs):
        def list_options(self, at: Sequence[int]) -> tuple[Option, ...]:
            options = super().list_options(at)
            return options[:1] if self.runs > 1 and sum(at) == 1 else options

    found = asyncio.run(explore(PAIRING, Fickle([WRITE] * 2, [WRITE] * 2).run, schedules_max=3))
    assert any(DIVERGED in trace.remarks for trace in found.traces)


def test_an_order_is_followed_as_far_as_it_goes() -> None:
    trace = asyncio.run(Programs([WRITE] * 2, [WRITE] * 2).run(PAIRING, follow("BAAAB")))
    assert trace.order == "BAAB"


@pytest.mark.parametrize(
    ("blockers", "stuck"),
    [
        ({1: {2}}, True),  # for a parked one
        ({1: {3}, 3: {2}}, True),  # through another waiting one
        ({1: {3}, 3: {1}}, False),  # in a cycle: the database ends it
        ({1: {9}}, False),  # for a running one
        ({}, False),
    ],
)
def test_a_backend_is_stuck_if_it_waits_for_a_parked_one(blockers: dict[int, set[int]], stuck: bool) -> None:
    assert is_stuck(1, {pid: frozenset(others) for pid, others in blockers.items()}, {2}) is stuck
