"""The kill matrix: the engines broken on purpose, and which check caught each at which level."""

from collections.abc import Mapping
from typing import Any

from reports.page.parts import Section, mark, table
from reports.page.text import count, show
from reports.verdict import Judgement

TONES = {"ok": "pass", "survived": "fail", "wrong-check": "fail", "accused": "fail", "not yet": "none"}


def render_defects(facts: Mapping[str, Any], _judgement: Judgement) -> Section | None:
    rows = facts.get("defects")
    if not rows:
        return None
    levels = list(dict.fromkeys(level for row in rows for level in row["levels"]))
    head = ("engine", "verdict", "promised", *levels)
    kinds = {kind: sum(row["kind"] == kind for row in rows) for kind in ("defect", "control")}
    good = {kind: sum(row["kind"] == kind and row["verdict"] == "ok" for row in rows) for kind in kinds}
    note = (
        f"{good['defect']} of {count(kinds['defect'], 'engine')} broken on purpose caught by the promised check; "
        f"{good['control']} of {count(kinds['control'], 'right engine')} left in peace."
    )
    body = table("The kill matrix", head, (list_cells(row, levels) for row in rows))
    return Section("defects", "The kill matrix", body, note)


def list_cells(row: Mapping[str, Any], levels: list[str]) -> tuple[str, ...]:
    name = f"{show(row['name'], 80)}" + (' <span class="total">control</span>' if row["kind"] == "control" else "")
    verdict = mark(TONES.get(row["verdict"], "unknown"), row["verdict"])
    return name, verdict, show(row["check"] or "nothing", 60), *(tell(row["levels"].get(level)) for level in levels)


def tell(level: Mapping[str, Any] | None) -> str:
    """3 of 3 · audit · 120 ops · 0.4 s; nothing where the level was not run."""
    if not level:
        return ""
    seeds = f"<b>{level['caught']} of {level['seeds']}</b>"
    by = show(", ".join(level.get("by") or ()), 120)
    cost = [
        f"{level[key]:,.{digits}f} {unit}"
        for key, unit, digits in (("operations_p50", "ops", 0), ("seconds_p50", "s", 1))
        if level.get(key) is not None
    ]
    return " · ".join(filter(None, (seeds, by, *cost)))
