"""Lost transitions: which acknowledged transitions of a workflow are gone after a fault. Pure; one workflow at a time.

A history without an explanation may have been spoiled in many ways, and only one of them is a loss. So the moment of
the loss is asked for first: a cut, at or after the end of a fault, before which everything asked so far has an
explanation. What contradicts it was then asked after the fault, and after the lost transitions had been acknowledged.
They are lost if the history has an explanation without them, and no other mistake explains it: neither transitions that
overlap and undo each other, nor a request that took effect though it got a conflict.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.linearizability_search import search
from reports.judge.verdict import Verdict

LOOSE_PER_STATE_MAX = 4


class OutOfTimeError(Exception):
    """The search ran out of time."""


@dataclass(frozen=True)
class Loss:
    """`lost` were acknowledged at or before `cut`; `seen`, asked after it, is the first that contradicts them."""

    lost: tuple[Operation, ...]
    seen: Operation
    cut: int


@dataclass(frozen=True)
class FaultedWorkflow:
    """A workflow's operations as the model sees them, and when the faults that may have struck it were over."""

    operations: Sequence[Operation]
    starts: Sequence[str | None]
    graph: TransitionGraph | None
    untils: Sequence[int]
    deadline_s: float

    def find_loss(self) -> Loss | None:
        """The fewest acknowledged transitions whose loss explains everything; None without such. Raises OutOfTimeError.

        Of the cuts the last one that serves: before it all have an explanation, and what can be lost at an
        earlier one can be lost there as well.
        """
        if self.explains(self.operations):
            return None
        cuts = self.find_cuts()
        held = count_while(cuts, self.explains_until)
        if not held:
            return None
        cut = cuts[held - 1]
        for lost in self.list_losses(cut):
            if self.explains_without(lost, cut):
                return None if self.explains(self.relax()) else Loss(lost, self.find_seen(cut), cut)
        return None

    def relax(self) -> list[Operation]:
        """The operations as an engine may have answered them that loses nothing, but is wrong otherwise: of transitions
        that overlap each other one may have undone the other, or done nothing, and a request that was told of a
        conflict may have been carried out.
        """
        moves = [each for each in self.operations if each.is_move]
        raced = {one.row for one in moves for other in moves if one is not other and overlap(one, other)}
        denied = [each for each in self.operations if each.outcome == "conflict" and each.next is not None]
        certain = [each for each in self.operations if each.row not in raced]
        loose = [each for each in moves if each.row in raced] + denied
        return certain + [loosen(each) for each in pick_first(loose, LOOSE_PER_STATE_MAX)]

    def keep_moves(self) -> "FaultedWorkflow":
        """The same without the answers that change nothing."""
        return replace(self, operations=[each for each in self.operations if not each.is_pure])

    def find_cuts(self) -> list[int]:
        """The moments, ascending, between what a fault may have destroyed and what shows it: the end of each fault, and
        the return of each transition that was under way then. Of those with nothing asked in between, the last.
        """
        cuts = set(self.untils)
        for win in self.wins:
            first = bisect_left(self.untils, win.invoked)
            if first < len(self.untils) and self.untils[first] < win.returned:
                cuts.add(win.returned)
        invokes = sorted(each.invoked for each in self.operations)
        last = {bisect_right(invokes, cut): cut for cut in sorted(cuts)}
        return [cut for asked, cut in last.items() if asked < len(invokes)]

    @property
    def wins(self) -> list[Operation]:
        return [each for each in self.operations if each.is_win]

    def list_losses(self, cut: int) -> Iterator[tuple[Operation, ...]]:
        """Sets of transitions that a fault before the cut may have destroyed, the smallest first: each of them, then
        the last two, three, ... that were acknowledged, because a crash takes what came last.
        """
        risked = [win for win in self.wins if win.returned <= cut and self.is_at_risk(win, cut)]
        latest = sorted(risked, key=lambda win: (win.returned, win.invoked), reverse=True)
        yield from ((win,) for win in latest)
        yield from (tuple(reversed(latest[:size])) for size in range(2, len(latest) + 1))

    def is_at_risk(self, win: Operation, cut: int) -> bool:
        """Whether a fault was over after the transition was asked for, and by the cut."""
        first = bisect_left(self.untils, win.invoked)
        return first < len(self.untils) and self.untils[first] <= cut

    def explains_until(self, moment: int) -> bool:
        """Whether everything that was asked by this moment has an explanation, if the rest may have happened or not."""
        return self.explains([each if each.invoked <= moment else weaken(each) for each in self.operations])

    def explains_before(self, moment: int) -> bool:
        """Whether everything that had been answered before this moment has an explanation."""
        return self.explains([each if each.returned < moment else weaken(each) for each in self.operations])

    def explains_without(self, lost: Sequence[Operation], cut: int) -> bool:
        """Whether everything has an explanation if these never happened, but for answers that may have seen them: those
        asked before the last fault was over.
        """
        gone = {each.row for each in lost}
        over = self.untils[bisect_right(self.untils, cut) - 1]
        kept = [each for each in self.operations if each.row not in gone and (each.invoked > over or not each.is_pure)]
        return self.explains(kept)

    def find_seen(self, cut: int) -> Operation:
        """The first operation asked after the cut with which there is no explanation any more."""
        asked = (each for each in self.operations if each.invoked > cut and each.outcome != "unknown")
        later = sorted(asked, key=lambda each: each.invoked)
        moments = [each.invoked for each in later]
        return later[count_while(moments, self.explains_until)]

    def explains(self, operations: Sequence[Operation | None]) -> bool:
        kept = [each for each in operations if each is not None]
        verdict = search(kept, self.starts, self.graph, self.deadline_s).verdict
        if verdict is Verdict.UNKNOWN or time.monotonic() > self.deadline_s:
            raise OutOfTimeError
        return verdict is Verdict.PASS


def overlap(one: Operation, other: Operation) -> bool:
    return one.invoked <= other.returned and other.invoked <= one.returned


def loosen(move: Operation) -> Operation:
    """A write that asks nothing of the state, and may have happened."""
    return replace(move, kind="set", outcome="unknown", observed=None, expected=(), returned=NEVER)


def pick_first(moves: Iterable[Operation], count: int) -> list[Operation]:
    """Of those that lead to the same state the first few: more are hardly ever needed, and the search is short."""
    kept: dict[str | None, list[Operation]] = {}
    for move in sorted(moves, key=lambda move: move.invoked):
        same = kept.setdefault(move.next, [])
        same += [move] * (len(same) < count)
    return [move for same in kept.values() for move in same]


def weaken(operation: Operation) -> Operation | None:
    """What remains of an operation whose answer is not taken for granted: a transition may have happened."""
    if operation.is_pure or operation.kind == "create":
        return None
    return replace(operation, outcome="unknown", observed=None, returned=NEVER)


def count_while(moments: Sequence[int], holds: Callable[[int], bool]) -> int:
    """How many of the first moments it holds for. Where it does not hold it never does again."""
    return bisect_left(moments, True, key=lambda moment: not holds(moment))
