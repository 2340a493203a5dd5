"""The answers to errors: the HTTP status and the body of each."""

from collections.abc import Mapping

from engine.reference.bodies import Body, ErrorAnswer, RefusalAnswer
from engine.reference.errors import (
    EngineError,
    InvalidToken,
    KeyReused,
    MalformedRequest,
    Refused,
    SerializationFailure,
    StepNotFound,
    Unavailable,
    WorkflowNotFound,
)

STATUSES: Mapping[type[EngineError], int] = {
    InvalidToken: 401,
    MalformedRequest: 422,
    KeyReused: 422,
    WorkflowNotFound: 404,
    StepNotFound: 404,
    Refused: 409,
    Unavailable: 503,
    SerializationFailure: 503,
}
UNKNOWN_STATUS = 500


def refuse(error: EngineError, statuses: Mapping[type[EngineError], int]) -> tuple[int, Body]:
    """The status and the body of an error; the status is that of the nearest base class in the table."""
    status = next((statuses[kind] for kind in type(error).__mro__ if kind in statuses), UNKNOWN_STATUS)
    if isinstance(error, Refused):
        return status, RefusalAnswer(str(error), error.reason, error.current, error.expected, error.attempted)
    return status, ErrorAnswer(str(error), error.reason)
