"""Meetings: of which kinds of requests all orders were walked, and what was found in them. Values only.

A meeting is a few requests on one workflow in one state, or apart, on a workflow each; a schedule is one order of
their statements.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, fields
from typing import Any

from reports.history.history import History
from reports.judge.schedules import UNDECIDED, Schedule

FAULTS = "faults"


@dataclass(frozen=True)
class Row:
    """A kind of meeting: how many there are, of how many all orders were walked, and what was found in them."""

    kind: str
    meetings: int
    whole: int
    schedules: int
    unknown: int
    saved: int
    violated: int
    remarks: Mapping[str, int]
    apart: bool = False

    def pack(self) -> dict[str, Any]:
        """As run.json has it."""
        return {**asdict(self), "told": describe_row(self)}


def unpack_row(record: Mapping[str, Any]) -> Row:
    return Row(**{each.name: record[each.name] for each in fields(Row) if each.name in record})


def tabulate_kinds(history: History, schedules: Iterable[Schedule], violated: AbstractSet[str]) -> dict[str, list[Row]]:
    """The table of each source: its rows in the order in which the kinds were begun. `violated` are workflows."""
    by_plan: dict[tuple[str, int], list[Schedule]] = {}
    for schedule in schedules:
        by_plan.setdefault((schedule.source, schedule.plan), []).append(schedule)
    tables: dict[str, list[Row]] = {}
    for agenda in history.having("agenda"):
        source = agenda["source"]
        explored = [event for event in history.having("exploration") if event["source"] == source]
        tables[source] = [
            make_row(
                kind,
                plans,
                [event for event in explored if event["kind"] == kind],
                [
                    each
                    for event in explored
                    if event["kind"] == kind
                    for each in by_plan.get((source, event["plan"]), [])
                ],
                violated,
            )
            for kind, plans in agenda["kinds"].items()
        ]
    return tables


def make_row(
    kind: str,
    plans: int,
    explored: Sequence[Mapping[str, Any]],
    schedules: Sequence[Schedule],
    violated: AbstractSet[str],
) -> Row:
    remarks = dict(sorted(Counter(remark for schedule in schedules for remark in schedule.remarks).items()))
    return Row(
        kind,
        plans,
        sum(event["whole"] for event in explored),
        len(schedules),
        sum(bool(schedule.remarks & UNDECIDED) for schedule in schedules),
        sum(event["saved"] for event in explored),
        sum(not violated.isdisjoint(schedule.workflows) for schedule in schedules),
        remarks,
        any(event.get("apart", False) for event in explored),
    )


def describe_row(row: Row) -> str:
    """What was shown of a kind, in words."""
    if row.violated:
        return f"{row.violated} of {row.schedules} schedules violate"
    if not row.schedules:
        return "not reached"
    parts = [f"all {row.schedules} schedules" if is_proven(row) else f"{row.schedules} schedules"]
    if row.whole < row.meetings:
        parts.append(f"{row.whole} of {row.meetings} meetings whole")
    if row.unknown:
        parts.append(f"{row.unknown} of them unknown")
    return ", ".join(parts)


def is_proven(row: Row) -> bool:
    return row.whole == row.meetings and not row.unknown and not row.violated


def describe_pairings(meetings: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each level: how many schedules of how many meetings, how many of them whole, and what they came to."""
    by_level: dict[str, list[Row]] = {}
    for record in meetings:
        by_level.setdefault(str(record["level"]), []).append(unpack_row(record))
    return [f"{level}: {describe_level(rows, faults=level.startswith(FAULTS))}" for level, rows in by_level.items()]


def describe_level(rows: Sequence[Row], *, faults: bool = False) -> str:
    parts = {apart: [row for row in rows if row.apart is apart] for apart in (False, True)}
    return "; ".join(
        describe_part(found, name_share(apart=apart, faults=faults), apart=apart)
        for apart, found in parts.items()
        if found
    )


def name_share(*, apart: bool, faults: bool) -> str:
    """What was run of each meeting that was shown whole."""
    if faults:
        return "each fault at each statement"
    return "each request stopped once after each of its statements" if apart else "every order of each"


def describe_part(rows: Sequence[Row], every: str, *, apart: bool) -> str:
    schedules, meetings, whole, violated, unknown = (
        sum(getattr(row, name) for row in rows) for name in ("schedules", "meetings", "whole", "violated", "unknown")
    )
    parts = [f"{schedules:,} schedules of {meetings:,} meetings{' on two workflows' if apart else ''}"]
    parts.append(every if whole == meetings and not unknown else f"{whole:,} of them whole")
    parts += [f"nobody knows what became of {unknown:,} schedules"] if unknown else []
    parts += [f"{violated:,} violate"] if violated else []
    return "; ".join(parts)
