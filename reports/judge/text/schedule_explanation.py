"""What an order of statements did, in one sentence, and only what is certain from the statements. Pure."""

from collections.abc import Sequence

from reports.judge.evidence.faults import HARMLESS
from reports.judge.levels.schedules import NAMES, Schedule
from reports.judge.levels.sql import find_condition, find_read_tables, find_written, is_commit, selects


def explain_schedule(schedule: Schedule) -> str:
    """One sentence on what the order did; empty where nothing certain is to be said."""
    winners = [name for name, answer in zip(NAMES, schedule.answers, strict=False) if answer == "won"]
    for number, step in enumerate(schedule.steps):
        if step.fault and step.fault not in HARMLESS:
            answer = schedule.answers[NAMES.index(step.request)]
            met = f"{step.request}'s statement of step {number + 1} met a fault ({step.fault})"
            return f"{met}, and {step.request} was answered {answer}."
    if len(schedule.workflows) > 1:
        return explain_apart(schedule, winners)
    if len(winners) < 2:
        return ""
    return (
        explain_wait(schedule, winners)
        or explain_stale_read(schedule, winners)
        or explain_second_try(schedule, winners)
    )


def explain_apart(schedule: Schedule, winners: Sequence[str]) -> str:
    """Each request had a workflow of its own: who was not told that it won, and what the database said to it."""
    lost = [name for name in NAMES[: len(schedule.answers)] if name not in winners]
    if not lost:
        return "Each request had a workflow of its own."
    answer = schedule.answers[NAMES.index(lost[0])]
    said = [
        f"; its statement of step {number} met a {step.effect}"
        for number, step in enumerate(schedule.steps, start=1)
        if step.request == lost[0] and step.effect not in ("", "waited")
    ]
    return f"Each request had a workflow of its own, and {lost[0]} was answered {answer}{''.join(said[:1])}."


def explain_wait(schedule: Schedule, winners: Sequence[str]) -> str:
    """A write that waited for a lock, and whose request won after another's commit."""
    for number, step in enumerate(schedule.steps):
        table = find_written(step.sql)
        if step.effect != "waited" or step.request not in winners or table is None:
            continue
        if find_read(schedule, step.request, number, table) is not None:
            continue
        for place, other in list(enumerate(schedule.steps))[number + 1 :]:
            if other.request != step.request and is_commit(other.sql):
                return (
                    f"{step.request}'s write of {table} in step {number + 1} waited for a lock, and went on after "
                    f"{other.request}'s commit of step {place + 1}{describe_condition(step.sql)}."
                )
    return ""


def explain_stale_read(schedule: Schedule, winners: Sequence[str]) -> str:
    """A read of a table, another's write of it, then a write of it by the one that read."""
    for number, step in enumerate(schedule.steps):
        table = find_written(step.sql)
        if step.request not in winners or table is None:
            continue
        read = find_read(schedule, step.request, number, table)
        if read is None:
            continue
        for place, other in list(enumerate(schedule.steps))[read + 1 : number]:
            if other.request in winners and other.request != step.request and find_written(other.sql) == table:
                between = "in a statement that reads" if selects(step.sql) else "with no read of it in between"
                return (
                    f"{step.request} read {table} in step {read + 1}, {other.request} wrote it in step {place + 1}, "
                    f"and {step.request} wrote it in step {number + 1}, {between}{describe_condition(step.sql)}."
                )
    return ""


def explain_second_try(schedule: Schedule, winners: Sequence[str]) -> str:
    """A write, then a read of the same table, then the same write again by one and the same."""
    for number, step in enumerate(schedule.steps):
        table = find_written(step.sql)
        read = None if table is None else find_read(schedule, step.request, number, table)
        if step.request not in winners or table is None or read is None:
            continue
        tried = [
            place
            for place, other in enumerate(schedule.steps[:read])
            if (other.request, other.sql) == (step.request, step.sql)
        ]
        if tried:
            return (
                f"{step.request} sent the same write of {table} in steps {tried[0] + 1} and {number + 1}, and read it "
                f"in step {read + 1} in between{describe_condition(step.sql)}."
            )
    return ""


def find_read(schedule: Schedule, session: str, before: int, table: str) -> int | None:
    """The last read of the table by a session before a step, by number from 0."""
    places = [
        place
        for place, step in enumerate(schedule.steps[:before])
        if step.request == session and table in find_read_tables(step.sql)
    ]
    return places[-1] if places else None


def describe_condition(sql: str) -> str:
    """The condition of a write. An INSERT has none; a WHERE there is that of a read."""
    condition = "" if sql.lstrip().lower().startswith("insert") else find_condition(sql)
    return f"; the condition of that write: {condition}" if condition else ""
