"""Lanes: one per request, invoke to return, on a common clock. SVG in percentages, so that text keeps its size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reports.comparison.facts import Operation
from reports.documents.page.shapes import label, vertical
from reports.documents.page.text import show
from reports.judge.text import show_time

ROW, BAR, HEAD, FOOT = 24, 12, 20, 24  # px
LEFT, RIGHT = 0.8, 99.2  # %
LENGTH_MIN = 0.7  # %: what is too short to be seen
TICKS_MAX = 4


@dataclass(frozen=True)
class Kind:
    """How an outcome is drawn: never by colour alone. `many` is one and several of it, in words."""

    label: str
    many: tuple[str, str]
    draw: Callable[[str, str, str, int], str]


def solid(x: str, y: str, width: str, height: int) -> str:
    return f'<rect class="won" x="{x}" y="{y}" width="{width}" height="{height}" rx="2"/>'


def hollow(x: str, y: str, width: str, height: int) -> str:
    return f'<rect class="conflict" x="{x}" y="{y}" width="{width}" height="{height}" rx="2"/>'


def dashed(x: str, y: str, width: str, height: int) -> str:
    return f'<rect class="unknown" x="{x}" y="{y}" width="{width}" height="{height}" rx="2"/>'


def thin(x: str, y: str, width: str, height: int) -> str:
    return f'<rect class="refused" x="{x}" y="{float(y) + height / 2 - 2:g}" width="{width}" height="4"/>'


def low(x: str, y: str, width: str, height: int) -> str:
    return f'<rect class="busy" x="{x}" y="{float(y) + 2:g}" width="{width}" height="{height - 4}" rx="2"/>'


def plain(x: str, y: str, width: str, height: int) -> str:
    return f'<rect class="ok" x="{x}" y="{float(y) + 2:g}" width="{width}" height="{height - 4}" rx="2"/>'


KINDS: Mapping[str, Kind] = {
    "won": Kind("won: filled", ("winner", "winners"), solid),
    "conflict": Kind("conflict: outlined", ("conflict", "conflicts"), hollow),
    "ok": Kind("answered (a read or a create): low", ("answer", "answers"), plain),
    "busy": Kind("busy (nothing happened; ask again): a low outline", ("busy", "busy"), low),
    "refused": Kind("refused: a thin line", ("refused", "refused"), thin),
    "unknown": Kind("unknown: dashed; it may have taken effect, or never", ("unknown", "unknown"), dashed),
}


def name_kind(operation: Operation) -> str:
    return operation.outcome if operation.outcome in KINDS else "unknown"


@dataclass(frozen=True)
class Clock:
    """From nanoseconds to a share of the width, in percent."""

    first: int
    last: int

    @classmethod
    def of(cls, operations: Sequence[Operation]) -> "Clock":
        ends = [each.returned_ns for each in operations if each.returned_ns is not None]
        starts = [each.invoked_ns for each in operations]
        first, last = min(starts), max([*ends, *starts])
        return cls(first, max(last, first + 1))

    def place(self, moment: int) -> float:
        share = (moment - self.first) / (self.last - self.first)
        return LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0)


def draw_lanes(operations: Sequence[Operation], identity: str, title: str, words: str) -> str:
    """The picture: who, lane, answer; the state before and after above, the clock below. `identity` is its own."""
    clock = Clock.of(operations)
    height = HEAD + ROW * (len(operations) + 1) + FOOT
    before, after = find_states(operations)
    lanes = "".join(draw_lane(each, clock, HEAD + ROW * (index + 1)) for index, each in enumerate(operations))
    lead = find_lead([str(each.id) for each in operations])
    who = "".join(f"<div>{name(each, lead)}</div>" for each in operations)
    asked = {(each.kind, tuple(each.expected), each.next) for each in operations}
    answers = "".join(f"<div>{answer(each, alike=len(asked) == 1)}</div>" for each in operations)
    return (
        f'<div class="lanes"><div class="who" aria-hidden="true"><div>{show(before)}</div>{who}</div>'
        f'<svg height="{height}" role="img" aria-labelledby="{identity}-title {identity}-words">'
        f'<title id="{identity}-title">{title}</title><desc id="{identity}-words">{show(words, 6_000)}</desc>'
        f"{draw_ground(operations, clock, height)}{draw_state(operations, clock)}{lanes}</svg>"
        f'<div class="answers" aria-hidden="true"><div class="after">{show(after)}</div>{answers}</div></div>'
    )


def find_states(operations: Sequence[Operation]) -> tuple[str, str]:
    """The state before and after, as far as the winners tell: `A`, `→ B`."""
    winners = sorted((each for each in operations if each.outcome == "won"), key=when_answered)
    first = (winners or list(operations))[0]
    before = "|".join(first.expected)
    after = dict.fromkeys(str(each.next) for each in winners if each.next is not None)
    return before, f"→ {', '.join(after)}" if after else ""


def when_answered(operation: Operation) -> int:
    returned = operation.returned_ns
    return int(operation.invoked_ns if returned is None else returned)


def find_lead(identities: Sequence[str]) -> int:
    """How much all ids begin with alike, up to a separator: where there is little room it is left out."""
    pairs = zip(min(identities), max(identities), strict=False)
    alike = next((index for index, (one, other) in enumerate(pairs) if one != other), 0)
    return max((index + 1 for index in range(alike) if not identities[0][index].isalnum()), default=0)


def name(operation: Operation, lead: int) -> str:
    held = '<span class="held">▸</span> ' if operation.held else ""
    identity = str(operation.id)
    front = f'<span class="lead">{show(identity[:lead])}</span>' if lead else ""
    return f'{held}<span title="{show(identity)}">{front}{show(identity[lead:])}</span>'


def answer(operation: Operation, *, alike: bool) -> str:
    """won 200 · → B where the contenders asked for different things; conflict 409, told B."""
    kind = name_kind(operation)
    sign = {"won": "●", "conflict": "○", "unknown": "?", "refused": "–", "busy": "↻", "ok": "·"}[kind]
    asked = f" → {operation.next}" if not alike and operation.next else ""
    told = f", told {operation.observed}" if operation.observed is not None else ""
    text = f"{operation.outcome} {operation.status or 'no answer'}"
    more = f"<small>{show(asked + told)}</small>"
    return f'<span class="{kind}" title="{show(text + asked + told)}">{sign} {show(text)}{more}</span>'


def draw_ground(operations: Sequence[Operation], clock: Clock, height: int) -> str:
    """The release and its spread, and the clock: a line for each tick."""
    bottom, start = height - FOOT, f"{LEFT}%"
    width = max(clock.place(max(each.invoked_ns for each in operations)) - LEFT, 0.3)
    spread = f'<rect class="release" x="{start}" y="{HEAD}" width="{width:.2f}%" height="{bottom - HEAD}"/>'
    parts = [
        spread,
        vertical("release", start, 4, bottom),
        f'<text class="axis" x="{start}" dx="4" y="13">release</text>',
    ]
    for tick in choose_ticks(clock):
        place = clock.place(tick)
        x, anchor = f"{place:.2f}%", "end" if place > 80 else "middle"
        parts += [vertical("grid", x, HEAD, bottom + 4), label(x, height - 6, show_time(tick), anchor)]
    return "".join(parts)


def choose_ticks(clock: Clock) -> list[int]:
    """Round moments, at most TICKS_MAX, none so near to an edge that its text is cut."""
    span = clock.last - clock.first
    step = next(size * 10**power for power in range(19) for size in (1, 2, 5) if span <= size * 10**power * TICKS_MAX)
    ticks = range(step, span + 1, step)
    return [clock.first + tick for tick in ticks if clock.place(clock.first + tick) < 94]


def draw_state(operations: Sequence[Operation], clock: Clock) -> str:
    """The state's own lane: known before the first winner was asked, and again once one was answered."""
    winners = [each for each in operations if each.outcome == "won"]
    y, end = HEAD + (ROW - BAR) // 2, RIGHT
    if not winners:
        return f'<rect class="before" x="{LEFT}%" y="{y}" width="{end - LEFT:.2f}%" height="{BAR}"/>'
    asked = clock.place(min(each.invoked_ns for each in winners))
    known = max(clock.place(max(map(when_answered, winners))), asked + LENGTH_MIN)
    pieces = (("before", LEFT, asked), ("between", asked, known), ("after", known, end))
    return "".join(
        f'<rect class="{name}" x="{start:.2f}%" y="{y}" width="{stop - start:.2f}%" height="{BAR}"/>'
        for name, start, stop in pieces
        if stop > start
    )


def draw_lane(operation: Operation, clock: Clock, y: int) -> str:
    """One request. What never returned runs to the edge, and has an open end."""
    start, returned = clock.place(operation.invoked_ns), operation.returned_ns
    stop = 100.0 if returned is None else max(clock.place(returned), start + LENGTH_MIN)
    start = min(start, stop - LENGTH_MIN)
    top = y + (ROW - BAR) // 2
    bar = KINDS[name_kind(operation)].draw(f"{start:.2f}%", str(top), f"{stop - start:.2f}%", BAR)
    rule = f'<line class="rule" x1="{LEFT}%" x2="{RIGHT}%" y1="{y + ROW}" y2="{y + ROW}"/>'
    held = f'<rect class="holds" x="0" y="{y + 1}" width="100%" height="{ROW - 2}"/>' if operation.held else ""
    arrived = operation.arrived_ns
    if arrived is None or not clock.first <= arrived <= clock.last:
        return f"{held}{rule}{bar}"
    return f"{held}{rule}{bar}{vertical('arrived', f'{clock.place(arrived):.2f}%', top - 3, top + BAR + 3)}"
