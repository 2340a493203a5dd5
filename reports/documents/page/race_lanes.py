"""Lanes: one per request, invoke to return, on a common clock. SVG in percentages, so that text keeps its size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.comparison.facts import ShownOperation
from reports.documents.page.axis import spread
from reports.documents.page.shapes import draw_marks, put_together, shape, vertical
from reports.judge.text.short_forms import show_states, show_time

ROW, BAR, HEAD, FOOT = 24, 12, 20, 24  # px
LEFT, RIGHT = 0.8, 99.2  # %
LENGTH_MIN = 0.7  # %: what is too short to be seen
TICKS_MAX = 4


@dataclass(frozen=True)
class Kind:
    """How an outcome is drawn: never by colour alone. `many` is one and several of it, in words.

    The bar is `inset` px lower than a lane's bar at its top and bottom.
    """

    label: str
    many: tuple[str, str]
    sign: str
    inset: int = 0
    corners: str = ' rx="2"'

    def draw(self, kind: str, x: str, y: int, width: str, height: int) -> Markup:
        corners = Markup(self.corners)  # noqa: S704 - one of the two below
        top, high = y + self.inset, height - 2 * self.inset
        return shape('<rect class="{}" x="{}" y="{}" width="{}" height="{}"{}/>', kind, x, top, width, high, corners)


KINDS: Mapping[str, Kind] = {
    "won": Kind("won: filled", ("winner", "winners"), "●"),
    "conflict": Kind("conflict: outlined", ("conflict", "conflicts"), "○"),
    "stale": Kind("stale (lost: its version was no longer current): a narrow outline", ("stale", "stale"), "◌", 1),
    "ok": Kind("answered (a read or a create): low", ("answer", "answers"), "·", 2),
    "busy": Kind("busy (nothing happened; ask again): a low outline", ("busy", "busy"), "↻", 2),
    "refused": Kind("refused: a thin line", ("refused", "refused"), "–", 4, ""),
    "unknown": Kind("unknown: dashed; it may have taken effect, or never", ("unknown", "unknown"), "?"),
}


def name_kind(operation: ShownOperation) -> str:
    return operation.outcome if operation.outcome in KINDS else "unknown"


@dataclass(frozen=True)
class Clock:
    """From nanoseconds to a share of the width, in percent."""

    first: int
    last: int

    @classmethod
    def of(cls, operations: Sequence[ShownOperation]) -> "Clock":
        ends = [each.returned_ns for each in operations if each.returned_ns is not None]
        starts = [each.invoked_ns for each in operations]
        first, last = min(starts), max([*ends, *starts])
        return cls(first, max(last, first + 1))

    def place(self, moment: int) -> float:
        share = (moment - self.first) / (self.last - self.first)
        return LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0)


def measure_height(operations: Sequence[ShownOperation]) -> int:
    return HEAD + ROW * (len(operations) + 1) + FOOT


def draw_lanes(operations: Sequence[ShownOperation]) -> Markup:
    """The lanes, the state above, the clock below."""
    clock = Clock.of(operations)
    lanes = (draw_lane(each, clock, HEAD + ROW * (index + 1)) for index, each in enumerate(operations))
    ground = draw_ground(operations, clock, measure_height(operations))
    return put_together([ground, draw_state(operations, clock), *lanes])


def find_states(operations: Sequence[ShownOperation]) -> tuple[str, str]:
    """The state before and after, as far as the winners tell: `A`, `→ B`."""
    winners = sorted((each for each in operations if each.outcome == "won"), key=when_answered)
    first = (winners or list(operations))[0]
    before = show_states(first.expected)
    after = dict.fromkeys(str(each.next) for each in winners if each.next is not None)
    return before, f"→ {', '.join(after)}" if after else ""


def when_answered(operation: ShownOperation) -> int:
    returned = operation.returned_ns
    return int(operation.invoked_ns if returned is None else returned)


def find_lead(identities: Sequence[str]) -> int:
    """How much all ids begin with alike, up to a separator: where there is little room it is left out."""
    pairs = zip(min(identities), max(identities), strict=False)
    alike = next((index for index, (one, other) in enumerate(pairs) if one != other), 0)
    return max((index + 1 for index in range(alike) if not identities[0][index].isalnum()), default=0)


def draw_ground(operations: Sequence[ShownOperation], clock: Clock, height: int) -> Markup:
    """The release and its spread, and the clock: a line for each tick."""
    bottom, start = height - FOOT, f"{LEFT}%"
    width = max(clock.place(max(each.invoked_ns for each in operations)) - LEFT, 0.3)
    parts = [
        shape('<rect class="release" x="{}" y="{}" width="{:.2f}%" height="{}"/>', start, HEAD, width, bottom - HEAD),
        vertical("release", start, 4, bottom),
        shape('<text class="axis" x="{}" dx="4" y="13">release</text>', start),
    ]
    marks = spread((clock.place(tick), show_time(tick)) for tick in choose_ticks(clock))
    return put_together([*parts, draw_marks(marks, HEAD, bottom)])


def choose_ticks(clock: Clock) -> list[int]:
    """Round moments, at most TICKS_MAX."""
    span = clock.last - clock.first
    step = next(size * 10**power for power in range(19) for size in (1, 2, 5) if span <= size * 10**power * TICKS_MAX)
    ticks = range(step, span + 1, step)
    return [clock.first + tick for tick in ticks]


def draw_state(operations: Sequence[ShownOperation], clock: Clock) -> Markup:
    """The state's own lane: known before the first winner was asked, and again once one was answered."""
    winners = [each for each in operations if each.outcome == "won"]
    pieces = [("before", LEFT, RIGHT)]
    if winners:
        asked = clock.place(min(each.invoked_ns for each in winners))
        known = max(clock.place(max(map(when_answered, winners))), asked + LENGTH_MIN)
        pieces = [("before", LEFT, asked), ("between", asked, known), ("after", known, RIGHT)]
    text = '<rect class="{}" x="{}" y="{}" width="{:.2f}%" height="{}"/>'
    y = HEAD + (ROW - BAR) // 2
    return put_together(
        shape(text, name, f"{start:.2f}%", y, stop - start, BAR) for name, start, stop in pieces if stop > start
    )


def draw_lane(operation: ShownOperation, clock: Clock, y: int) -> Markup:
    """One request. What never returned runs to the edge, and has an open end."""
    start, returned = clock.place(operation.invoked_ns), operation.returned_ns
    stop = 100.0 if returned is None else max(clock.place(returned), start + LENGTH_MIN)
    start = min(start, stop - LENGTH_MIN)
    top = y + (ROW - BAR) // 2
    held = shape('<rect class="holds" x="0" y="{}" width="100%" height="{}"/>', y + 1, ROW - 2)
    rule = shape('<line class="rule" x1="{}%" x2="{}%" y1="{}" y2="{}"/>', LEFT, RIGHT, y + ROW, y + ROW)
    kind = name_kind(operation)
    bar = KINDS[kind].draw(kind, f"{start:.2f}%", top, f"{stop - start:.2f}%", BAR)
    parts = [held] * operation.held + [rule, bar]
    arrived = operation.arrived_ns
    if arrived is not None and clock.first <= arrived <= clock.last:
        parts.append(vertical("arrived", f"{clock.place(arrived):.2f}%", top - 3, top + BAR + 3))
    parts += [draw_call(clock.place(moment), top) for moment in operation.calls_ns]
    return put_together(parts)


def draw_call(place: float, top: int, unit: str = "%") -> Markup:
    """A call of the service to a sink. One behind the last answer stands at the edge."""
    return shape('<circle class="called" cx="{:.2f}{}" cy="{}" r="4"/>', place, unit, top + BAR // 2)
