"""The check context: the evidence, and what several checks derive from it, each derived once."""

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import ParamSpec

import polars as pl

from reports.history.history import Record
from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.faults import Faults, find_touched, take_faults
from reports.judge.evidence.idempotency_keys import find_stored_errors
from reports.judge.evidence.ids_per_tenant import OtherObject, Pair, find_other_objects, name_owners
from reports.judge.evidence.linearizability_decision import Decision, decide
from reports.judge.evidence.lost_logins import LostLogins, take_lost_logins
from reports.judge.evidence.races import build_races
from reports.judge.evidence.trail_readings import read_request_ids, take_odd_readings
from reports.judge.evidence.version_decision import VersionDecision, decide_versions
from reports.judge.models.workflow import Operation
from reports.judge.searches.trail_matching import TrailReading
from reports.judge.text.finding_text import Text, describe_timeout
from reports.judge.verdict import CheckResult, Finding, Verdict, merge

# So many times the findings that are shown are worded where faults struck, so that plain ones can come first.
CANDIDATES = 10
Given = ParamSpec("Given")


@dataclass(frozen=True, eq=False)
class CheckContext:
    """What a check gets."""

    evidence: Evidence

    @cached_property
    def decision(self) -> Decision:
        return decide(self.evidence)

    @cached_property
    def version_decision(self) -> VersionDecision:
        """What of the versions that requests carried no order explains."""
        return decide_versions(self.evidence, self.decision)

    @cached_property
    def races(self) -> pl.DataFrame:
        """One row per race: see reports/judge/evidence/races.py."""
        return build_races(self.evidence.ops)

    @cached_property
    def faults(self) -> Faults:
        """The injected faults that do damage."""
        return take_faults(self.evidence.history)

    @cached_property
    def touched_by_fault(self) -> pl.Series:
        """For each of `ops`, whether a fault did damage during its call; a call without a return lasts forever. A
        server error that is stored under an idempotency key is touched with the request that met the fault.
        """
        names = [workflow for workflow, found in self.faults.named.items() for _ in found]
        numbers = self.evidence.number_workflows(names)
        touched = find_touched(self.faults, self.ops.select("w", "invoked", "returned"), numbers)
        return touched | find_stored_errors(self.ops, self.evidence.history.encoded, touched)

    @cached_property
    def other_objects(self) -> dict[Pair, OtherObject]:
        """By stranger and owner: what shows that the owner's ids are other objects for the stranger."""
        struck = self.ops.filter(self.touched_by_fault)["w"]
        return find_other_objects(self.evidence, self.decision, frozenset(struck))

    @cached_property
    def elsewhere(self) -> pl.DataFrame:
        """The requests of such strangers about such an owner's workflows: row. Each was about another object."""
        pairs = pl.DataFrame([*self.other_objects], schema={"tenant": pl.UInt32, "owner": pl.UInt32}, orient="row")
        if pairs.is_empty():
            return self.ops.select("row").clear()
        asked = name_owners(self.ops, self.ops.filter(~pl.col("mine")))
        return asked.join(pairs, on=("tenant", "owner"), how="semi").select("row")

    @cached_property
    def odd_readings(self) -> list[TrailReading]:
        """The readings, by time, of the trails that are not, at first sight, a chain of exactly the winners."""
        explained = set(self.decision.searched) - set(self.decision.suspects)
        return take_odd_readings(self.evidence, sorted(explained))

    @cached_property
    def successes(self) -> list[tuple[str, int, int]]:
        """Each kind of operation: how many the owners tried, and how many were won or ok."""
        success = pl.col("outcome").is_in(["won", "ok"])
        kinds = self.ops.lazy().filter("mine").group_by("kind").agg(pl.len(), success.sum().alias("won"))
        return [(str(kind), tried, won) for kind, tried, won in kinds.sort("kind").collect().iter_rows()]

    @cached_property
    def source_numbers(self) -> pl.Series:
        """The number of the source that each of `ops` stands in."""
        counts = pl.Series([source.operations for source in self.evidence.history.sources], dtype=pl.Int64)
        return counts.cum_sum().search_sorted(self.ops["row"].cast(pl.Int64), side="right")

    @cached_property
    def lost_logins(self) -> LostLogins:
        """Which answers 401 a restart of the service explains."""
        return take_lost_logins(self.evidence.history, self.ops, self.source_numbers)

    @property
    def ops(self) -> pl.DataFrame:
        return self.evidence.ops

    def lay_out(self, w: int) -> tuple[list[Operation], list[str | None]]:
        """A workflow as the model sees it; where the decision has laid it out already, that."""
        found = self.decision.failed.get(w)
        return (found.operations, found.starts) if found else self.evidence.lay_out(w)

    def records(self, rows: Iterable[int]) -> list[Record]:
        """Operations in full, with a `row`."""
        return self.evidence.history.rows(rows)

    def read_request_ids(self, rows: pl.Series) -> pl.Series:
        """The request id in the detail of each of these operations; null without one."""
        return read_request_ids(self.evidence.history, rows)

    def report_timeout(self, check: str, w: int) -> Finding:
        """A workflow of which the search said nothing within its time."""
        workflow = self.evidence.name_workflow(w)
        text = describe_timeout(workflow, self.evidence.limits.workflow_s)
        return make_finding(check, (), text, Verdict.UNKNOWN, workflow=workflow)


@dataclass(frozen=True)
class Suspicion:
    """Something to report: its verdict, and how to put it into words when it is among the few that are."""

    verdict: Verdict
    word: Callable[[], Finding]


def fail(word: Callable[Given, Finding], *given: Given.args, **named: Given.kwargs) -> Suspicion:
    """Something that is wrong. `word` gets what is given only when the finding is among those that are worded."""
    return Suspicion(Verdict.FAIL, partial(word, *given, **named))


def doubt(word: Callable[Given, Finding], *given: Given.args, **named: Given.kwargs) -> Suspicion:
    """Something that may be wrong."""
    return Suspicion(Verdict.UNKNOWN, partial(word, *given, **named))


def conclude(
    context: CheckContext, check: str, *, judged: int, unit: str, suspicions: Sequence[Suspicion], reason: str = ""
) -> CheckResult:
    """The result of a check that had evidence: as bad as the worst suspicion; the worst are worded first, and of those
    the ones on workflows that no fault struck.
    """
    findings_max, command = context.evidence.limits.findings_max, context.evidence.command
    worst_first = sorted(suspicions, key=lambda each: each.verdict is not Verdict.FAIL)
    struck = context.faults.named
    candidates, certain = list[Finding](), 0
    for each in worst_first[: findings_max * (CANDIDATES if struck else 1)]:
        candidates.append(each.word())
        certain += each.verdict is Verdict.FAIL and candidates[-1].workflow not in struck
        if certain == findings_max:
            break
    candidates.sort(key=lambda each: (each.verdict is not Verdict.FAIL, each.workflow in struck))
    findings = tuple(
        replace(each, command=judge_again(command, each.check, each.workflow)) for each in candidates[:findings_max]
    )
    verdict = merge([Verdict.PASS, *(each.verdict for each in suspicions)])
    return CheckResult(check, verdict, reason, judged, unit, findings, len(suspicions))


def make_finding(
    check: str, records: Sequence[Record], text: Text, verdict: Verdict = Verdict.FAIL, *, workflow: str | None = None
) -> Finding:
    """A finding that rests on these operations; its workflow and race are those of the first."""
    title, words = text
    first = records[0] if records else None
    race, workflow = (first.race, first.workflow) if first else (None, workflow)
    return Finding(check, verdict, title, words, tuple(each.id for each in records), workflow, race)


def report_row(
    context: CheckContext, check: str, describe: Callable[[Record], Text], row: int, verdict: Verdict = Verdict.FAIL
) -> Finding:
    """A finding on one operation."""
    [record] = context.records([row])
    return make_finding(check, [record], describe(record), verdict)


def report_rows(
    context: CheckContext,
    check: str,
    describe: Callable[[Sequence[Record]], Text],
    rows: Iterable[int],
    verdict: Verdict = Verdict.FAIL,
) -> Finding:
    """A finding on several operations, in this order."""
    records = context.records(rows)
    return make_finding(check, records, describe(records), verdict)


def not_applicable(check: str, reason: str, unit: str = "operations") -> CheckResult:
    """The result of a check without evidence: neither pass nor fail."""
    return CheckResult(check, None, reason, 0, unit)


def judge_again(command: str, check: str, workflow: str | None = None) -> str:
    """The command with which a user judges one finding again; `command` judges the whole history."""
    return f"{command} --only {check}" + ("" if workflow is None else f" --workflow {shlex.quote(workflow)}")
