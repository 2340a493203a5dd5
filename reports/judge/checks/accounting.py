"""accounting: planned = started = returned = judged. A gap is unknown, never a failure: something was not recorded."""

import polars as pl

from reports.history import events
from reports.history.history import Source
from reports.judge.context import CheckContext, conclude, doubt, not_applicable
from reports.judge.levels.run_plan import SourceQuota
from reports.judge.levels.unfinished_levels import REASONS
from reports.judge.text.short_forms import count
from reports.judge.verdict import CheckResult, Finding, Verdict

CHECK = "accounting"
# Why a source may end: with its whole share, or for a reason that the plan has foreseen.
# That the service answers no more is said of the run as a whole.
ORDERLY = ("complete", "fail-fast", "asked to", "mismatch", "silent")
# Orderly too, once anything was run: the time is as long as the plan says, a list of ids as the target does.
ORDERLY_ONCE_BEGUN = ("time", "out of ids", "lost track", "undecided")


def check_accounting(context: CheckContext) -> CheckResult:
    """Holds every source that was promised to its own plan, and to its end. Without a run's plan it does not apply."""
    plan = context.evidence.plan
    if plan is None:
        return not_applicable(CHECK, "the history is judged alone: nothing was promised")
    history = context.evidence.history
    found = {source.name: source for source in history.sources}
    gaps = [
        f"The source {name} was promised, and its history is missing{describe_quota(plan.quotas.get(name))}."
        for name in plan.sources
        if name not in found
    ]
    for source in history.sources:
        gaps += find_gaps(context, source)
    gaps += find_race_gaps(context)
    suspicions = [doubt(report_gap, gap) for gap in gaps]
    return conclude(context, CHECK, judged=context.ops.height, unit="operations", suspicions=suspicions)


def find_gaps(context: CheckContext, source: Source) -> list[str]:
    """What is missing in one source, one sentence each."""
    history = context.evidence.history
    plans, ends = history.having(events.Plan, source.name), history.having(events.End, source.name)
    planned = sum(event.operations or 0 for event in plans)
    broken = history.having(events.Broken, source.name)
    gaps = [f"The source {source.name} broke off: {event.what}." for event in broken]
    if not plans and not broken:
        gaps.append(f"The source {source.name} says nowhere what it planned.")
    elif planned != source.operations:
        gaps.append(f"The source {source.name} planned {count(planned, 'operation')} and started {source.operations}.")
    if not ends:
        gaps.append(f"The source {source.name} was cut short: it has no end{describe_left(context, source)}.")
    elif (said := sum(event.operations or 0 for event in ends)) != source.operations:
        gaps.append(
            f"The source {source.name} says that it started {count(said, 'operation')}, and its "
            f"history holds {source.operations}."
        )
    gaps += find_early_ends(context, source)
    unreturned = count_unreturned(context, source)
    if unreturned:
        gaps.append(f"The source {source.name} has {count(unreturned, 'operation')} without a return.")
    return gaps


def describe_quota(quota: SourceQuota | None) -> str:
    """What a source was to run, where the plan says so."""
    told = {"races": quota.races, "rounds": quota.rounds} if quota is not None else {}
    counts = [f"{count} {unit}" for unit, count in told.items() if count]
    return f", and with it its share of {' and '.join(counts)}" if counts else ""


def describe_left(context: CheckContext, source: Source) -> str:
    """What of its share of races a source did not come to, as far as it promised one."""
    quota = sum(event.races or 0 for event in context.evidence.history.having(events.Quota, source.name))
    if not quota:
        return ""
    mine = context.evidence.history.frame.filter(pl.col("id").str.starts_with(f"{source.name}."))
    held = int(mine.select(pl.col("race").n_unique() - pl.col("race").is_null().any()).collect().item() or 0)
    return f", and {max(0, quota - held)} of its {quota} races were not begun"


def find_early_ends(context: CheckContext, source: Source) -> list[str]:
    """Whether a source ended in good order, but neither with its share nor for a reason of the plan."""
    return [
        f"The source {source.name} ended with {event.run} of its {event.planned} {event.unit}: {explain_end(event)}."
        for event in context.evidence.history.having(events.Level, source.name)
        if not is_orderly(event)
    ]


def explain_end(event: events.Level) -> str:
    return REASONS.get(event.ended or "", event.ended or "")


def is_orderly(event: events.Level) -> bool:
    ended = event.ended or "complete"
    has_begun = bool(event.run or not event.planned)
    return ended in ORDERLY or (ended in ORDERLY_ONCE_BEGUN and has_begun)


def count_unreturned(context: CheckContext, source: Source) -> int:
    """How many operations of a source have no return at all; an explicit unknown is one."""
    encoded, frame, first = context.evidence.history.encoded, context.evidence.history.frame, 0
    for other in context.evidence.history.sources:
        if other.name == source.name and other.path == source.path:
            break
        first += other.operations
    lost = (pl.col("outcome") == "unknown") & pl.col("returned").is_null() & pl.col("status").is_null()
    if not encoded.slice(first, source.operations).filter(lost).height:
        return 0
    part = frame.slice(first, source.operations)
    silent = (pl.col("outcome") == "unknown") & pl.all_horizontal(pl.col("returned_ns", "status", "detail").is_null())
    return int(part.select(silent.sum()).collect().item())


def find_race_gaps(context: CheckContext) -> list[str]:
    """Races are counted over all sources: one race may be shared."""
    planned = sum(event.races or 0 for event in context.evidence.history.having(events.Plan))
    held = context.races.height
    return [f"{planned} races were planned, and {held} were run."] if planned and planned != held else []


def report_gap(gap: str) -> Finding:
    return Finding(CHECK, Verdict.UNKNOWN, gap, gap)
