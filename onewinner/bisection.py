"""Bisection: between which two releases of a list a race came or went. Values and the search; nothing is run here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from onewinner.exits import FAIL, PASS, UNKNOWN


@dataclass(frozen=True)
class Trial:
    """One release, asked once. `code` is the exit code of its run, `failed` are its checks that failed.

    `reason` is one sentence where there is no verdict: the release cannot be installed, or does not start.
    """

    version: str
    code: int
    failed: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def has_verdict(self) -> bool:
        return self.code in (PASS, FAIL)


@dataclass(frozen=True)
class Bisection:
    """The trials in the order in which they were made, and the two neighbours between which the race came or went."""

    trials: tuple[Trial, ...]
    neighbours: tuple[Trial, Trial] | None = None

    @property
    def code(self) -> int:
        """UNKNOWN if a release had no verdict, FAIL if one failed, else PASS."""
        if not all(trial.has_verdict for trial in self.trials):
            return UNKNOWN
        return FAIL if any(trial.code == FAIL for trial in self.trials) else PASS


@dataclass
class Search:
    """Asks releases, each once, and ends as soon as one has no verdict."""

    ask: Callable[[str], Trial]
    trials: list[Trial] = field(default_factory=list)

    def run(self, versions: Sequence[str]) -> Bisection:
        """The releases in the order in which they came out, two or more. The race came or went once between them."""
        first = self.try_one(versions[0])
        last = self.try_one(versions[-1]) if first.has_verdict else first
        if not last.has_verdict or first.code == last.code:
            return Bisection(tuple(self.trials))
        low, high = (0, first), (len(versions) - 1, last)
        while high[0] - low[0] > 1:
            middle = (low[0] + high[0]) // 2
            trial = self.try_one(versions[middle], (first.failed | last.failed))
            if not trial.has_verdict:
                return Bisection(tuple(self.trials))
            if trial.code == first.code:
                low = (middle, trial)
            else:
                high = (middle, trial)
        return Bisection(tuple(self.trials), (low[1], high[1]))

    def try_one(self, version: str, wanted: frozenset[str] | None = None) -> Trial:
        """Asks a release. One that fails, but none of the wanted checks, says nothing about this race."""
        trial = self.ask(version)
        if trial.code == FAIL and wanted is not None and not trial.failed & wanted:
            reason = f"it fails {', '.join(sorted(trial.failed))}, and not {', '.join(sorted(wanted))}: another defect"
            trial = Trial(version, UNKNOWN, trial.failed, reason)
        self.trials.append(trial)
        return trial


def describe_trial(trial: Trial) -> str:
    """One line about a release."""
    if trial.code == PASS:
        return f"{trial.version}: pass"
    if trial.code == FAIL:
        return f"{trial.version}: FAIL: {', '.join(sorted(trial.failed))}"
    return f"{trial.version}: no verdict: {trial.reason}"


def describe_bisection(found: Bisection, versions: Sequence[str]) -> str:
    """The result in one sentence."""
    last = found.trials[-1]
    if not last.has_verdict:
        return (
            f"bisect ends early: {last.version} has no verdict, so it is not known on which side of it the race changed"
        )
    if found.neighbours is None:
        has = "fails" if last.code == FAIL else "passes"
        return f"{versions[0]} {has}, and so does {versions[-1]}: nothing changed between them"
    before, after = found.neighbours
    if after.code == FAIL:
        return f"the race came with {after.version}: {before.version} passes, {after.version} fails"
    return f"the race went with {after.version}: {before.version} fails, {after.version} passes"
