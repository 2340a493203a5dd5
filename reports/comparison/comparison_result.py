"""A comparison of a run with its baseline: which checks changed, and how each measure changed. Values only.

A check needs no evidence beyond its verdict; a measure needs a size and a test. run.json has the comparison under
`comparison`, and every document renders it from there.
"""

from dataclasses import dataclass
from enum import StrEnum

from reports.judge.verdict import Verdict


class Standing(StrEnum):
    """What became of a check. `lost` is one that was decided in the baseline and does not apply to the run."""

    NEWLY_FAILING = "newly failing"
    STILL_FAILING = "still failing"
    UNDECIDED = "undecided"
    LOST = "lost"
    FIXED = "fixed"
    SAME = "same"


class Change(StrEnum):
    """What became of a measure. `inconclusive` fails no run, and is no pass either."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    SAME = "same"
    INCONCLUSIVE = "inconclusive"


class Design(StrEnum):
    """How the two sides were measured: at two times; at two times, each in turns with the reference engine; or in turns
    within one job on one machine.
    """

    SESSIONS = "sessions"
    RELATIVE = "relative"
    INTERLEAVED = "interleaved"


@dataclass(frozen=True)
class CheckChange:
    """A check in both runs; None where it did not apply or was not made."""

    check: str
    baseline: Verdict | None
    run: Verdict | None
    standing: Standing


@dataclass(frozen=True)
class BlockTest:
    """The evidence for a measure's verdict: a test over repeated blocks, and its numbers.

    `p_value` is two-sided, of "the sides differ by no more than the margin", which is `threshold`, or `allowance`, what
    the machine may have drifted between the two, where that is more (shares, 0.05: 5 %). `p_adjusted` is the same after
    Holm's correction for the measures that were tested together, and is held against `alpha`. `interval` is of the
    ratio run/baseline, at the level `confidence`. `blocks` counts those of the baseline and of the run that were
    compared. `detectable` is the smallest worsening that these blocks would have shown in nine of ten cases; None when
    no worsening would have shown.
    """

    name: str
    p_value: float
    p_adjusted: float
    alpha: float
    interval: tuple[float, float]
    confidence: float
    blocks: tuple[int, int]
    threshold: float
    allowance: float
    detectable: float | None = None


@dataclass(frozen=True)
class Acknowledgement:
    """A regression that is known: of which measure, why, and until when (ISO date, that day included)."""

    measure: str
    reason: str
    expires: str


@dataclass(frozen=True)
class MeasureChange:
    """A measure in both runs: geometric means over the blocks, in `unit` (ns, races/s, s), and what became of it.

    `better` is lower or higher. `ratio` is run/baseline. `reason` is one sentence. Without `test` there was nothing
    to test, and the reason says why. One that is not `primary` is reported, and decides nothing.
    """

    measure: str
    title: str
    unit: str
    better: str
    baseline: float | None
    run: float | None
    ratio: float | None
    verdict: Change
    reason: str
    test: BlockTest | None = None
    acknowledged: Acknowledgement | None = None
    primary: bool = True

    @property
    def counts(self) -> bool:
        """Whether it makes the exit code 4."""
        return self.verdict is Change.REGRESSED and self.primary and self.acknowledged is None

    @property
    def is_decided(self) -> bool:
        """Whether it could be compared at all."""
        return self.test is not None or self.verdict is not Change.INCONCLUSIVE


@dataclass(frozen=True)
class Comparison:
    """A run against its baseline. `baseline` and `run` name them as the user did; `notes` are sentences on what stands
    between them: other conditions, an acknowledgement that has expired.
    """

    baseline: str
    baseline_verdict: Verdict
    run: str
    run_verdict: Verdict
    design: Design
    checks: tuple[CheckChange, ...] = ()
    measures: tuple[MeasureChange, ...] = ()
    notes: tuple[str, ...] = ()

    def having(self, standing: Standing) -> tuple[str, ...]:
        """The checks with this standing."""
        return tuple(change.check for change in self.checks if change.standing is standing)

    def turning(self, change: Change) -> tuple[MeasureChange, ...]:
        """The measures with this change."""
        return tuple(measure for measure in self.measures if measure.verdict is change)

    @property
    def primaries(self) -> tuple[MeasureChange, ...]:
        """The measures that can make the exit code 4, as far as they could be compared."""
        return tuple(measure for measure in self.measures if measure.primary and measure.is_decided)

    @property
    def regressions(self) -> tuple[MeasureChange, ...]:
        """Those that are not acknowledged."""
        return tuple(measure for measure in self.measures if measure.counts)


@dataclass(frozen=True)
class ChangePoint:
    """Between the points `index - 1` and `index` a measure changed its level: means before and after, and how sure."""

    index: int
    before: float
    after: float
    p_value: float


@dataclass(frozen=True)
class TrendPoint:
    """One run's value of a measure, and what was decided of that run. `started_at` is UTC, ISO 8601."""

    run: str
    started_at: str
    value: float
    verdict: Verdict


@dataclass(frozen=True)
class Trend:
    """One measure over many runs of one kind, oldest first, and where it changed. `series` names that kind."""

    series: str
    measure: str
    title: str
    unit: str
    better: str
    points: tuple[TrendPoint, ...]
    changes: tuple[ChangePoint, ...]
