"""Accounting: what was promised and what was run. And this run: versions, seeds, database, machine."""

from collections.abc import Sequence

from reports.comparison.facts import Facts
from reports.comparison.measures import describe_injected
from reports.documents.page.parts import Section, command, table
from reports.documents.page.text import show
from reports.documents.summary import sentence
from reports.judge.plan import Level
from reports.judge.proxy_facts import say_endings, say_unheld
from reports.judge.verdict import Judgement

PLAIN = ("target", "database", "isolation", "defect", "control", "seed", "profile", "started_at", "finished_at")


def render_accounting(facts: Facts, judgement: Judgement) -> Section | None:
    """What each level and scenario got to of its share, and what was recorded."""
    rows = [row for level in facts.levels for row in list_level(level)]
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
    measures = facts.measures
    words = (say_endings(measures.endings), describe_injected(measures), say_unheld(measures.unheld))
    injected = show(sentence("; ".join(filter(None, words))), 1_000)
    return Section("accounting", "Accounting", f'<div class="pair">{parts}</div>', injected) if parts else None


def list_level(level: Level) -> Sequence[tuple[str, ...]]:
    """The level, each of its scenarios, and those that do not apply."""
    name = show(level.level)
    whole = (
        f"<b>{name}</b>",
        "",
        f"{level.planned:,}",
        f"{level.run:,}",
        show(level.unit),
        show(level.seconds),
    )
    parts = [
        (name, show(part.scenario), f"{part.planned:,}", f"{part.run:,}", show(part.unit), "")
        for part in level.scenarios
    ]
    absent = [
        (name, f'{show(scenario)} <span class="total">not applicable: {show(why, 300)}</span>', "", "", "", "")
        for scenario, why in level.not_applicable.items()
    ]
    restarts = [(name, "lined up again", "", f"{level.restarts:,}", "races", "")] if level.restarts else []
    return [whole, *parts, *absent, *restarts]


def render_facts(facts: Facts, _judgement: Judgement) -> Section | None:
    rows = [
        (name.replace("_", " "), show(value)) for name in PLAIN if (value := getattr(facts, name)) not in (None, "")
    ]
    rows += [("command", command(facts.command))] if facts.command else []
    rows += [(show(name), show(value)) for name, value in facts.machine.items()]
    versions = [(show(name), show(version)) for name, version in facts.versions.items()]
    tables = table("The run and its machine", ("", ""), rows, captioned=True) if rows else ""
    tables += table("Versions", ("", ""), versions, captioned=True) if versions else ""
    return Section("run", "This run", f'<div class="pair">{tables}</div>') if tables else None
