"""How often is a comparison wrong? For users who let a comparison stop a release. Uses simulated runs.

Every turn has lognormal noise of 15 %, as a turn of 40 races on two quiet cores; a block of a single run has 6 %. Every
session has a drift of 3 % that all its measures share; relative to the reference engine it is that of a start. A
comparison counts as regressed if any of its measures is.

`python -m benchmarks bench_comparison_simulated` takes about half a minute.
"""

import random
from collections import Counter
from dataclasses import dataclass
from math import log1p, sqrt

from rich.console import Console
from rich.table import Table

from reports.comparison.comparison_result import Change, Design
from reports.comparison.regression import RULES, Decision, decide

NOISE, DRIFT = 0.15, 0.03
# Of some turns together: in two minutes there are 100 to 200 turns of each engine, which make at most 60 pairs.
PAIR_NOISE = 0.10
COMPARISONS = 2000


@dataclass(frozen=True)
class Case:
    """One row: the simulated change, and the least or the largest share that is acceptable."""

    title: str
    design: Design
    blocks: int = 60
    noise: float = NOISE
    measures: int = 1
    slower: float = 0.0
    slower_measures: int | None = None
    creep: float = 0.0
    asked: tuple[Change, str, float] | None = None


NO_ALARM = (Change.REGRESSED, "at most", 0.01)
FOUND = (Change.REGRESSED, "at least", 0.80)
CASES = (
    Case("A/A", Design.INTERLEAVED, asked=NO_ALARM),
    Case("A/A", Design.INTERLEAVED, measures=3, asked=NO_ALARM),
    Case("5 % slower, which does not count", Design.INTERLEAVED, measures=3, slower=0.05, asked=NO_ALARM),
    Case("A/A, ABBA while the machine gets 30 % slower", Design.INTERLEAVED, measures=3, creep=0.30, asked=NO_ALARM),
    Case("A/A", Design.SESSIONS, blocks=20, noise=0.06, measures=3, asked=NO_ALARM),
    Case("A/A", Design.RELATIVE, noise=PAIR_NOISE, measures=3, asked=NO_ALARM),
    Case("20 % slower", Design.INTERLEAVED, slower=0.20, asked=FOUND),
    Case("20 % slower in all", Design.INTERLEAVED, measures=3, slower=0.20, asked=FOUND),
    Case("20 % slower in one of them", Design.INTERLEAVED, measures=3, slower=0.20, slower_measures=1, asked=FOUND),
    Case("10 % slower in all", Design.INTERLEAVED, measures=3, slower=0.10),
    Case("20 % slower in all", Design.RELATIVE, noise=PAIR_NOISE, measures=3, slower=0.20, asked=FOUND),
    Case("20 % slower in all", Design.SESSIONS, blocks=20, noise=0.06, measures=3, slower=0.20),
    Case("50 % slower in all", Design.SESSIONS, blocks=20, noise=0.06, measures=3, slower=0.50, asked=FOUND),
)


def main() -> None:
    table = Table(title=f"{COMPARISONS:,} comparisons each; drift {DRIFT:.0%} a session")
    for name in ("truth", "design", "pairs", "noise", "measures", *Change, "asked"):
        table.add_column(name, justify="left" if name in ("truth", "design", "asked") else "right")
    for case in CASES:
        counts = simulate(case)
        shares = [f"{counts[change] / COMPARISONS:.1%}" for change in Change]
        sizes = (str(case.blocks), f"{case.noise:.0%}", str(case.measures))
        table.add_row(case.title, case.design, *sizes, *shares, say_asked(case, counts))
    Console(width=150).print(table)


def simulate(case: Case, comparisons: int = COMPARISONS) -> Counter[Change]:
    """The result of each comparison; the same for the same case."""
    rng = random.Random(f"1/{case}")
    return Counter(call(decide(draw(case, rng), RULES[case.design])) for _ in range(comparisons))


def draw(case: Case, rng: random.Random) -> dict[str, list[float]]:
    """By how much each block of the run was worse than the baseline's. In turns, the sides share a session. Relative to
    the reference engine, its noise comes on top.
    """
    drift = rng.gauss(0, DRIFT) - rng.gauss(0, DRIFT) if case.design is not Design.INTERLEAVED else 0.0
    noise = case.noise * (sqrt(2) if case.design is Design.RELATIVE else 1)
    drawn = {}
    for number in range(case.measures):
        slow = case.slower_measures is None or number < case.slower_measures
        effect = drift + (log1p(case.slower) if slow else 0.0)
        drawn[str(number)] = [
            effect + place(block, 1, case) - place(block, 0, case) + rng.gauss(0, noise) - rng.gauss(0, noise)
            for block in range(case.blocks)
        ]
    return drawn


def place(block: int, side: int, case: Case) -> float:
    """By how much the machine is slower at the time of a block, in the order A B B A A B B A."""
    return log1p(case.creep) * (2 * block + (side ^ block % 2)) / (2 * case.blocks)


def call(decisions: dict[str, Decision]) -> Change:
    """Regressed if any measure is; else improved if any is; else inconclusive if any is."""
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
