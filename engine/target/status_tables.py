"""Reads the statuses of a target file into Statuses and Meanings. Raises Mistake where one status has two of them."""

from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import combinations

from engine.target.places import read_place
from engine.target.statuses import SERVER_ERROR, Meanings, Rule, Statuses
from engine.target.tables import REFUSED, AdvanceTable, Answers, EdgeTable, WhenTable
from engine.target.value_checks import Mistake

UNAVAILABLE = 503
# The meanings that [advance] lists.
MEANINGS = tuple(each.name for each in fields(Meanings) if each.name in AdvanceTable.__struct_fields__)
# The meanings that no answer need have.
MAY_BE_EMPTY = ("refused", "busy", "stale", "precondition_required", "accepted")


def read_meanings(table: AdvanceTable, edge: EdgeTable | None = None, index: int = 0) -> Meanings:
    """What the answers to an advance mean: the edge's own statuses, else those of [advance]."""
    read = {name: read_meaning(name, table, edge, index) for name in MEANINGS}
    for first, second in combinations(read.values(), 2):
        refuse_second_meaning(second, first)
    if read["refused"].is_default:
        read["refused"] = leave_out(read["refused"], read.values())
    return Meanings(**read)


def read_meaning(name: str, table: AdvanceTable, edge: EdgeTable | None, index: int) -> Statuses:
    key, entries = f"advance.{name}", getattr(table, name)
    if edge is not None and getattr(edge, name) is not None:
        key, entries = f"advance.edges[{index}].{name}", getattr(edge, name)
    if entries is None:
        return Statuses(tuple(map(Rule, REFUSED)), key, is_default=True)
    statuses = read_statuses(key, entries, may_be_empty=name in MAY_BE_EMPTY)
    return make_busy(statuses) if name == "busy" else statuses


def leave_out(default: Statuses, others: Iterable[Statuses]) -> Statuses:
    """The default without the statuses that always mean something else."""
    taken = {rule for each in others if not each.is_default for rule in each.rules}
    return replace(default, rules=tuple(rule for rule in default.rules if rule not in taken))


def read_statuses(key: str, entries: Answers, *, may_be_empty: bool = False) -> Statuses:
    if not entries and not may_be_empty:
        raise Mistake(key, "must name at least one status")
    return Statuses(tuple(read_rule(key, place, entry) for place, entry in enumerate(entries)), key)


def read_optional_statuses(key: str, entries: Answers | None, default: Statuses) -> Statuses:
    return default if entries is None else read_statuses(key, entries)


def read_rule(key: str, place: int, entry: int | WhenTable) -> Rule:
    status = entry if isinstance(entry, int) else entry.status
    if not 100 <= status <= 599:
        raise Mistake(key, f"{status} is no HTTP status; write one from 100 to 599")
    return Rule(status, None if isinstance(entry, int) else read_place(f"{key}[{place}].when", entry.when))


def make_busy(statuses: Statuses) -> Statuses:
    """Of server errors only an unavailable service says that nothing happened, and only with Retry-After."""
    for rule in statuses.rules:
        if rule.status >= SERVER_ERROR and rule.status != UNAVAILABLE:
            raise Mistake(
                statuses.key,
                f"{rule.status} does not say that nothing happened; of the server errors only {UNAVAILABLE} does",
            )
    return replace(statuses, rules=tuple(replace(rule, asks_again=True) for rule in statuses.rules))


def refuse_second_meaning(second: Statuses, first: Statuses) -> None:
    """No answer may mean both, as far as the file alone shows it. A default is no meaning beside another one."""
    refuse_same(second, first)
    for a, b in pair(first, second):
        if a.when is None or b.when is None:
            plain, other = (first, second) if a.when is None else (second, first)
            raise Mistake(
                plain.key,
                f"{a.status} stands here for every answer with that status, and in {other.key} with a condition; "
                "give it a condition here too",
            )


def refuse_same(second: Statuses, first: Statuses) -> None:
    for a, b in pair(first, second):
        if a.when == b.when:
            raise Mistake(second.key, f"{b} is also in {first.key}; a status can mean one thing only")


def pair(first: Statuses, second: Statuses) -> list[tuple[Rule, Rule]]:
    """The rules of both that have the same status."""
    if first.is_default or second.is_default:
        return []
    return [(a, b) for a in first.rules for b in second.rules if a.status == b.status]
