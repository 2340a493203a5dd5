"""Routes: for each path and method, the function that answers an authenticated request with a status and a body."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from engine.reference import audit, steps, workflows
from engine.reference.bodies import Body, parse_advance, parse_nothing, parse_payload
from engine.reference.errors import WorkflowNotFound
from engine.reference.part_types import Caller, Engine
from engine.reference.states import Step


@dataclass(frozen=True)
class AuthenticatedRequest:
    """One request of an identified caller. `path` has the parameters of the route, `key` is its idempotency key."""

    engine: Engine
    caller: Caller
    path: Mapping[str, str]
    body: bytes
    key: str | None = None

    def workflow_id(self) -> UUID:
        """The id in the path. Raises WorkflowNotFound, also for text that is no id."""
        try:
            return UUID(self.path["id"])
        except ValueError:
            raise WorkflowNotFound from None

    def step(self) -> Step:
        return steps.find_step(self.path["step"])


Handler = Callable[[AuthenticatedRequest], Awaitable[tuple[int, Body]]]


async def create(request: AuthenticatedRequest) -> tuple[int, Body]:
    parse_nothing(request.body)
    return 201, await workflows.create(request.engine, request.caller)


async def read(request: AuthenticatedRequest) -> tuple[int, Body]:
    return 200, await workflows.read(request.engine, request.caller, request.workflow_id())


async def advance(request: AuthenticatedRequest) -> tuple[int, Body]:
    """Beside `create` the only route that knows idempotency keys."""
    body = parse_advance(request.body)
    return 200, await workflows.advance(
        request.engine, request.caller, request.workflow_id(), body.expected_state, body.next_state
    )


async def cancel(request: AuthenticatedRequest) -> tuple[int, Body]:
    parse_nothing(request.body)
    return 200, await workflows.cancel(request.engine, request.caller, request.workflow_id())


async def perform_step(request: AuthenticatedRequest) -> tuple[int, Body]:
    payload = parse_payload(request.body, request.path["step"])
    return 200, await steps.perform(request.engine, request.caller, request.workflow_id(), request.step(), payload)


async def complete_step(request: AuthenticatedRequest) -> tuple[int, Body]:
    parse_nothing(request.body)
    where, step = request.workflow_id(), request.step()
    return 200, await steps.leave_processing(request.engine, request.caller, where, step, step.completed)


async def fail_step(request: AuthenticatedRequest) -> tuple[int, Body]:
    parse_nothing(request.body)
    where, step = request.workflow_id(), request.step()
    return 200, await steps.leave_processing(request.engine, request.caller, where, step, step.failed)


async def read_step(request: AuthenticatedRequest) -> tuple[int, Body]:
    return 200, await steps.read_step(request.engine, request.caller, request.workflow_id(), request.step())


async def read_payloads(request: AuthenticatedRequest) -> tuple[int, Body]:
    return 200, await steps.read_payloads(request.engine, request.caller, request.workflow_id())


async def read_trail(request: AuthenticatedRequest) -> tuple[int, Body]:
    return 200, await audit.read_trail(request.engine, request.caller, request.workflow_id())


# The router tries them in this order: the busiest first.
ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/workflows/{id}/advance": {"POST": advance},
    "/workflows/{id}": {"GET": read},
    "/workflows": {"POST": create},
    "/workflows/{id}/steps/{step}": {"POST": perform_step, "GET": read_step},
    "/workflows/{id}/steps/{step}/complete": {"POST": complete_step},
    "/workflows/{id}/steps/{step}/fail": {"POST": fail_step},
    "/workflows/{id}/cancel": {"POST": cancel},
    "/workflows/{id}/transitions": {"GET": read_trail},
    "/workflows/{id}/steps": {"GET": read_payloads},
}
