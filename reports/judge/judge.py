"""The judge: every check on one history, merged into one judgement. Pure but for the clock."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.target.graph import TransitionGraph
from reports.history import events
from reports.history.encoding import OUTCOMES
from reports.history.history import History
from reports.judge.all_checks import CHECKS
from reports.judge.context import CheckContext, judge_again
from reports.judge.evidence.evidence import Evidence
from reports.judge.levels.run_plan import RunPlan
from reports.judge.levels.scenarios import name_scenarios
from reports.judge.levels.unfinished_levels import describe_partial, sum_levels
from reports.judge.limits import Limits
from reports.judge.overlapping_writes import name_writes
from reports.judge.unknown_reasons import find_access_denied, find_lost_partners, find_unknown_reasons
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict, merge


def judge(
    history: History,
    graph: TransitionGraph | None = None,
    initial: str | None = None,
    *,
    plan: RunPlan | None = None,
    command: str | None = None,
    only: Iterable[str] | None = None,
    workflow: str | None = None,
    limits: Limits | None = None,
) -> Judgement:
    """Judges a history by every check (or `only` some, or only one `workflow`).

    `graph`: without one every edge is legal. `initial`: the state before the first operation, where no create says
    it. `plan`: run.json's `plan`; without it no source is declared, and `accounting` does not apply. `command`: what
    each finding's own command starts with.
    Nothing raises: a check that does is unknown, and says so. What is said of a run as a whole (too many unknown
    operations, ...) is left out where only a part of it is judged.
    """
    names = list(only) if only is not None else list(CHECKS)
    if workflow is not None:
        history = history.only(workflow)
    command = command or f"onewinner check {shlex.quote(str(history.path))}"
    context = CheckContext(Evidence(history, graph, initial, plan, command, limits or Limits()))
    results = tuple(run_check(name, CHECKS[name], context) for name in names)
    lost = find_lost_partners(history)
    results = name_scenarios(history, [soften(result, lost) for result in name_writes(context, results)])
    counts = count(history, context)
    # What else a run lacks follows from its interruption.
    stopped = [f"the run was interrupted by {plan.interrupted}"] if plan is not None and plan.interrupted else []
    reasons = find_unknown_reasons(context, counts) if only is None and workflow is None and not stopped else []
    reasons += [lost] if lost else []
    applied = [result.verdict for result in results if result.verdict is not None]
    denied = stopped + (find_access_denied(context) if only is None else [])
    verdict = merge([*applied, *(Verdict.UNKNOWN for _ in [*denied, *reasons])])
    reason = give_reason(verdict, results, reasons, denied)
    partial = describe_partial(sum_levels(history.having(events.Level))) if plan is not None else ""
    return Judgement(verdict, "; ".join(filter(None, [reason, partial])), results, counts)


def run_check(name: str, check: Callable[[CheckContext], CheckResult], context: CheckContext) -> CheckResult:
    """A check's result; one that raises is unknown."""
    try:
        return check(context)
    except Exception as error:  # noqa: BLE001 - any error in a check makes the verdict unknown, with its reason
        title = f"The check {name} itself failed: {type(error).__name__}: {error}"
        finding = Finding(name, Verdict.UNKNOWN, title, command=judge_again(context.evidence.command, name))
        return CheckResult(name, Verdict.UNKNOWN, title, findings=(finding,), findings_total=1)


def count(history: History, context: CheckContext) -> dict[str, int]:
    """operations, workflows, races, and each outcome."""
    ops = history.encoded
    outcomes = dict(ops.group_by("outcome").len().iter_rows())
    found = {"operations": ops.height, "workflows": context.evidence.workflows, "races": context.races.height}
    return found | {name: outcomes.get(name, 0) for name in OUTCOMES}


def soften(result: CheckResult, why: str) -> CheckResult:
    """A failure as a doubt: operations that are not in this history may explain it."""
    if not why or result.verdict is not Verdict.FAIL:
        return result
    findings = tuple(replace(finding, verdict=Verdict.UNKNOWN) for finding in result.findings)
    reason = "; ".join(filter(None, (result.reason, why)))
    return replace(result, verdict=Verdict.UNKNOWN, reason=reason, findings=findings)


def give_reason(verdict: Verdict, results: tuple[CheckResult, ...], reasons: list[str], denied: list[str]) -> str:
    """One sentence: what decided. Refused clients come first: everything else may follow from that."""
    if verdict is Verdict.FAIL:
        failed = [result.check for result in results if result.verdict is Verdict.FAIL]
        return f"{', '.join(failed)} failed"
    unknown = [result.check for result in results if result.verdict is Verdict.UNKNOWN]
    parts = [*denied, *([f"{', '.join(unknown)} could not be decided"] if unknown else []), *reasons]
    if parts:
        return "; ".join(parts)
    applied = [result for result in results if result.verdict is not None]
    return f"all {len(applied)} checks that applied passed" if applied else "no check applied"
