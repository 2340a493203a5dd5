"""Regressions that are known and accepted for a while: a TOML file of measures, reasons and dates.

    [[acknowledged]]
    measure = "latency.conflict.p95"
    reason = "the new audit index; see the release notes"
    expires = 2026-12-31

That day is the last on which it holds. After it the regression counts again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec

from engine.target.plain_file import MALFORMED, read_plain
from reports.comparison.blocks import KINDS
from reports.comparison.comparison_result import Acknowledgement, Change, MeasureChange


class AcknowledgedError(Exception):
    """A file of acknowledgements that cannot be used; one sentence with the place and the remedy."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    measure: str
    reason: str
    expires: date


class AcknowledgedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    acknowledged: tuple[Entry, ...] = ()


def read_acknowledged(path: Path) -> tuple[Acknowledgement, ...]:
    """The acknowledgements of a file. Raises AcknowledgedError if any of them is malformed."""
    try:
        entries = msgspec.toml.decode(read_plain(path), type=AcknowledgedFile).acknowledged
    except OSError as error:
        raise AcknowledgedError(f"{path}: cannot be read: {error.strerror}") from None
    except MALFORMED as error:
        raise AcknowledgedError(f"{path}: is no list of [[acknowledged]] tables: {error}") from None
    measures = [entry.measure for entry in entries]
    for number, entry in enumerate(entries):
        place = f"{path}: acknowledged[{number}]"
        if entry.measure not in KINDS:
            raise AcknowledgedError(f"{place}.measure: there is no {entry.measure!r}; there are: {', '.join(KINDS)}")
        if not entry.reason.strip():
            raise AcknowledgedError(f"{place}.reason must say in words why the regression is accepted")
        if entry.measure in measures[:number]:
            raise AcknowledgedError(f"{place}: {entry.measure} comes twice; keep one of them")
    return tuple(Acknowledgement(entry.measure, entry.reason, entry.expires.isoformat()) for entry in entries)


def acknowledge(
    changes: Sequence[MeasureChange], known: Sequence[Acknowledgement], today: date
) -> tuple[tuple[MeasureChange, ...], tuple[str, ...]]:
    """The changes, with the acknowledgements that hold today; and a sentence for each expired acknowledgement."""
    valid = {one.measure: one for one in known if one.expires >= today.isoformat()}
    expired = [one for one in known if one.measure not in valid]
    notes = tuple(f"the acknowledgement of {one.measure} expired on {one.expires}: {one.reason}" for one in expired)
    regressed = Change.REGRESSED
    marked = (
        replace(change, acknowledged=valid.get(change.measure)) if change.verdict is regressed else change
        for change in changes
    )
    return tuple(marked), notes
