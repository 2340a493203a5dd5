"""Samples: the few races and operations that the documents show in full, taken out of the history once. Data only.

They stand in run.json under `exhibits`, so that every document can be made again from that file alone. Every text in
them is cut: an engine may answer a megabyte.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from engine.target.graph import TransitionGraph
from reports.comparison.race_quality import measure_races
from reports.documents.strength import find_coverage
from reports.history.history import History
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict
from reports.judge.words import read_detail

OPERATIONS_MAX = 30  # lanes of a picture
PICTURES_MAX = 12
TEXT_MAX = 200
STATES_MAX = 50  # expected ones of an operation
Record = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """What one picture shows. `purpose` is finding, tightest or typical; `checks` are those whose finding it is."""

    purpose: str
    rows: Sequence[int]
    held: frozenset[str] = frozenset()
    checks: tuple[str, ...] = ()
    race: str | None = None


def take_samples(history: History, judgement: Judgement, graph: TransitionGraph | None = None) -> dict[str, Any]:
    """{pictures, coverage}. Nothing raises: samples decide nothing, so {error} stands where one failed.

    A picture: {purpose, checks, race, scenario, workflow, contenders, left_out, operations}. An operation: {id,
    process, kind, expected, next, outcome, status, observed, tenant, invoked_ns, returned_ns, arrived_ns, held,
    message}; times are relative to the first release of the picture, and `held` are those that the finding rests on.
    Coverage: see reports/documents/strength.py; null without a graph.
    """
    return {
        "pictures": attempt(lambda: draw_pictures(history, judgement)),
        "coverage": attempt(lambda: find_coverage(history, graph) if graph is not None else None),
    }


def attempt(take: Callable[[], Any]) -> Any:
    try:
        return take()
    except Exception as error:  # noqa: BLE001 - what shows a verdict may not change one
        return {"error": f"{type(error).__name__}: {error}"}


def draw_pictures(history: History, judgement: Judgement) -> list[dict[str, Any]]:
    """The first finding of each check that did not pass, then the tightest race and a typical one."""
    pictures = [*picture_findings(history, judgement), *choose_races(history)]
    return [draw(history, picture) for picture in merge_same(pictures)[:PICTURES_MAX]]


def picture_findings(history: History, judgement: Judgement) -> list[Picture]:
    firsts = [first_with_operations(result) for result in judgement.checks if result.verdict is not Verdict.PASS]
    findings = sorted((each for each in firsts if each is not None), key=lambda each: each.verdict is not Verdict.FAIL)
    rows = find_rows(history, {str(identity) for each in findings for identity in each.operations})
    pictures = []
    for finding in findings:
        named = [str(identity) for identity in finding.operations]
        mine = [rows[identity] for identity in named if identity in rows]
        race = None if finding.race is None else str(finding.race)
        others = find_race(history, mine[0]) if race is not None and mine else []
        checks, held = (finding.check,), frozenset(named)
        pictures.append(Picture("finding", list(dict.fromkeys([*others, *mine])), held, checks, race))
    return [picture for picture in pictures if picture.rows]


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


def choose_races(history: History) -> list[Picture]:
    """Of the races of the size that was run most, with one winner: the tightest, and one in the middle."""
    races = measure_races(history).filter((pl.col("contenders") > 1) & (pl.col("won") == 1))
    if races.is_empty():
        return []
    usual = races.group_by("contenders").len().sort("len", "contenders", descending=True)["contenders"][0]
    # Where the server tells when requests arrived, that is the stronger proof of a tight race.
    tight = pl.coalesce("arrival", "release")
    ordered = races.filter(pl.col("contenders") == usual).sort(tight, pl.col("overlap").neg(), "row")
    chosen = {"tightest": ordered["row"][0], "typical": ordered["row"][ordered.height // 2]}
    return [Picture(purpose, find_race(history, row), race="") for purpose, row in chosen.items()]


def merge_same(pictures: Iterable[Picture]) -> list[Picture]:
    """Several checks may have found the same race: one picture, that names them all."""
    merged: dict[tuple[int, ...], Picture] = {}
    for picture in pictures:
        key = tuple(sorted(picture.rows))
        if key not in merged:
            merged[key] = picture
        elif picture.purpose == "finding":
            known = merged[key]
            merged[key] = replace(known, checks=known.checks + picture.checks, held=known.held | picture.held)
    return list(merged.values())


def draw(history: History, picture: Picture) -> dict[str, Any]:
    """The picture, with its operations as they are shown; the first to be left out are ordinary conflicts."""
    dull = dict(history.encoded.filter(pl.col("row").is_in(list(picture.rows))).select("row", "outcome").iter_rows())
    kept = sorted(picture.rows, key=lambda row: dull[row] == "conflict")[: OPERATIONS_MAX + len(picture.held)]
    records = history.rows(kept)
    held = [record for record in records if record["id"] in picture.held]
    others = [record for record in records if record["id"] not in picture.held]
    shown = sorted([*held, *others][:OPERATIONS_MAX], key=lambda record: (record["invoked_ns"], record["id"]))
    zero, first = shown[0]["invoked_ns"], shown[0]
    return {
        "purpose": picture.purpose,
        "checks": list(picture.checks),
        "race": clip(first["race"]) if picture.race is not None else None,
        "scenario": clip(first["scenario"]),
        "workflow": clip(first["workflow"]),
        "contenders": len(picture.rows),
        "left_out": len(picture.rows) - len(shown),
        "operations": [describe(record, zero, held=record["id"] in picture.held) for record in shown],
    }


def describe(record: Mapping[str, Any], zero: int, *, held: bool) -> dict[str, Any]:
    detail = read_detail(dict(record))
    arrived, returned = detail.get("arrived_ns"), record["returned_ns"]
    message = detail.get("problem") or detail.get("message")
    texts = {name: clip(record[name]) for name in ("id", "process", "kind", "next", "outcome", "observed", "tenant")}
    return texts | {
        "expected": [clip(state) for state in (record["expected"] or ())[:STATES_MAX]],
        "status": record["status"],
        "invoked_ns": record["invoked_ns"] - zero,
        "returned_ns": None if returned is None else returned - zero,
        "arrived_ns": arrived - zero if isinstance(arrived, int) else None,
        "held": held,
        "message": clip(message) if isinstance(message, str) else None,
    }


def clip(text: Any) -> str | None:
    """At most TEXT_MAX characters of it, and how many there were."""
    if text is None or len(text) <= TEXT_MAX:
        return text  # type: ignore[no-any-return]
    return f"{text[:TEXT_MAX]}... ({len(text):,} characters)"
