"""legality: no illegal edge was ever taken, and illegal requests changed nothing. `set` is exempt."""

from dataclasses import replace

import polars as pl

from engine.target.graph import TransitionGraph
from reports.judge.context import CheckContext, Suspicion, conclude, fail, make_finding, not_applicable, report_row
from reports.judge.evidence.evidence import MODEL_COLUMNS
from reports.judge.models.workflow import Operation
from reports.judge.text.finding_text import describe_illegal_row, describe_illegal_state, describe_illegal_win
from reports.judge.verdict import CheckResult, Finding

CHECK = "legality"
# The owner's advances that were not told that they won.
ASKED = pl.col("mine") & (pl.col("kind") == "advance") & (pl.col("outcome") != "won")


def check_legality(context: CheckContext) -> CheckResult:
    """Judges won advances, the rows of trails and the states that were read, by the graph."""
    graph = context.evidence.graph
    if graph is None:
        return not_applicable(CHECK, "no transition graph was given: every edge is legal", "transitions")
    rows = find_rows(context)
    known = context.ops.filter(pl.col("known") & (pl.col("kind") == "advance"))
    reads = context.ops.lazy().filter(pl.col("pure") & (pl.col("kind") == "read") & pl.col("observed").is_not_null())
    observed = reads.filter(pl.col("outcome") == "ok").select("row", "w", "observed").collect()
    if known.is_empty() and rows.is_empty() and observed.is_empty():
        return not_applicable(CHECK, "no transition and no state was seen", "transitions")
    suspicions = [
        fail(report_row, context, CHECK, describe_illegal_win, row) for row in find_illegal_wins(context, graph, known)
    ]
    illegal = rows.filter(~context.evidence.can_go(pl.col("from"), pl.col("to")))
    suspicions += [fail(report_entry, *row) for row in name_rows(context, illegal)]
    suspicions += find_strange_states(context, graph, observed)
    suspicions += [each for w in find_suspects(context) for each in find_illegal_effects(context, graph, w)]
    return conclude(context, CHECK, judged=known.height + rows.height, unit="transitions", suspicions=suspicions)


def find_illegal_wins(context: CheckContext, graph: TransitionGraph, known: pl.DataFrame) -> list[int]:
    """The rows of won advances whose every expected state has no legal edge to the next one."""
    known = known.filter(~pl.col("repeats"))  # they may have changed nothing; `linearizable` judges them
    single = known.filter((pl.col("wants") == 1) & ~context.evidence.lawful(pl.col("want"), pl.col("next")))[
        "row"
    ].to_list()
    names, members = context.evidence.names, context.evidence.set_members
    several = known.filter(pl.col("wants") > 1).select("row", "set", "next")
    lawful = {
        (code, following): any(graph.allows(state, names[following]) for state in members[code])
        for code, following in several.select("set", "next").unique().iter_rows()
    }
    return sorted([*single, *(row for row, code, following in several.iter_rows() if not lawful[code, following])])


def find_rows(context: CheckContext) -> pl.DataFrame:
    """The trail's transitions, `from` and `to` as codes, but those to which a `set` may have led."""
    trails = context.evidence.trails.filter(pl.col("from").is_not_null() & pl.col("to").is_not_null())
    trails = trails.with_columns(pl.col("from", "to").to_physical())
    sets = find_sets(context)
    return trails.join(sets, on=["w", "to"], how="anti", maintain_order="left") if sets.height else trails


def find_sets(context: CheckContext) -> pl.DataFrame:
    """w, to: where a `set` led each workflow, or may have."""
    took = pl.col("known") | pl.col("maybe")
    return context.ops.filter((pl.col("kind") == "set") & took).select("w", to="next").unique()


def name_rows(context: CheckContext, rows: pl.DataFrame) -> list[tuple[str, str, str]]:
    names = context.evidence.names
    distinct = rows.unique(["workflow", "from", "to"], keep="first", maintain_order=True)
    return [
        (workflow, names[origin], names[to])
        for workflow, origin, to in distinct.select("workflow", "from", "to").iter_rows()
    ]


def find_strange_states(context: CheckContext, graph: TransitionGraph, observed: pl.DataFrame) -> list[Suspicion]:
    """Reads that saw a state to which no legal edge leads, and no `set`."""
    reachable = {graph.initial, *(following for _, following in graph.steps)}
    if context.evidence.initial is not None:
        reachable.add(context.evidence.initial)
    strange = [code for code, name in context.evidence.names.items() if name not in reachable]
    odd = observed.filter(pl.col("observed").is_in(strange)) if strange else observed.clear()
    odd = odd.join(
        find_sets(context), left_on=["w", "observed"], right_on=["w", "to"], how="anti", maintain_order="left"
    )
    odd = odd.unique(["w", "observed"], keep="first", maintain_order=True)
    # A workflow that is older than the history may have begun anywhere.
    known = context.evidence.starts.filter(pl.col("state").is_not_null()).select("w")
    odd = odd.join(known, on="w", how="semi", maintain_order="left")
    why = "no legal edge reaches"
    return [fail(report_state, context, row, context.evidence.names[told], why) for row, _, told in odd.iter_rows()]


def find_suspects(context: CheckContext) -> list[int]:
    """The workflows without an explanation that were asked for an illegal edge, or may have been."""
    unlawful = (pl.col("wants") > 1) | ~context.evidence.lawful(pl.col("want"), pl.col("next"))
    asked = context.ops.filter(ASKED & unlawful)["w"].unique()
    return sorted(set(context.decision.suspects) & set(asked.to_list()))


def find_illegal_effects(context: CheckContext, graph: TransitionGraph, w: int) -> list[Suspicion]:
    """Reads of a state to which only an illegal request could have led, one that was not told that it won."""
    operations, starts = context.lay_out(w)
    if len(starts) > 1:
        return []
    tried = context.evidence.slice(w).filter(ASKED).select(MODEL_COLUMNS)
    illegal = [each for row in tried.iter_rows() if is_illegal(each := context.evidence.to_operation(*row), graph)]
    rows = {each.row for each in illegal}
    reached = {
        each.leads_to
        for each in operations
        if each.outcome in ("won", "ok", "unknown") and not each.is_pure and each.row not in rows
    } | {move.to for move in graph.timed}
    asked = {each.next for each in illegal}
    odd = [
        each
        for each in operations
        if each.kind == "read" and each.outcome == "ok" and each.observed in asked - reached - set(starts)
    ]
    why = "only a request for an illegal edge asked for"
    return [fail(report_state, context, each.row, str(each.observed), why) for each in odd[:1]]


def is_illegal(operation: Operation, graph: TransitionGraph) -> bool:
    """Whether an advance asked for edges that are all illegal."""
    following = operation.next
    return following is not None and not any(graph.allows(state, following) for state in operation.expected)


def report_entry(workflow: str, origin: str, to: str) -> Finding:
    return make_finding(CHECK, (), describe_illegal_row(workflow, origin, to), workflow=workflow)


def report_state(context: CheckContext, row: int, state: str, why: str) -> Finding:
    [record] = context.records([row])
    return replace(make_finding(CHECK, [record], describe_illegal_state(record, state, why)), race=None)
