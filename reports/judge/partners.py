"""Partners: sources that shared workflows. Without all of their journals nobody can be accused.

A source that asked about the same workflows as others says so in a `quota` event, `shared_by`: all their names.
"""

from dataclasses import replace

from reports.history.events import Quota
from reports.history.history import History
from reports.judge.verdict import CheckResult, Verdict


def find_lost_partners(history: History) -> str:
    """Which partners of the sources that are here have no journal here; a sentence, or empty."""
    here = {source.name for source in history.sources}
    partners = {name for event in history.having(Quota) for name in event.shared_by or ()}
    missing = ", ".join(sorted(partners - here))
    return f"these races were shared with {missing}, whose journals are missing" if missing else ""


def soften(result: CheckResult, why: str) -> CheckResult:
    """A failure as a doubt: what looks wrong may be explained by operations that are not in this history."""
    if not why or result.verdict is not Verdict.FAIL:
        return result
    findings = tuple(replace(finding, verdict=Verdict.UNKNOWN) for finding in result.findings)
    reason = "; ".join(part for part in (result.reason, why) if part)
    return replace(result, verdict=Verdict.UNKNOWN, reason=reason, findings=findings)
