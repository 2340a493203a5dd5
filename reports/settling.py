"""Settling: a race with unknown contenders, decided by the trail or by what was seen later."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from reports.case import Case
from reports.words import read_detail


@dataclass(frozen=True)
class Settled:
    """How many winners a race had, as far as is known. `winners` is None while one of the unknown could be it.

    `by` says in words what settled it; empty where nothing had to. `rows` are unknown contenders that won.
    """

    winners: int
    is_open: bool = False
    by: str = ""
    rows: tuple[int, ...] = ()


def settle(case: Case, race: dict[str, Any]) -> Settled:
    """The winners of a race that has none, or one and unknown contenders besides."""
    contenders = case.evidence.slice(race["w"]).filter((pl.col("race") == race["race"]) & pl.col("mine"))
    unknown = contenders.filter(pl.col("outcome") == "unknown")
    if unknown.is_empty():
        return Settled(0, by="Every contender was answered, and none of them won.")
    named = find_in_trail(case, race["w"], unknown)
    if named:
        by = f"The trail has a row of {', '.join(read_ids(case, named))}, which did win though its answer is unknown."
        return Settled(race["won"] + len(named), by=by, rows=tuple(named))
    if race["won"]:
        return Settled(1)
    seen = find_seen(case, race["w"], contenders, unknown)
    if seen is not None:
        return Settled(1, by=seen)
    stayed = find_stayed(case, race["w"], contenders)
    if stayed and race["conflict"] + race["refused"] + race["ok"]:
        return Settled(0, by=stayed)
    return Settled(1, is_open=True)


def find_in_trail(case: Case, w: int, unknown: pl.DataFrame) -> list[int]:
    """The unknown contenders that a trail names by their request id."""
    trail = case.evidence.trails.filter(pl.col("w") == w)
    ids = set(trail["request_id"].drop_nulls().to_list())
    if not ids:
        return []
    return [record["row"] for record in case.records(unknown["row"]) if read_detail(record).get("request_id") in ids]


def read_ids(case: Case, rows: list[int]) -> list[str]:
    return [record["id"] for record in case.records(rows)]


def find_seen(case: Case, w: int, contenders: pl.DataFrame, unknown: pl.DataFrame) -> str | None:
    """What shows that one of the unknown contenders won: a row of the trail out of the state that they race for, or
    an answer, invoked no earlier than the race, that names a state to which only they lead; in words.
    """
    begin = contenders["begins"].min()
    nexts = set(unknown["next"].to_list())
    wants = set(contenders["want"].drop_nulls().to_list())
    trail = case.evidence.trails.filter(pl.col("w") == w)
    rows = trail.filter(pl.col("from").to_physical().is_in(list(wants)) & pl.col("to").to_physical().is_in(list(nexts)))
    ops = case.evidence.slice(w)
    others = ops.filter((pl.col("known") | pl.col("maybe")) & ~pl.col("row").is_in(unknown["row"].implode()))
    only_theirs = nexts - set(others["next"].drop_nulls().to_list())
    if rows.height and only_theirs:
        return f"The trail has the row {rows['from'][0]} -> {rows['to'][0]}: one of the unknown requests won."
    after = ops.filter((pl.col("begins") >= begin) & pl.col("mine"))
    told = after.filter(pl.col("pure") & pl.col("told").is_in(list(only_theirs)))
    expected = after.filter(
        (pl.col("outcome") == "won") & (pl.col("wants") == 1) & pl.col("want").is_in(list(only_theirs))
    )
    for found in (told, expected):
        if found.height:
            record = case.records(found["row"][:1])[0]
            return f"The answer of {record['id']} shows that one of the unknown requests won."
    return None


def find_stayed(case: Case, w: int, contenders: pl.DataFrame) -> str | None:
    """What shows that nobody won: after all else had returned, the state is still the one they raced for, and nothing
    can have led back to it; in words.
    """
    want = contenders["want"][0]
    ops = case.evidence.slice(w)
    if (
        contenders["wants"].max() != 1
        or ops.filter(
            (pl.col("known") | pl.col("maybe"))
            & (pl.col("next") == want)
            & (pl.col("ends") >= contenders["begins"].min())
        ).height
    ):
        return None
    answered = contenders.filter(pl.col("outcome") != "unknown")["ends"].max()
    if answered is None:
        return None
    reads = ops.filter(
        (pl.col("kind") == "read") & pl.col("pure") & (pl.col("told") == want) & (pl.col("begins") > answered)
    )
    name = case.evidence.names[want]
    if reads.height:
        return f"{case.records(reads['row'][:1])[0]['id']} read {name} after every answer had come: nobody had won."
    trail = case.evidence.trails.filter(pl.col("w") == w)
    last = trail.filter(pl.col("trail") == pl.col("trail").max())
    if last.height and not last.filter(pl.col("from").to_physical() == want).height:
        return f"The trail has no row out of {name}: nobody won."
    return None
