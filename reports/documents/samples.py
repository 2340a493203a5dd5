"""Samples: the few races and operations that the documents show in full, taken out of the history once. Data only.

They stand in run.json under `samples`, so that every document can be made again from that file alone. Every text in
them is cut: an engine may answer a megabyte.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from msgspec import structs

from engine.target.graph import TransitionGraph
from reports.comparison.facts import Picture, Purpose, Samples, ShownOperation
from reports.comparison.measure_tables import take_parts
from reports.comparison.race_quality import measure_races
from reports.documents.strength import find_state_pairs
from reports.history.events import Call
from reports.history.history import History, Record
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict

OPERATIONS_MAX = 30  # lanes of a picture
PICTURES_MAX = 12
TEXT_MAX = 200
CALLS_MAX = 20
STATES_MAX = 50  # expected ones of an operation
EXCHANGES_MAX = 8  # requests and answers that a picture shows in full
EXCHANGE_MAX = 1_500  # characters of each


@dataclass(frozen=True)
class Choice:
    """What one picture is to show. `checks` are those whose finding it is."""

    purpose: Purpose
    rows: Sequence[int]
    held: frozenset[str] = frozenset()
    checks: tuple[str, ...] = ()
    race: str | None = None


def take_samples(history: History, judgement: Judgement, graph: TransitionGraph | None = None) -> Samples:
    """Nothing raises: samples decide nothing, so a part that fails is among the errors."""
    parts: dict[str, Callable[[], Any]] = {
        "pictures": lambda: draw_pictures(history, judgement),
        "state_pairs": lambda: find_state_pairs(history, graph) if graph is not None else None,
    }
    found, errors = take_parts(parts)
    return Samples(**found, errors=errors)


def draw_pictures(history: History, judgement: Judgement) -> tuple[Picture, ...]:
    """The first finding of each check that did not pass, then the tightest race and a typical one, also for units."""
    races = [*choose_races(history), *choose_rushes(history)]
    chosen = merge_same([*choose_findings(history, judgement), *races])
    return tuple(draw(history, choice) for choice in chosen[:PICTURES_MAX])


def choose_findings(history: History, judgement: Judgement) -> list[Choice]:
    firsts = [first_with_operations(result) for result in judgement.checks if result.verdict is not Verdict.PASS]
    findings = sorted((each for each in firsts if each is not None), key=lambda each: each.verdict is not Verdict.FAIL)
    rows = find_rows(history, {str(identity) for each in findings for identity in each.operations})
    chosen = []
    for finding in findings:
        named = [str(identity) for identity in finding.operations]
        mine = [rows[identity] for identity in named if identity in rows]
        race = None if finding.race is None else str(finding.race)
        others = find_race(history, mine[0]) if race is not None and mine else []
        if race is None and mine and (rush := find_rush(history, mine[0])):
            race, others = "", rush
        checks, held = (finding.check,), frozenset(named)
        chosen.append(Choice("finding", list(dict.fromkeys([*others, *mine])), held, checks, race))
    return [choice for choice in chosen if choice.rows]


def first_with_operations(result: CheckResult) -> Finding | None:
    return next((finding for finding in result.findings if finding.operations), None)


def find_rows(history: History, identities: set[str]) -> dict[str, int]:
    """The row of each operation, by id; one pass."""
    if not identities:
        return {}
    wanted = pl.Series(sorted(identities), dtype=pl.String)
    found = history.frame.select("id").with_row_index("row").filter(pl.col("id").is_in(wanted.implode())).collect()
    return dict(zip(found["id"].to_list(), found["row"].to_list(), strict=True))


def find_race(history: History, row: int) -> list[int]:
    """The rows of all contenders of the race that a row is in."""
    one = history.encoded.filter(pl.col("row") == row).select("workflow", "race")
    return history.encoded.join(one, on=["workflow", "race"]).sort("invoked", "row")["row"].to_list()


def choose_races(history: History) -> list[Choice]:
    """Of the size that most requests raced in, the races with one winner: the tightest, and the one in the middle.

    Not of the most frequent size: thousands of schedules of two requests would hide the races of ten.
    """
    races = measure_races(history).filter((pl.col("contenders") > 1) & (pl.col("won") == 1))
    if races.is_empty():
        return []
    sizes = races.group_by("contenders").agg(pl.col("contenders").sum().alias("requests"))
    usual = sizes.sort("requests", "contenders", descending=True)["contenders"][0]
    # Where the server tells when requests arrived, that is the stronger proof of a tight race.
    tight = pl.coalesce("arrival", "release")
    ordered = races.filter(pl.col("contenders") == usual).sort(tight, pl.col("overlap").neg(), "row")
    chosen: dict[Purpose, int] = {"tightest": ordered["row"][0], "typical": ordered["row"][ordered.height // 2]}
    return [Choice(purpose, find_race(history, row), race="") for purpose, row in chosen.items()]


def choose_rushes(history: History) -> list[Choice]:
    """Of the rushes for units in which some won and some did not: the tightest, and the one in the middle."""
    sizes = (
        find_rushes(history)
        .group_by("workflow", "rush")
        .agg(
            pl.col("row"),
            pl.len().alias("size"),
            (pl.col("invoked").max() - pl.col("invoked").min()).alias("release"),
            (pl.col("outcome") == "won").any().alias("won"),
            (pl.col("outcome") == "conflict").any().alias("lost"),
        )
    )
    contested = sizes.filter((pl.col("size") > 1) & pl.col("won") & pl.col("lost"))
    if contested.is_empty():
        return []
    usual = contested.group_by("size").agg(pl.col("size").sum().alias("requests"))
    size = usual.sort("requests", "size", descending=True)["size"][0]
    ordered = contested.filter(pl.col("size") == size).sort("release", pl.col("row").list.first())
    chosen: dict[Purpose, int] = {"tightest": 0, "typical": ordered.height // 2}
    return [Choice(purpose, ordered["row"][number].to_list(), race="") for purpose, number in chosen.items()]


def find_rush(history: History, row: int) -> list[int]:
    """The rows of the rush for units that a row is in; none for other operations."""
    one = history.encoded.filter(pl.col("row") == row).select("workflow")
    rushes = find_rushes(history, one)
    mine = rushes.filter(pl.col("row") == row).select("rush")
    return rushes.join(mine, on="rush")["row"].to_list()


def find_rushes(history: History, workflows: pl.DataFrame | None = None) -> pl.DataFrame:
    """Takes and give-backs, by resource and release; a `rush` is those of a resource of which each overlaps others."""
    units = history.encoded.filter(pl.col("kind").is_in(["take", "give_back"]))
    units = units if workflows is None else units.join(workflows, on="workflow")
    ordered = units.select("row", "workflow", "outcome", "invoked", "returned").sort("workflow", "invoked", "row")
    known = pl.col("returned").fill_null(pl.col("invoked"))
    before = known.cum_max().shift(1).over("workflow")
    begins = before.is_null() | (pl.col("invoked") > before)
    return ordered.with_columns(begins.cum_sum().over("workflow").alias("rush"))


def merge_same(choices: Iterable[Choice]) -> list[Choice]:
    """One picture for a race that several checks found; it names all of them."""
    merged: dict[tuple[int, ...], Choice] = {}
    for choice in choices:
        key = tuple(sorted(choice.rows))
        if key not in merged:
            merged[key] = choice
        elif choice.purpose == "finding":
            known = merged[key]
            merged[key] = replace(known, checks=known.checks + choice.checks, held=known.held | choice.held)
    return list(merged.values())


def draw(history: History, choice: Choice) -> Picture:
    """The picture with its operations. If there are too many, ordinary losers are left out first."""
    dull = dict(history.encoded.filter(pl.col("row").is_in(list(choice.rows))).select("row", "outcome").iter_rows())
    kept = sorted(choice.rows, key=lambda row: dull[row] in ("conflict", "stale"))[: OPERATIONS_MAX + len(choice.held)]
    records = history.rows(kept)
    held = [record for record in records if record.id in choice.held]
    others = [record for record in records if record.id not in choice.held]
    shown = sorted([*held, *others][:OPERATIONS_MAX], key=lambda record: (record.invoked_ns, record.id))
    zero, first, calls = shown[0].invoked_ns, shown[0], find_calls(history, shown)
    in_full = {record.id for record in [each for each in shown if each.id in choice.held][:EXCHANGES_MAX]}
    return Picture(
        purpose=choice.purpose,
        checks=choice.checks,
        race=clip(first.race or "") if choice.race is not None else None,
        scenario=clip(first.scenario),
        workflow=clip(first.workflow) or "",
        contenders=len(choice.rows),
        left_out=len(choice.rows) - len(shown),
        operations=tuple(
            with_exchange(taken, record) if record.id in in_full else taken
            for record in shown
            for taken in [take_operation(record, zero, calls.get(record.marker, ()), held=record.id in choice.held)]
        ),
        units=find_units(history, first),
    )


def find_units(history: History, record: Record) -> int | None:
    """How many units the resource of a take or a give-back had when it was made, if its create tells."""
    if record.kind not in ("take", "give_back"):
        return None
    mine = pl.col("workflow").cast(pl.String) == record.workflow
    rows = history.encoded.filter((pl.col("kind") == "create") & mine)["row"].to_list()
    return next((each.left for each in history.rows(rows[:1])), None)


def find_calls(history: History, records: Sequence[Record]) -> dict[str | None, list[int]]:
    """When the service called a sink for these operations, by their markers; at most CALLS_MAX for each."""
    markers = {record.marker for record in records if record.marker is not None}
    found: dict[str | None, list[int]] = {}
    for call in sorted(history.having(Call), key=lambda each: each.at_ns) if markers else ():
        if call.subject in markers and len(found.setdefault(call.subject, [])) < CALLS_MAX:
            found[call.subject].append(call.at_ns)
    return found


def take_operation(record: Record, zero: int, calls: Sequence[int] = (), *, held: bool) -> ShownOperation:
    detail = record.read_detail()
    arrived, returned = detail.arrived_ns, record.returned_ns
    message = detail.problem or detail.message
    texts: dict[str, Any] = {
        name: clip(getattr(record, name))
        for name in ("id", "process", "kind", "next", "outcome", "observed", "tenant", "unit", "key")
    }
    return ShownOperation(
        **texts,
        expected=tuple(clip(state) or "" for state in (record.expected or ())[:STATES_MAX]),
        status=record.status,
        invoked_ns=record.invoked_ns - zero,
        returned_ns=None if returned is None else returned - zero,
        arrived_ns=arrived - zero if isinstance(arrived, int) else None,
        held=held,
        calls_ns=tuple(moment - zero for moment in calls),
        message=clip(message) if isinstance(message, str) else None,
        left=record.left,
    )


def with_exchange(operation: ShownOperation, record: Record) -> ShownOperation:
    """The operation with its request and its answer as they were sent."""
    return structs.replace(
        operation, sent=clip(record.sent, EXCHANGE_MAX), received=clip(record.received, EXCHANGE_MAX)
    )


def clip(text: str | None, length_max: int = TEXT_MAX) -> str | None:
    """At most `length_max` characters of it, and how many there were."""
    if text is None or len(text) <= length_max:
        return text
    return f"{text[:length_max]}... ({len(text):,} characters)"
