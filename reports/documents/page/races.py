"""The races, as they went: which pictures there are, what is said of each, and the same as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.comparison.facts import Facts, Picture, ShownOperation
from reports.documents.page.race_lanes import (
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
from reports.judge.text.call_table import describe_move
from reports.judge.text.short_forms import capital, count, join, show_time
from reports.judge.verdict import Judgement, Verdict

TITLES = {"tightest": "The tightest race", "typical": "A typical race"}
VERBS = {"take": "take", "give_back": "give-back"}
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
    told: str


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

    @property
    def exchanges(self) -> list[ShownOperation]:
        """The operations whose requests and answers are shown as they were sent."""
        return [lane.operation for lane in self.lanes if lane.operation.sent is not None]


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
    before, after = find_ends(picture)
    return View(
        identity=f"picture-{list_pictures(facts).index(picture)}",
        title=name_picture(picture),
        description=describe_picture(picture),
        before=before,
        after=after,
        height=measure_height(operations),
        svg=draw_lanes(operations),
        lanes=list_lanes(operations),
        same_as=same_as,
    )


def find_ends(picture: Picture) -> tuple[str, str]:
    """What was known before and after: the states, or the units that there were and that were given."""
    if not any(each.is_of_units for each in picture.operations):
        return find_states(picture.operations)
    given = sum(each.kind == "take" and each.outcome == "won" for each in picture.operations)
    return "" if picture.units is None else f"had {count(picture.units, 'unit')}", f"{given:,} given"


def list_lanes(operations: Sequence[ShownOperation]) -> list[Lane]:
    """won 200 · → B where the contenders asked for different things; conflict 409, told B; take won 200, 3 left."""
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
                answer=describe_answer(each),
                more="".join([asked, observed, *(f", {detail}" for detail in list_details(each))]),
                told=", ".join([*filter(None, [each.observed]), *list_details(each)]),
            )
        )
    return lanes


def describe_answer(operation: ShownOperation) -> str:
    """won 200; take won."""
    if operation.is_of_units:
        return f"{VERBS[operation.kind]} {operation.outcome}"
    return f"{operation.outcome} {operation.status or 'no answer'}"


def list_details(operation: ShownOperation) -> list[str]:
    """The units that are left by the answer, the unit that it is about, the idempotency key."""
    left = operation.left if operation.is_of_units else None
    told = {"{} left": left, "unit {}": operation.unit, "key {}": operation.key}
    return [words.format(value) for words, value in told.items() if value is not None]


def name_picture(picture: Picture) -> str:
    """The tightest race for units; one-winner: the race of the first finding."""
    if picture.purpose in TITLES:
        return TITLES[picture.purpose] + " for units" * any(each.is_of_units for each in picture.operations)
    what = "the race" if picture.race is not None else "the operations"
    return f"{join(picture.checks)}: {what} of the first finding"


def describe_picture(picture: Picture) -> str:
    """One or two sentences: who, where, how close."""
    operations = picture.operations
    what = "resource" if any(each.is_of_units for each in operations) else "workflow"
    where = f"{what} {picture.workflow}" + (f", {picture.scenario}" if picture.scenario else "")
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
    before, after = find_ends(picture)
    moved = f"{before} {after}: " if after.startswith("→") else f"It {before}. " if before.startswith("had") else ""
    return f"{capital(where)}. {moved}{capital(outcomes)}, released within {show_time(spread)}{there}.{left}"
