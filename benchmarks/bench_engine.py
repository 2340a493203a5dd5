"""How much of PostgreSQL's throughput does a caller of the engine get? For changes of the hot path; gates nothing.

One run, in turns: `pgbench` with the guarded write as a prepared statement; `advance()` in one process; and HTTP
advances to one worker. All with the same number of connections, one workflow per connection, and every move wins. The
result is the ratio to pgbench, which holds on a slow or busy machine too.
"""

import asyncio
import re
import statistics
import subprocess
import tempfile
import time
from functools import partial
from typing import cast
from uuid import UUID

import asyncpg
import uvloop

from engine.provision.database import Database, start_embedded
from engine.provision.embedded_postgresql import find_programs
from engine.reference.api import prepare
from engine.reference.guarded_write import GUARDED
from engine.reference.part_types import Caller, Engine
from engine.reference.pool import Isolation
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_pool
from engine.reference.workflows import advance
from tests.engine.asking import ACME, PREFIX
from tests.engine.serving import Served, serve

CONNECTIONS = 32
ROUNDS = 5
ROUND_S = 2
ROUND_LIMIT_S = 30
WANTED = {"advance()": 0.4, "HTTP advance": 0.3}
TURNS = (("ICP_PROCESSING", "ICP_FAILED"), ("ICP_FAILED", "ICP_PROCESSING"))
CALLER = Caller("acme", "ann", "benchmark")


def workflow_id(number: int) -> UUID:
    """The id of the workflow of one connection: its number in 32 decimal digits."""
    return UUID(f"{number:032d}")


async def put_workflows(database: Database) -> None:
    """One workflow per connection, in the state from which the first turn starts."""
    connection = await asyncpg.connect(database.url)
    await connection.executemany(
        "INSERT INTO intent_workflows (id, organization_id, state) VALUES ($1, 'acme', $2) "
        "ON CONFLICT (id) DO UPDATE SET state = excluded.state",
        [(workflow_id(number), TURNS[0][0]) for number in range(CONNECTIONS)],
    )
    await connection.close()


def write_script() -> str:
    """The engine's own statement for pgbench, forth and back, so that every write wins."""
    lines = []
    for expected, next_state in TURNS:
        values = {
            "workflow_id": "lpad((:client_id)::text, 32, '0')",
            "organization_id": "'acme'",
            "expected": f"'{expected}'",
            "next_state": f"'{next_state}'",
            "actor": "'ann'",
            "request_id": "'benchmark'",
        }
        given = [values[name] for name in GUARDED.plain.order]
        filled = re.sub(r"\$(\d+)", lambda place, given=given: given[int(place[1]) - 1], GUARDED.plain.sql)  # type: ignore[misc]
        lines.append(" ".join(filled.split()) + ";")
    return "\n".join(lines) + "\n"


def run_pgbench(database: Database) -> float:
    """Statements per second of pgbench, prepared, one thread."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(write_script())
        script.flush()
        program = str(find_programs() / "bin" / "pgbench")
        command = [program, "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-T", str(ROUND_S), "-f", script.name]
        run = subprocess.run([*command, database.url], capture_output=True, text=True, check=True)
    scripts = float(re.findall(r"tps = ([\d.]+)", run.stdout)[0])
    return scripts * len(TURNS)


async def run_advance(database: Database) -> float:
    """Wins per second of `advance()` in this process."""
    async with open_pool(database.url, Isolation.READ_COMMITTED, CONNECTIONS) as pool:
        engine = Engine(REFERENCE, pool)
        begun = time.monotonic()

        async def keep_advancing(workflow: UUID) -> int:
            count = 0
            while time.monotonic() < begun + ROUND_S or count % 2:
                await advance(engine, CALLER, workflow, *TURNS[count % 2])
                count += 1
            return count

        counts = await asyncio.gather(*(keep_advancing(workflow_id(number)) for number in range(CONNECTIONS)))
        return sum(counts) / (time.monotonic() - begun)


class Asker(asyncio.Protocol):
    """One connection that advances one workflow forth and back; a minimal client."""

    def __init__(self, number: int, until: float, ended: "asyncio.Future[int]") -> None:
        self.requests = [write_request(workflow_id(number), *turn) for turn in TURNS]
        self.until = until
        self.ended = ended
        self.count = 0
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.requests[0])

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.ended.set_exception(RuntimeError(self.received.decode()))
            self.transport.close()
            return
        self.received = b""
        self.count += 1
        if time.monotonic() < self.until or self.count % 2:
            self.transport.write(self.requests[self.count % 2])
        else:
            self.ended.set_result(self.count)
            self.transport.close()


def write_request(workflow: UUID, expected: str, next_state: str) -> bytes:
    body = f'{{"expectedState":"{expected}","nextState":"{next_state}"}}'
    head = f"POST {PREFIX}/{workflow}/advance HTTP/1.1\r\nhost: engine\r\nauthorization: Bearer {ACME}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


async def run_http(served: Served) -> float:
    """Wins per second over HTTP."""
    loop = asyncio.get_running_loop()
    begun = time.monotonic()
    endings: list[asyncio.Future[int]] = []
    for number in range(CONNECTIONS):
        ended = loop.create_future()
        endings.append(ended)
        asker = Asker(number, begun + ROUND_S, ended)
        await loop.create_connection(partial(lambda one: one, asker), "127.0.0.1", served.port)
    counts = await asyncio.wait_for(asyncio.gather(*endings), ROUND_LIMIT_S)
    return sum(counts) / (time.monotonic() - begun)


def measure() -> dict[str, list[float]]:
    """Operations per second of each round."""
    rates: dict[str, list[float]] = {"pgbench": [], "advance()": [], "HTTP advance": []}
    with start_embedded() as database:
        asyncio.run(prepare(database.url))
        asyncio.run(put_workflows(database))
        with serve(database.url, workers=1, pool_size=CONNECTIONS) as served:
            for _ in range(ROUNDS):
                rates["pgbench"].append(run_pgbench(database))
                # It ends in the middle of a script, so the workflow may be in either state.
                asyncio.run(put_workflows(database))
                rates["advance()"].append(uvloop.run(run_advance(database)))
                rates["HTTP advance"].append(uvloop.run(run_http(served)))
    return rates


def main() -> None:
    rates = measure()
    print(f"engine: {CONNECTIONS} connections, {ROUNDS} rounds of {ROUND_S} s in turns, medians")
    print(f"{'':16}{'per second':>12}{'of pgbench':>12}{'wanted':>10}")
    for name, each in rates.items():
        ratio = statistics.median(one / base for one, base in zip(each, rates["pgbench"], strict=True))
        wanted = f">= {WANTED[name]}" if name in WANTED else ""
        print(f"{name:16}{statistics.median(each):>12,.0f}{ratio:>12.2f}{wanted:>10}")


if __name__ == "__main__":
    main()
