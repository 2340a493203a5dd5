"""Pairings: which of them ran in all schedules, and which schedules violate."""

from reports.comparison.facts import Facts, Pairing
from reports.documents.page.templates import Section, render
from reports.documents.pairings import describe_pairing, describe_pairings, is_proven
from reports.judge.verdict import Judgement


def list_pairings(facts: Facts, _judgement: Judgement) -> Section | None:
    """The smallest schedule that violates first; then a table for each level."""
    if not facts.pairings:
        return None
    levels: dict[str, list[Pairing]] = {}
    for pairing in facts.pairings:
        levels.setdefault(pairing.level, []).append(pairing)
    values = {"levels": levels, "schedules": facts.schedules, "find_tone": find_tone, "describe": describe_pairing}
    note = "; ".join(describe_pairings(facts.pairings))
    return Section("pairings", "Every schedule", render("pairings", **values), note)


def find_tone(pairing: Pairing) -> str:
    return "fail" if pairing.violated else "pass" if is_proven(pairing) else "unknown"
