"""Regressions that are known and accepted for a while: a TOML file of measures, reasons and dates.

    [[acknowledged]]
    measure = "latency.conflict.p95"
    reason = "the new audit index; see the release notes"
    expires = 2026-12-31

That day is the last on which it holds. After it the regression counts again.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from reports.comparison.blocks import find_kind, list_measures
from reports.comparison.comparison import Acknowledgement, Change, MeasureChange

FIELDS = ("measure", "reason", "expires")


class AcknowledgedError(Exception):
    """A file of acknowledgements that cannot be used; one sentence with the place and the remedy."""


def read_acknowledged(path: Path) -> tuple[Acknowledgement, ...]:
    """The acknowledgements of a file. Raises AcknowledgedError if any of them is malformed."""
    try:
        record = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise AcknowledgedError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AcknowledgedError(f"{path}: is not TOML: {error}") from None
    strange = [key for key in record if key != "acknowledged"]
    if strange:
        raise AcknowledgedError(f"{path}: {strange[0]} is not known; write [[acknowledged]] tables")
    entries = record.get("acknowledged", [])
    if not isinstance(entries, list):
        raise AcknowledgedError(f"{path}: acknowledged is no list of tables; write [[acknowledged]]")
    taken = tuple(take_entry(f"{path}: acknowledged[{number}]", entry) for number, entry in enumerate(entries))
    for number, one in enumerate(taken):
        if one.measure in [earlier.measure for earlier in taken[:number]]:
            raise AcknowledgedError(f"{path}: acknowledged[{number}]: {one.measure} comes twice; keep one of them")
    return taken


def take_entry(place: str, entry: Any) -> Acknowledgement:
    """One entry, checked. Raises AcknowledgedError."""
    if not isinstance(entry, dict):
        raise AcknowledgedError(f"{place} is no table; write [[acknowledged]]")
    for key in [*entry, *FIELDS]:
        if key not in FIELDS:
            raise AcknowledgedError(f"{place}.{key} is not known; there are: {', '.join(FIELDS)}")
        if key not in entry:
            raise AcknowledgedError(f"{place}.{key} is missing")
    measure, reason, expires = (entry[key] for key in FIELDS)
    if not isinstance(measure, str) or find_kind(measure) is None:
        raise AcknowledgedError(f"{place}.measure: there is no {measure!r}; there are: {', '.join(list_measures())}")
    if not isinstance(reason, str) or not reason.strip():
        raise AcknowledgedError(f"{place}.reason must say in words why the regression is accepted")
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise AcknowledgedError(f"{place}.expires must be a date, written as 2026-12-31 without quotes")
    return Acknowledgement(measure, reason, expires.isoformat())


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
