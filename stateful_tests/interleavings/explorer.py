"""The explorer: every order in which the statements of a few requests can reach the database, depth first.

It undoes nothing: it runs each order from the start, on a fresh workflow, along a prefix of choices. Two orders that
differ only in neighbours that commute count as one (sleep sets); the branches left out are counted.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from stateful_tests.interleavings.schedule import (
    DIVERGED,
    NAMES,
    SERIALISED,
    Choice,
    Choose,
    Option,
    Pairing,
    Trace,
    Wait,
)
from stateful_tests.interleavings.statements import commute

ATTEMPTS_MAX = 3
PAIRS_OF_WORKFLOWS = 3
# Requests are sent so long after the moment from which a workflow may leave its state by itself, since a sweeper may
# come soon. One that was sent before goes on so long after it, since a sweeper may come late.
SOON_S, LATE_S = 0.02, 0.3

# Runs one schedule of a pairing, with the requests sent in that order.
Run = Callable[[Pairing, Choose], Awaitable[Trace]]


@dataclass
class Node:
    """A choice on the current path: the held statements, the task chosen, those chosen before, and those asleep."""

    options: tuple[Option, ...]
    chosen: int
    done: list[int] = field(default_factory=list)
    asleep: frozenset[int] = frozenset()

    def sql(self, task: int) -> str:
        return next(option.sql for option in self.options if option.task == task)

    def list_open(self) -> list[int]:
        """The tasks that were not chosen here before and are not asleep."""
        return [
            option.task for option in self.options if option.task not in self.done and option.task not in self.asleep
        ]


@dataclass
class Walk:
    """One run along `path`, extended at its end."""

    path: list[Node]
    at: int = 0
    pruned: int = 0
    is_cut: bool = False
    has_diverged: bool = False

    def choose(self, options: Sequence[Option]) -> Choice | None:
        options = tuple(options)
        if self.at < len(self.path):
            node = self.path[self.at]
            if {option.task for option in node.options} != {option.task for option in options}:
                # The same choices led to other statements.
                self.has_diverged = True
                return None
            node.options = options
        else:
            node = Node(options, -1, asleep=self.inherit(options))
            awake = node.list_open()
            self.pruned += len(options) - len(awake)
            if not awake:
                self.is_cut = True
                return None
            node.chosen = awake[0]
            self.path.append(node)
        self.at += 1
        return Choice(node.chosen)

    def inherit(self, options: tuple[Option, ...]) -> frozenset[int]:
        """The tasks asleep in a new node: asleep or chosen before in the last one, and commuting with its choice."""
        if not self.path:
            return frozenset()
        last = self.path[-1]
        moved = last.sql(last.chosen)
        held = {option.task: option.sql for option in options}
        sleepy = last.asleep | set(last.done)
        return frozenset(
            task
            for task in sleepy
            if task != last.chosen and held.get(task) == last.sql(task) and commute(last.sql(task), moved)
        )


@dataclass
class Exploration:
    """The schedules of one pairing. `pruned` counts the branches that were left out as equal to another."""

    traces: list[Trace] = field(default_factory=list)
    pruned: int = 0
    is_exhausted: bool = False

    @property
    def is_serialised(self) -> bool:
        return any(SERIALISED in trace.remarks for trace in self.traces)


async def explore(
    pairing: Pairing, run: Run, *, schedules_max: int, go_on: Callable[[], bool] = lambda: True
) -> Exploration:
    """Every order of the pairing's statements, or the first `schedules_max`, while `go_on` allows it."""
    found = Exploration()
    path: list[Node] = []
    async for walk, trace in walk_tree(pairing, run, path):
        found.pruned += walk.pruned
        if not walk.is_cut:
            found.traces.append(trace)
        if not backtrack(path):
            found.is_exhausted = all(each.steps for each in found.traces)
            return found
        if len(found.traces) >= schedules_max or not go_on():
            return found
    return found


async def explore_apart(
    pairing: Pairing, run: Run, *, times: int = PAIRS_OF_WORKFLOWS, go_on: Callable[[], bool] = lambda: True
) -> Exploration:
    """Requests on two workflows: one stops after each of its statements, while the other runs to its end.

    If the workflows share nothing, all orders commute, so not all of them are run. What they share may depend on the
    workflows: each order runs on that many pairs.
    """
    return await explore_stops(pairing, run, firsts=(0, 1), times=times, go_on=go_on)


async def explore_stops(
    pairing: Pairing, run: Run, *, firsts: Sequence[int], times: int = 1, go_on: Callable[[], bool]
) -> Exploration:
    """Each of `firsts` stops after each of its statements, while the other request runs to its end."""
    found = Exploration()
    plain = await run_known(pairing, run, stop_after(0, 0))
    found.traces.append(plain)
    stops = [(first, count) for first in firsts for count in range(max(1, count_steps(plain, first)))] * times
    for first, count in stops[1:]:
        if not go_on():
            return found
        found.traces.append(await run_known(pairing, run, stop_after(first, count)))
    found.is_exhausted = all(trace.shows_order for trace in found.traces)
    return found


async def explore_timed(pairing: Pairing, run: Run, *, go_on: Callable[[], bool] = lambda: True) -> Exploration:
    """Requests around the moment from which the workflow may leave its state by itself.

    Both are sent after it: one stops after each of its statements, while the other runs to its end. Then the first is
    sent before it, if it is due then, and stops after each of its statements until the other has run.
    """
    assert pairing.wait is not None
    seconds, (first, second) = pairing.wait.seconds, pairing.calls
    late = replace(pairing, wait=Wait(seconds + SOON_S))
    found = await explore_stops(late, run, firsts=(0,) if first == second else (0, 1), go_on=go_on)
    if first.origin != pairing.state and not first.gives_back:
        return found
    for lead in range(1, max(2, count_steps(found.traces[0], 0))):
        if not go_on():
            return replace(found, is_exhausted=False)
        stopped = replace(pairing, wait=Wait(seconds + LATE_S, lead))
        found.traces.append(await run_known(stopped, run, stop_after(0, lead)))
    return replace(found, is_exhausted=found.is_exhausted and all(trace.shows_order for trace in found.traces))


def count_steps(trace: Trace, task: int) -> int:
    return sum(step.task == task for step in trace.steps)


async def run_known(pairing: Pairing, run: Run, choose: Callable[[], Choose]) -> Trace:
    """A schedule, tried ATTEMPTS_MAX times until its outcome is known."""
    for _ in range(ATTEMPTS_MAX):
        trace = await run(pairing, choose())
        if trace.is_known:
            break
    return trace


def stop_after(first: int, count: int) -> Callable[[], Choose]:
    """Makes a chooser: that many statements of the first, then the others as far as they go, then the first again."""

    def make() -> Choose:
        gone = 0

        def choose(options: Sequence[Option]) -> Choice | None:
            nonlocal gone
            tasks = [option.task for option in options]
            others = [task for task in tasks if task != first]
            if first in tasks and (gone < count or not others):
                gone += 1
                return Choice(first)
            return Choice(others[0])

        return choose

    return make


async def walk_tree(pairing: Pairing, run: Run, path: list[Node]) -> AsyncIterator[tuple[Walk, Trace]]:
    """Runs along the path again and again; the caller changes the path in between."""
    while True:
        for _ in range(ATTEMPTS_MAX):
            begun = len(path)
            walk = Walk(path)
            trace = await run(pairing, walk.choose)
            if walk.has_diverged:
                trace.remarks.add(DIVERGED)
            if trace.is_known:
                break
            del path[begun:]
        yield walk, trace


def backtrack(path: list[Node]) -> bool:
    """Turns the path to the next branch not taken; False when there is none."""
    while path:
        node = path[-1]
        node.done.append(node.chosen)
        left = node.list_open()
        if left:
            node.chosen = left[0]
            return True
        path.pop()
    return False


def follow(order: str) -> Choose:
    """Chooses along an order such as ABBA, skipping a request without a held statement; then the first with one."""
    left = list(order)

    def choose(options: Sequence[Option]) -> Choice | None:
        tasks = [option.task for option in options]
        for place, name in enumerate(left):
            if NAMES.index(name) in tasks:
                del left[: place + 1]
                return Choice(NAMES.index(name))
        return Choice(tasks[0])

    return choose
