"""The files of a history: which of them a path names, and which belong to others.

What is named is read, and nothing else is: no name is a pattern. `X.events.jsonl` and `X.audit.parquet` belong to the
sealed `X.parquet`, or to `X.jsonl` that was being sealed, only where their content says so; else they are a journal and
a sealed file of their own.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
import polars as pl

from reports.history.events import DECODE_KIND, Header

SEALED = ".parquet"
SEALED_AUDIT = ".audit.parquet"
SEALED_EVENTS = ".events.jsonl"
JOURNAL = ".jsonl"
PARQUET_MAGIC = b"PAR1"
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NAMED_LIKE_HISTORIES = (".jsonl", ".ndjson", ".parquet")
OF_JOURNALS_ALONE = frozenset({"invoke", "return", "audit"})
# In bytes: so that what is no journal is refused before all of it is in memory.
LINE_MAX = 64 << 20
DECODE_HEADER = msgspec.json.Decoder(Header).decode


class HistoryError(Exception):
    """A history that cannot be judged: the message names the file, the line (or row) and what is wrong."""

    def __init__(self, path: Path, what: str, *, line: int | None = None, row: int | None = None) -> None:
        place = f"{path}:{line}" if line is not None else f"{path}, row {row}" if row is not None else f"{path}"
        super().__init__(f"{place}: {what}")
        self.path, self.line, self.row, self.what = path, line, row, what


def find_files(path: Path) -> list[Path]:
    """The journals and sealed files at a path. A journal wins over its own sealed form: sealing was not finished.

    Raises HistoryError for a path that holds no history, and for a file that is named like one and cannot be read.
    """
    if not path.is_dir():
        refuse_unreadable(path)
        if is_sealed_events(path):
            raise HistoryError(path, f"holds events of {find_owner(path, SEALED_EVENTS)}; name that file")
        return [path]
    folder = choose_folder(path)
    candidates = [file for file in sorted(folder.iterdir()) if is_named_like_history(file)]
    for file in candidates:
        refuse_unreadable(file)
        if file.suffix not in (JOURNAL, SEALED):
            raise HistoryError(file, f"is named like a history, and ends neither in {JOURNAL} nor in {SEALED}")
    journals = [file for file in candidates if file.suffix == JOURNAL and not is_sealed_events(file)]
    stems = {file.stem for file in journals}
    sealed = [file for file in candidates if file.suffix == SEALED and not is_sealed_audit(file)]
    files = sorted(journals + [file for file in sealed if file.stem not in stems])
    if not files:
        raise HistoryError(folder, "holds no history: neither a .jsonl journal nor a .parquet file")
    return files


def choose_folder(path: Path) -> Path:
    """The folder itself, or the `history` of a run directory. Raises HistoryError where it may be either."""
    if not (path / "history").is_dir():
        return path
    beside = sorted(file.name for file in path.iterdir() if is_named_like_history(file))
    if beside:
        raise HistoryError(path, f"holds {beside[0]} and a folder history; name the one that is to be judged")
    return path / "history"


def list_left_out(path: Path) -> list[str]:
    """What else is in the folder that a path names, and is not read. What was sealed beside a journal that is still
    there is not read either.
    """
    if not path.is_dir():
        return []
    read = {name for file in find_files(path) for name in (file.name, *name_siblings(file))}
    return sorted(each.name for each in choose_folder(path).iterdir() if each.name not in read)


def name_siblings(file: Path) -> tuple[str, ...]:
    """The files that are read with a sealed one."""
    return (file.stem + SEALED_AUDIT, file.stem + SEALED_EVENTS) if file.suffix == SEALED else ()


def is_named_like_history(file: Path) -> bool:
    return any(suffix.lower() in NAMED_LIKE_HISTORIES for suffix in file.suffixes)


def refuse_unreadable(path: Path) -> None:
    """Raises HistoryError for what is no regular file, and for what another program has put around the lines."""
    if path.is_symlink() and not path.exists():
        raise HistoryError(path, "is a link to a file that does not exist")
    if not path.exists():
        raise HistoryError(path, "there is no such file or folder")
    if not path.is_file():
        raise HistoryError(path, "is a folder" if path.is_dir() else "is neither a regular file nor a folder")
    with path.open("rb") as content:
        begin = content.read(len(BYTE_ORDER_MARK))
    if begin.startswith(GZIP_MAGIC):
        raise HistoryError(path, "is compressed by gzip; unpack it with gunzip, and name the unpacked file", line=1)
    if begin == BYTE_ORDER_MARK:
        raise HistoryError(path, "begins with a byte order mark; save it as UTF-8 without one", line=1)


def holds_operations(folder: Path) -> bool:
    """Whether a run directory holds any operation that can be judged. A level that was ended may have left a folder,
    and a journal that is sealed is gone.
    """
    files = [file for file in sorted((folder / "history").glob("*")) if is_named_like_history(file) and file.is_file()]
    return any(file.suffix == SEALED or names_operation(file) for file in files)


def names_operation(journal: Path) -> bool:
    try:
        with journal.open("rb") as lines:
            return any(b'"invoke"' in line for line in lines)
    except FileNotFoundError:
        return False


def find_owner(file: Path, ending: str) -> Path | None:
    """The sealed file, or the journal that was being sealed, that a file with this ending may belong to."""
    base = file.name.removesuffix(ending)
    owners = [file.with_name(base + SEALED), file.with_name(base + JOURNAL)]
    return next((owner for owner in owners if file.name.endswith(ending) and owner.is_file()), None)


def is_sealed_events(file: Path) -> bool:
    """Whether these are the events that were sealed beside operations: they hold no operation and no trail, and no
    header that says that they are a journal. Beside a journal they are a copy of its lines.
    """
    owner = find_owner(file, SEALED_EVENTS)
    if owner is None:
        return False
    if owner.suffix == JOURNAL:
        return is_copy(file, owner)
    with file.open("rb") as lines:
        return not any(is_line_of_journal(line, file.stem) for line in walk_lines(lines))


def is_copy(events: Path, journal: Path) -> bool:
    """Whether all these lines stand in the journal, in this order; the last one may be cut."""
    with events.open("rb") as copied, journal.open("rb") as lines:
        rest = walk_lines(lines)
        return all(any(is_same_line(line, other) for other in rest) for line in walk_lines(copied))


def is_same_line(line: bytes, other: bytes) -> bool:
    return line.rstrip() == other.rstrip() if line.endswith(b"\n") else other.startswith(line)


def walk_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines; one that is longer than LINE_MAX comes in parts, the first of which is longer than it, too."""
    return iter(partial(file.readline, LINE_MAX + 1), b"")


def is_line_of_journal(line: bytes, source: str) -> bool:
    """Whether no sealed events hold such a line. One that cannot be read says nothing."""
    try:
        kind = DECODE_KIND(line).event
        return kind in OF_JOURNALS_ALONE or (kind == "header" and DECODE_HEADER(line).source == source)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def is_sealed_audit(file: Path) -> bool:
    """Whether these are the trails that were sealed beside operations: they have no column of operations."""
    if find_owner(file, SEALED_AUDIT) is None:
        return False
    try:
        return "kind" not in scan_parquet(file).collect_schema()
    except pl.exceptions.PolarsError:
        return True


def is_parquet(file: Path) -> bool:
    """Whether a file is sealed: by its name, else by how it begins."""
    if file.suffix == SEALED:
        return True
    with file.open("rb") as content:
        return content.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def scan_parquet(file: Path) -> pl.LazyFrame:
    """Exactly this file: Polars takes a name for a pattern, or for an address, where it can."""
    return pl.scan_parquet(file.absolute(), glob=False, hive_partitioning=False)
