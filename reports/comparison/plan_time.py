"""Plan time: whether one of two engines was ended before it finished its plan, far behind the other. Pure."""

from dataclasses import dataclass

from reports.comparison.blocks import KINDS, PLAN_TIME
from reports.comparison.comparison_result import Change, MeasureChange
from reports.comparison.facts import Progress

# An engine that was ended, and would have needed so many times the other engine's seconds, has regressed.
BEHIND_FACTOR = 4.0


def compare_plans(baseline: Progress, run: Progress) -> MeasureChange | None:
    """A change if one engine was ended before it finished the plan, and needed several times as long as the other.

    It must be so in most of the parts of the plan that both began. That alone is a regression, or an improvement.
    """
    parts = list(zip(list_parts(baseline), list_parts(run), strict=False))
    late = sum(mine.is_behind(theirs) for theirs, mine in parts)
    ahead = sum(theirs.is_behind(mine) for theirs, mine in parts)
    if 2 * max(late, ahead) <= len(parts):
        return None
    before, after = (sum(part.needed_s for part in side) for side in zip(*parts, strict=True))
    verdict = Change.REGRESSED if late > ahead else Change.IMPROVED
    who, count = ("run", late) if late > ahead else ("baseline", ahead)
    where = f"in {count} of {len(parts)} turns " if len(parts) > 1 else ""
    other = "baseline" if who == "run" else "run"
    reason = f"{where}the {who} was ended before it had run what was planned, which would have taken it at least "
    kind = KINDS[PLAN_TIME]
    return MeasureChange(
        PLAN_TIME,
        kind.title,
        kind.unit,
        kind.better,
        before,
        after,
        after / before,
        verdict,
        f"{reason}{BEHIND_FACTOR:g} times as long as the {other}",
        primary=True,
    )


@dataclass(frozen=True)
class Part:
    """A part of the plan: its races, how many of them were run, and in how long."""

    planned: int
    run: int
    seconds: float

    @property
    def needed_s(self) -> float:
        """What the whole part would have taken."""
        return self.seconds * self.planned / max(1, self.run)

    def is_behind(self, other: "Part") -> bool:
        return (
            self.run < self.planned and other.run >= other.planned and self.needed_s >= BEHIND_FACTOR * other.needed_s
        )


def list_parts(plan: Progress) -> list[Part]:
    return [Part(*row) for row in zip(plan.planned, plan.run, plan.seconds, strict=True)]
