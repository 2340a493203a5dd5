"""Why a history as a whole proves too little, even if its checks pass. Sentences, for the reason of an unknown."""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from reports.history import events
from reports.history.history import History
from reports.judge.checks.idempotent import find_untold
from reports.judge.context import CheckContext
from reports.judge.levels.unfinished_levels import find_unfinished_levels
from reports.judge.limits import UNKNOWN_SHARE_MAX
from reports.judge.models.workflow import NEVER
from reports.judge.probes import is_excused
from reports.judge.text.finding_text import describe_missing_key
from reports.judge.text.short_forms import count

SILENT = "silent"


def find_unknown_reasons(context: CheckContext, counts: Mapping[str, int]) -> list[str]:
    """Why a run as a whole proves too little, even if its checks pass; one sentence each."""
    reasons = []
    total = counts["operations"]
    if total == 0:
        return ["the history holds no operation"]
    unknown = context.ops["outcome"] == "unknown"
    given_up = context.ops["abandoned"]
    aside = int((unknown & (context.touched_by_fault | given_up)).sum()) if counts["unknown"] else 0
    left = counts["unknown"] - aside
    if aside == total:
        return ["a fault touched every operation, and all of them are unknown"]
    share = context.evidence.find_share(UNKNOWN_SHARE_MAX)
    if share is not None and left > share * (total - aside):
        why = "that a fault touched" + " or whose client hung up" * bool((unknown & given_up).any())
        others = f" ({aside} more {why} are set aside)" if aside else ""
        told = f"{left} of {total - aside} operations are unknown, more than {describe_share(share)}{others}"
        reasons.append(f"{told}{describe_busy(context)}")
    if share is None and left == total:
        reasons.append("all operations are unknown")
    if context.evidence.plan is not None:
        reasons += [
            f"no {kind} ever succeeded ({tried} tried)"
            for kind, tried, won in context.successes
            if tried and not won and not (kind == "give_back" and may_be_late(context))
        ]
        reasons += find_unsent(context)
        reasons += filter(None, [find_untold(context)])
    return reasons + (find_hidden(context, share) if share is not None else []) + find_early_end(context)


def may_be_late(context: CheckContext) -> bool:
    """Whether give-backs may rightly be refused since their units came back by themselves before."""
    told = context.evidence.history.frame.select(pl.col("returns_after_ns").is_not_null().any())
    return bool(told.collect().item())


def find_early_end(context: CheckContext) -> list[str]:
    """Of a planned run: the levels that ran too little, and whether the service stopped answering."""
    plan = context.evidence.plan
    if plan is None:
        return []
    return ([] if plan.accept_partial else find_unfinished_levels(context.evidence.history)) + find_silence(context)


def describe_busy(context: CheckContext) -> str:
    """What to write if answers to unknown operations may mean that nothing happened; no-5xx reports 503."""
    statuses = context.ops.filter((pl.col("outcome") == "unknown") & (pl.col("status") < 500))["status"].unique()
    words = describe_missing_key(statuses.to_list())
    return f".{words.removesuffix('.')}" if words else ""


def describe_share(share: float) -> str:
    """2%, 0.5%."""
    return f"{share * 100:g}%"


def find_access_denied(context: CheckContext) -> list[str]:
    """Why tenants that were admitted before were refused, unless a fault or a restart explains it; a sentence each."""
    told = context.evidence.history.by_source(events.AccessDenied)
    unexplained = [
        event
        for source, event in told
        if not is_excused(context, event) and not context.lost_logins.explain_event(source, event)
    ]
    return list(dict.fromkeys(event.what for event in unexplained))


def find_hidden(context: CheckContext, share: float) -> list[str]:
    """Trails and effects that the service did not show for too many workflows, though no fault touched the question."""
    history = context.evidence.history
    shown = {
        "audit trail": set(history.audit["workflow"]),
        "effects": {event.workflow for event in history.having(events.Effects)},
    }
    hidden: dict[str, set[str]] = {what: set() for what in shown}
    for event in history.having(events.Hidden):
        # What is gone need not show anything, if others do.
        if not is_excused(context, event) and (event.state is None or not shown[event.what]):
            hidden[event.what].add(event.workflow)
    told = [(what, len(hidden[what] - shown[what]), len(hidden[what] | shown[what])) for what in shown]
    return [
        f"{lost} of {asked} workflows never showed their {what}, more than {describe_share(share)}"
        for what, lost, asked in told
        if lost > share * asked
    ]


def find_unsent(context: CheckContext) -> list[str]:
    """The requests that could not be built, unless a fault explains it, or the value that they need is one that the
    workflow did not have then: others had it. A sentence for each reason.
    """
    history = context.evidence.history
    shown = {name for end in history.having(events.End) for name in end.shown or ()}
    told = [event for event in history.having(events.Unsent) if event.value not in shown]
    told = [event for event in told if not is_excused(context, event)]
    counts = Counter(event.what for event in told)
    return [f"{what} ({count(number, 'request')} not sent)" for what, number in counts.items()]


def find_lost_partners(history: History) -> str:
    """The sources that used the same workflows (`shared_by` of a `quota`) and have no journal here; or empty."""
    here = {source.name for source in history.sources}
    partners = {name for event in history.having(events.Quota) for name in event.shared_by or ()}
    missing = ", ".join(sorted(partners - here))
    return f"these races were shared with {missing}, whose journals are missing" if missing else ""


def find_silence(context: CheckContext) -> list[str]:
    """The sources to which the service stopped answering, and when; a sentence each.

    The last requests of such a source got no answer, and neither did a read after the first of them. A read that a
    fault touched is set aside, unless the source ended because of the silence.
    """
    found = {} if context.ops.is_empty() else find_unanswered(context)
    told = [source for source, event in context.evidence.history.by_source(events.Level) if event.ended == SILENT]
    names = [source for source in told if source not in found]
    return [*found.values(), *(f"the service stopped answering, and {name} ended" for name in names)]


def find_unanswered(context: CheckContext) -> dict[str, str]:
    """Source -> the sentence."""
    answered = (pl.col("returned") < NEVER) | pl.col("status").is_not_null()
    asked = context.ops.select("row", "kind", "invoked", answered.alias("answered")).with_columns(
        context.touched_by_fault.alias("touched"), source=context.source_numbers
    )
    since = asked.filter("answered").group_by("source").agg(pl.col("invoked").max().alias("since"))
    last = asked.join(since, on="source", how="left").filter(
        ~pl.col("answered") & (pl.col("invoked") > pl.col("since").fill_null(-1))
    )
    read = pl.col("invoked").filter((pl.col("kind") == "read") & ~pl.col("touched")).max()
    silent = (
        last.group_by("source")
        .agg(pl.len(), pl.col("invoked").min(), read.alias("read"))
        .filter(pl.col("read") > pl.col("invoked"))
    )
    began, names = asked["invoked"].min(), [source.name for source in context.evidence.history.sources]
    return {
        names[row["source"]]: f"the service stopped answering {(row['invoked'] - began) / 1e9:.1f} s after the first "
        f"request: the last {row['len']} requests of {names[row['source']]} went unanswered, a read after the first of "
        "them too"
        for row in silent.sort("invoked").iter_rows(named=True)
    }
