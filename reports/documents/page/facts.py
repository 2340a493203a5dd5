"""Accounting: what was promised and what was run. And this run: versions, seeds, database, machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from reports.comparison.measures import describe_injected
from reports.documents.page.parts import Section, command, table
from reports.documents.page.text import show
from reports.documents.summary import sentence
from reports.judge.proxy_facts import say_endings, say_unheld
from reports.judge.verdict import Judgement

PLAIN = ("target", "database", "isolation", "defect", "control", "seed", "profile", "started_at", "finished_at")


def render_accounting(facts: Mapping[str, Any], judgement: Judgement) -> Section | None:
    """What each level and scenario got to of its share, and what was recorded."""
    rows = [row for level in facts.get("levels") or () for row in list_level(level)]
    parts = (
        table("Shares", ("level", "scenario", "planned", "run", "unit", "seconds"), rows, (2, 3, 5), captioned=True)
        if rows
        else ""
    )
    counts = judgement.counts
    if counts:
        told = [(name, f"{counts[name]:,}") for name in counts]
        parts += table(
            "What was recorded", ("", "count"), [(show(name), many) for name, many in told], (1,), captioned=True
        )
    wired = "; ".join(filter(None, (say_endings(facts), describe_injected(facts), say_unheld(facts))))
    injected = show(sentence(wired), 1_000)
    return Section("accounting", "Accounting", f'<div class="pair">{parts}</div>', injected) if parts else None


def list_level(level: Mapping[str, Any]) -> Sequence[tuple[str, ...]]:
    """The level, each of its scenarios, and those that do not apply."""
    name = show(level["level"])
    whole = (
        f"<b>{name}</b>",
        "",
        show_amount(level["planned"]),
        show_amount(level["run"]),
        show(level["unit"]),
        show(level["seconds"]),
    )
    parts = [
        (name, show(part["scenario"]), show_amount(part["planned"]), show_amount(part["run"]), show(part["unit"]), "")
        for part in level.get("scenarios") or ()
    ]
    absent = [
        (name, f'{show(scenario)} <span class="total">not applicable: {show(why, 300)}</span>', "", "", "", "")
        for scenario, why in (level.get("not_applicable") or {}).items()
    ]
    restarts = (
        [(name, "lined up again", "", show_amount(level["restarts"]), "races", "")] if level.get("restarts") else []
    )
    return [whole, *parts, *absent, *restarts]


def show_amount(amount: Any) -> str:
    return f"{amount:,}" if isinstance(amount, int) else show(amount)


def render_facts(facts: Mapping[str, Any], _judgement: Judgement) -> Section | None:
    rows = [(name.replace("_", " "), show(facts[name])) for name in PLAIN if facts.get(name) is not None]
    rows += [("command", command(str(facts["command"])))] if facts.get("command") else []
    rows += [(show(name), show(value)) for name, value in (facts.get("machine") or {}).items()]
    versions = [(show(name), show(version)) for name, version in (facts.get("versions") or {}).items()]
    tables = table("The run and its machine", ("", ""), rows, captioned=True) if rows else ""
    tables += table("Versions", ("", ""), versions, captioned=True) if versions else ""
    return Section("run", "This run", f'<div class="pair">{tables}</div>') if tables else None
