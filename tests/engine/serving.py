"""Engines for tests: real processes on one port, which end with the test run, however that ends."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.provision.processes import Process, run_process
from engine.reference.pool import Isolation
from engine.reference.settings import Settings

SECRET = "the secret of the tests is not short"
READY_LIMIT_S = 30.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Served:
    """An engine that answers at 127.0.0.1:port."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serve(
    database_url: str,
    *,
    isolation: Isolation = Isolation.READ_COMMITTED,
    defect: str | None = None,
    control: str | None = None,
    workers: int = 2,
    pool_size: int = 20,
) -> Iterator[Served]:
    """Starts `workers` processes on one port and waits until each is ready; ends them afterwards."""
    settings = Settings(database_url, SECRET, isolation, defect, pool_size, control=control)
    with contextlib.ExitStack() as stack:
        # Bound and never listening: it keeps the port for the workers, who share it.
        reserved = stack.enter_context(share_port(0))
        port = reserved.getsockname()[1]
        processes = [stack.enter_context(start_worker(settings, port)) for _ in range(workers)]
        for process in processes:
            await_line(process)
        yield Served(port)


@contextlib.contextmanager
def start_worker(settings: Settings, port: int) -> Iterator[Process]:
    command = [sys.executable, "-W", "error", "-m", "tests.engine.serving", json.dumps(asdict(settings)), str(port)]
    with run_process(command, output=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        with process.stdout:
            yield process


def await_line(process: Process) -> None:
    """Waits for the line with which a worker says that it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == b"ready\n", (line + process.stdout.read()).decode()


def share_port(port: int) -> socket.socket:
    shared = socket.socket()
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind(("127.0.0.1", port))
    return shared


@contextlib.asynccontextmanager
async def serve_here(
    database_url: str, *, defect: str | None = None, control: str | None = None, pool_size: int = 20
) -> AsyncIterator[Served]:
    """One worker in this process and this event loop: it is there at once."""
    settings = Settings(database_url, SECRET, Isolation.READ_COMMITTED, defect, pool_size, control=control)
    with share_port(0) as shared:
        async with listen(settings, shared):
            yield Served(shared.getsockname()[1])


@contextlib.asynccontextmanager
async def listen(settings: Settings, shared: socket.socket) -> AsyncIterator["asyncio.Task[None]"]:
    """A worker's server, which listens; it ends with the block."""
    import uvicorn

    from engine.reference.api import create_app

    config = uvicorn.Config(
        create_app(settings), log_level="warning", access_log=False, lifespan="on", backlog=512, proxy_headers=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[shared]))
    deadline = time.monotonic() + READY_LIMIT_S
    while not server.started and not serving.done() and time.monotonic() < deadline:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    assert server.started or serving.done(), "the worker does not get ready"
    yield serving
    server.should_exit = True
    await serving


async def work(settings: Settings, port: int) -> None:
    """One worker: says so once it listens, and serves until it is told to end."""
    with share_port(port) as shared:
        async with listen(settings, shared) as serving:
            print("ready", flush=True)
            await serving


if __name__ == "__main__":
    import uvloop

    fields = json.loads(sys.argv[1])
    uvloop.run(work(Settings(**{**fields, "isolation": Isolation(fields["isolation"])}), int(sys.argv[2])))
