"""Pairings: which kinds of requests ran in all schedules, and what was found in them. Values only.

A pairing is a few requests that run concurrently, and the state they start from: on one workflow, or apart, on a
workflow each. A schedule is one order of their statements.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from reports.comparison.facts import Pairing
from reports.history.events import Exploration, Workload
from reports.history.history import History
from reports.judge.levels.schedules import UNDECIDED, Schedule
from reports.judge.text.short_forms import count

FAULTS = "faults"
ACCEPTED = "accepted"
AFTERWARDS = "requests were carried out after their answers, and no order of those statements was chosen"


def tabulate_kinds(
    history: History, schedules: Iterable[Schedule], violated: AbstractSet[str], levels: Mapping[str, str]
) -> list[Pairing]:
    """The kinds of each level, in the order in which they were begun. `levels`: source -> level; `violated` are
    workflows.
    """
    by_plan: dict[tuple[str, int], list[Schedule]] = {}
    for schedule in schedules:
        by_plan.setdefault((schedule.source, schedule.pairing), []).append(schedule)
    workloads = dict(history.by_source(Workload))
    found = []
    for source, level in levels.items():
        for kind, plans in workloads[source].kinds.items() if source in workloads else ():
            explored = [event for event in history.having(Exploration, source) if event.kind == kind]
            mine = [each for event in explored for each in by_plan.get((source, event.pairing), [])]
            found.append(sum_up(level, kind, plans, explored, mine, violated))
    return found


def sum_up(
    level: str,
    kind: str,
    plans: int,
    explored: Sequence[Exploration],
    schedules: Sequence[Schedule],
    violated: AbstractSet[str],
) -> Pairing:
    remarks = Counter(remark for schedule in schedules for remark in schedule.remarks)
    return Pairing(
        level,
        kind,
        plans,
        exhausted=sum(event.exhausted for event in explored),
        schedules=len(schedules),
        unknown=sum(bool(schedule.remarks & UNDECIDED) for schedule in schedules),
        pruned=sum(event.pruned for event in explored),
        violated=sum(not violated.isdisjoint(schedule.workflows) for schedule in schedules),
        remarks=dict(sorted(remarks.items())),
        apart=any(event.apart for event in explored),
        timed=any(schedule.wait_s for schedule in schedules),
    )


def describe_pairing(pairing: Pairing) -> str:
    """What was shown of a kind, in words."""
    if pairing.violated:
        return f"{pairing.violated} of {pairing.schedules} schedules violate"
    if not pairing.schedules:
        return "not reached"
    parts = [f"all {pairing.schedules} schedules" if is_proven(pairing) else f"{pairing.schedules} schedules"]
    if pairing.exhausted < pairing.pairings:
        parts.append(f"{pairing.exhausted} of {pairing.pairings} pairings exhausted")
    if pairing.unknown:
        parts.append(f"{pairing.unknown} of them unknown")
    if ACCEPTED in pairing.remarks:
        parts.append(AFTERWARDS)
    return ", ".join(parts)


def is_proven(pairing: Pairing) -> bool:
    return pairing.exhausted == pairing.pairings and not pairing.unknown and not pairing.violated


def describe_pairings(pairings: Iterable[Pairing]) -> list[str]:
    """A line for each level: how many schedules of how many pairings, how many of them exhausted, what they came to."""
    by_level: dict[str, list[Pairing]] = {}
    for pairing in pairings:
        by_level.setdefault(pairing.level, []).append(pairing)
    return [f"{level}: {describe_level(mine, faults=level.startswith(FAULTS))}" for level, mine in by_level.items()]


def describe_level(pairings: Sequence[Pairing], *, faults: bool = False) -> str:
    parts: dict[tuple[str, str], list[Pairing]] = {}
    for each in sorted(pairings, key=lambda each: (each.timed, each.apart)):
        parts.setdefault((name_place(each), name_share(each, faults=faults)), []).append(each)
    return "; ".join(describe_part(found, where, every) for (where, every), found in parts.items())


def name_place(pairing: Pairing) -> str:
    if pairing.timed:
        return " around a change that no request makes"
    return " on two workflows" if pairing.apart else ""


def name_share(pairing: Pairing, *, faults: bool) -> str:
    """What was run of each pairing that is exhausted."""
    if faults:
        return "each fault at each statement"
    is_stopped = pairing.apart or pairing.timed
    return "each request stopped once after each of its statements" if is_stopped else "every schedule of each"


def describe_part(found: Sequence[Pairing], where: str, every: str) -> str:
    schedules, pairings, exhausted, violated, unknown = (
        sum(getattr(each, name) for each in found)
        for name in ("schedules", "pairings", "exhausted", "violated", "unknown")
    )
    parts = [f"{count(schedules, 'schedule')} of {count(pairings, 'pairing')}{where}"]
    parts.append(every if exhausted == pairings and not unknown else f"{exhausted:,} of them exhausted")
    parts += [f"the outcome of {count(unknown, 'schedule')} is not known"] if unknown else []
    parts += [f"{violated:,} violate"] if violated else []
    parts += [AFTERWARDS] if any(ACCEPTED in each.remarks for each in found) else []
    return "; ".join(parts)
