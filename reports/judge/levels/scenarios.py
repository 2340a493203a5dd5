"""Scenarios: which finding came up in which, and what each scenario's part of the verdict is. Decides nothing anew."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from reports.history.history import History
from reports.judge.levels.run_plan import LevelRun, ScenarioRun
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict


@dataclass(frozen=True)
class ScenarioResult:
    """What the verdict says of one scenario: the findings that name it. `verdict` is None where nothing can be said:
    it does not apply, it was not begun, or a check has more findings than were told apart; `reason` says which.
    """

    scenario: str
    verdict: Verdict | None
    findings: tuple[Finding, ...] = ()
    reason: str = ""


def name_scenarios(history: History, results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """The results, each finding with the scenario of its first operation; one pass over the ids where there are any."""
    wanted = {str(finding.operations[0]) for result in results for finding in result.findings if finding.operations}
    if not wanted:
        return tuple(results)
    chosen = pl.col("id").is_in(pl.Series(sorted(wanted), dtype=pl.String).implode())
    found = history.frame.select("id", "scenario").filter(chosen).collect()
    scenarios = dict(found.iter_rows())
    return tuple(
        replace(result, findings=tuple(place(each, scenarios) for each in result.findings)) for result in results
    )


def place(finding: Finding, scenarios: Mapping[str, str | None]) -> Finding:
    return (
        replace(finding, scenario=scenarios.get(str(finding.operations[0])) or None) if finding.operations else finding
    )


def sum_scenarios(levels: Sequence[LevelRun], judgement: Judgement) -> list[ScenarioResult]:
    """One result per scenario of the run's levels, in their order."""
    parts = [part for level in levels for part in level.scenarios]
    absent = {name: why for level in levels for name, why in level.not_applicable.items()}
    run = [sum_scenario(part, judgement) for part in parts]
    return run + [ScenarioResult(name, None, (), f"not applicable: {why}") for name, why in absent.items()]


def sum_scenario(part: ScenarioRun, judgement: Judgement) -> ScenarioResult:
    name = part.scenario
    findings = tuple(finding for finding in judgement.findings if finding.scenario == name)
    bad = [finding for finding in findings if finding.verdict is not Verdict.PASS]
    if bad:
        failed = any(finding.verdict is Verdict.FAIL for finding in bad)
        return ScenarioResult(name, Verdict.FAIL if failed else Verdict.UNKNOWN, tuple(worst_first(bad)))
    if not part.run:
        return ScenarioResult(name, None, (), "nothing of it was run")
    untold = [result.check for result in judgement.checks if is_cut(result)]
    if untold:
        return ScenarioResult(name, None, (), f"not all findings of {', '.join(untold)} were told apart by scenario")
    if judgement.verdict is Verdict.UNKNOWN:
        return ScenarioResult(name, None, (), f"no finding names it, and the run is undecided: {judgement.reason}")
    return ScenarioResult(name, Verdict.PASS)


def is_cut(result: CheckResult) -> bool:
    """Whether a check has findings of which the scenario is not known."""
    placed = sum(finding.scenario is not None for finding in result.findings)
    return result.verdict in (Verdict.FAIL, Verdict.UNKNOWN) and result.findings_total > placed


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.verdict is not Verdict.FAIL)
