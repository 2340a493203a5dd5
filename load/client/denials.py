"""Denials: a 401 for a client that was let in before says nothing about the workflow. Knows nothing of Locust.

Neither does a 403 for a legal request. The credentials may have expired during the run, so the outcome is unknown.
A tenant that is turned away from another tenant's workflow is refused.
"""

from dataclasses import dataclass, field, replace

from engine.target.classified_answer import ClassifiedAnswer, turn_away
from engine.target.target import Target
from load.client.ask import Ask, list_expected
from load.client.logins_and_setup import UNAUTHORIZED, Preparation

FORBIDDEN = 403
SERVED = ("ok", "won", "conflict")
OVER = "401 for a client that was let in since its login: the login is over"


@dataclass
class Denials:
    """Which tenants one source has seen let in. `owners` maps a workflow to its tenant, where that is not the owner."""

    target: Target
    preparation: Preparation
    owners: dict[str, str] = field(default_factory=dict)
    let_in: set[str] = field(default_factory=set)

    def owns(self, workflow: str, tenant: str) -> bool:
        return self.owners.get(workflow, self.target.owner) == tenant

    def review(
        self, ask: Ask, classified: ClassifiedAnswer, *, races: bool = False
    ) -> tuple[ClassifiedAnswer, str | None]:
        """The answer as classified; unknown, and the reason, for a client that is not let in any more.

        Busy if its login may be over: nothing happened, and the next request logs in first. For a contender of a race
        it is unknown too: a race without a winner must not accuse the service.
        """
        user = ask.tenant, ask.user
        if classified.status == UNAUTHORIZED and classified.outcome in ("refused", "unknown"):
            if self.preparation.note_denied(user):
                return replace(classified, outcome="unknown" if races else "busy", message=OVER), None
        elif classified.outcome in SERVED:
            self.preparation.note_served(user)
        if not self.owns(ask.workflow, ask.tenant):
            return turn_away(classified), None
        if classified.outcome in SERVED:
            self.let_in.add(ask.tenant)
        if classified.outcome != "refused":
            return classified, None
        # The graph says which advances are legal; all other requests are.
        is_legal = ask.route is None or self.is_legal(ask)
        reason = self.describe_denial(ask.tenant, classified.status, creates=ask.call.creates, is_legal=is_legal)
        return (classified if reason is None else replace(classified, outcome="unknown", message=reason)), reason

    def is_legal(self, ask: Ask) -> bool:
        return any(self.target.graph.allows(state, ask.call.to) for state in list_expected(self.target, ask))

    def describe_denial(
        self, tenant: str, status: int | None, *, creates: bool = False, is_legal: bool = True
    ) -> str | None:
        """That a tenant is not let in any more, in words; None when the status does not say so.

        Where a request creates workflows, a workflow of the tenant's own shows that it was let in, maybe elsewhere.
        """
        was_let_in = tenant in self.let_in or (not creates and self.target.creates_by_request)
        if not was_let_in or status not in (UNAUTHORIZED, *((FORBIDDEN,) if is_legal else ())):
            return None
        once = ", or a token or cookie that it carries serves one request only" * (status == FORBIDDEN)
        return f"tenant {tenant} was let in before and got {status}: its credentials may have expired{once}"
