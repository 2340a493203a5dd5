"""Strength: how much a pass is worth. What was covered, which moves raced each other, and the bounds that follow."""

from reports.comparison.facts import Covered, Facts, Strength
from reports.documents.bounds import IF_ALIKE, SORTS, describe_size
from reports.documents.page.templates import Section, render
from reports.documents.strength import NEVER_READ, list_unproven
from reports.judge.verdict import Judgement, Verdict

PAIRS_MAX = 600


def list_strength(facts: Facts, judgement: Judgement) -> Section | None:
    """Bounds only for a run that passed: they hold only where no violation was seen."""
    if facts.strength is None:
        return None
    rounds = facts.strength.raced_pairs.rounds
    values = {
        "shares": list_shares(facts.strength),
        "bounds": list_bounds(facts.strength) if judgement.verdict is Verdict.PASS else [],
        "unproven": [
            *([NEVER_READ] if facts.strength.is_read is False else []),
            *list_unproven(facts.fixed_processes, facts.shared_session),
        ],
        "calibration": facts.strength.calibration,
        "rounds": sorted(rounds, key=lambda pair: pair.rounds > 0)[:PAIRS_MAX],
        "total": len(rounds),
        "never": sum(not pair.rounds for pair in rounds),
    }
    return Section("strength", "How much this proves", render("strength", **values))


def list_shares(strength: Strength) -> list[tuple[str, Covered]]:
    return [
        ("legal transitions taken", strength.transitions),
        ("illegal pairs asked for in that very state", strength.illegal_pairs),
        ("pairs of moves that raced each other", strength.raced_pairs),
    ]


def list_bounds(strength: Strength) -> list[tuple[str, str]]:
    lines = []
    for bound in strength.bounds:
        what, _, wrong = SORTS[bound.sort]
        name = f"{bound.trials:,} {what.format(size=describe_size(bound))}: how many may still {wrong} ({IF_ALIKE})"
        lines.append((name, f"at most {bound.violations_max:.2%}"))
    return lines
