"""The kill matrix: what is expected of the judge for every engine broken on purpose, and what it said. Values only.

A cell is one variant, asked at one level from one seed. A row is the cells of one variant at one level.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import polars as pl

from engine.reference.controls import list_controls
from engine.reference.defects import LEVELS, list_defects, read_promise
from onewinner.engine_choice import EngineChoice, choose_variant
from reports.comparison.facts import DefectRow, EngineKind
from reports.history.history import History
from reports.judge.verdict import Finding, Judgement, Verdict, merge


class Status(StrEnum):
    """What a cell, or a row, comes to. Of several the first counts."""

    WRONG_CHECK = "wrong check"
    ACCUSED = "accused"
    SURVIVED = "survived"
    UNKNOWN = "unknown"
    CAUGHT = "caught"
    PASSED = "passed"
    NOT_RUN = "not run"


RANK = {status: number for number, status in enumerate(Status)}
VERDICTS = {
    Status.WRONG_CHECK: Verdict.FAIL,
    Status.ACCUSED: Verdict.FAIL,
    Status.SURVIVED: Verdict.FAIL,
    Status.UNKNOWN: Verdict.UNKNOWN,
}


@dataclass(frozen=True)
class Variant:
    """A variant of the reference engine: a defect or a control."""

    name: str
    kind: EngineKind

    @property
    def arguments(self) -> list[str]:
        """As options of a command."""
        return [f"--{self.kind}", self.name]

    def choose(self, reference: EngineChoice) -> EngineChoice:
        """The engine, at the isolation level at which its defect shows."""
        defect, control = (self.name if self.kind == kind else None for kind in ("defect", "control"))
        chosen = choose_variant(reference, defect, control)
        return replace(chosen, isolation=chosen.isolation_asked)

    @property
    def check(self) -> str | None:
        """The check that the defect is there for."""
        return read_promise(self.name).check if self.kind == "defect" else None

    def promised_at(self, level: str) -> str | None:
        """The check that must fail at this level; None where none must."""
        return read_promise(self.name).check_at(level) if self.kind == "defect" else None

    def allows(self, check: str) -> bool:
        return self.kind == "defect" and read_promise(self.name).allows(check)


@dataclass(frozen=True)
class Cell:
    """What came of one engine at one level from one seed.

    `failed` are the checks that failed. `detection` is that of the promised check (of any that failed, where none is
    promised).
    """

    variant: Variant
    level: str
    seed: int
    status: Status
    failed: tuple[str, ...] = ()
    detection: "Detection | None" = None
    reason: str = ""


@dataclass(frozen=True)
class Detection:
    """From the first operation to the end of a violation: operations and races begun meanwhile, and seconds."""

    operations: int
    races: int
    seconds: float


@dataclass(frozen=True)
class Row:
    """One engine at one level: the cells of all seeds, and what they come to together."""

    variant: Variant
    level: str
    cells: tuple[Cell, ...]
    status: Status

    @property
    def caught(self) -> int:
        """In how many seeds the promised check failed, or, where none is promised, any check."""
        return sum(cell.status is Status.CAUGHT for cell in self.cells)

    def pack(self) -> DefectRow:
        """As run.json and the report have it."""
        counts = Counter(check for cell in self.cells for check in cell.failed)
        detections = [cell.detection for cell in self.cells if cell.detection is not None]
        return DefectRow(
            name=self.variant.name,
            kind=self.variant.kind,
            level=self.level,
            check=self.variant.check,
            promised=self.variant.promised_at(self.level),
            status=self.status.value,
            seeds=len(self.cells),
            caught=self.caught,
            checks=dict(counts.most_common()),
            operations_p50=pick([each.operations for each in detections], 0.5),
            seconds_p50=pick([each.seconds for each in detections], 0.5),
            races_p50=pick([each.races for each in detections if each.races], 0.5),
            races_p95=pick([each.races for each in detections if each.races], 0.95),
        )


def list_variants() -> list[Variant]:
    """Every defect, then every control."""
    return [Variant(name, "defect") for name in list_defects()] + [Variant(name, "control") for name in list_controls()]


def judge_cell(
    variant: Variant, level: str, seed: int, history: History, judgement: Judgement, trouble: str = ""
) -> Cell:
    """Holds a judgement against what is expected. `trouble` says why the asker cannot be trusted, if so."""
    failed = tuple(result.check for result in judgement.checks if result.verdict is Verdict.FAIL)
    status = find_status(variant, level, failed, judgement.verdict, trouble)
    promised = variant.promised_at(level)
    findings = [each for each in judgement.findings if each.check in (failed if promised is None else [promised])]
    reason = trouble or ("" if judgement.verdict is Verdict.PASS else judgement.reason)
    return Cell(variant, level, seed, status, failed, find_detection(history, findings), reason)


def find_status(variant: Variant, level: str, failed: Sequence[str], verdict: Verdict, trouble: str = "") -> Status:
    """What the failed checks mean for this engine at this level."""
    promised = variant.promised_at(level)
    if variant.kind == "control" and failed:
        return Status.ACCUSED
    if not all(map(variant.allows, failed)):
        return Status.WRONG_CHECK
    if trouble:
        return Status.UNKNOWN
    if promised is not None and promised not in failed:
        return Status.SURVIVED
    if failed:
        return Status.CAUGHT
    return Status.UNKNOWN if verdict is Verdict.UNKNOWN else Status.PASSED


def find_detection(history: History, findings: Iterable[Finding]) -> Detection | None:
    """How much came before the first finding, which is there once the last of its operations has returned.

    One that names no operation counts for nothing.
    """
    ops = history.operations.select("id", "race", "invoked_ns", ended=pl.coalesce("returned_ns", "invoked_ns"))
    ends = dict(ops.select(pl.col("id").cast(pl.String), "ended").iter_rows())
    seen = [max(ends[str(id_)] for id_ in found.operations) for found in findings if found.operations]
    if not seen:
        return None
    first_ns: int = ops["invoked_ns"].min()  # type: ignore[assignment]
    begun = ops.filter(pl.col("invoked_ns") <= min(seen))
    return Detection(begun.height, begun["race"].drop_nulls().n_unique(), round((min(seen) - first_ns) / 1e9, 3))


def make_row(variant: Variant, level: str, cells: Sequence[Cell]) -> Row:
    """Without cells the level was not run."""
    worst = min((cell.status for cell in cells), key=RANK.__getitem__, default=Status.NOT_RUN)
    return Row(variant, level, tuple(cells), worst)


def make_rows(variants: Iterable[Variant], cells: Iterable[Cell]) -> list[Row]:
    """A row for each engine and level, in order."""
    sorted_cells: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        sorted_cells.setdefault((cell.variant.name, cell.level), []).append(cell)
    return [
        make_row(variant, level, sorted_cells.get((variant.name, level), []))
        for variant in variants
        for level in LEVELS
    ]


def conclude(rows: Sequence[Row]) -> Judgement:
    """The verdict on the harness: fail when a defect survived, a wrong check failed or a control was accused."""
    ran = [row for row in rows if row.cells]
    verdict = merge(VERDICTS.get(row.status, Verdict.PASS) for row in ran)
    against = [row for row in ran if VERDICTS.get(row.status, Verdict.PASS) is verdict is not Verdict.PASS]
    counts = {
        "engines": len({row.variant for row in ran}),
        "cells": sum(len(row.cells) for row in ran),
        "caught": sum(row.caught for row in ran),
    }
    if not ran:
        return Judgement(verdict, "no cell was run", (), counts)
    told = "every cell is as expected" if not against else "; ".join(map(describe_row, against))
    return Judgement(verdict, told, (), counts)


def gather(answers: Sequence[Judgement]) -> Judgement:
    """One verdict of several, each on some of the engines."""
    verdict = merge(each.verdict for each in answers)
    against = [each.reason for each in answers if each.verdict is verdict is not Verdict.PASS]
    counts = Counter[str]()
    for each in answers:
        counts.update(each.counts)
    return Judgement(verdict, "; ".join(against) or "every cell is as expected", (), dict(counts))


def describe_row(row: Row) -> str:
    """Why a row is not as expected, in one sentence."""
    wrong = [cell for cell in row.cells if cell.status is row.status]
    seeds = f"in {len(wrong)} of {len(row.cells)} seeds (first: {wrong[0].seed})"
    where = f"{row.variant.name} at the level {row.level}"
    if row.status is Status.SURVIVED:
        return f"{where}: {row.variant.promised_at(row.level)} did not fail {seeds}"
    if row.status is Status.UNKNOWN:
        return f"{where}: nothing was decided {seeds}: {wrong[0].reason}"
    accused = sorted({check for cell in wrong for check in cell.failed if not row.variant.allows(check)})
    return f"{where}: {', '.join(accused)} failed {seeds}, which is wrong"


def pick(values: Sequence[float], share: float) -> float | None:
    """The value that this share of them does not exceed; None when there are none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None
