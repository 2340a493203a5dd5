"""Starts a service again that ends while faults are injected into its database, as a supervisor would, and tells so."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.provision.service import ServiceError
from load.client.release import SUPERVISED_VARIABLE
from onewinner.deployment import EngineAccess
from reports.history import events
from reports.history.journal import Journal

SOURCE = "service-0"
ENDED = "service ended"
# A pool of connections to it notices late that they broke.
GRACE_NS = 1_000_000_000
POLL_S = 0.1
JOIN_LIMIT_S = 60.0
STARTS_MAX = 5


@dataclass
class Supervisor:
    """`told` is what the history is told: each ending after which it was started again, as a fault."""

    access: EngineAccess
    told: list[events.Event] = field(default_factory=list)

    def supervise(self, over: threading.Event) -> None:
        """Until it is over, or the service cannot be started any more. One that has ended by then is started again,
        too: it ended after a fault.
        """
        alive_ns, is_over = time.monotonic_ns(), False
        while not is_over:
            is_over = over.wait(POLL_S)
            how = self.access.describe_end()
            if how is not None:
                if not self.start_again():
                    return
                now_ns = time.monotonic_ns()
                restarted = events.Restarted(fault="an injected fault", how=how, at_ns=alive_ns, until_ns=now_ns)
                self.told += [events.Fault(at_ns=alive_ns, until_ns=now_ns + GRACE_NS, what=ENDED), restarted]
            alive_ns = time.monotonic_ns()

    def start_again(self) -> bool:
        """Whether it runs again. A fault may be injected into what it asks its database when it starts, so it is tried
        STARTS_MAX times.
        """
        assert self.access.restart is not None
        for _ in range(STARTS_MAX):
            with contextlib.suppress(ServiceError):
                self.access.restart()
                return True
        return False

    def record(self, history: Path) -> None:
        """In a journal of its own."""
        plan = events.Plan(operations=0, races=0, scenario="supervisor")
        with Journal(history / f"{SOURCE}.jsonl") as journal:
            journal.write(plan, *self.told, events.End(operations=0))


@contextlib.contextmanager
def supervise(access: EngineAccess, history: Path, *, wanted: bool) -> Iterator[EngineAccess]:
    """Supervises until the block is left, where that is wanted and the service is ours. The access of the askers, who
    wait for a service that is being started.
    """
    service = access.target.service
    if not wanted or access.restart is None or service is None or not service.restart:
        yield access
        return
    supervisor, over = Supervisor(access), threading.Event()
    thread = threading.Thread(target=supervisor.supervise, args=(over,), daemon=True)
    thread.start()
    try:
        yield replace(access, environment={**access.environment, SUPERVISED_VARIABLE: "1"})
    finally:
        over.set()
        thread.join(JOIN_LIMIT_S)
        supervisor.record(history)
