"""Sink calls: whether the service called each sink as often as its rule says: for a winner, and for no loser.

A call tells by a marker which request it is for, or by an id which workflow. An unknown request may be called for once,
and must be if the trail shows that it won. Requests with one idempotency key are one request.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from engine.target.graph import TransitionGraph
from reports.history.events import Call, CallsAwaited, Sink
from reports.history.history import History
from reports.judge.context import CheckContext, Suspicion, doubt, fail, make_finding
from reports.judge.evidence.idempotency_keys import ONE_OPERATION
from reports.judge.models.workflow import MOVES
from reports.judge.searches.sink_search import Claim, SinkSearch
from reports.judge.text.sink_text import NOT_AWAITED, STILL_CAME, describe_calls, describe_moves, describe_silence
from reports.judge.verdict import Finding, Verdict

CHECK = "effects"
SHOWN_MAX = 8


@dataclass(frozen=True)
class CallsJudged:
    """What is wrong, how many subjects were looked at, and what else to say."""

    suspicions: list[Suspicion]
    judged: int
    remark: str


def judge_calls(context: CheckContext) -> CallsJudged | None:
    """None if the history has no sink."""
    history = context.evidence.history
    rules = {sink.name: sink for sink in history.having(Sink)}
    if not rules:
        return None
    ids_of_all = take_server_ids(history)
    moves = take_moves(context, ids_of_all)
    markers = find_shared_markers(moves)
    moves = moves.with_columns(pl.col("marker").replace(markers))
    calls = group_calls(history.having(Call), {name: markers for name, rule in rules.items() if rule.by == "marker"})
    suspicions: list[Suspicion] = []
    judged, remarks = 0, []
    for rule in rules.values():
        mine = calls.get(rule.name, {})
        ids = ids_of_all if may_enter_alone(context.evidence.graph, rule) else ids_of_all.clear()
        due = count_due(moves, rule, ids)
        judged += due.height
        known = set(due["subject"])
        strays = [call for subject, found in mine.items() if subject not in known for call in found]
        if strays and len(strays) == sum(map(len, mine.values())) and due["low"].sum():
            # The file looks for the subject at a wrong place: nothing follows for any request.
            suspicions.append(doubt(report_silence, rule, strays))
            continue
        suspicions += suspect(context, rule, due, mine, moves, ids)
        if strays:
            remarks.append(f"{len(strays)} calls to {rule.name} are for no request of this history")
    return CallsJudged(suspicions, judged, "; ".join(remarks))


def find_shared_markers(moves: pl.DataFrame) -> dict[str, str]:
    """Of the requests with one key that carry different markers, each marker but the first, and that first one."""
    told = moves.filter(pl.col("marker").is_not_null()).select("marker", first=pl.col("marker").first().over("one"))
    return dict(told.filter(pl.col("marker") != pl.col("first")).iter_rows())


def group_calls(
    calls: Sequence[Call], renamed: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str | None, list[Call]]]:
    """The calls that were carried out, by sink and subject; of those with one key the first. `renamed`: by sink, the
    subjects that stand for another.
    """
    seen: set[tuple[str, str]] = set()
    found: dict[str, dict[str | None, list[Call]]] = defaultdict(lambda: defaultdict(list))
    for call in sorted(calls, key=lambda each: each.at_ns):
        if not call.taken or (call.key is not None and (call.sink, call.key) in seen):
            continue
        if call.key is not None:
            seen.add((call.sink, call.key))
        subject = renamed.get(call.sink, {}).get(call.subject or "", call.subject)
        found[call.sink][subject].append(call)
    return found


def take_server_ids(history: History) -> pl.DataFrame:
    """The id that the service gave each workflow, where its create tells it: workflow, server_id."""
    creates = history.frame.filter(pl.col("kind") == "create")
    told = creates.select("workflow", server_id=pl.col("detail").str.json_path_match("$.server_id")).drop_nulls()
    return told.unique("workflow", keep="first", maintain_order=True).collect()


def take_moves(context: CheckContext, ids: pl.DataFrame) -> pl.DataFrame:
    """The requests for a move: row, workflow, server_id, marker, next, mine, repeats, won, unknown, awaited, one (equal
    for those that are one request).
    """
    history = context.evidence.history
    frame = history.frame.with_row_index("row")
    awaited = {name for event in history.having(CallsAwaited) if not event.still_came for name in event.sources}
    ends = [0]
    for source in history.sources:
        ends.append(ends[-1] + source.operations)
    is_awaited = pl.lit(value=False)
    for source, begin, end in zip(history.sources, ends, ends[1:], strict=False):
        if source.name in awaited:
            is_awaited = is_awaited | ((pl.col("row") >= begin) & (pl.col("row") < end))
    moves = (
        frame.filter(pl.col("kind").is_in(MOVES))
        .join(ids.lazy(), on="workflow", how="left", maintain_order="left")
        .select(
            "row",
            "workflow",
            "server_id",
            "marker",
            "next",
            one=pl.when(pl.col("key").is_null())
            .then(pl.struct("id").hash())
            .otherwise(pl.struct(ONE_OPERATION).hash()),
            repeats=pl.col("repeats").fill_null(value=False),
            won=pl.col("outcome") == "won",
            unknown=pl.col("outcome") == "unknown",
            awaited=is_awaited,
        )
        .collect()
    )
    owned = context.ops.filter("mine")["row"]
    moves = moves.with_columns(mine=pl.col("row").is_in(owned.implode()))
    return moves.with_columns(won=pl.col("won") | pl.col("row").is_in(find_proven(context, moves).implode()))


def find_proven(context: CheckContext, moves: pl.DataFrame) -> pl.Series:
    """The unknown requests that the trail of their workflow shows as winners."""
    unknown = moves.filter("unknown").select("row", "workflow")
    if unknown.is_empty():
        return unknown["row"]
    named = unknown.with_columns(request_id=context.read_request_ids(unknown["row"]))
    rows = context.evidence.history.audit.select(pl.col("workflow", "request_id").cast(pl.String))
    return named.join(rows, on=["workflow", "request_id"], how="semi", maintain_order="left")["row"]


def count_due(moves: pl.DataFrame, rule: Sink, ids: pl.DataFrame) -> pl.DataFrame:
    """For each subject of a rule: how many calls there must be at least (`low`) and may be at most (`high`) for the
    requests. `ids`: of the workflows that may move without a request; they are subjects though no request moved them.

    A win that may repeat another one is called for at most once.
    """
    subject = "marker" if rule.by == "marker" else "server_id"
    into = pl.col("next").is_in(rule.per) & pl.col("mine")
    low, high = into & pl.col("won") & ~pl.col("repeats"), into & (pl.col("won") | pl.col("unknown"))
    counted = (
        moves.filter(pl.col(subject).is_not_null())
        .with_columns(low=low.fill_null(value=False), high=high.fill_null(value=False))
        .group_by(pl.col(subject).alias("subject"), maintain_order=True)
        .agg(
            low=pl.col("one").filter("low").n_unique(),
            high=pl.col("one").filter("high").n_unique(),
            awaited=pl.col("awaited").filter("low").all(),
        )
    )
    others = ids.select(subject="server_id").unique(maintain_order=True).join(counted, on="subject", how="anti")
    return pl.concat([counted, others.with_columns(low=0, high=0, awaited=True)], how="vertical_relaxed")


def suspect(
    context: CheckContext,
    rule: Sink,
    due: pl.DataFrame,
    calls: dict[str | None, list[Call]],
    moves: pl.DataFrame,
    ids: pl.DataFrame,
) -> list[Suspicion]:
    """The subjects that were called for too often, or too rarely. `ids` as in count_due."""
    counts = Counter({subject: len(found) for subject, found in calls.items()})
    made = pl.Series([counts[subject] for subject in due["subject"]], dtype=pl.Int64)
    counted = due.with_columns(made=made)
    too_often = pl.col("made") > pl.col("high")
    if may_enter_alone(context.evidence.graph, rule):
        too_often = pl.lit(value=False)
    if rule.times == "at least once":
        too_often = too_often & (pl.col("high") == 0)
    too_rarely = (pl.col("made") < pl.col("low")) & pl.lit(rule.times != "at most once")
    suspicions: list[Suspicion] = []
    wrong = counted.filter(too_often | too_rarely)
    later = explain_later(context.evidence.history)
    # At most one call for a request is right; of the moves of a workflow each may have its own.
    made_more = (pl.col("made") > pl.col("low")) & ~pl.col("subject").is_in(wrong["subject"].implode())
    open_ = counted.filter(made_more & (pl.lit(rule.times != "at least once") | (pl.col("low") == 0)))
    suspicions += suspect_moves(context, rule, open_, calls, moves, ids)
    for found in wrong.iter_rows(named=True):
        subject, is_short = found["subject"], found["made"] < found["low"]
        word = partial(report_calls, context, rule, subject, calls.get(subject, []), found["low"], moves)
        is_certain = found["awaited"] or not is_short
        suspicions.append(fail(word) if is_certain else doubt(word, later=later))
    return suspicions


def may_enter_alone(graph: TransitionGraph | None, rule: Sink) -> bool:
    """Whether a call may be for a move that no request makes."""
    return rule.by == "workflow" and graph is not None and any(move.to in rule.per for move in graph.timed)


def suspect_moves(
    context: CheckContext,
    rule: Sink,
    open_: pl.DataFrame,
    calls: dict[str | None, list[Call]],
    moves: pl.DataFrame,
    ids: pl.DataFrame,
) -> list[Suspicion]:
    """The subjects whose calls tell of more moves than any order of their workflow's operations has."""
    claimed = take_claims(rule, open_, moves, ids)
    numbers = context.evidence.number_workflows(list(claimed))
    suspicions: list[Suspicion] = []
    for w, claims in zip(numbers, claimed.values(), strict=True):
        if w in context.decision.suspects:
            continue
        laid_out, limit_s = context.lay_out(w), context.evidence.limits.workflow_s
        found = SinkSearch(*laid_out, context.evidence.graph, list(claims.values()), limit_s)
        verdict = found.search()
        if verdict is not Verdict.PASS:
            told = {subject: calls.get(subject, []) for subject in claims}
            suspicions.append(Suspicion(verdict, partial(report_moves, context, rule, w, found, told, verdict)))
    return suspicions


def take_claims(rule: Sink, open_: pl.DataFrame, moves: pl.DataFrame, ids: pl.DataFrame) -> dict[str, dict[str, Claim]]:
    """By workflow and subject, how many of its requests must have been moves. A subject of several workflows claims
    nothing. Of the requests with one key another one may stand for those of the subject.
    """
    claimed: dict[str, dict[str, Claim]] = {}
    states = frozenset(rule.per if rule.by == "workflow" else ())
    for subject, made in open_.select("subject", "made").iter_rows():
        about = find_about(rule, subject, moves).filter(pl.col("mine") & (pl.col("won") | pl.col("unknown")))
        workflows = (about if ids.is_empty() else ids.filter(pl.col("server_id") == subject))["workflow"].unique()
        if workflows.len() == 1:
            ones = (pl.col("workflow") == workflows[0]) & pl.col("one").is_in(about["one"].implode())
            least = made if rule.times != "at least once" else 1
            claim = Claim(frozenset(moves.filter(ones)["row"].to_list()), least, states)
            claimed.setdefault(str(workflows[0]), {})[subject] = claim
    return claimed


def find_about(rule: Sink, subject: str, moves: pl.DataFrame) -> pl.DataFrame:
    """The requests that a subject may stand for."""
    column = "marker" if rule.by == "marker" else "server_id"
    return moves.filter((pl.col(column) == subject) & (pl.col("next").is_in(rule.per) | (column == "marker")))


def explain_later(history: History) -> str:
    """Why a call that is missing may have come later."""
    return STILL_CAME if any(event.still_came for event in history.having(CallsAwaited)) else NOT_AWAITED


def report_calls(
    context: CheckContext,
    rule: Sink,
    subject: str,
    calls: Sequence[Call],
    due: int,
    moves: pl.DataFrame,
    later: str = "",
) -> Finding:
    """`later` says why a missing call may have come later, if it may: then the verdict is unknown."""
    about = find_about(rule, subject, moves).sort(pl.col("won"), descending=True, maintain_order=True)
    records = context.records(about["row"].head(SHOWN_MAX))
    verdict = Verdict.UNKNOWN if later else Verdict.FAIL
    return make_finding(CHECK, records, describe_calls(rule, records, calls, due, later), verdict)


def report_moves(
    context: CheckContext, rule: Sink, w: int, found: SinkSearch, told: dict[str, list[Call]], verdict: Verdict
) -> Finding:
    numbers = found.find_least() if verdict is Verdict.FAIL else range(len(found.claims))
    rows = sorted({row for number in numbers for row in found.claims[number].rows})
    calls = [call for number in numbers for call in list(told.values())[number]]
    # Without a request that can have moved it, the others tell where the workflow was.
    records = context.records(rows[:SHOWN_MAX] or context.evidence.slice(w)["row"].sort().head(SHOWN_MAX))
    return make_finding(CHECK, records, describe_moves(rule, records, calls, verdict), verdict)


def report_silence(rule: Sink, strays: Sequence[Call]) -> Finding:
    return make_finding(CHECK, [], describe_silence(rule, strays), Verdict.UNKNOWN)
