"""Schedules, as the interleavings level records them: which orders ran, and what came of each.

A journal has events `statement` (number, sql), `schedule` (one order, run on a workflow of its own) and `exploration`
(how many orders of one pairing were run).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from reports.history import events
from reports.history.history import History
from reports.judge.levels.race_file_format import Line
from reports.judge.levels.sql import clip

NAMES = "ABCDEFGH"  # of the requests
COLUMN = 54
# The outcome of such an order is not known: a statement could belong to two requests, or the service did otherwise.
UNDECIDED = frozenset({"unknown", "diverged"})
# Of a schedule that was to follow a race file.
LEFT = "left the recorded order"
# Of these, what the database makes of the statement is open. Not so of a killed server: the statement never came.
CHANCY = ("connection lost during",)


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
    names = NAMES[:count]
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
