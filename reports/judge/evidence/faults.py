"""Faults: what was injected into a run, and which moments that may have spoiled."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from reports.history import events
from reports.history.history import History
from reports.judge.models.workflow import NEVER

# These do no damage: they excuse nothing, and nothing can be lost by them.
HARMLESS = frozenset({"delayed"})
CRASHES = frozenset({"server killed"})
BREAK_MET = "a connection that an earlier fault had broken"


@dataclass(frozen=True, order=True)
class Fault:
    """One fault: from `at` until its damage was over (ns, widened by the clock's uncertainty). `workflow` is None
    if it is not known which workflow it touched: then it may be any.
    """

    until: int
    at: int
    what: str = field(compare=False)
    workflow: str | None = field(compare=False, default=None)


@dataclass(frozen=True)
class Faults:
    """Those that do damage, by the end of it. In `meetings` the service meets a connection that one of them broke:
    that touches what is asked then, and destroys nothing any more.
    """

    all: tuple[Fault, ...]
    meetings: tuple[Fault, ...] = ()

    @cached_property
    def _by_workflow(self) -> dict[str | None, list[Fault]]:
        found: dict[str | None, list[Fault]] = {}
        for fault in self.all:
            found.setdefault(fault.workflow, []).append(fault)
        return found

    @property
    def named(self) -> dict[str, list[Fault]]:
        """Those that tell their workflow, by it."""
        return {workflow: found for workflow, found in self._by_workflow.items() if workflow is not None}

    @property
    def unnamed(self) -> list[Fault]:
        return self._by_workflow.get(None, [])

    def between(self, workflow: str, begin: int, end: int) -> list[Fault]:
        """The faults that may have struck this workflow and were over from `begin` on, before `end`; by their end."""
        found: list[Fault] = []
        for key in (workflow, None):
            mine = self._by_workflow.get(key, [])
            first, last = (bisect_left(mine, moment, key=lambda fault: fault.until) for moment in (begin, end))
            found += mine[first:last]
        return sorted(found)

    def any_during(self, workflow: str, begin: int, end: int) -> bool:
        """Whether a fault that may have struck this workflow had begun by `end`, and was not over before `begin`."""
        mine = Spans.over(self.named.get(workflow, ()))
        return mine.meet(begin, end) or self._unnamed_spans.meet(begin, end)

    @cached_property
    def _unnamed_spans(self) -> "Spans":
        return Spans.over(self.unnamed)


@dataclass(frozen=True)
class Spans:
    """Times as few closed intervals that do not meet each other, ascending."""

    begins: list[int]
    ends: list[int]

    @classmethod
    def over(cls, faults: Iterable[Fault]) -> "Spans":
        begins: list[int] = []
        ends: list[int] = []
        for fault in sorted(faults, key=lambda fault: fault.at):
            if ends and fault.at <= ends[-1]:
                ends[-1] = max(ends[-1], fault.until)
            else:
                begins.append(fault.at)
                ends.append(fault.until)
        return cls(begins, ends)

    def meet(self, begin: int, end: int) -> bool:
        """Whether some moment of the closed interval from `begin` to `end` is in here."""
        index = bisect_left(self.ends, begin)
        return index < len(self.ends) and self.begins[index] <= end

    def meet_each(self, begin: pl.Series, end: pl.Series) -> pl.Series:
        """The same of many intervals: of all that end late enough, the first begins first."""
        if not self.ends:
            return pl.repeat(value=False, n=begin.len(), dtype=pl.Boolean, eager=True).alias("touched")
        index = pl.Series(self.ends, dtype=pl.Int64).search_sorted(begin, side="left")
        first = pl.Series([*self.begins, None], dtype=pl.Int64).gather(index)
        return (first <= end).fill_null(value=False).alias("touched")


def find_touched(faults: Faults, calls: pl.DataFrame, numbers: pl.Series) -> pl.Series:
    """Whether a fault touched each of the calls (w, invoked, returned). `numbers` are the workflow numbers of
    `faults.named`: such a fault touches the calls of its workflow alone.
    """
    unnamed = Spans.over([*faults.unnamed, *faults.meetings]).meet_each(calls["invoked"], calls["returned"])
    if not faults.named:
        return unnamed
    spans = [(fault.at, fault.until) for found in faults.named.values() for fault in found]
    mine = pl.DataFrame(spans, schema={"at": pl.Int64, "until": pl.Int64}, orient="row").with_columns(w=numbers)
    met = calls.with_row_index("call").join(mine, on="w")
    met = met.filter((pl.col("invoked") <= pl.col("until")) & (pl.col("returned") >= pl.col("at")))
    named = pl.int_range(calls.height, dtype=pl.UInt32, eager=True).is_in(met["call"].unique().implode())
    return (unnamed | named).alias("touched")


def take_faults(history: History) -> Faults:
    """The faults of a history that do damage."""
    wide = history.clock_uncertainty_ns
    found = [
        Fault(find_end(event) + wide, event.at_ns - wide, event.what or "a fault", workflow)
        for event in history.having(events.Fault)
        if event.what not in HARMLESS
        for workflow in list_workflows(event)
    ]
    meetings = [
        Fault(find_end(event) + wide, event.at_ns - wide, BREAK_MET) for event in history.having(events.BreakMet)
    ]
    return Faults(tuple(sorted([*found, *take_lasting(history, wide)])), tuple(meetings))


def find_end(event: events.Fault | events.BreakMet) -> int:
    """When its damage was over; one without `until_ns` is a moment. The clock may begin anywhere, so 0 is a time."""
    return event.at_ns if event.until_ns is None else event.until_ns


def take_lasting(history: History, wide: int) -> list[Fault]:
    """The faults that had begun when their writer was killed: their damage never ends."""
    ended = {(source, event.at_ns) for source, event in history.by_source(events.Fault)}
    return [
        Fault(NEVER, event.at_ns - wide, str(event.what), workflow)
        for source, event in history.by_source(events.FaultBegun)
        if event.what not in HARMLESS and (source, event.at_ns) not in ended
        for workflow in list_workflows(event)
    ]


def list_workflows(event: events.Fault | events.FaultBegun) -> list[str | None]:
    """The workflows that a fault may have touched, as its event tells; None for any."""
    return [*event.workflows] if event.workflows else [event.workflow]


def count_faults(history: History) -> dict[str, int]:
    """How many faults of each sort were injected, the most frequent first; harmless ones too."""
    counted = Counter(event.what or "not told" for event in history.having(events.Fault))
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def describe_faults(counts: Mapping[str, int] | None) -> str:
    """531 faults were injected: answer lost 120, backend ended 11, 3 crashes of the database; empty without any."""
    if not counts or not (total := sum(counts.values())):
        return ""
    crashes = sum(many for what, many in counts.items() if what in CRASHES)
    parts = [f"{what} {many:,}" for what, many in counts.items() if what not in CRASHES]
    parts += [f"{crashes:,} crash{'es' * (crashes != 1)} of the database"] if crashes else []
    return f"{total:,} fault{'s were' if total != 1 else ' was'} injected: {', '.join(parts)}"


def choose_likeliest(faults: Sequence[Fault], begin: int, end: int) -> Fault:
    """Of several, the one to name for what became of a call: one during it, else a crash, else the first."""
    during = [fault for fault in faults if fault.at <= end and fault.until >= begin]
    return (during or [fault for fault in faults if fault.what in CRASHES] or list(faults))[0]
