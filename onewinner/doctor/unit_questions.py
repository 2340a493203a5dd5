"""The questions of doctor about the units of a resource: a take and a give-back once, and a take when none is left."""

from dataclasses import replace
from functools import partial

from engine.target.capacity import UNIT, Capacity
from engine.target.classified_answer import classify_give_back, classify_take
from engine.target.savings import find_values
from onewinner.doctor import unit_remedies
from onewinner.doctor.questions import Questions
from onewinner.doctor.remedies import Probe

# Of a resource with more units, not all are taken.
TAKES_MAX = 30


def examine_units(questions: Questions) -> list[str]:
    """Asks until an answer makes the next question pointless; what was not asked, with the reason."""
    resource, target = questions.create(again=bool(questions.done)), questions.target
    capacity = target.capacity
    if resource is None or capacity is None:
        return []
    units = questions.units.get(resource)
    if not read_left(questions, resource, units, "read of a new resource"):
        return []
    taken = take(questions, resource, units)
    if taken is None or not read_left(questions, resource, less_one(units), "read after a take"):
        return []
    if not give_back(questions, capacity, resource, taken, units):
        return []
    for stranger in () if capacity.is_shared else target.strangers[:1]:
        ask_stranger(questions, resource, stranger)
    return take_rest(questions, resource, units)


def less_one(units: int | None) -> int | None:
    return None if units is None else units - 1


def read_left(questions: Questions, resource: str, left: int | None, what: str) -> bool:
    """Whether a read tells so many; taken on trust where it does not tell it."""
    target = questions.target
    if not target.can_read or target.capacity is None or target.capacity.left is None:
        return True
    probe = questions.ask_read(what, resource)
    return questions.note(probe, unit_remedies.advise_left(target, probe, left))


def send_take(questions: Questions, resource: str, what: str, wanted: tuple[str, ...], tenant: str = "") -> Probe:
    target, tenant = questions.target, tenant or questions.target.owner
    values = questions.list_values(resource, tenant)
    request = target.build_take(tenant, resource, questions.name_request(), values)
    return questions.ask(what, "capacity.take", request, partial(classify_take, target), wanted, tenant)


def take(questions: Questions, resource: str, units: int | None) -> Probe | None:
    """One take, which must win; the probe, None if it looks wrong."""
    probe = send_take(questions, resource, "take", ("won",))
    return probe if questions.note(probe, unit_remedies.advise_take(probe, units)) else None


def give_back(questions: Questions, capacity: Capacity, resource: str, taken: Probe, units: int | None) -> bool:
    """Gives back what the take got, if that can be done: then as many are left as at first."""
    target = questions.target
    if capacity.give_back is None:
        return True
    held = dict(find_values(capacity.savings, taken.answer))
    if taken.classified.unit is not None:
        held[UNIT] = taken.classified.unit
    lost = sorted(saving.name for saving in capacity.savings if saving.name not in held)
    if lost:
        return questions.note(replace(taken, what="take"), unit_remedies.advise_saved(capacity, taken, lost[0]))
    values = questions.list_values(resource)
    request = target.build_give_back(target.owner, resource, questions.name_request(), held, values)
    classify = partial(classify_give_back, target)
    probe = questions.ask("give back", "capacity.give_back", request, classify, ("won",))
    if not questions.note(probe, unit_remedies.advise_unit_status(probe, "capacity.given_back")):
        return False
    if not read_left(questions, resource, units, "read after a give-back"):
        return False
    again = send_take(questions, resource, "take after a give-back", ("won",))
    return questions.note(again, unit_remedies.advise_take(again, units))


def ask_stranger(questions: Questions, resource: str, stranger: str) -> None:
    probe = send_take(questions, resource, f"take by {stranger}", ("refused",), stranger)
    questions.note(probe, unit_remedies.advise_stranger_take(questions.target, probe))


def take_rest(questions: Questions, resource: str, units: int | None) -> list[str]:
    """Takes what is left, and once more: that must be a conflict."""
    for number in range(1, TAKES_MAX):
        is_over = units is not None and number >= units
        what = "take when none is left" if is_over else "take"
        probe = send_take(questions, resource, what, ("conflict",) if is_over else ("won", "conflict"))
        if is_over or probe.classified.outcome != "won":
            is_early = units is not None and not is_over and probe.classified.outcome == "conflict"
            advise = unit_remedies.advise_take if is_early else unit_remedies.advise_sold_out
            questions.note(probe, advise(probe, units))
            return []
    return [f"a take when none is left: after {TAKES_MAX} takes there was still one"]
