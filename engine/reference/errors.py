"""The errors of the engine: one class for each way to fail.

    EngineError
    ├── SchemaUnavailable       the tables cannot be made or read
    ├── UnknownVariant          there is no defect, or no control, of this name
    ├── InvalidToken            the bearer token proves no organization
    ├── MalformedRequest        the body is not what the route takes
    │   └── UnknownState        a state name that the workflow does not have
    ├── KeyReused               the idempotency key belongs to another request
    ├── WorkflowNotFound        no such workflow in this organization
    ├── StepNotFound            no such step
    ├── Refused                 the state of the workflow, which the error carries, forbids it
    │   ├── IllegalTransition   there is no such edge in any state
    │   ├── TransitionConflict  the edge is legal, but the workflow is not in an expected state
    │   └── StepNotReached      the workflow has not reached this step
    ├── SerializationFailure    the database rolled the transaction back; says nothing about the state
    └── Unavailable             the outcome is not known: the request may or may not have taken effect
        ├── Contended           too many serialization failures
        └── DatabaseLost        the connection to the database broke, or could not be opened

The docstring is the message; facts are attributes. A table in error_answers.py maps the classes to HTTP statuses.
"""

# ruff: noqa: N818 - the names say what happened; the tree above shows that they are errors

from uuid import UUID


class EngineError(Exception):
    """The engine failed."""

    reason = "engine_error"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else (type(self).__doc__ or "").strip()


class SchemaUnavailable(EngineError):
    """The tables of the engine cannot be used."""

    reason = "schema_unavailable"


class UnknownVariant(EngineError):
    """There is no such defect or control."""

    reason = "unknown_variant"

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"There is no {kind} {name!r}; the {kind}s are: {', '.join(known)}.")
        self.kind = kind
        self.name = name
        self.known = known


class InvalidToken(EngineError):
    """A valid bearer token is needed."""

    reason = "unauthorized"


class MalformedRequest(EngineError):
    """The request's body is malformed."""

    reason = "malformed_body"


class UnknownState(MalformedRequest):
    """The workflow has no such state."""

    reason = "unknown_state"

    def __init__(self, state: str) -> None:
        super().__init__()
        self.state = state


class KeyReused(EngineError):
    """The idempotency key was used for another request."""

    reason = "key_reused"


class WorkflowNotFound(EngineError):
    """There is no such workflow."""

    reason = "workflow_not_found"


class StepNotFound(EngineError):
    """There is no such step."""

    reason = "step_not_found"


class Refused(EngineError):
    """The workflow's state does not allow this."""

    reason = "refused"

    def __init__(
        self, workflow_id: UUID, current: str, *, expected: str | None = None, attempted: str | None = None
    ) -> None:
        super().__init__()
        self.workflow_id = workflow_id
        self.current = current
        self.expected = expected
        self.attempted = attempted


class IllegalTransition(Refused):
    """The workflow has no such transition."""

    reason = "illegal_transition"


class TransitionConflict(Refused):
    """The workflow is not in the expected state."""

    reason = "stale_state"


class StepNotReached(Refused):
    """The workflow has not reached this step."""

    reason = "step_not_reached"


class SerializationFailure(EngineError):
    """The database rolled the transaction back; it may be tried again."""

    reason = "serialization_failure"


class Unavailable(EngineError):
    """The engine cannot answer now; the request may or may not have taken effect."""

    reason = "unavailable"


class Contended(Unavailable):
    """Too many concurrent changes; nothing was changed by this request."""

    reason = "contended"

    def __init__(self, attempts: int) -> None:
        super().__init__()
        self.attempts = attempts


class DatabaseLost(Unavailable):
    """The database cannot be reached; the request may or may not have taken effect."""

    reason = "database_lost"
