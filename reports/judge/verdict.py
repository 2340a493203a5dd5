"""The three verdicts, and what a judgement is made of. Values only."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """pass, fail or unknown; `unknown` is never green."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


RANK = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}


def merge(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of them: fail over unknown over pass. Nothing at all is unknown: no check applied."""
    return max(verdicts, key=RANK.__getitem__, default=Verdict.UNKNOWN)


@dataclass(frozen=True)
class Finding:
    """One thing that a check found, in words.

    `title` is one sentence. `words` is the whole explanation, plain text, several lines, readable in a
    CI log. `operations` are the ids of the few operations that the finding rests on. `command` judges
    or replays it again. `scenario` is the first operation's.
    """

    check: str
    verdict: Verdict
    title: str
    words: str = ""
    operations: tuple[int | str, ...] = ()
    workflow: str | None = None
    race: int | str | None = None
    command: str = ""
    scenario: str | None = None


@dataclass(frozen=True)
class CheckResult:
    """What one check says. `verdict` is None when there was no evidence: not applicable, and `reason` says why.

    `judged` counts what the check looked at, in its own unit (`unit`: races, conflicts, workflows, ...).
    `findings` may be capped; `findings_total` is the true count.
    """

    check: str
    verdict: Verdict | None
    reason: str = ""
    judged: int = 0
    unit: str = "operations"
    findings: tuple[Finding, ...] = ()
    findings_total: int = 0


@dataclass(frozen=True)
class Judgement:
    """Every check's result, merged. `reason` is one sentence; `counts` holds operations, races, outcomes."""

    verdict: Verdict
    reason: str
    checks: tuple[CheckResult, ...]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for check in self.checks for finding in check.findings)
