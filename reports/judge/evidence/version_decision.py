"""The decision about versions: in which workflows no order explains what requests carried. The linearization first, the
search for what is left.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

import polars as pl

from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.linearizability_decision import Decision
from reports.judge.evidence.quick_linearization import find_unexplained
from reports.judge.evidence.version_periods import add_versions
from reports.judge.evidence.versions import lay_out_versions, take_versions
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.version_search import TOUCH, VersionSearch
from reports.judge.verdict import Verdict

PAIRS_MAX = 200


@dataclass(frozen=True)
class Lost:
    """A workflow in which a request was carried out with a version that was not current, or was told that a current one
    was not. `by_told`: what the answers told is needed to show it.
    """

    search: VersionSearch
    by_told: bool

    def find_culprits(self, deadline_s: float) -> list[Operation]:
        """The fewest requests that contradict what was told: one, else two, else all."""
        search = replace(self.search, deadline_s=deadline_s)
        suspects = [each for each in search.operations if each.carried is not None]
        for chosen in pick(sorted(suspects, key=lambda each: (each.returned, each.row))):
            if time.monotonic() > deadline_s:
                break
            rows = frozenset(each.row for each in chosen)
            searched = search.search_told(rows) if self.by_told else search.search_carried(rows)
            if searched.verdict is Verdict.FAIL:
                return list(chosen)
        return suspects


def pick(suspects: list[Operation]) -> Iterator[tuple[Operation, ...]]:
    yield from ((each,) for each in suspects)
    if len(suspects) * (len(suspects) - 1) <= 2 * PAIRS_MAX:
        yield from combinations(suspects, 2)


@dataclass(frozen=True)
class VersionDecision:
    """`judged`: how many requests carried a version that counts. `contradictory`: workflows in which the told versions
    contradict each other by themselves; `undecided`: the time ran out. All others are explained. `told_again`: of how
    many workflows a version was told on both sides of a transition.
    """

    judged: int = 0
    failed: Mapping[int, Lost] = field(default_factory=dict)
    contradictory: Mapping[int, VersionSearch] = field(default_factory=dict)
    undecided: tuple[int, ...] = ()
    told_again: int = 0


def decide_versions(evidence: Evidence, decision: Decision) -> VersionDecision:
    """Judges every workflow of which a request carried a version. Past `limits.linearizable_s` the others stay open."""
    began = time.monotonic()
    found = take_versions(evidence)
    took = pl.col("known") | pl.col("maybe") | (pl.col("outcome") == "stale") | is_touch()
    carried = found.filter(pl.col("carried").is_not_null() & took)
    if carried.is_empty():
        return VersionDecision()
    concerned = carried["w"].unique().sort()
    rest = set(find_rest(evidence, found, concerned).to_list())
    rows = {w[0]: part for w, part in found.filter(pl.col("w").is_in(concerned.implode())).group_by("w")}
    failed: dict[int, Lost] = {}
    contradictory: dict[int, VersionSearch] = {}
    undecided: list[int] = []
    for w in concerned.to_list():
        is_suspect = w in decision.failed or w in decision.undecided
        if not is_suspect and w not in rest:
            continue
        now = time.monotonic()
        search = lay_out_search(evidence, w, rows[w], now + evidence.limits.workflow_s)
        late = now > began + evidence.limits.linearizable_s
        verdict, by_told = (Verdict.UNKNOWN, None) if late else judge(search, is_suspect=is_suspect)
        if verdict is Verdict.FAIL and by_told is None:
            contradictory[w] = search
        elif verdict is Verdict.FAIL:
            failed[w] = Lost(keep_moves(search) if is_suspect else search, bool(by_told))
        elif verdict is Verdict.UNKNOWN:
            undecided.append(w)
    again = count_told_again(evidence.ops, found)
    return VersionDecision(carried.height, failed, contradictory, tuple(undecided), again)


def count_told_again(ops: pl.DataFrame, found: pl.DataFrame) -> int:
    """Of how many workflows a version was told before and after a transition that was certainly in between."""
    told = pl.col("returned").min().alias("since"), pl.col("invoked").max().alias("until")
    spans = found.filter("firm").group_by("w", "told").agg(*told).filter(pl.col("since") < pl.col("until"))
    moves = ops.filter("mine", "known", ~pl.col("repeated"), ~pl.col("repeats"), pl.col("kind") != "create")
    between = (pl.col("since") < pl.col("invoked")) & (pl.col("returned") < pl.col("until"))
    return spans.join(moves.select("w", "invoked", "returned"), on="w").filter(between)["w"].n_unique()


def is_touch() -> pl.Expr:
    """Writes that were accepted, or may have been."""
    return (pl.col("kind") == "write") & pl.col("outcome").is_in(["ok", "unknown"])


def find_rest(evidence: Evidence, found: pl.DataFrame, concerned: pl.Series) -> pl.Series:
    """The workflows that the linearization does not explain with their versions."""
    ops = evidence.ops.filter(pl.col("w").is_in(concerned.implode()))
    for order in ("ends", "begins"):
        if ops.is_empty():
            break
        rest = find_unexplained(evidence, add_versions(ops, found), order)
        ops = ops.filter(pl.col("w").is_in(rest.implode()))
    return ops["w"].unique()


def judge(search: VersionSearch, *, is_suspect: bool) -> tuple[Verdict, bool | None]:
    """The verdict, and of a failure whether it takes what was told; None: what was told contradicts itself.

    The answers of a workflow that no order explains are not held against it: there only its transitions count.
    """
    if is_suspect:
        return keep_moves(search).search_carried().verdict, False
    verdict = search.search_all().verdict
    if verdict is not Verdict.FAIL:
        return verdict, None
    carried = search.search_carried().verdict
    if carried is Verdict.FAIL:
        return Verdict.FAIL, False
    told = search.search_told().verdict
    if told is Verdict.PASS:
        return Verdict.FAIL, True
    return (Verdict.FAIL, None) if Verdict.UNKNOWN not in (carried, told) else (Verdict.UNKNOWN, None)


def keep_moves(search: VersionSearch) -> VersionSearch:
    """The transitions alone, each possible in any state."""
    born = [each.observed for each in search.operations if each.is_create]
    moves = [
        replace(each, kind="set", expected=(), observed=None) if each.kind == "advance" else each
        for each in search.operations
        if not each.is_pure and each.kind != "create"
    ]
    starts = list(dict.fromkeys(born)) if born else search.starts
    return replace(search, operations=moves, starts=starts)


def lay_out_search(evidence: Evidence, w: int, rows: pl.DataFrame, deadline_s: float) -> VersionSearch:
    operations, starts = evidence.lay_out(w)
    versions = lay_out_versions(evidence, rows, operations, starts)
    ops = evidence.slice(w).filter("mine", ~pl.col("repeated"))
    extra = ops.filter((pl.col("outcome") == "stale") | is_touch())
    others = [each for each in operations if each.kind != "write"]
    for row, outcome, invoked, returned in extra.select("row", "outcome", "invoked", "returned").iter_rows():
        kind = "advance" if outcome == "stale" else TOUCH
        until = NEVER if outcome == "unknown" else returned
        others.append(Operation(row, kind, outcome, (), None, None, invoked, until))
    marked = [
        replace(each, carried=versions.carried.get(each.row), told=versions.firm.get(each.row)) for each in others
    ]
    created = ops.filter(pl.col("known") & (pl.col("kind") == "create"))
    if created.is_empty() or starts == [None]:
        return VersionSearch(marked, starts, evidence.graph, versions, deadline_s)
    # The search begins with the create, which is not among the operations; stale answers may have come before it.
    returns = [each.returned for each in others if each.outcome != "stale"]
    first = min([*returns, *created["returned"]])
    marked = [
        replace(each, carried=None) if each.outcome == "stale" and each.invoked <= first else each for each in marked
    ]
    born = next((versions.firm.get(row) for row in created["row"]), None)
    return VersionSearch(marked, starts, evidence.graph, versions, deadline_s, born)
