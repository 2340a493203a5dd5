"""The checks of a history, by id: each a pure function of a check context."""

from collections.abc import Callable

from reports.judge.checks.accounting import check_accounting
from reports.judge.checks.audit import check_audit
from reports.judge.checks.capacity import check_capacity
from reports.judge.checks.conflict_count import check_conflict_count
from reports.judge.checks.conflict_truth import check_conflict_truth
from reports.judge.checks.contract import check_contract
from reports.judge.checks.durability import check_durability
from reports.judge.checks.effects import check_effects
from reports.judge.checks.final_state import check_final_state
from reports.judge.checks.idempotent import check_idempotent
from reports.judge.checks.legality import check_legality
from reports.judge.checks.linearizable import check_linearizable
from reports.judge.checks.no_5xx import check_no_5xx
from reports.judge.checks.one_winner import check_one_winner
from reports.judge.checks.precondition import check_precondition
from reports.judge.checks.schema import check_schema
from reports.judge.checks.tenant_isolation import check_tenant_isolation
from reports.judge.context import CheckContext
from reports.judge.verdict import CheckResult

Check = Callable[[CheckContext], CheckResult]
# Each check, and what it asks, for the page and for `onewinner check --help`.
TABLE: dict[str, tuple[Check, str]] = {
    "one-winner": (check_one_winner, "Of the requests of a race, exactly one won."),
    "conflict-count": (check_conflict_count, "Every loser of a race was told that it lost."),
    "conflict-truth": (
        check_conflict_truth,
        "When a conflict told a state, the workflow could be in it at that moment.",
    ),
    "legality": (check_legality, "No move took effect that the graph does not have."),
    "linearizable": (
        check_linearizable,
        "Some order of the operations, within their real times, explains every answer.",
    ),
    "final-state": (check_final_state, "When all was quiet, a read agreed with the last move."),
    "audit": (check_audit, "The trail is an unbroken chain of exactly the moves that won."),
    "effects": (check_effects, "Each win left its trace once, and a loser none."),
    "precondition": (
        check_precondition,
        "A request with an old version was not carried out, and one with the current version was.",
    ),
    "capacity": (check_capacity, "No more units were given than there are, and none of them twice."),
    "idempotent": (check_idempotent, "All requests with one key made one move and got one answer."),
    "durability": (check_durability, "What was acknowledged survived each fault."),
    "tenant-isolation": (check_tenant_isolation, "Another tenant saw nothing and moved nothing."),
    "contract": (check_contract, "Every single answer was one that the target file or the specification allows."),
    "schema": (check_schema, "The table of workflows has only the columns that the specification names."),
    "no-5xx": (check_no_5xx, "There was no server error that an injected fault does not explain."),
    "accounting": (check_accounting, "All that was planned was started, answered in some way, and judged."),
}
CHECKS = {name: check for name, (check, _) in TABLE.items()}
MEANINGS = {name: meaning for name, (_, meaning) in TABLE.items()}
