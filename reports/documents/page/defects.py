"""The kill matrix: the engines broken on purpose and the right ones, and what the judge said of each at each level."""

from collections.abc import Mapping, Sequence

from reports.comparison.facts import DefectRow, Facts
from reports.documents.page.parts import Section, mark, table
from reports.documents.page.text import show
from reports.judge.verdict import Judgement

TONES = {"caught": "pass", "passed": "pass", "not run": "none", "unknown": "unknown"}


def render_defects(facts: Facts, _judgement: Judgement) -> Section | None:
    rows = facts.defects
    if not rows:
        return None
    levels = list(dict.fromkeys(row.level for row in rows))
    engines: dict[str, dict[str, DefectRow]] = {}
    for row in rows:
        engines.setdefault(row.name, {})[row.level] = row
    # What goes against the expectation stands first.
    ordered = sorted(engines.values(), key=lambda mine: all(is_expected(row) for row in mine.values()))
    body = table(
        "The kill matrix", ("engine", "promised check", *levels), [list_cells(mine, levels) for mine in ordered]
    )
    return Section("defects", "The kill matrix", body, sum_up(rows))


def is_expected(row: DefectRow) -> bool:
    return TONES.get(row.status, "fail") in ("pass", "none")


def sum_up(rows: Sequence[DefectRow]) -> str:
    ran = [row for row in rows if row.seeds]
    against = sum(not is_expected(row) for row in ran)
    told = f"{against:,} against the expectation" if against else "each as expected"
    return f"{len(ran):,} of {len(rows):,} engines and levels were run: {told}."


def list_cells(mine: Mapping[str, DefectRow], levels: Sequence[str]) -> tuple[str, ...]:
    first = next(iter(mine.values()))
    control = ' <span class="total">a right engine</span>' if first.kind == "control" else ""
    return (
        show(first.name, 80) + control,
        show(first.check or "none may fail", 60),
        *(tell(mine.get(level)) for level in levels),
    )


def tell(row: DefectRow | None) -> str:
    """caught 3 of 3, by which checks, and after how many operations and seconds; the status alone where not run."""
    if row is None:
        return ""
    tone = TONES.get(row.status, "fail")
    if not row.seeds:
        return mark(tone, row.status)
    seeds = f"{row.caught} of {row.seeds}" if row.status != "passed" else f"{row.seeds}"
    checks = ", ".join(f"{show(name, 60)} {many}" for name, many in row.checks.items())
    cost = [f"after {row.operations_p50:,.0f} operations"] if row.operations_p50 is not None else []
    cost += [f"{row.seconds_p50:,.2f} s"] if row.seconds_p50 is not None else []
    more = "; ".join(filter(None, [checks, ", ".join(cost)]))
    return f"{mark(tone, row.status)} {seeds}" + (f"<small>{more}</small>" if more else "")
