"""Sealed files, read: the operations of a Parquet file, the trails and the events beside it. What does not fit is an
error with the file, and the row or the line.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from reports.history.events import TIME_MAX, Event
from reports.history.file_selection import (
    SEALED_AUDIT,
    SEALED_EVENTS,
    HistoryError,
    is_sealed_audit,
    is_sealed_events,
    scan_parquet,
)
from reports.history.journal_lines import AUDIT_SCHEMA, NEW_COLUMNS, OPERATION_SCHEMA, LineError, read_lines

Schema = Mapping[str, pl.DataType | type[pl.DataType]]
NUMBERS_TOO = ("id", "process", "race")
NEEDED_OF_OPERATIONS = tuple(name for name in OPERATION_SCHEMA if name not in NEW_COLUMNS)
NEEDED_OF_TRAILS = ("workflow", "read_ns", "trail", "position", "from", "to")


def scan_operations(path: Path) -> tuple[pl.LazyFrame, int]:
    """The operations of a sealed file, not loaded, and how many there are. Raises HistoryError."""
    try:
        scan = scan_parquet(path)
        frame = take_columns(path, scan, OPERATION_SCHEMA, NEEDED_OF_OPERATIONS)
        # What a writer does not know may be left out.
        frame = frame.with_columns(pl.col("tenant", "scenario").fill_null(""))
        states, invoked, returned = pl.col("expected"), pl.col("invoked_ns"), pl.col("returned_ns")
        refuse_rows(
            path,
            frame,
            {
                "has no id": pl.col("id").is_null(),
                "has no process": pl.col("process").is_null(),
                "has a time that is out of range": is_out_of_range(invoked) | is_out_of_range(returned),
                "expects a state that is null": states.list.drop_nulls().list.len() < states.list.len(),
            },
        )
        return frame, frame.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise HistoryError(path, f"is not readable Parquet: {first_line(error)}") from None


def read_audit(path: Path) -> pl.DataFrame:
    """The trails that were sealed beside the operations at `path`. Raises HistoryError."""
    sibling = path.with_name(path.stem + SEALED_AUDIT)
    if not sibling.is_file() or not is_sealed_audit(sibling):
        return pl.DataFrame(schema=AUDIT_SCHEMA)
    try:
        scan = scan_parquet(sibling)
        frame = take_columns(sibling, scan, AUDIT_SCHEMA, NEEDED_OF_TRAILS)
        about = ("workflow", "read_ns", "returned_ns")
        refuse_rows(
            sibling,
            frame,
            {
                **{f"has no {name}": pl.col(name).is_null() for name in ("workflow", "read_ns", "trail", "position")},
                "has a time that is out of range": is_out_of_range(pl.col("read_ns"))
                | is_out_of_range(pl.col("returned_ns")),
                "was read before it was asked for": pl.col("returned_ns") < pl.col("read_ns"),
                "is of another workflow or reading than its trail": pl.any_horizontal(
                    pl.col(name).ne_missing(pl.col(name).first().over("trail")) for name in about
                ),
                "has the position of another entry": pl.len().over("trail", "position") > 1,
                "leads nowhere": (pl.col("position") >= 0) & pl.col("to").is_null(),
            },
        )
        return frame.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise HistoryError(sibling, f"is not readable Parquet: {first_line(error)}") from None


def read_events(path: Path) -> list[Event]:
    """The events that were sealed beside the operations at `path`. Raises HistoryError."""
    sibling = path.with_name(path.stem + SEALED_EVENTS)
    if not sibling.is_file() or not is_sealed_events(sibling):
        return []
    try:
        return read_lines(sibling, is_finished=True).events
    except LineError as error:
        raise HistoryError(sibling, error.what, line=error.line) from None


def take_columns(path: Path, scan: pl.LazyFrame, wanted: Schema, needed: Sequence[str]) -> pl.LazyFrame:
    """The columns that are known, each of its own type. Raises HistoryError for one that is needed and not there, and
    for one that is something else.
    """
    given = scan.collect_schema()
    missing = [name for name in needed if name not in given]
    if missing:
        raise HistoryError(path, f"lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
    for name, kind in wanted.items():
        found = given.get(name, pl.Null())
        if not fits(found, kind, numbers_too=name in NUMBERS_TOO):
            raise HistoryError(path, f"its column {name} is of the type {found}, and must be {kind}")
    return scan.select(
        (pl.col(name) if name in given else pl.lit(None)).cast(kind).alias(name) for name, kind in wanted.items()
    )


def fits(found: pl.DataType, wanted: pl.DataType | type[pl.DataType], *, numbers_too: bool) -> bool:
    """Whether values of one type can be taken for those of another without a change."""
    text = isinstance(found, pl.String | pl.Categorical | pl.Enum)
    if isinstance(found, pl.Null):
        return True
    if wanted == pl.String:
        return text or (numbers_too and found.is_integer())
    if wanted == pl.Boolean:
        return isinstance(found, pl.Boolean)
    if wanted == pl.Int64:
        return found.is_integer()
    inner = found.inner if isinstance(found, pl.List) else found
    return isinstance(inner, pl.DataType) and isinstance(inner, pl.String | pl.Categorical | pl.Enum | pl.Null)


def is_out_of_range(time: pl.Expr) -> pl.Expr:
    return (time > TIME_MAX) | (time < -TIME_MAX)


def refuse_rows(path: Path, frame: pl.LazyFrame, wrong: Mapping[str, pl.Expr]) -> None:
    """Raises HistoryError for the first row of which one of these is so."""
    flags = [is_so.fill_null(value=False).alias(what) for what, is_so in wrong.items()]
    seen = frame.select(flags).select(pl.all().any()).collect().row(0, named=True)
    for what, found in seen.items():
        if found:
            row = frame.select(is_so.alias("bad") for name, is_so in wrong.items() if name == what)
            row_number = row.collect()["bad"].fill_null(value=False).arg_max()
            raise HistoryError(path, what, row=row_number)


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
