"""The judge: every check on one history, merged into one judgement. Pure but for the clock."""

import shlex
from collections.abc import Callable, Iterable, Mapping

import polars as pl

from engine.target.graph import TransitionGraph
from reports.history import events
from reports.history.encoding import OUTCOMES
from reports.history.history import History
from reports.judge.amounts import find_shortfalls, say_partial, sum_levels
from reports.judge.checks import CHECKS
from reports.judge.checks.answers import is_excused
from reports.judge.context import Case
from reports.judge.evidence import Evidence, Limits
from reports.judge.partners import find_lost_partners, soften
from reports.judge.plan import RunPlan
from reports.judge.scenarios import name_scenarios
from reports.judge.silence import find_silence
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict, merge
from reports.judge.words import say_try_again


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
    it. `plan`: run.json's `plan`; without it nothing was promised and `accounting` does not apply. `command`: what
    each finding's own command starts with.
    Nothing raises: a check that does is unknown, and says so. What is said of a run as a whole (too many unknown
    operations, ...) is left out where only a part of it is judged.
    """
    names = list(only) if only is not None else list(CHECKS)
    if workflow is not None:
        history = history.only(workflow)
    command = command or f"onewinner check {shlex.quote(str(history.path))}"
    case = Case(Evidence(history, graph, initial, plan, command, limits or Limits()))
    results = tuple(run_check(name, CHECKS[name], case) for name in names)
    lost = find_lost_partners(history)
    results = name_scenarios(history, [soften(result, lost) for result in results])
    counts = count(history, case)
    doubts = find_doubts(case, counts) if only is None and workflow is None else []
    doubts += [lost] if lost else []
    applied = [result.verdict for result in results if result.verdict is not None]
    turned_away = find_turned_away(case) if only is None else []
    verdict = merge([*applied, *(Verdict.UNKNOWN for _ in [*turned_away, *doubts])])
    reason = give_reason(verdict, results, doubts, turned_away)
    partial = say_partial(sum_levels(history.having(events.Level))) if plan is not None else ""
    return Judgement(verdict, "; ".join(filter(None, [reason, partial])), results, counts)


def run_check(name: str, check: Callable[[Case], CheckResult], case: Case) -> CheckResult:
    """A check's result; one that raises is unknown."""
    try:
        return check(case)
    except Exception as error:  # noqa: BLE001 - whatever breaks a check, the verdict is unknown and says why
        title = f"The check {name} itself failed: {type(error).__name__}: {error}"
        finding = Finding(name, Verdict.UNKNOWN, title, command=case.evidence.command_for(name))
        return CheckResult(name, Verdict.UNKNOWN, title, findings=(finding,), findings_total=1)


def count(history: History, case: Case) -> dict[str, int]:
    """operations, workflows, races, and each outcome."""
    ops = history.encoded
    outcomes = dict(ops.group_by("outcome").len().iter_rows())
    found = {"operations": ops.height, "workflows": case.evidence.workflows, "races": case.races.height}
    return found | {name: outcomes.get(name, 0) for name in OUTCOMES}


def find_doubts(case: Case, counts: Mapping[str, int]) -> list[str]:
    """Why a run as a whole proves too little, whatever its checks say; one sentence each."""
    doubts = []
    total = counts["operations"]
    if total == 0:
        return ["the history holds no operation"]
    unknown = case.ops["outcome"] == "unknown"
    aside = int((unknown & case.touched_by_fault).sum()) if counts["unknown"] else 0
    left = counts["unknown"] - aside
    if aside == total:
        return ["a fault touched every operation, and all of them are unknown"]
    share = case.evidence.unknown_max
    if share is not None and left > share * (total - aside):
        others = f" ({aside} more that a fault touched are set aside)" if aside else ""
        told = f"{left} of {total - aside} operations are unknown, more than {say_share(share)}{others}"
        doubts.append(f"{told}{say_busy(case)}")
    if share is None and left == total:
        doubts.append("all operations are unknown")
    if case.evidence.plan is not None:
        doubts += [
            f"no {kind} ever succeeded ({tried} tried)" for kind, tried, won in case.successes if tried and not won
        ]
    return doubts + (find_hidden(case, share) if share is not None else []) + find_early_end(case)


def find_early_end(case: Case) -> list[str]:
    """Of a planned run: what of its levels is too little, and whether the service stopped answering."""
    plan = case.evidence.plan
    if plan is None:
        return []
    return ([] if plan.accept_partial else find_shortfalls(case.evidence.history)) + find_silence(case)


def say_busy(case: Case) -> str:
    """What to write where unknown operations got an answer that may mean that nothing happened; no-5xx tells of 503."""
    statuses = case.ops.filter((pl.col("outcome") == "unknown") & (pl.col("status") < 500))["status"].unique()
    words = say_try_again(statuses.to_list())
    return f".{words.removesuffix('.')}" if words else ""


def say_share(share: float) -> str:
    """2%, 0.5%."""
    return f"{share * 100:g}%"


def find_turned_away(case: Case) -> list[str]:
    """The clients that were let in and then were not, no fault aside: once that happens, nothing is known any more."""
    told = (event for event in case.evidence.history.having(events.AccessDenied) if not is_excused(case, event))
    return list(dict.fromkeys(event.what for event in told))


def find_hidden(case: Case, share: float) -> list[str]:
    """What is read in the end, trails and traces, and was not shown of too many workflows; no fault touched it."""
    history = case.evidence.history
    shown = {
        "audit trail": set(history.audit["workflow"]),
        "effects": {event.workflow for event in history.having(events.Effects)},
    }
    hidden: dict[str, set[str]] = {what: set() for what in shown}
    for event in history.having(events.Hidden):
        if not is_excused(case, event):
            hidden[event.what].add(event.workflow)
    told = [(what, len(hidden[what] - shown[what]), len(hidden[what] | shown[what])) for what in shown]
    return [
        f"{lost} of {asked} workflows never showed their {what}, more than {say_share(share)}"
        for what, lost, asked in told
        if lost > share * asked
    ]


def give_reason(verdict: Verdict, results: tuple[CheckResult, ...], doubts: list[str], turned_away: list[str]) -> str:
    """One sentence: what decided. Clients that were turned away come first: everything else may follow from it."""
    if verdict is Verdict.FAIL:
        failed = [result.check for result in results if result.verdict is Verdict.FAIL]
        return f"{', '.join(failed)} failed"
    unknown = [result.check for result in results if result.verdict is Verdict.UNKNOWN]
    parts = [*turned_away, *([f"{', '.join(unknown)} could not be decided"] if unknown else []), *doubts]
    if parts:
        return "; ".join(parts)
    applied = [result for result in results if result.verdict is not None]
    return f"all {len(applied)} checks that applied passed" if applied else "no check applied"
