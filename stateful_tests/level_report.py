"""How a level ended, as its `level` event tells it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from load.client.asker import Asker
from load.client.silence import SILENT
from reports.history import events

STARVED = "no workflow could be created any more"
MISMATCH, BROKE_OFF = "mismatch", "broke off"


class MismatchError(AssertionError):
    """The engine's answers are not ones that the model allows."""


class Progress(Protocol):
    """What a level has done: `run` of `amount`; `is_starved` once no workflow can be created any more."""

    @property
    def amount(self) -> int: ...
    @property
    def run(self) -> int: ...
    @property
    def is_starved(self) -> bool: ...


@dataclass
class Report:
    """Why the level ended."""

    ended: str = BROKE_OFF


@contextmanager
def report_level(asker: Asker, name: str, unit: str, progress: Progress) -> Iterator[Report]:
    """Records at its end how far a level came, and why it ended; then it ends the asker."""
    report = Report()
    try:
        yield report
        report.ended = explain_end(asker, progress)
    except MismatchError:
        report.ended = MISMATCH
        raise
    finally:
        asker.look_again()
        record_level(asker, name, unit, progress, report.ended)
        asker.end()


def record_level(asker: Asker, name: str, unit: str, progress: Progress, ended: str) -> None:
    asker.journal.write(events.Level(level=name, unit=unit, planned=progress.amount, run=progress.run, ended=ended))


def explain_end(asker: Asker, progress: Progress) -> str:
    """Why a level ended that met no mismatch."""
    if asker.silence.is_certain:
        return SILENT
    if progress.run >= progress.amount:
        return "complete"
    if asker.is_out:
        return "out of ids"
    return STARVED if progress.is_starved else "time"
