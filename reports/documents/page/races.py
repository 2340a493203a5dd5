"""The races, as they went: which pictures there are, what is said of each, and the same as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.comparison.facts import Facts, Picture, ShownOperation
from reports.documents.page.lanes import (
    KINDS,
    draw_call,
    draw_lanes,
    find_lead,
    find_states,
    measure_height,
    name_kind,
)
from reports.documents.page.shapes import vertical
from reports.documents.page.templates import Section, render
from reports.judge.call_table import describe_move
from reports.judge.text import capital, count, join, show_time
from reports.judge.verdict import Judgement, Verdict

TITLES = {"tightest": "The tightest race", "typical": "A typical race"}
NOTE = (
    "One lane for each request, from the release of its last byte to its whole answer. Time runs to the right and "
    "begins at the first release."
)


@dataclass(frozen=True)
class Lane:
    """One request of a picture, in words: its id is cut after `lead`, where there is little room."""

    operation: ShownOperation
    kind: str
    sign: str
    lead: str
    name: str
    asked: str
    ended: str
    answer: str
    more: str


@dataclass(frozen=True)
class View:
    """A picture as the page shows it. `same_as` names a check that has the same picture; then nothing is drawn."""

    identity: str
    title: str
    description: str
    before: str
    after: str
    height: int
    svg: Markup
    lanes: Sequence[Lane]
    same_as: str = ""


def show_failed_races(facts: Facts, judgement: Judgement) -> Section | None:
    """The race of the first finding of each check. A finding without a race is drawn beside its words."""
    races = [each for each in list_pictures(facts) if is_failed_race(each)]
    title = "The race that failed" if judgement.verdict is Verdict.FAIL else "The race in doubt"
    return Section("failed", title, render_races(facts, races), NOTE) if races else None


def show_chosen_races(facts: Facts, _judgement: Judgement) -> Section | None:
    """The tightest race and a typical one, side by side where there is room."""
    races = [each for each in list_pictures(facts) if each.purpose in TITLES]
    explained = any(map(is_failed_race, list_pictures(facts)))
    body = render_races(facts, races, pair=True)
    return Section("races", "Races as they went", body, "" if explained else NOTE) if races else None


def is_failed_race(picture: Picture) -> bool:
    return picture.race is not None and picture.purpose == "finding"


def list_pictures(facts: Facts) -> list[Picture]:
    return [each for each in facts.samples.pictures if each.operations] if facts.samples else []


def render_races(facts: Facts, pictures: Sequence[Picture], *, pair: bool = False) -> Markup:
    """The pictures, and a legend of only what is in them."""
    operations = [each for picture in pictures for each in picture.operations]
    kinds = {name_kind(each) for each in operations}
    return render(
        "races",
        pair=pair,
        views=[view(facts, each) for each in pictures],
        kinds=[(KINDS[kind].draw(kind, "1", 1, "26", 12), KINDS[kind].label) for kind in KINDS if kind in kinds],
        arrived=vertical("arrived", "7", 0, 14) if any(each.arrived_ns is not None for each in operations) else "",
        held=any(each.held for each in operations),
        called=draw_call(7, 1, "") if any(each.calls_ns for each in operations) else "",
    )


def view_for_check(facts: Facts, check: str) -> View | None:
    """The picture of a check's first finding, where it is of no race; the picture of a race is above."""
    mine = next((each for each in list_pictures(facts) if check in each.checks and each.race is None), None)
    if mine is None:
        return None
    return view(facts, mine, "" if check == mine.checks[0] else mine.checks[0])


def view(facts: Facts, picture: Picture, same_as: str = "") -> View:
    operations = picture.operations
    before, after = find_states(operations)
    return View(
        identity=f"picture-{list_pictures(facts).index(picture)}",
        title=TITLES.get(picture.purpose) or name_finding(picture),
        description=describe_picture(picture),
        before=before,
        after=after,
        height=measure_height(operations),
        svg=draw_lanes(operations),
        lanes=list_lanes(operations),
        same_as=same_as,
    )


def list_lanes(operations: Sequence[ShownOperation]) -> list[Lane]:
    """won 200 · → B where the contenders asked for different things; conflict 409, told B."""
    lead = find_lead([each.id for each in operations])
    alike = len({(each.kind, each.expected, each.next) for each in operations}) == 1
    lanes = []
    for each in operations:
        kind = name_kind(each)
        asked = f" → {each.next}" if not alike and each.next else ""
        observed = f", told {each.observed}" if each.observed is not None else ""
        lanes.append(
            Lane(
                operation=each,
                kind=kind,
                sign=KINDS[kind].sign,
                lead=each.id[:lead],
                name=each.id[lead:],
                asked=describe_move(each),
                ended="never" if each.returned_ns is None else show_time(each.returned_ns),
                answer=f"{each.outcome} {each.status or 'no answer'}",
                more=asked + observed,
            )
        )
    return lanes


def name_finding(picture: Picture) -> str:
    what = "the race" if picture.race is not None else "the operations"
    return f"{join(picture.checks)}: {what} of the first finding"


def describe_picture(picture: Picture) -> str:
    """One or two sentences: who, where, how close."""
    operations = picture.operations
    where = f"workflow {picture.workflow}" + (f", {picture.scenario}" if picture.scenario else "")
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
    moved = f"{before} {after}: " if after else ""
    return f"{capital(where)}. {moved}{outcomes}, released within {show_time(spread)}{there}.{left}"
