"""The worker processes of the reference engine: forks of `onewinner serve`, each with a listening socket of its own.

A fork has everything imported already: a new interpreter would take half a second for it. A worker ends when it is told
to, and at the latest when the process that forked it has ended.
"""

import contextlib
import os
import resource
import signal
import socket
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import uvicorn

from engine.provision.processes import hold_signals
from engine.reference.api import create_app
from engine.reference.arrival_protocol import ArrivalProtocol
from engine.reference.settings import Settings
from engine.reference.socket_timestamps import ask_for_arrivals
from engine.reference.units.app import create_app as create_unit_app
from onewinner.signals import HEARD

BACKLOG = 2048
KEEP_ALIVE_S = 120
END_LIMIT_S = 10.0
END_POLL_S = 0.01
# A connection takes two; many a machine allows 1,024 unless it is asked.
DESCRIPTORS = 16_384


@dataclass
class Worker:
    """One worker process; `status` is its exit status once it has ended."""

    pid: int
    status: int | None = None

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        if self.status is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if ended else None
        return self.status

    def end(self) -> None:
        """Tells it to end, kills it if it does not, and waits until it has ended."""
        deadline = time.monotonic() + END_LIMIT_S
        self.signal(signal.SIGTERM)
        while self.poll() is None:
            if time.monotonic() > deadline:
                self.signal(signal.SIGKILL)
            time.sleep(END_POLL_S)

    def signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


@contextlib.contextmanager
def run_workers(settings: Settings, sockets: Sequence[socket.socket]) -> Iterator[list[Worker]]:
    """One worker for each socket, until the block is left."""
    workers: list[Worker] = []
    # The write end is open in this process alone: when it closes, this process has ended.
    read_end, write_end = os.pipe()
    try:
        with hold_signals():
            for listening in sockets:
                others = [other for other in sockets if other is not listening]
                pid = os.fork()
                if not pid:
                    os.close(write_end)
                    become_worker(settings, listening, others, read_end)
                workers.append(Worker(pid))
        yield workers
    finally:
        for worker in workers:
            worker.end()
        os.close(read_end)
        os.close(write_end)


def become_worker(settings: Settings, listening: socket.socket, others: Sequence[socket.socket], owner: int) -> None:
    """The forked process, to its end."""
    code = 1
    try:
        # Ctrl-C in a terminal is for the owner, which ends its workers.
        os.setsid()
        for number in HEARD:
            signal.signal(number, signal.SIG_DFL)
        for other in others:
            other.close()
        threading.Thread(target=end_with_owner, args=(owner,), daemon=True).start()
        serve(settings, listening)
        code = 0
    except Exception:  # noqa: BLE001 - what it says is in the log of the service
        traceback.print_exc()
    finally:
        os._exit(code)


def end_with_owner(owner: int) -> None:
    os.read(owner, 1)
    os._exit(1)


def serve(settings: Settings, listening: socket.socket) -> None:
    ask_for_arrivals(listening)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, DESCRIPTORS)), hard))
    config = uvicorn.Config(
        create_unit_app(settings) if settings.has_units else create_app(settings),
        loop="uvloop",
        http=ArrivalProtocol,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=3,
        lifespan="on",
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[listening])
