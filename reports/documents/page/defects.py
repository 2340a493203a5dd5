"""The kill matrix: the engines broken on purpose and the right ones, and what the judge said of each at each level."""

from collections.abc import Sequence

from reports.comparison.facts import DefectRow, Facts
from reports.documents.page.templates import Section, render
from reports.judge.verdict import Judgement

TONES = {"caught": "pass", "passed": "pass", "not run": "none", "unknown": "unknown"}


def list_defects(facts: Facts, _judgement: Judgement) -> Section | None:
    if not facts.defects:
        return None
    engines: dict[str, dict[str, DefectRow]] = {}
    for row in facts.defects:
        engines.setdefault(row.name, {})[row.level] = row
    # What goes against the expectation stands first.
    ordered = sorted(engines.values(), key=lambda mine: all(map(is_expected, mine.values())))
    levels = tuple(dict.fromkeys(row.level for row in facts.defects))
    values = {"engines": ordered, "levels": levels, "tell": tell, "find_tone": find_tone}
    return Section("defects", "The kill matrix", render("defects", **values), sum_up(facts.defects))


def find_tone(row: DefectRow) -> str:
    return TONES.get(row.status, "fail")


def is_expected(row: DefectRow) -> bool:
    return find_tone(row) in ("pass", "none")


def sum_up(rows: Sequence[DefectRow]) -> str:
    ran = [row for row in rows if row.seeds]
    against = sum(not is_expected(row) for row in ran)
    result = f"{against:,} against the expectation" if against else "each as expected"
    return f"{len(ran):,} of {len(rows):,} engines and levels were run: {result}."


def tell(row: DefectRow) -> str:
    """By which checks, and after how many operations and seconds."""
    checks = ", ".join(f"{name[:60]} {many}" for name, many in row.checks.items())
    cost = [f"after {row.operations_p50:,.0f} operations"] if row.operations_p50 is not None else []
    cost += [f"{row.seconds_p50:,.2f} s"] if row.seconds_p50 is not None else []
    return "; ".join(filter(None, [checks, ", ".join(cost)]))
