"""How often a comparison is wrong, for whoever lets one stop a release. Simulated runs of which the truth is known.

Every block of a measure has lognormal noise of 4 %, every session a drift of 3 % that all its measures share. A
comparison counts as regressed when any of its measures is. `python -m benchmarks.bench_compare` (about half a minute).
"""

import random
from collections import Counter
from dataclasses import dataclass
from math import log1p

from rich.console import Console
from rich.table import Table

from reports.changes import RULES, Decision, decide
from reports.comparison import Change, Design

NOISE, DRIFT = 0.04, 0.03
COMPARISONS = 2000


@dataclass(frozen=True)
class Case:
    """One row: what is simulated, and what is asked of it: a change, and at least or at most which share."""

    title: str
    design: Design
    blocks: int = 8
    measures: int = 1
    slower: float = 0.0
    slower_measures: int | None = None
    creep: float = 0.0
    asked: tuple[Change, str, float] | None = None


NO_ALARM = (Change.REGRESSED, "at most", 0.01)
FOUND = (Change.REGRESSED, "at least", 0.80)
CASES = (
    Case("A/A", Design.INTERLEAVED, asked=NO_ALARM),
    Case("A/A", Design.INTERLEAVED, measures=8, asked=NO_ALARM),
    Case("A/A, ABBA while the machine gets 10 % slower", Design.INTERLEAVED, measures=8, creep=0.10, asked=NO_ALARM),
    Case("A/A", Design.SESSIONS, asked=NO_ALARM),
    Case("A/A", Design.SESSIONS, blocks=12, asked=NO_ALARM),
    Case("A/A", Design.SESSIONS, measures=8, asked=NO_ALARM),
    Case("10 % slower", Design.INTERLEAVED, slower=0.10, asked=FOUND),
    Case("10 % slower in all", Design.INTERLEAVED, measures=8, slower=0.10, asked=FOUND),
    Case("10 % slower in one of them", Design.INTERLEAVED, measures=8, slower=0.10, slower_measures=1),
    Case("10 % slower", Design.SESSIONS, blocks=12, slower=0.10),
    Case("30 % slower", Design.SESSIONS, blocks=12, slower=0.30),
)


def main() -> None:
    table = Table(title=f"{COMPARISONS:,} comparisons each; noise {NOISE:.0%} a block, drift {DRIFT:.0%} a session")
    for name in ("truth", "design", "blocks", "measures", *Change, "asked"):
        table.add_column(name, justify="left" if name in ("truth", "design", "asked") else "right")
    for case in CASES:
        counts = simulate(case)
        shares = [f"{counts[change] / COMPARISONS:.1%}" for change in Change]
        sizes = (f"{case.blocks} + {case.blocks}", str(case.measures))
        table.add_row(case.title, case.design, *sizes, *shares, say_asked(case, counts))
    Console(width=150).print(table)


def simulate(case: Case, comparisons: int = COMPARISONS) -> Counter[Change]:
    """What each comparison as a whole was called; the same ones for the same case."""
    rng = random.Random(f"1/{case}")
    return Counter(call(decide(draw(case, rng), RULES[case.design])) for _ in range(comparisons))


def draw(case: Case, rng: random.Random) -> dict[str, tuple[list[float], list[float]]]:
    """The logarithms of a comparison's blocks. In turns, the sides share a session; each pair begins with the other."""
    drift = [rng.gauss(0, DRIFT), rng.gauss(0, DRIFT)]
    if case.design is Design.INTERLEAVED:
        drift[1] = drift[0]
    drawn = {}
    for number in range(case.measures):
        slow = case.slower_measures is None or number < case.slower_measures
        effects = (drift[0], drift[1] + (log1p(case.slower) if slow else 0.0))
        sides = tuple(
            [effect + place(block, side, case) + rng.gauss(0, NOISE) for block in range(case.blocks)]
            for side, effect in enumerate(effects)
        )
        drawn[str(number)] = (sides[0], sides[1])
    return drawn


def place(block: int, side: int, case: Case) -> float:
    """How much slower the machine has become by the time of a block, in the order A B B A A B B A."""
    return log1p(case.creep) * (2 * block + (side ^ block % 2)) / (2 * case.blocks)


def call(decisions: dict[str, Decision]) -> Change:
    """Regressed when any measure is, then improved, then inconclusive."""
    found = {decision.verdict for decision in decisions.values()}
    for change in (Change.REGRESSED, Change.IMPROVED, Change.INCONCLUSIVE):
        if change in found:
            return change
    return Change.SAME


def say_asked(case: Case, counts: Counter[Change]) -> str:
    if case.asked is None:
        return ""
    change, word, share = case.asked
    got = counts[change] / COMPARISONS
    held = got <= share if word == "at most" else got >= share
    return f"{change} {word} {share:.0%}: {'yes' if held else 'NO'}"


if __name__ == "__main__":
    main()
