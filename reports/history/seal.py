"""Sealing: a finished journal becomes Parquet and two siblings; the journal goes once they have been read back."""

from pathlib import Path

import polars as pl

from reports.history.file_selection import (
    JOURNAL,
    SEALED,
    SEALED_AUDIT,
    SEALED_EVENTS,
    HistoryError,
    find_files,
    is_sealed_audit,
    is_sealed_events,
    scan_parquet,
)
from reports.history.history import read_journal

ROW_GROUP_ROWS = 131_072


def seal_history(path: Path) -> list[Path]:
    """Seals every journal at a path (a journal, a folder, a run directory); the sealed files. Raises HistoryError."""
    return [seal_journal(file) for file in find_files(path) if file.suffix == JOURNAL]


def seal_journal(journal: Path) -> Path:
    """Seals one journal and removes it; the path of its Parquet file.

    The operations are written last, under another name first: if they exist, their siblings exist, too. While the
    journal exists, readers take the journal.
    """
    piece = read_journal(journal)
    sealed = journal.with_suffix(SEALED)
    operations = piece.frame.sort("workflow", "invoked_ns", maintain_order=True).collect()
    audit, events = (journal.with_name(journal.stem + ending) for ending in (SEALED_AUDIT, SEALED_EVENTS))
    for sibling, is_mine in ((audit, is_sealed_audit), (events, is_sealed_events)):
        if sibling.exists() and not is_mine(sibling):
            raise HistoryError(journal, f"cannot be sealed: {sibling.name} is a history of its own")
    if piece.audit.height:
        piece.audit.write_parquet(audit.absolute())
    if piece.event_lines:
        events.write_bytes(b"".join(line.rstrip() + b"\n" for line in piece.event_lines))
    part = sealed.with_suffix(".part")
    operations.write_parquet(part.absolute(), row_group_size=ROW_GROUP_ROWS)
    held = scan_parquet(part).select(pl.len()).collect().item()
    if held != operations.height:
        raise HistoryError(journal, f"was sealed with {held} of {operations.height} operations; it is kept")
    part.replace(sealed)
    journal.unlink()
    return sealed
