"""The checks of a history, by id: each a pure function of a check context."""

from collections.abc import Callable

from reports.judge.checks.accounting import check_accounting
from reports.judge.checks.answers import check_contract, check_no_5xx, check_schema, check_tenant_isolation
from reports.judge.checks.audit import check_audit
from reports.judge.checks.capacity import check_capacity
from reports.judge.checks.conflict_truth import check_conflict_truth
from reports.judge.checks.durability import check_durability
from reports.judge.checks.effects import check_effects
from reports.judge.checks.final_state import check_final_state
from reports.judge.checks.idempotent import check_idempotent
from reports.judge.checks.legality import check_legality
from reports.judge.checks.linearizable import check_linearizable
from reports.judge.checks.precondition import check_precondition
from reports.judge.checks.race_outcomes import check_conflict_count, check_one_winner
from reports.judge.context import CheckContext
from reports.judge.verdict import CheckResult

CHECKS: dict[str, Callable[[CheckContext], CheckResult]] = {
    "one-winner": check_one_winner,
    "conflict-count": check_conflict_count,
    "conflict-truth": check_conflict_truth,
    "legality": check_legality,
    "linearizable": check_linearizable,
    "final-state": check_final_state,
    "audit": check_audit,
    "effects": check_effects,
    "precondition": check_precondition,
    "capacity": check_capacity,
    "idempotent": check_idempotent,
    "durability": check_durability,
    "tenant-isolation": check_tenant_isolation,
    "contract": check_contract,
    "schema": check_schema,
    "no-5xx": check_no_5xx,
    "accounting": check_accounting,
}
