"""A history, read: journals and sealed Parquet, one file or a folder, into one value that the checks share.

A journal that a killed process left behind is valid: its truncated last line is dropped, and an operation
without a return line is unknown. Anything else that does not fit is a HistoryError naming file and line.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import polars as pl

from reports.history.encoding import encode, find_malformed
from reports.history.events import Event, Header, Unrecognized
from reports.history.file_selection import HistoryError, find_files, is_parquet
from reports.history.journal_lines import AUDIT_SCHEMA, OPERATION_SCHEMA, LineError, Record, read_lines
from reports.history.sealed_files import first_line, read_audit, read_events, scan_operations

__all__ = ["History", "HistoryError", "Record", "Source", "read_history", "read_journal", "take_frame"]
ROWS_APART_MAX = 10_000
Known = TypeVar("Known", bound=Event)


@dataclass(frozen=True)
class Source:
    """One writer's file: its stem, how many operations it holds, and, for a journal, the line of each invoke."""

    name: str
    path: Path
    operations: int
    lines: Sequence[int] = ()


@dataclass(frozen=True)
class History:
    """What was recorded, from however many files. Times are nanoseconds of one monotonic clock.

    `frame` is every operation with the columns of OPERATION_SCHEMA, not yet collected; a row's number in it is
    its `row` everywhere. `encoded` is the lean form that the checks work on (see reports/history/encoding.py). `audit`
    has one row per trail entry (AUDIT_SCHEMA). `events` are all other known events, each with the name of its source.
    """

    path: Path
    sources: tuple[Source, ...]
    frame: pl.LazyFrame
    encoded: pl.DataFrame
    audit: pl.DataFrame
    events: tuple[tuple[str, Event], ...] = ()

    @cached_property
    def operations(self) -> pl.DataFrame:
        """Every operation, all columns, in memory."""
        return self.frame.collect()

    @property
    def clock_uncertainty_ns(self) -> int:
        """By how much every interval must be widened on either side."""
        return max((header.clock_uncertainty_ns or 0 for header in self.having(Header)), default=0)

    @property
    def unrecognized(self) -> Mapping[str, int]:
        """The kinds of events that this version does not know, and how many there are of each."""
        return Counter(event.kind for event in self.having(Unrecognized))

    def having(self, kind: type[Known], source: str | None = None) -> list[Known]:
        """The events of one kind, in the order of the files; those of one source if it is named."""
        return [event for name, event in self.by_source(kind) if source in (None, name)]

    def by_source(self, kind: type[Known]) -> list[tuple[str, Known]]:
        """The events of one kind, each with the name of its source."""
        return [(name, event) for name, event in self.events if isinstance(event, kind)]

    def only(self, workflow: str) -> "History":
        """The history of one workflow. Raises HistoryError when nothing happened to it."""
        frame = self.frame.filter(pl.col("workflow") == workflow).collect()
        if frame.is_empty():
            raise HistoryError(self.path, f"has no operation of a workflow {workflow}")
        audit = self.audit.filter(pl.col("workflow") == workflow)
        events = tuple(each for each in self.events if concerns(each[1], workflow))
        lean = encode(frame.lazy()).drop("id_hash")
        return replace(self, frame=frame.lazy(), encoded=lean, audit=audit, events=events)

    def without(self, names: Collection[str]) -> "History":
        """What the other sources recorded. `audit` stays as it is."""
        if not set(names) & {source.name for source in self.sources}:
            return self
        kept, spans, first = [], [(0, 0)], 0
        for source in self.sources:
            if source.name not in names:
                kept.append(source)
                spans.append((first, source.operations))
            first += source.operations
        return replace(
            self,
            sources=tuple(kept),
            frame=pl.concat([self.frame.slice(*span) for span in spans]),
            encoded=pl.concat([self.encoded.slice(*span) for span in spans]).drop("row").with_row_index("row"),
            events=tuple(each for each in self.events if each[0] not in names),
        )

    def rows(self, rows: Iterable[int]) -> list[Record]:
        """A few operations in full, by row, in the order asked for."""
        wanted = list(rows)
        by_row: dict[int, Record] = {}
        for first, last in find_spans(sorted(set(wanted))):
            part = self.frame.slice(first, last - first + 1).collect().with_row_index("row", offset=first)
            picked = part.filter(pl.col("row").is_in(wanted))
            by_row |= {record["row"]: Record(**record) for record in picked.iter_rows(named=True)}
        return [by_row[row] for row in wanted]


def read_history(path: Path | str) -> History:
    """The history at `path`: a .jsonl journal, a sealed .parquet, a folder of either, or a run directory.

    Raises HistoryError for a malformed line or row, and for a path that holds no history.
    """
    path = Path(path)
    try:
        files = find_files(path)
    except OSError as error:
        raise HistoryError(path, f"cannot be read: {error.strerror}") from None
    return join_pieces(path, [read_piece(file) for file in files])


def concerns(event: Event, workflow: str) -> bool:
    """Whether an event names this workflow, maybe among several, or none."""
    named = getattr(event, "workflow", None)
    return named in (None, workflow) or workflow in (getattr(event, "workflows", None) or ())


def take_frame(operations: pl.DataFrame, name: str = "history") -> History:
    """A history of operations that are in memory already: the columns of OPERATION_SCHEMA."""
    frame = operations.select(pl.col(column).cast(kind) for column, kind in OPERATION_SCHEMA.items())
    source = Source(name, Path(name), frame.height)
    return join_pieces(Path(name), [Piece(source, frame.lazy(), pl.DataFrame(schema=AUDIT_SCHEMA), [])])


def join_pieces(path: Path, pieces: "Sequence[Piece]") -> History:
    """One history of several files. Raises HistoryError for an operation that cannot be, or an id that comes twice."""
    frame = pl.concat([piece.frame for piece in pieces])
    sources = tuple(piece.source for piece in pieces)
    try:
        encoded = encode(frame)
    except pl.exceptions.PolarsError as error:
        raise HistoryError(path, f"cannot be read: {first_line(error)}") from error
    refuse_malformed(sources, frame, encoded)
    return History(
        path=path,
        sources=sources,
        frame=frame,
        encoded=encoded.drop("id_hash"),
        audit=join_audits([piece.audit for piece in pieces]),
        events=tuple((piece.source.name, event) for piece in pieces for event in piece.events),
    )


@dataclass(frozen=True)
class Piece:
    """What one file (and its siblings) holds. `event_lines`: all events of a journal as they were written."""

    source: Source
    frame: pl.LazyFrame
    audit: pl.DataFrame
    events: list[Event]
    event_lines: list[bytes] = field(default_factory=list)


def read_piece(path: Path) -> Piece:
    try:
        return read_sealed(path) if is_parquet(path) else read_journal(path)
    except OSError as error:
        raise HistoryError(path, f"cannot be read: {error.strerror}") from None


def read_journal(path: Path) -> Piece:
    """One journal, line by line. Raises HistoryError at the first line that does not fit."""
    try:
        lines = read_lines(path)
    except LineError as error:
        raise HistoryError(path, error.what, line=error.line) from None
    source = Source(path.stem, path, lines.operations.height, lines.invoke_lines)
    return Piece(source, lines.operations.lazy(), lines.audit, lines.events, lines.raw_events)


def read_sealed(path: Path) -> Piece:
    """One sealed file and what was sealed beside it. The operations are scanned, not loaded."""
    frame, height = scan_operations(path)
    return Piece(Source(path.stem, path, height), frame, read_audit(path), read_events(path))


def find_spans(rows: list[int]) -> Iterator[tuple[int, int]]:
    """Ascending rows as few first and last ones, so that neighbours are read at once and the rest is not."""
    begin = 0
    for index in range(1, len(rows) + 1):
        if index == len(rows) or rows[index] - rows[index - 1] > ROWS_APART_MAX:
            yield rows[begin], rows[index - 1]
            begin = index


def join_audits(audits: list[pl.DataFrame]) -> pl.DataFrame:
    """All trails in one frame, numbered anew so that no two files' trails are taken for one."""
    numbered, start = [], 0
    for audit in audits:
        if audit.height:
            numbered.append(audit.with_columns(pl.col("trail") + start))
            start = int(numbered[-1]["trail"].max()) + 1  # type: ignore[arg-type]
    return pl.concat(numbered) if numbered else pl.DataFrame(schema=AUDIT_SCHEMA)


def refuse_malformed(sources: tuple[Source, ...], frame: pl.LazyFrame, encoded: pl.DataFrame) -> None:
    """Raises HistoryError for the first operation that cannot be: a wrong word, a duplicate id, time running back."""
    malformed = find_malformed(frame, encoded)
    if malformed is None:
        return
    row = malformed.row
    for source in sources:
        if row < source.operations:
            line = source.lines[row] if source.lines else None
            raise HistoryError(source.path, malformed.what, line=line, row=None if line else row)
        row -= source.operations
    raise AssertionError(malformed)
