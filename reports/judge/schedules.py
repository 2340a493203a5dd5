"""Schedules, as the interleavings level records them: which orders ran, and what came of each.

A journal has events `statement` (number, sql), `schedule` (one order, run on a workflow of its own) and `exploration`
(how many orders of one pairing were run).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import msgspec

from engine.target.plain_file import MALFORMED, read_plain
from reports.history import events
from reports.history.history import History
from reports.judge.sql import clip

COLUMN = 54
RACE_FORMAT = 2
# How a race file of format 1 calls what has another name now.
FORMER_NAMES = {"sessions": "requests", "session": "request"}
# The outcome of such an order is not known: a statement could belong to two requests, or the service did otherwise.
UNDECIDED = frozenset({"unknown", "diverged"})
# Of a schedule that was to follow a race file.
LEFT = "left the recorded order"
# Of these, what the database makes of the statement is open. Not so of a killed server: the statement never came.
CHANCY = ("connection lost during",)


class RaceFileError(Exception):
    """A file that is no race; one sentence."""


class RaceRequest(
    msgspec.Struct, frozen=True, omit_defaults=True, rename={"origin": "from"}, forbid_unknown_fields=True
):
    """One request of a race: an advance over a route, a write, a create, a take, or a give-back."""

    name: str
    tenant: str
    route: str
    origin: str
    to: str
    write: str = ""
    key: str = ""
    variant: str = ""
    user: int = 0
    body: str = ""
    creates: bool = False
    takes: bool = False
    gives_back: bool = False


class Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A statement of a request, as it ran when the race was found; `fault` is the fault injected there."""

    request: str
    sql: str
    effect: str = ""
    fault: str | None = None


class Race(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A race as data: the requests, the `state` of their workflow, the `order` of the held statements, what must hold.

    When the race was found, the service got `arguments`, and `parameters` were the settings of its database sessions.
    `apart`: each request has a workflow of its own in that state. After the first `lead` statements it waited until
    `wait_s` after the workflow was ready; requests without any were sent then.
    """

    format: int
    target: str
    found: str
    state: str
    requests: tuple[RaceRequest, ...]
    order: str
    must_hold: tuple[str, ...]
    faults: Mapping[int, str] = {}
    arguments: tuple[str, ...] = ()
    parameters: Mapping[str, str] = {}
    steps: tuple[Line, ...] = ()
    apart: bool = False
    wait_s: float = 0.0
    lead: int = 0


def write_race(path: Path, race: Race) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(race), indent=2) + b"\n")


def read_race(path: Path) -> Race:
    """The race of a file. Raises RaceFileError."""
    try:
        read = msgspec.json.decode(read_plain(path))
        number = read.get("format") if isinstance(read, dict) else None
        if number == 1:
            read = rename(read)
        elif isinstance(number, int) and number != RACE_FORMAT:
            raise RaceFileError(f"{path}: is a race of format {number}; this version reads formats 1 to {RACE_FORMAT}")
        race = msgspec.convert(read, Race, str_keys=True)
    except OSError as error:
        raise RaceFileError(f"{path}: cannot be read: {error.strerror}") from None
    except MALFORMED as error:
        raise RaceFileError(f"{path}: is no race: {error}") from None
    names = {request.name for request in race.requests}
    strange = sorted(set(race.order) - names)
    if strange or not race.requests:
        raise RaceFileError(f"{path}: order: there is no request {', '.join(strange) or 'at all'}")
    return race


def rename(read: Any) -> Any:
    """A race of format 1 with the names of format 2."""
    if isinstance(read, list):
        return [rename(each) for each in read]
    if isinstance(read, dict):
        renamed = {FORMER_NAMES.get(name, name): rename(value) for name, value in read.items()}
        return {**renamed, "format": RACE_FORMAT} if "format" in renamed else renamed
    return read


@dataclass(frozen=True)
class Schedule:
    """One order that was run, on these workflows. `pairing` is the number of its exploration within its source;
    `began_ns` is null in old histories. `wait_s` and `lead` are those of a race.
    """

    source: str
    pairing: int
    workflows: tuple[str, ...]
    order: str
    steps: tuple[Line, ...]
    answers: tuple[str, ...]
    remarks: frozenset[str]
    switches: int
    began_ns: int | None = None
    wait_s: float = 0.0
    lead: int = 0

    @property
    def identity(self) -> tuple[str, int, str, float, int]:
        """The same for one that ran again."""
        return self.source, self.pairing, self.order, self.wait_s, self.lead

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
            event.began_ns,
            event.wait_s or 0.0,
            event.lead or 0,
        )
        for source, event in history.by_source(events.Schedule)
    ]


def draw_trace(schedule: Schedule) -> str:
    """The statements in columns, one for each request, in the order in which they ran; the answers below."""
    count = len(schedule.answers)
    names = "ABCDEFGH"[:count]
    lines = ["    " + " | ".join(f"{name:{COLUMN}}" for name in names).rstrip()]
    for number, step in enumerate(schedule.steps, start=1):
        if schedule.wait_s and number == schedule.lead + 1:
            lines.append(f"    -- {schedule.wait_s:g} s after the workflow was ready --")
        notes = [note for note in (step.effect and f"({step.effect})", step.fault and f"!! {step.fault}") if note]
        cell = wrap(clip(step.sql), COLUMN)
        lines += lay_out(number, names.index(step.request), [*cell, *notes], count)
    answers = " | ".join(f"{f'answered {answer}':{COLUMN}}" for answer in schedule.answers)
    return "\n".join([*lines, ("    " + answers).rstrip()])


def lay_out(number: int, column: int, cell: Sequence[str], count: int) -> list[str]:
    drawn = []
    for place, text in enumerate(cell):
        cells = [text if at == column else "" for at in range(count)]
        head = f"{number:3} " if place == 0 else "    "
        drawn.append((head + " | ".join(f"{each:{COLUMN}}" for each in cells)).rstrip())
    return drawn
