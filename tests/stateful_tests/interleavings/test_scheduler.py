"""Goal: a request that is silent for a while waits for another one, unless a fault made its service connect anew.

Method: an execution over a proxy to which nothing comes; it notes how long it was waited for.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from stateful_tests.interleavings.schedule import SERIALISED, Pairing, Step, Trace
from stateful_tests.interleavings.scheduler import RECONNECT_LIMIT_S, WAIT_LIMIT_S, Execution
from stateful_tests.interleavings.statement_faults import DELAYED, FAULTS
from stateful_tests.interleavings.statement_owners import Task


class Silence:
    def __init__(self) -> None:
        self.limits_s: list[float] = []

    async def wait(self, limit_s: float) -> bool:
        self.limits_s.append(limit_s)
        return False


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_after_a_fault_a_request_has_time_to_connect_anew(fault: str | None) -> None:
    proxy = SimpleNamespace(changed=Silence(), connections=[])
    scheduler: Any = SimpleNamespace(proxy=proxy, sender=SimpleNamespace(timeout_s=5.0))
    trace = Trace(Pairing("A", ()), ())
    trace.steps.append(Step(0, "COMMIT", (), fault))
    task = Task(0)
    asyncio.run(Execution(scheduler, trace, [task]).await_stop(task))
    assert proxy.changed.limits_s == [WAIT_LIMIT_S if fault in (None, DELAYED) else RECONNECT_LIMIT_S]
    assert (task.is_late, SERIALISED in trace.remarks) == (True, True)
