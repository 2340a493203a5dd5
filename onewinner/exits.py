"""How a command ends: its exit codes, and the errors that name one."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.comparison.comparison_result import Comparison

PASS, FAIL, USAGE, UNKNOWN, REGRESSION = 0, 1, 2, 3, 4
EXIT_MEANINGS = {
    PASS: "pass",
    FAIL: "a check failed",
    USAGE: "usage: a bad option, file or target; the judge did not run",
    UNKNOWN: "unknown: inconclusive, incomplete, or the harness failed",
    REGRESSION: "correct, but a regression against the baseline",
}
# By words, because a signal is to be heard before anything is imported from a room.
EXIT_BY_VERDICT = {"pass": PASS, "fail": FAIL, "unknown": UNKNOWN}


def find_exit(verdict: str, comparison: "Comparison | None" = None) -> int:
    """The exit code of a run: what its verdict says; of one that passed, what its comparison says."""
    code = EXIT_BY_VERDICT[verdict]
    return code if code != PASS or comparison is None else find_comparison_exit(comparison)


def find_comparison_exit(comparison: "Comparison") -> int:
    """Failing checks before doubts, doubts before regressions, and those before what could not be compared."""
    from reports.comparison.comparison_result import Standing
    from reports.judge.verdict import Verdict

    if comparison.run_verdict is Verdict.FAIL:
        return FAIL
    unknown = Verdict.UNKNOWN in (comparison.run_verdict, comparison.baseline_verdict)
    if unknown or comparison.having(Standing.LOST):
        return UNKNOWN
    if comparison.regressions:
        return REGRESSION
    # A comparison was asked for. Where nothing could be compared, nothing is known.
    return PASS if comparison.primaries else UNKNOWN


class UsageError(Exception):
    """A bad option, file, target or database: one sentence with the place and the remedy. Nothing was judged."""


class FailedError(Exception):
    """Something of the user's failed before anything was judged: one sentence. The command ends with UNKNOWN."""
