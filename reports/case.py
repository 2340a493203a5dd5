"""A case: the evidence, and what several checks need to have worked out of it, each worked out once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import polars as pl

from reports.decision import Decision, decide
from reports.evidence import Evidence
from reports.model import Operation
from reports.races import build_races
from reports.verdict import CheckResult, Finding, Verdict, merge

Record = dict[str, Any]
FIRST_REQUEST_ID = r'^\{"request_id":"([^"\\]*)"'


@dataclass(frozen=True, eq=False)
class Case:
    """What a check is given."""

    evidence: Evidence

    @cached_property
    def decision(self) -> Decision:
        return decide(self.evidence)

    @cached_property
    def races(self) -> pl.DataFrame:
        """One row per race: see reports/races.py."""
        return build_races(self.evidence.ops)

    @cached_property
    def touched_by_fault(self) -> pl.Series:
        """For each of `ops`, whether a fault was injected during its call."""
        touched = pl.lit(value=False)
        for fault in self.evidence.history.having("fault"):
            at, until = int(fault["at_ns"]), int(fault.get("until_ns") or fault["at_ns"])
            touched |= (pl.col("invoked") <= until) & (pl.col("returned") >= at)
        found = self.ops.select(touched.alias("touched"))["touched"]
        return found if found.len() == self.ops.height else found.new_from_index(0, self.ops.height)

    @cached_property
    def successes(self) -> list[tuple[str, int, int]]:
        """Each kind of operation: how many the owners tried, and how many were won or ok."""
        success = pl.col("outcome").is_in(["won", "ok"])
        kinds = self.ops.lazy().filter("mine").group_by("kind").agg(pl.len(), success.sum().alias("won"))
        return [(str(kind), tried, won) for kind, tried, won in kinds.sort("kind").collect().iter_rows()]

    @property
    def ops(self) -> pl.DataFrame:
        return self.evidence.ops

    @property
    def findings_max(self) -> int:
        return self.evidence.limits.findings_max

    def lay_out(self, w: int) -> tuple[list[Operation], list[str | None]]:
        """A workflow as the model sees it; where the decision has laid it out already, that."""
        found = self.decision.failed.get(w)
        return (found.operations, found.starts) if found else self.evidence.lay_out(w)

    def records(self, rows: Iterable[int]) -> list[Record]:
        """Operations in full, with a `row`."""
        return self.evidence.history.rows(rows)

    def read_request_ids(self, rows: pl.Series) -> pl.Series:
        """The request id in the detail of each of these operations; null without one."""
        asked = self.evidence.history.frame.select("detail").with_row_index("row")
        picked = asked.filter(pl.col("row").is_in(rows.implode()))
        detail = pl.col("detail")
        # Our own writers put it first; JSON in any other form is parsed, which takes three times as long.
        plain = detail.str.extract(FIRST_REQUEST_ID)
        parsed = pl.when(plain.is_null()).then(detail).str.json_path_match("$.request_id")
        found = picked.select("row", request_id=pl.coalesce(plain, parsed)).collect()
        return pl.DataFrame({"row": rows}).join(found, on="row", how="left", maintain_order="left")["request_id"]

    def workflow_name(self, w: int) -> str:
        """What the history calls a workflow number."""
        return str(self.records([self.ops["row"][self.evidence.offsets[w]]])[0]["workflow"])

    def finish(self, finding: Finding) -> Finding:
        """The finding with the command that judges it again."""
        return replace(finding, command=self.evidence.command_for(finding.check, finding.workflow))


@dataclass(frozen=True)
class Suspicion:
    """Something to report: its verdict, and how to put it into words when it is among the few that are."""

    verdict: Verdict
    word: Callable[[], Finding]


def fail(word: Callable[[], Finding]) -> Suspicion:
    return Suspicion(Verdict.FAIL, word)


def doubt(word: Callable[[], Finding]) -> Suspicion:
    return Suspicion(Verdict.UNKNOWN, word)


def conclude(
    case: Case, check: str, *, judged: int, unit: str, suspicions: Sequence[Suspicion], reason: str = ""
) -> CheckResult:
    """The result of a check that had evidence: as bad as the worst suspicion; the worst are worded first."""
    worst_first = sorted(suspicions, key=lambda each: each.verdict is not Verdict.FAIL)
    findings = tuple(case.finish(each.word()) for each in worst_first[: case.findings_max])
    verdict = merge([Verdict.PASS, *(each.verdict for each in suspicions)])
    return CheckResult(check, verdict, reason, judged, unit, findings, len(suspicions))


def not_applicable(check: str, reason: str, unit: str = "operations") -> CheckResult:
    """The result of a check without evidence: neither pass nor fail."""
    return CheckResult(check, None, reason, 0, unit)
