"""Schedules, as the interleavings level records them: which orders were run, what came of each, and how to say it.

A journal has events `statement` (number, sql), `schedule` (one order, run on a workflow of its own) and `exploration`
(how many orders of one pairing were run).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import msgspec

from reports.history import events
from reports.history.history import History
from reports.judge.statements import clip

COLUMN = 54
RACE_FORMAT = 1
# Of such an order nobody knows what became of it: a statement of two owners, or a service that did otherwise.
UNDECIDED = frozenset({"unknown", "diverged"})
# Of a schedule that was to follow a race file.
LEFT = "left the recorded order"
# Of these, what the database makes of the statement is open. Not so of a killed server: the statement never came.
CHANCY = ("connection lost during",)


class RaceFileError(Exception):
    """A file that is no race; one sentence."""


class Session(msgspec.Struct, frozen=True, rename={"origin": "from"}, forbid_unknown_fields=True):
    """One request of a race."""

    name: str
    tenant: str
    route: str
    origin: str
    to: str


class Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A statement, as it went when the race was found: for the reader. `fault` is what befalls it."""

    session: str
    sql: str
    effect: str = ""
    fault: str | None = None


class Race(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A race as data: who asks what, of a workflow in `state`; in which `order` the held statements go; what must hold.

    `arguments` went to the service, and `parameters` were settings of its database sessions, when it was found.
    `apart`: each request has a workflow of its own in that state.
    """

    format: int
    target: str
    found: str
    state: str
    sessions: tuple[Session, ...]
    order: str
    must_hold: tuple[str, ...]
    faults: Mapping[int, str] = {}
    arguments: tuple[str, ...] = ()
    parameters: Mapping[str, str] = {}
    steps: tuple[Line, ...] = ()
    apart: bool = False


def write_race(path: Path, race: Race) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(race), indent=2) + b"\n")


def read_race(path: Path) -> Race:
    """The race of a file. Raises RaceFileError."""
    try:
        race = msgspec.json.decode(path.read_bytes(), type=Race)
    except OSError as error:
        raise RaceFileError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise RaceFileError(f"{path}: is no race: {error}") from None
    if race.format != RACE_FORMAT:
        raise RaceFileError(f"{path}: is a race of format {race.format}; this version reads format {RACE_FORMAT}")
    names = {session.name for session in race.sessions}
    strange = sorted(set(race.order) - names)
    if strange or not race.sessions:
        raise RaceFileError(f"{path}: order: there is no session {', '.join(strange) or 'at all'}")
    return race


@dataclass(frozen=True)
class Schedule:
    """One order that was run, on these workflows. `pairing` is the number of its exploration within its source."""

    source: str
    pairing: int
    workflows: tuple[str, ...]
    order: str
    steps: tuple[Line, ...]
    answers: tuple[str, ...]
    remarks: frozenset[str]
    switches: int

    @property
    def size(self) -> tuple[bool, int, int, bool, int, int]:
        """First what needs no fault, then fewest requests and workflows, what will happen again for certain, fewest
        switches, fewest statements.
        """
        faults = [step.fault for step in self.steps if step.fault is not None]
        chancy = any(fault in CHANCY for fault in faults)
        return bool(faults), len(self.answers), len(self.workflows), chancy, self.switches, len(self.order)


def read_schedules(history: History) -> list[Schedule]:
    """Every schedule of a history, in the order of the files."""
    texts = {(source, event.number): event.sql for source, event in history.by_source(events.Statement)}
    return [
        Schedule(
            source,
            event.pairing,
            tuple(event.workflows or [event.workflow]),
            event.order,
            tuple(Line(name, texts[source, number], effect, fault) for name, number, effect, fault in event.steps),
            tuple(event.answers),
            frozenset(event.remarks),
            event.switches,
        )
        for source, event in history.by_source(events.Schedule)
    ]


def draw_trace(schedule: Schedule) -> str:
    """The statements in columns, one for each request, in the order in which they ran; the answers below."""
    count = len(schedule.answers)
    names = "ABCDEFGH"[:count]
    lines = ["    " + " | ".join(f"{name:{COLUMN}}" for name in names).rstrip()]
    for number, step in enumerate(schedule.steps, start=1):
        notes = [note for note in (step.effect and f"({step.effect})", step.fault and f"!! {step.fault}") if note]
        cell = wrap(clip(step.sql), COLUMN)
        lines += lay_out(number, names.index(step.session), [*cell, *notes], count)
    answers = " | ".join(f"{f'answered {answer}':{COLUMN}}" for answer in schedule.answers)
    return "\n".join([*lines, ("    " + answers).rstrip()])


def lay_out(number: int, column: int, cell: Sequence[str], count: int) -> list[str]:
    drawn = []
    for place, text in enumerate(cell):
        cells = [text if at == column else "" for at in range(count)]
        head = f"{number:3} " if place == 0 else "    "
        drawn.append((head + " | ".join(f"{each:{COLUMN}}" for each in cells)).rstrip())
    return drawn
