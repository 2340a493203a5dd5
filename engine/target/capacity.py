"""Capacity: a resource with a number of units, and the requests that take a unit and give it back. Pure.

A resource comes from a create, as a workflow does; or it is a queue into which units are put (see Queue).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import combinations

from msgspec import structs

from engine.target.answer_rules import (
    Meanings,
    Rule,
    Statuses,
    leave_out,
    make_busy,
    read_statuses,
    refuse_second_meaning,
)
from engine.target.file_tables import REFUSED, Answers, CapacityTable, File
from engine.target.graph import NS_PER_S, TransitionGraph
from engine.target.routes import read_template
from engine.target.savings import Saving, read_savings
from engine.target.template import Template
from engine.target.value_checks import Mistake, check_wait
from engine.target.value_places import Place, read_optional_place, read_place
from engine.target.workflow_source import CreateCommand, IdPool, Queue

UNITS, UNIT = "units", "unit"
WON = (200, 201, 204)
CONFLICT = 409
# The tables that are about the states of a workflow.
OF_STATES = ("guards", "writes", "audit", "effects", "sinks", "idempotency")
NO_WORKFLOW = TransitionGraph("", {})


@dataclass(frozen=True)
class Capacity:
    """`units`: how many a new resource has, or where the answer to its create tells it; None: onewinner chooses.

    `meanings` are those of a take; `savings` are taken out of a won take, for its give-back. `unit` is the place of the
    unit's name in it, `left` the place of the number that is left in what a read shows. `returns_after_s`: so long
    after a take its unit may come back by itself; None: it does not.
    """

    units: int | Place | None
    take: Template
    meanings: Meanings
    savings: tuple[Saving, ...] = ()
    unit: Place | None = None
    give_back: Template | None = None
    give_back_meanings: Meanings | None = None
    left: Place | None = None
    is_shared: bool = False
    returns_after_s: float | None = None

    @property
    def is_chosen(self) -> bool:
        """Whether onewinner chooses how many units a new resource has."""
        return self.units is None

    @property
    def returns_after_ns(self) -> int | None:
        return None if self.returns_after_s is None else round(self.returns_after_s * NS_PER_S)


def check_tables(file: File) -> None:
    """Whether the tables that the file must have are there. Raises Mistake."""
    needed = ["workflow", "create", "advance"] if file.capacity is None else ["create"]
    if file.capacity is not None and file.capacity.put is not None:
        needed.remove("create")
    if file.capacity is not None and (file.workflow is None) != (file.advance is None):
        needed += ["workflow", "advance"]
    if file.capacity is not None and file.workflow is not None and file.create is None:
        needed.append("create")
    for name in needed:
        if getattr(file, name) is None:
            raise Mistake(name, f"is missing; add the table [{name}]")
    check_states_told(file)


def check_states_told(file: File) -> None:
    """Whether there is a state for each table that is about one."""
    if file.workflow is not None:
        if file.read is not None and file.read.state is None and not file.read.state_by_answer:
            raise Mistake("read.state", "is missing; add state = ... to [read]")
        return
    for name in OF_STATES:
        if getattr(file, name):
            raise Mistake(name, "is about the states of a workflow, and there is no [workflow]; remove it")
    if file.read is not None and file.read.state is not None:
        raise Mistake("read.state", "there is no [workflow] that has states; remove it")


def read_capacity(
    table: CapacityTable, create: Template | CreateCommand | IdPool | Queue, saved: Collection[str], busy: Statuses
) -> Capacity:
    """`saved` are the names of the values of a resource; `busy` those of [advance]. Raises Mistake."""
    is_shared = isinstance(create, Queue) and create.request is None
    take = read_template("capacity.take", table.take)
    check_resource("capacity.take", take, saved, is_shared=is_shared)
    meanings = read_unit_meanings(table, busy)
    unit, left = (read_optional_place(f"capacity.{name}", getattr(table, name)) for name in ("unit", "left"))
    savings = read_savings("capacity.save", table.save)
    give_back = None if table.give_back is None else read_template("capacity.give_back", table.give_back)
    check_wait("capacity.returns_after_s", table.returns_after_s or 0)
    if give_back is None and table.save:
        raise Mistake("capacity.save", "is for capacity.give_back, and there is none; add it or remove this")
    if give_back is not None:
        check_give_back(give_back, [*(saving.name for saving in savings), *([UNIT] if unit is not None else [])])
    return Capacity(
        read_units(table, create),
        take,
        meanings,
        savings,
        unit,
        give_back,
        None if give_back is None else read_give_back_meanings(table.given_back, meanings),
        left,
        is_shared,
        table.returns_after_s,
    )


def check_resource(key: str, template: Template, saved: Collection[str], *, is_shared: bool) -> None:
    """Whether a request says which resource it is about; of one queue for the whole service none need."""
    if is_shared and "id" in template.placeholders:
        raise Mistake(key, "{id} means nothing here: without [create] no answer gives an id; leave it out")
    if not is_shared and template.placeholders.isdisjoint(("id", *saved)):
        raise Mistake(
            key,
            "nothing in the request carries {id}; put it into the path, query, headers or body. If there is one queue "
            "for the whole service, write with put how one unit gets into it, and leave out [create]",
        )


def check_give_back(template: Template, told: Collection[str]) -> None:
    """Whether a give-back says what it gives back, if the answer to a take tells it."""
    if told and template.placeholders.isdisjoint(told):
        names = " or ".join(f"{{{name}}}" for name in told)
        raise Mistake("capacity.give_back", f"nothing in the request carries {names}, which a take gave; put it there")


def read_units(table: CapacityTable, create: Template | CreateCommand | IdPool | Queue) -> int | Place | None:
    request = create.request if isinstance(create, Queue) else create if isinstance(create, Template) else None
    is_asked = request is not None and UNITS in request.placeholders
    if isinstance(table.units, int):
        if table.units < 1:
            raise Mistake("capacity.units", f"{table.units} is no number of units; write 1 or more")
        if is_asked:
            raise Mistake("capacity.units", "is a number, and the create carries {units}; keep one of them")
        return table.units
    if table.units is not None and not isinstance(create, Template):
        what = "capacity.put puts them in" if isinstance(create, Queue) else "no request creates a resource"
        raise Mistake("capacity.units", f"is a place in the answer to the create, and {what}; write a number")
    if table.units is None and not is_asked and not isinstance(create, Queue):
        raise Mistake(
            "capacity.units",
            "is missing; write how many units a new resource has, or where the answer to the create tells it",
        )
    return None if is_asked or table.units is None else read_place("capacity.units", table.units)


def read_unit_meanings(table: CapacityTable, busy: Statuses) -> Meanings:
    """What the answers to a take mean; no answer may mean two things."""
    won = read_default("capacity.won", table.won, WON)
    conflict = read_statuses("capacity.conflict", table.conflict)
    refused = read_default("capacity.refused", table.refused, REFUSED)
    if table.busy is not None:
        busy = make_busy(read_statuses("capacity.busy", table.busy, may_be_empty=True))
    every = [won, conflict, refused, busy]
    for first, second in combinations(every, 2):
        refuse_second_meaning(second, first)
    return Meanings(leave_out(won, every), conflict, leave_out(refused, every), busy)


def read_give_back_meanings(given_back: Answers, take: Meanings) -> Meanings:
    """The answers to a give-back: what does not count as given back means the same as for a take."""
    won = read_statuses("capacity.given_back", given_back)
    conflict, refused = (replace(each, is_default=True) for each in (take.conflict, take.refused))
    if not any(each.lists(CONFLICT) for each in (won, conflict, refused, take.busy)):
        # A take may say "none is left" in another way, and a second give-back still "it is given back".
        conflict = replace(conflict, rules=(*conflict.rules, Rule(CONFLICT)))
    return Meanings(won, conflict, refused, take.busy)


def read_default(key: str, entries: Answers | None, default: tuple[int, ...]) -> Statuses:
    if entries is None:
        return Statuses(tuple(map(Rule, default)), key, is_default=True)
    return read_statuses(key, entries)


def find_units_of_none(file: File) -> str | None:
    """Where {units} stands though there is no [capacity]."""
    create = file.create
    if create is None or create.request is None or file.capacity is not None:
        return None
    return "create.request" if UNITS in Template(**structs.asdict(create.request)).placeholders else None
