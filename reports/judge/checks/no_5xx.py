"""no-5xx: there is no server error that a fault does not explain."""

from reports.judge.context import CheckContext, conclude, fail, not_applicable, report_row
from reports.judge.probes import find_probes, is_excused, suspect_probes
from reports.judge.text.finding_text import (
    describe_server_error,
)
from reports.judge.verdict import CheckResult


def check_no_5xx(context: CheckContext) -> CheckResult:
    """No server error, but for operations and probes that an injected fault touched. One that says what happened is
    none: a busy 503, or a 500 that the target file lists, as the fault of a SOAP service.
    """
    status = context.ops["status"]
    answered = status.len() - status.null_count()
    probes = [probe for probe in find_probes(context, "no-5xx") if not is_excused(context, probe)]
    if not answered and not probes:
        return not_applicable("no-5xx", "the history has no HTTP status")
    failed = (status >= 500).fill_null(value=False) & (context.ops["outcome"] == "unknown")
    rows = context.ops.filter(failed & ~context.touched_by_fault)["row"].to_list() if failed.any() else []
    suspicions = [fail(report_row, context, "no-5xx", describe_server_error, row) for row in rows]
    suspicions += suspect_probes("no-5xx", probes)
    return conclude(context, "no-5xx", judged=answered + len(probes), unit="answers", suspicions=suspicions)
