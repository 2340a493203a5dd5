"""Accounting: what was planned and what was run. And this run: versions, seeds, database, machine."""

from reports.comparison.facts import Facts
from reports.documents.page.templates import Section, render
from reports.documents.summary import sentence
from reports.judge.evidence.faults import describe_faults
from reports.judge.levels.proxy_facts import describe_endings, describe_unscheduled
from reports.judge.verdict import Judgement

PLAIN = ("target", "database", "isolation", "defect", "control", "seed", "profile", "started_at", "finished_at")


def list_accounting(facts: Facts, judgement: Judgement) -> Section | None:
    """How much each level and scenario ran of its plan, and what was recorded."""
    if not facts.levels and not judgement.counts:
        return None
    measures = facts.measures
    lines = (
        describe_endings(measures.endings),
        describe_faults(measures.faults),
        describe_unscheduled(measures.unscheduled),
    )
    absent = [(one.level, name, why) for one in facts.levels for name, why in one.not_applicable.items()]
    values = {
        "levels": facts.levels,
        "absent": absent,
        "counts": [(name, f"{many:,}") for name, many in judgement.counts.items()],
    }
    return Section("accounting", "Accounting", render("accounting", **values), sentence("; ".join(filter(None, lines))))


def list_facts(facts: Facts, _judgement: Judgement) -> Section | None:
    known = {name.replace("_", " "): getattr(facts, name) for name in PLAIN}
    plain = [(name, value) for name, value in known.items() if value not in (None, "")]
    if not (plain or facts.command or facts.machine or facts.versions):
        return None
    return Section("run", "This run", render("run", plain=plain, facts=facts))
