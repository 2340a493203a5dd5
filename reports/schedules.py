"""Schedules, as the interleavings level records them: which orders were run, what came of each, and how to say it.

A journal has events `statement` (number, sql), `schedule` (one order, run on a workflow of its own) and `exploration`
(how far the orders of one plan were walked).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import msgspec

from reports.faults import HARMLESS
from reports.history import History

COLUMN = 54
LINES_PER_CELL_MAX = 2
RACE_FORMAT = 1
# Of such an order nobody knows what became of it: a statement of two owners, or a service that did otherwise.
UNDECIDED = frozenset({"unknown", "diverged"})
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
    """One order that was run. `plan` is the number of its exploration within its source."""

    source: str
    plan: int
    workflow: str
    order: str
    steps: tuple[Line, ...]
    answers: tuple[str, ...]
    remarks: frozenset[str]
    switches: int

    @property
    def size(self) -> tuple[int, bool, int, int]:
        """Fewest requests come first, then what will happen again for certain, fewest switches, fewest statements."""
        chancy = any(step.fault in CHANCY for step in self.steps)
        return len(self.answers), chancy, self.switches, len(self.order)


def read_schedules(history: History) -> list[Schedule]:
    """Every schedule of a history, in the order of the files."""
    texts = {(event["source"], event["number"]): event["sql"] for event in history.having("statement")}
    found = []
    for event in history.having("schedule"):
        lines = [
            Line(name, texts[event["source"], number], effect, fault) for name, number, effect, fault in event["steps"]
        ]
        found.append(
            Schedule(
                event["source"],
                event["plan"],
                event["workflow"],
                event["order"],
                tuple(lines),
                tuple(event["answers"]),
                frozenset(event["remarks"]),
                event["switches"],
            )
        )
    return found


def draw_trace(schedule: Schedule) -> str:
    """The statements in columns, one for each request, in the order in which they ran; the answers below."""
    count = len(schedule.answers)
    names = "ABCDEFGH"[:count]
    lines = ["    " + " | ".join(f"{name:{COLUMN}}" for name in names).rstrip()]
    for number, step in enumerate(schedule.steps, start=1):
        text = " ".join(step.sql.split())
        notes = [note for note in (step.effect and f"({step.effect})", step.fault and f"!! {step.fault}") if note]
        cell = wrap(text, COLUMN)[:LINES_PER_CELL_MAX]
        if len(wrap(text, COLUMN)) > LINES_PER_CELL_MAX:
            cell[-1] = cell[-1][: COLUMN - 4] + " ..."
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


def explain_order(schedule: Schedule) -> str:
    """One sentence on what the order did; empty where nothing is known to say."""
    winners = [name for name, answer in zip("ABCDEFGH", schedule.answers, strict=False) if answer == "won"]
    for number, step in enumerate(schedule.steps):
        if step.fault and step.fault not in HARMLESS:
            answer = schedule.answers["ABCDEFGH".index(step.session)]
            met = f"{step.session}'s statement of step {number + 1} met a fault ({step.fault})"
            return f"{met}, and {step.session} was answered {answer}."
    if len(winners) < 2:
        return ""
    return (
        explain_wait(schedule, winners)
        or explain_stale_read(schedule, winners)
        or explain_second_try(schedule, winners)
    )


def explain_wait(schedule: Schedule, winners: Sequence[str]) -> str:
    """A write that waited for a lock and went on as if nothing had happened meanwhile."""
    for number, step in enumerate(schedule.steps):
        if step.effect != "waited" or step.session not in winners:
            continue
        others = [earlier.session for earlier in schedule.steps[:number] if earlier.session != step.session]
        if others and not find_read(schedule, step.session, number):
            return (
                f"{step.session}'s statement of step {number + 1} waited for a lock of {others[-1]}'s, and wrote when "
                f"{others[-1]} had committed: what it asks of the state was not asked again after the wait."
            )
    return ""


def explain_stale_read(schedule: Schedule, winners: Sequence[str]) -> str:
    """A read, then another's write, then a write that rests on the read."""
    for number, step in enumerate(schedule.steps):
        if step.session not in winners or is_read(step.sql) or is_end(step.sql):
            continue
        read = find_read(schedule, step.session, number)
        if read is None:
            continue
        between = [
            (place, other)
            for place, other in enumerate(schedule.steps[:number])
            if other.session in winners and other.session != step.session and not is_read(other.sql) and place > read
        ]
        if between:
            place, other = between[0]
            return (
                f"{step.session} read in step {read + 1}, {other.session} wrote in step {place + 1}, and in step "
                f"{number + 1} {step.session} wrote what it had decided on before: its write did not look again."
            )
    return ""


def explain_second_try(schedule: Schedule, winners: Sequence[str]) -> str:
    """A write, then a read, then a write again by one and the same."""
    for number, step in enumerate(schedule.steps):
        read = find_read(schedule, step.session, number)
        if step.session not in winners or read is None or is_read(step.sql) or is_end(step.sql):
            continue
        tried = [place for place in range(read) if schedule.steps[place].session == step.session]
        tried = [place for place in tried if schedule.steps[place].sql == step.sql]
        if tried:
            return (
                f"{step.session} came too late in step {tried[0] + 1}, looked in step {read + 1}, and in step "
                f"{number + 1} wrote all the same, over a state that it was not asked to leave."
            )
    return ""


def find_read(schedule: Schedule, session: str, before: int) -> int | None:
    """The last read of a session before a step, by number from 0."""
    places = [
        place for place, step in enumerate(schedule.steps[:before]) if step.session == session and is_read(step.sql)
    ]
    return places[-1] if places else None


def is_read(sql: str) -> bool:
    return sql.lstrip().lower().startswith("select")


def is_end(sql: str) -> bool:
    return sql.strip().rstrip(";").lower() in ("commit", "rollback", "end", "begin")
