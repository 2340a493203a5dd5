"""What to change in [capacity] when an answer is not what it lets expect: a sentence, the key first. Pure."""

from engine.target.capacity import Capacity
from engine.target.target import Target
from onewinner.doctor.remedies import Probe, advise_status
from onewinner.json_paths import describe_leaves, describe_query, walk_leaves
from reports.judge.text.short_forms import count


def advise_unit_status(probe: Probe, good: str) -> str | None:
    """A take or a give-back that had to succeed, by its status. `table` is the key of the request itself."""
    advice = advise_status(probe, good)
    if advice is None:
        return None
    told = advice.replace(f"{probe.table}.request.", f"{probe.table}.")
    return told.replace(", or workflow.spelling if the service spells the states in another way", "")


def advise_take(probe: Probe, units: int | None) -> str | None:
    """A take of a resource that has units left."""
    if probe.classified.outcome == "conflict":
        had = "units" if units is None else count(units, "unit")
        return (
            f"capacity.units: a take was answered {probe.answer.status}, a conflict, though the resource had {had}; "
            "correct how many it has, or take that status out of capacity.conflict"
        )
    if probe.classified.problem is not None:
        return f"capacity.unit: {probe.classified.problem}; the answer holds {describe_leaves(probe.answer.json())}"
    return advise_unit_status(probe, "capacity.won")


def advise_saved(capacity: Capacity, probe: Probe, name: str) -> str:
    place = next(saving.place for saving in capacity.savings if saving.name == name)
    found = f"capacity.save.{name}: {describe_query(place)} finds nothing in the answer to a take"
    return f"{found}; it holds {describe_leaves(probe.answer.json())}"


def advise_left(target: Target, probe: Probe, left: int | None) -> str | None:
    """A read that must tell `left` units."""
    assert target.capacity is not None
    told = probe.classified.left
    if probe.classified.outcome != "ok":
        if target.read_ok.matches(probe.answer):
            found = f"capacity.left: {describe_query(target.capacity.left)} finds no number"
            return f"{found} in the answer; it holds {describe_leaves(probe.answer.json())}"
        return advise_status(probe, "read.ok")
    if left is None or told == left:
        return None
    numbers = [path for path, value in walk_leaves(probe.answer.json()) if value == left]
    hint = f"; {' and '.join(numbers)} has it" if numbers else ""
    return f"capacity.left: a read tells {told}, and {left} must be left{hint}; correct it, or capacity.units"


def advise_stranger_take(target: Target, probe: Probe) -> str | None:
    outcome = probe.classified.outcome
    if outcome in ("won", "conflict"):
        told = f"{probe.tenant} was answered {probe.answer.status} to a take of {target.owner}'s resource"
        return (
            f"tenants.{probe.tenant}.headers: {told}; write headers of another tenant, or leave this one out if all "
            "may take, else the gate will call it a failure"
        )
    return None if outcome in ("refused", "busy") else advise_unit_status(probe, "capacity.refused")


def advise_sold_out(probe: Probe, units: int | None) -> str | None:
    """A take when none is left."""
    status, outcome = probe.answer.status, probe.classified.outcome
    if outcome == "conflict":
        return None
    had = "the last unit" if units is None else count(units, "unit")
    if outcome == "won":
        return (
            f"capacity.units: after {had} a take was still answered {status}; correct how many there are, or what is "
            "a win; if that is right, the gate will call it a failure"
        )
    if status is not None:
        return (
            f"capacity.conflict: after {had} a take was answered {status}; add {status} to capacity.conflict if it "
            "means that none is left"
        )
    return advise_unit_status(probe, "capacity.conflict")
