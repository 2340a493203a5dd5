"""The races, as they went: which pictures there are, what is said of each, and the same as a table."""

from collections.abc import Sequence

from msgspec.structs import asdict

from reports.comparison.facts import Facts, Operation, Picture
from reports.documents.page.lanes import KINDS, draw_lanes, find_states, name_kind
from reports.documents.page.parts import Section, fold, table
from reports.documents.page.shapes import sample, vertical
from reports.documents.page.text import show
from reports.judge.interleaving import describe_move
from reports.judge.text import capital, count, join, show_time
from reports.judge.verdict import Judgement, Verdict

TITLES = {"tightest": "The tightest race", "typical": "A typical race"}
NOTE = (
    "One lane for each request, from the release of its last byte to its whole answer. Time runs to the right and "
    "begins at the first release."
)


def render_failed_races(facts: Facts, judgement: Judgement) -> Section | None:
    """The race of the first finding of each check. A finding without a race is drawn beside its words."""
    races = [each for each in list_pictures(facts) if each.race is not None and each.purpose == "finding"]
    if not races:
        return None
    title = "The race that failed" if judgement.verdict is Verdict.FAIL else "The race in doubt"
    return Section("failed", title, "".join(render_picture(facts, each) for each in races) + legend(races), NOTE)


def render_chosen_races(facts: Facts, _judgement: Judgement) -> Section | None:
    """The tightest race and a typical one, side by side where there is room."""
    races = [each for each in list_pictures(facts) if each.purpose in TITLES]
    if not races:
        return None
    pair = f'<div class="pair">{"".join(render_picture(facts, each) for each in races)}</div>'
    explained = any(each.race is not None and each.purpose == "finding" for each in list_pictures(facts))
    return Section("races", "Races as they went", pair + legend(races), "" if explained else NOTE)


def draw_for_check(facts: Facts, check: str) -> str:
    """The picture of a check's first finding, where it is of no race; where it is of one, nothing: it is above."""
    mine = [each for each in list_pictures(facts) if check in each.checks and each.race is None]
    if not mine:
        return ""
    first = mine[0].checks[0]
    same = f'<p class="note">It rests on the same operations as the first finding of {show(first)}.</p>'
    return render_picture(facts, mine[0]) if check == first else same


def list_pictures(facts: Facts) -> Sequence[Picture]:
    return [each for each in facts.samples.pictures if each.operations] if facts.samples else []


def render_picture(facts: Facts, picture: Picture) -> str:
    title = TITLES.get(picture.purpose) or name_finding(picture)
    words, identity = tell(picture.operations), f"picture-{list_pictures(facts).index(picture)}"
    told = fold("The same as a table", tabulate(picture.operations))
    return (
        f'<figure class="race"><figcaption><h3>{title}</h3><p>{say(picture)}</p></figcaption>'
        f"{draw_lanes(picture.operations, identity, title, words)}{told}</figure>"
    )


def name_finding(picture: Picture) -> str:
    checks = join([show(name) for name in picture.checks])
    what = "the race" if picture.race is not None else "the operations"
    return f"{checks}: {what} of the first finding"


def say(picture: Picture) -> str:
    """One or two sentences: who, where, how close."""
    operations = picture.operations
    where = f"workflow {show(picture.workflow)}" + (f", {show(picture.scenario)}" if picture.scenario else "")
    left = f" {picture.left_out:,} of them are left out here." if picture.left_out else ""
    if picture.race is None:
        return f"{count(len(operations), 'operation')} of {where}.{left}"
    spread = max(each.invoked_ns for each in operations)
    arrived = [each.arrived_ns for each in operations if each.arrived_ns is not None]
    there = (
        f", at the server within {show_time(max(arrived) - min(arrived))}" if len(arrived) == len(operations) else ""
    )
    kinds = [name_kind(each) for each in operations]
    outcomes = join([count(kinds.count(kind), *KINDS[kind].many) for kind in KINDS if kind in kinds])
    before, after = find_states(operations)
    moved = f"{show(before)} {show(after)}: " if after else ""
    return f"{capital(where)}. {moved}{outcomes}, released within {show_time(spread)}{there}.{left}"


def tell(operations: Sequence[Operation]) -> str:
    """The picture in words, for whoever cannot see it."""
    return " ".join(
        f"{each.id}: {describe_move(asdict(each))}, {each.outcome} {each.status or ''}, from "
        f"{show_time(each.invoked_ns)} to {show_end(each)}."
        for each in operations
    )


def show_end(operation: Operation) -> str:
    return "never" if operation.returned_ns is None else show_time(operation.returned_ns)


def tabulate(operations: Sequence[Operation]) -> str:
    head = ("request", "process", "asked", "outcome", "told", "released", "at the server", "answered")
    rows = [
        (
            show(each.id),
            show(each.process),
            show(describe_move(asdict(each))),
            show(f"{each.outcome} {each.status or ''}"),
            show("" if each.observed is None else each.observed)
            + (f"<br>{show(each.message)}" if each.message else ""),
            show_time(each.invoked_ns),
            "" if each.arrived_ns is None else show_time(each.arrived_ns),
            show_end(each),
        )
        for each in operations
    ]
    return table("The operations of the picture", head, rows, (5, 6, 7))


def legend(pictures: Sequence[Picture]) -> str:
    """Only what is in the pictures."""
    operations = [each for picture in pictures for each in picture.operations]
    kinds = {name_kind(each) for each in operations}
    items = [
        f"{sample(28, 14, KINDS[kind].draw('1', '1', '26', 12))} {KINDS[kind].label}" for kind in KINDS if kind in kinds
    ]
    if any(each.arrived_ns is not None for each in operations):
        items.append(f"{sample(14, 14, vertical('arrived', '7', 0, 14))} whole at the server")
    if any(each.held for each in operations):
        items.append('<span class="held" aria-hidden="true">▸</span> the finding rests on it')
    return f'<ul class="legend" aria-label="Legend">{"".join(f"<li>{item}</li>" for item in items)}</ul>'
