"""schema: the live workflow table has only the designed columns."""

from reports.judge.context import CheckContext, conclude, not_applicable
from reports.judge.probes import find_probes, suspect_probes
from reports.judge.verdict import CheckResult


def check_schema(context: CheckContext) -> CheckResult:
    """The live workflow table has only the designed columns; the inspection noted what it found."""
    probes = find_probes(context, "schema")
    if not probes:
        return not_applicable("schema", "no source inspected the tables of the service", "probes")
    return conclude(context, "schema", judged=len(probes), unit="probes", suspicions=suspect_probes("schema", probes))
