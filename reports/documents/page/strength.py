"""Strength: how much a pass is worth. What was covered, which moves raced each other, and the bounds that follow."""

from collections.abc import Sequence

from reports.comparison.facts import Covered, Facts, RacedPair, Strength
from reports.documents.bounds import IF_ALIKE, SORTS, describe_size
from reports.documents.page.parts import Section, fold, mark, table
from reports.documents.page.text import show
from reports.judge.verdict import Judgement, Verdict

PAIRS_MAX = 600


def render_strength(facts: Facts, judgement: Judgement) -> Section | None:
    strength = facts.strength
    if not strength:
        return None
    body = list_facts(strength, proves=judgement.verdict is Verdict.PASS) + draw_rounds(strength.raced_pairs.rounds)
    return Section("strength", "How much this proves", body)


def list_facts(strength: Strength, *, proves: bool) -> str:
    """The bounds are of a run in which no violation was seen: of another one they say nothing."""
    covered: dict[str, Covered] = {
        "legal transitions taken": strength.transitions,
        "illegal pairs asked for in that very state": strength.illegal_pairs,
        "pairs of moves that raced each other": strength.raced_pairs,
    }
    rows = [list_share(name, part.covered, part.total) for name, part in covered.items()]
    for bound in strength.bounds if proves else ():
        what, _, wrong = SORTS[bound.sort]
        name = f"{bound.trials:,} {what.format(size=describe_size(bound))}: how many may still {wrong} ({IF_ALIKE})"
        rows.append((show(name), f"at most {bound.violations_max:.2%}", ""))
    calibration = strength.calibration
    if calibration:
        name = f"calibrated on this machine: races that show {show(calibration.defect, 60)}"
        rows.append(list_share(name, calibration.caught, calibration.races))
    return table("Strength", ("", "", ""), rows, (1,))


def list_share(name: str, covered: int, total: int) -> tuple[str, str, str]:
    share = covered / total if total else 0.0
    return name, f"{covered:,} of {total:,}", draw_share(share)


def draw_share(share: float) -> str:
    width = f"{100 * min(max(share, 0.0), 1.0):.1f}%"
    return (
        '<svg class="share" width="120" height="10" aria-hidden="true"><rect class="ground" width="100%" height="10"/>'
        f'<rect class="part" width="{width}" height="10"/></svg>'
    )


def draw_rounds(rounds: Sequence[RacedPair]) -> str:
    """Which two moves raced each other out of each state, and in how many rounds; what never did first."""
    if not rounds:
        return ""
    ordered = sorted(rounds, key=lambda pair: pair.rounds > 0)[:PAIRS_MAX]
    rows = [(show(pair.state, 60), show(pair.first, 60), show(pair.second, 60), say(pair)) for pair in ordered]
    never = sum(not pair.rounds for pair in rounds)
    told = f": {never:,} of {len(rounds):,} never raced" if never else f": all {len(rounds):,} raced"
    matrix = table("Pairs of moves that meet in a state", ("out of", "to", "against", "rounds"), rows, (3,))
    return fold(f"Pairs of moves{told}", matrix)


def say(pair: RacedPair) -> str:
    return f"{pair.rounds:,}" if pair.rounds else mark("unknown", "never")
