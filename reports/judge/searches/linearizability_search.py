"""The exact search: is there an order of one workflow's operations that explains every answer?

After Wing and Gong: place one operation after another, each one only when no unplaced operation returned before
its invoke. Four observations keep it small.

- An operation whose recorded answer can never change the state (a read, a conflict) is placed as soon as it fits
  and never taken back: moving it earlier only removes constraints. Grouped by what they ask of the state, the
  placed ones of a group are always a prefix by invoke time, so that a number per group tells them all.
- Operations of one shape (same kind, expected, next) are interchangeable: of the known ones that may come next only
  the one that returned first is tried, of the unknown ones only the one invoked first.
- States that no answer and no request asks about are one state.
- A configuration that another one dominates (same transitions placed, same state, no fewer answers placed) is cut.

Where the graph has moves that no request makes, an order needs times too: such a move comes no earlier than its time
after the request that led to the state was sent, since a service may compute the moment when the request comes. All
these limits are lower ones, so the earliest times serve: each transition is placed at the earliest moment that the ones
before it leave. An answer that changes nothing may then hold a transition up; so it is placed when its moment has come,
and to wait for that moment is a choice of its own. A configuration dominates only if its moments are no later.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from typing import Any

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import IMPOSSIBLE, NEVER, Impossible, Operation, step
from reports.judge.verdict import Verdict

State = str | None
Shape = tuple[str, str, tuple[str, ...], str | None, str | None, str | None, str | None, str | None, bool]
# A move without a request: how long after the state was entered, and the state after it. None: at any moment, and no
# state is entered.
Alone = tuple[int | None, Any]
# A state that nothing names: half of a character, which no text of a history can hold.
ANOTHER_STATE = "\udfff"
CONFIGURATIONS_PER_LOOK = 256
# Where times matter, it also matters which of several unknown operations of one shape comes first. Of more than so many
# each counts as sent when the first was: more orders are possible then, and none less.
UNKNOWN_MAX = 6
HOPELESS_STEPS_MAX = 200_000


@dataclass(frozen=True)
class Rules:
    """What the search goes by, where it follows more than the state.

    `take`: the state after an operation took effect, or IMPOSSIBLE; a state is any value that can be a key. `is_past`:
    whether an answer that does not hold in a state holds in none after it. `named`: states that are asked for although
    no operation does. `to_the_end`: whether every known transition must be placed, or only all answers that change
    nothing. `branch`: of operations that change something, where they may lead to several states. `alone`: the moves
    that no request makes out of a state; None where there are none at all.
    """

    take: Callable[[Any, Operation], Any]
    is_past: Callable[[Any, Operation], bool]
    named: frozenset[str] = frozenset()
    to_the_end: bool = True
    branch: Callable[[Any, Operation], Sequence[Any]] | None = None
    alone: Callable[[Any], Sequence[Alone]] | None = None

    def list_after(self, state: Any, operation: Operation) -> Sequence[Any]:
        """The states to which an operation may lead that changes something; the last is tried first."""
        if self.branch is not None:
            return self.branch(state, operation)
        after = self.take(state, operation)
        return () if after is IMPOSSIBLE else (after,)


@dataclass(frozen=True)
class Searched:
    """What a search found. On FAIL the operations of `conflict_core` contradict each other: a single impossible one, or
    every transition, and of the other answers only those that once blocked the search.
    `configurations` counts work.
    """

    verdict: Verdict
    conflict_core: tuple[Operation, ...] = ()
    configurations: int = 0


@dataclass(frozen=True)
class Group:
    """Answers that change nothing, of one shape, by invoke time. `deadlines[i]` is the first return from i on."""

    sample: Operation
    invokes: list[int]
    deadlines: list[tuple[int, int]]  # (returned, index of the operation)
    operations: list[Operation]


@dataclass(frozen=True)
class Place:
    """A configuration: known transitions before `low` are placed, and those of `window` above it (bit 0: low). The last
    thing was placed at `now`, and the state was entered at `entered`, each as early as can be.
    """

    low: int
    window: int
    state: Any
    used: tuple[int, ...]
    placed: tuple[int, ...]
    now: int = -NEVER
    entered: int = -NEVER


@dataclass
class Problem:
    """One workflow, laid out for the search."""

    rules: Rules
    groups: list[Group]
    known: list[Operation]
    optional: list[list[Operation]]
    fits: dict[Any, list[bool]] = field(default_factory=dict)
    blockers: dict[int, Operation] = field(default_factory=dict)

    @property
    def is_timed(self) -> bool:
        return self.rules.alone is not None

    def is_done(self, place: Place, placed: tuple[int, ...]) -> bool:
        """Whether all that has to be placed is."""
        moved = place.low == len(self.known) or not self.rules.to_the_end
        return moved and all(n == len(group.invokes) for n, group in zip(placed, self.groups, strict=True))

    def is_lost(self, place: Place, placed: tuple[int, ...]) -> bool:
        """Whether an answer that is not placed can hold no more."""
        is_past = self.rules.is_past
        return any(
            n < len(group.invokes) and is_past(place.state, group.sample)
            for n, group in zip(placed, self.groups, strict=True)
        )

    def fitting(self, state: Any) -> list[bool]:
        """For each group, whether its answers hold in `state`."""
        found = self.fits.get(state)
        if found is None:
            take = self.rules.take
            found = self.fits[state] = [take(state, group.sample) is not IMPOSSIBLE for group in self.groups]
        return found


def get_shape(operation: Operation) -> Shape:
    asked = operation.kind, operation.outcome, operation.expected, operation.next, operation.observed, operation.mark
    return *asked, operation.carried, operation.told, operation.repeats


def search(
    operations: Sequence[Operation],
    starts: Iterable[Any],
    graph: TransitionGraph | None,
    deadline_s: float = float("inf"),
    rules: Rules | None = None,
    since: int = -NEVER,
) -> Searched:
    """Whether some order explains all `operations` (each with a row of its own) from one of the `starts`, which the
    workflow entered at `since` at the earliest.

    UNKNOWN past `deadline_s` (of the monotonic clock). With `rules` the `starts` are states as these have them.
    """
    starts = list(starts)
    hopeless = find_hopeless(operations, starts, graph) if rules is None else None
    if hopeless is not None:
        return Searched(Verdict.FAIL, (hopeless,))
    rules = rules or Rules(partial(take_step, graph), never_past, alone=list_alone(graph))
    named = rules.named | {state for move in (graph.timed if graph else ()) for state in (move.origin, move.to)}
    problem = lay_out(merge_states(operations, graph, named), rules)
    zero = (0,) * len(problem.groups)
    stack = [Place(0, 0, state, (0,) * len(problem.optional), zero, entered=since) for state in starts]
    seen: dict[tuple[int, int, Any, tuple[int, ...]], list[Place]] = {}
    count = 0
    while stack:
        count += 1
        if count % CONFIGURATIONS_PER_LOOK == 0 and time.monotonic() > deadline_s:
            return Searched(Verdict.UNKNOWN, configurations=count)
        place = stack.pop()
        placed, limit, ready = place_answers(problem, place)
        if limit < place.now:
            continue
        if problem.is_done(place, placed):
            return Searched(Verdict.PASS, configurations=count)
        place = Place(place.low, place.window, place.state, place.used, placed, place.now, place.entered)
        key = (place.low, place.window, place.state, place.used)
        if problem.is_lost(place, placed) or not is_new(seen.setdefault(key, []), place):
            continue
        stack.extend(follow(problem, place, limit, ready))
    rows = {each.row for each in operations if not each.is_pure} | problem.blockers.keys()
    return Searched(Verdict.FAIL, tuple(each for each in operations if each.row in rows), count)


def list_alone(graph: TransitionGraph | None) -> Callable[[Any], Sequence[Alone]] | None:
    """The moves that no request makes, by state; None if the graph has none."""
    if graph is None or not graph.timed:
        return None
    found = {state: [(move.after_ns, move.to) for move in moves] for state, moves in graph.timed_from.items()}
    return lambda state: found.get(state, ())


def take_step(graph: TransitionGraph | None, state: State, operation: Operation) -> State | Impossible:
    return step(state, operation, graph)


def never_past(state: Any, operation: Operation) -> bool:  # noqa: ARG001 - any state may come again
    return False


def merge_states(
    operations: Iterable[Operation], graph: TransitionGraph | None, named: frozenset[str] = frozenset()
) -> list[Operation]:
    """The same operations, with all the states that no operation asks about made one: they are interchangeable.

    With a graph only a `set` may be changed so: whether an advance is legal depends on where it leads. A request that
    repeats a win asks whether the workflow is in its next state already.
    """
    operations = [forget_told(each) for each in operations]
    asked = named | {
        state
        for each in operations
        for state in (*each.expected, each.observed if each.is_pure else None, each.next if each.repeats else None)
    }
    return [
        replace(each, next=ANOTHER_STATE)
        if not each.is_pure
        and each.next not in asked
        and (each.kind == "set" or (each.next is not None and graph is None))
        else each
        for each in operations
    ]


def forget_told(operation: Operation) -> Operation:
    """The same, without a told state that its next state says already: it asks nothing more."""
    won_it = operation.outcome == "won" and operation.observed == operation.next
    return replace(operation, observed=None) if won_it and operation.observed is not None else operation


def find_hopeless(
    operations: Sequence[Operation], starts: Sequence[State], graph: TransitionGraph | None
) -> Operation | None:
    """An operation that fits no state at all that the workflow can ever be in; None when there is none, or when there
    are so many states that the search itself finds out sooner.
    """
    states = {
        *starts,
        *(each.observed if each.kind == "create" else each.next for each in operations if not each.is_pure),
        *(move.to for move in (graph.timed if graph else ())),
    }
    samples = {get_shape(each): each for each in operations if each.is_pure or each.outcome != "unknown"}
    if len(states) * len(samples) > HOPELESS_STEPS_MAX:
        return None
    for sample in samples.values():
        if all(step(state, sample, graph) is IMPOSSIBLE for state in states):
            return sample
    return None


def lay_out(operations: Iterable[Operation], rules: Rules) -> Problem:
    """The operations by what they may do: answers in groups, known transitions, optional ones in groups."""
    is_timed = rules.alone is not None
    pure: dict[Shape, list[Operation]] = {}
    optional: dict[Shape, list[Operation]] = {}
    known: list[Operation] = []
    for operation in sorted(operations, key=lambda each: each.invoked):
        if operation.is_pure:
            pure.setdefault(get_shape(operation), []).append(operation)
        elif operation.outcome == "unknown":
            optional.setdefault(get_shape(operation), []).append(operation)
        else:
            known.append(operation)
    groups: list[list[Operation]] = []
    for alike in optional.values():
        groups += [[each] for each in alike] if is_timed and len(alike) <= UNKNOWN_MAX else [alike]
    return Problem(rules, [gather(group) for group in pure.values()], known, groups)


def gather(operations: list[Operation]) -> Group:
    returns = [(operation.returned, index) for index, operation in enumerate(operations)]
    deadlines = list(accumulate(reversed(returns), min))[::-1]
    return Group(operations[0], [operation.invoked for operation in operations], deadlines, operations)


def place_answers(problem: Problem, place: Place) -> tuple[tuple[int, ...], int, list[int]]:
    """Places every answer that holds now; returns the new counts, the limit on the next operation's invoke
    (the first return of anything unplaced that cannot be placed now), and the known transitions that may be next.

    Where times matter, only answers that were invoked by now are placed, and one that had returned before now never
    can be: it is the limit.
    """
    limit, near = find_window(problem.known, place)
    fits = problem.fitting(place.state)
    blocker: Operation | None = None
    for group, count, fit in zip(problem.groups, place.placed, fits, strict=True):
        is_late = problem.is_timed and count < len(group.invokes) and group.deadlines[count][0] < place.now
        if (not fit or is_late) and count < len(group.invokes) and group.deadlines[count][0] < limit:
            limit, index = group.deadlines[count]
            blocker = group.operations[index]
    if blocker is not None:
        problem.blockers[blocker.row] = blocker
    until = min(limit, place.now) if problem.is_timed else limit
    placed = place_until(problem, place.placed, fits, until)
    return placed, limit, [index for index in near if problem.known[index].invoked <= limit]


def place_until(problem: Problem, placed: tuple[int, ...], fits: list[bool], until: int) -> tuple[int, ...]:
    """The counts with all fitting answers that were invoked by this moment."""
    return tuple(
        max(count, bisect_right(group.invokes, until)) if fit else count
        for group, count, fit in zip(problem.groups, placed, fits, strict=True)
    )


def find_window(known: list[Operation], place: Place) -> tuple[int, list[int]]:
    """The first return among the unplaced known transitions, and those of them that were invoked by then."""
    limit, near, index = NEVER, [], place.low
    while index < len(known) and known[index].invoked <= limit:
        if not place.window >> (index - place.low) & 1:
            near.append(index)
            limit = min(limit, known[index].returned)
        index += 1
    return limit, near


def is_new(others: list[Place], place: Place) -> bool:
    """Whether no configuration seen before has placed at least as much, as early; remembers this one if so."""
    for other in others:
        is_early = other.now <= place.now and other.entered <= place.entered
        if is_early and all(theirs >= ours for theirs, ours in zip(other.placed, place.placed, strict=True)):
            return False
    others.append(place)
    return True


def follow(problem: Problem, place: Place, limit: int, ready: list[int]) -> list[Place]:
    """The configurations one transition further. The last is tried first: a known one before an optional one."""
    found = list_waits(problem, place, limit) + list_unasked(problem, place, limit) if problem.is_timed else []
    for number, group in enumerate(problem.optional):
        used = place.used[number]
        if used < len(group) and group[used].invoked <= limit:
            spent = (*place.used[:number], used + 1, *place.used[number + 1 :])
            found += [
                move_on(problem, place, (place.low, place.window), spent, state, group[used], group[0].enters_at)
                for state in problem.rules.list_after(place.state, group[used])
                if state != place.state
            ]
    first: dict[Shape, list[int]] = {}
    for index in sorted(ready, key=lambda index: (problem.known[index].returned, problem.known[index].invoked)):
        alike = first.setdefault(get_shape(problem.known[index]), [])
        # Of those alike the one that returned first serves. Where times matter, it may serve better later.
        if not alike or problem.is_timed:
            alike.append(index)
    chosen = [index for alike in first.values() for index in alike]
    for index in sorted(chosen, key=lambda index: -problem.known[index].returned):
        operation = problem.known[index]
        found += [
            move_on(problem, place, mark(place, index), place.used, state, operation, operation.enters_at)
            for state in problem.rules.list_after(place.state, operation)
        ]
    return found


def move_on(
    problem: Problem,
    place: Place,
    marked: tuple[int, int],
    used: tuple[int, ...],
    state: Any,
    operation: Operation,
    since: int,
) -> Place:
    """The place after an operation led to `state`, as early as it can; its time there counts from `since`."""
    if not problem.is_timed:
        return Place(*marked, state, used, place.placed)
    moment = max(place.now, operation.invoked)
    stayed = not operation.enters or (operation.repeats and state == place.state)
    entered = place.entered if stayed else since
    moved = enter(problem, place, state, moment, entered)
    return Place(*marked, state, used, moved.placed, moved.now, moved.entered)


def enter(problem: Problem, place: Place, state: Any, moment: int, entered: int) -> Place:
    """The place in `state` at this moment. What was invoked by then and held in the state before is placed."""
    placed = place_until(problem, place.placed, problem.fitting(place.state), moment)
    return replace(place, state=state, placed=placed, now=moment, entered=entered)


def list_waits(problem: Problem, place: Place, limit: int) -> list[Place]:
    """The same place at the moment of the next answer that holds in it, if there is one that is not placed."""
    fits = problem.fitting(place.state)
    later = [
        group.invokes[count]
        for group, count, fit in zip(problem.groups, place.placed, fits, strict=True)
        if fit and count < len(group.invokes)
    ]
    moment = min(later, default=NEVER)
    return [replace(place, now=moment)] if place.now < moment <= limit and later else []


def list_unasked(problem: Problem, place: Place, limit: int) -> list[Place]:
    """The places after a move that no request makes."""
    found = []
    for after, state in problem.rules.alone(place.state) if problem.rules.alone else ():
        moment = place.now if after is None else max(place.now, place.entered + after)
        if moment <= limit:
            found.append(enter(problem, place, state, moment, place.entered if after is None else moment))
    return found


def mark(place: Place, index: int) -> tuple[int, int]:
    """The window after placing the known transition `index`."""
    low, window = place.low, place.window | 1 << (index - place.low)
    gone = (~window & (window + 1)).bit_length() - 1
    return low + gone, window >> gone
