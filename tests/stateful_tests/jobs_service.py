"""A service for tests: jobs in PostgreSQL, right about races, with background work of its own.

python jobs_service.py PORT DATABASE_URL [busy mortal later shared nowait sessions lapse blind hasty curt]

busy: a task that works in transactions on the pool that requests use too, a heartbeat and a listener on connections of
their own. mortal: it ends when a connection breaks; later: a while after that. shared: a move counts itself in one row
that all jobs share; it waits for that row, or with nowait answers 409 when another job's move holds it. sessions: it
lets in who has logged in, and keeps its sessions in memory. lapse: a job that was done is new again a second later.
blind: then it writes what it read without a lock; hasty: then it makes a job new, by its id, that it saw lapsed.
curt: a move that takes longer than half a second is answered 503, and goes on.
"""

import asyncio
import json
import os
import sys
import uuid

import asyncpg

LATER_S = 0.05
LAPSED = "state = 'DONE' AND since <= clock_timestamp() - interval '1 s'"
NEXT = {"NEW": ("DONE", "DROPPED"), "DONE": ("FILED",)}
TARGET = """
name = "jobs"
base_url = "http://127.0.0.1:{port}"
timeout_s = 5
[service]
command = COMMAND
ready = "/ready"
[tenants.acme]
headers = { X-Tenant = "acme" }
[tenants.globex]
headers = { X-Tenant = "globex" }
[workflow]
initial = "NEW"
[workflow.transitions]
NEW = ["DONE", "DROPPED"]
DONE = ["FILED"]
[create]
request = { method = "POST", path = "/jobs", json = {} }
id = "id"
won = [201]
[read]
request = { method = "GET", path = "/jobs/{id}" }
state = "state"
[advance]
request = { method = "POST", path = "/jobs/{id}/state", json = { from = "{expected}", to = "{next}" } }
won = [200]
conflict = [409]
refused = [404]
current_state = "state"
"""
LAPSE = """
[[workflow.timed]]
from = "DONE"
to = "NEW"
after_s = 1
requested = false
"""
LOGIN = """
[tenants.acme.login]
request = { method = "POST", path = "/login" }
save = { session = "session" }
"""
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (id text PRIMARY KEY, tenant text NOT NULL, state text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE IF NOT EXISTS moves (id int PRIMARY KEY, many int NOT NULL);
INSERT INTO moves VALUES (1, 0) ON CONFLICT DO NOTHING
"""


class Jobs:
    """The service; `traits` are its arguments."""

    def __init__(self, pool: asyncpg.Pool, traits: set[str]) -> None:
        self.pool, self.traits = pool, traits
        is_computed = "lapse" in traits and "hasty" not in traits
        self.state = f"CASE WHEN {LAPSED} THEN 'NEW' ELSE state END" if is_computed else "state"
        self.sessions: set[str] = set()

    async def answer(self, method: str, path: str, tenant: str, body: bytes) -> tuple[int, dict[str, str]]:
        parts = path.strip("/").split("/")
        if parts == ["ready"]:
            return 200, {}
        if parts == ["login"]:
            self.sessions.add(session := uuid.uuid4().hex)
            return 200, {"session": session}
        if method == "POST" and parts == ["jobs"]:
            id_ = uuid.uuid4().hex
            await self.pool.execute("INSERT INTO jobs (id, tenant, state) VALUES ($1, $2, 'NEW')", id_, tenant)
            return 201, {"id": id_}
        if "hasty" in self.traits:
            await self.make_new(parts[1])
        if method == "GET":
            state = await self.pool.fetchval(
                f"SELECT {self.state} FROM jobs WHERE id = $1 AND tenant = $2", parts[1], tenant
            )
            return (200, {"state": state}) if state else (404, {})
        asked = json.loads(body)
        move = asyncio.ensure_future(self.move(parts[1], tenant, asked["from"], asked["to"]))
        await asyncio.wait([move], timeout=0.5 if "curt" in self.traits else None)
        return await move if move.done() else (503, {})

    async def make_new(self, id_: str) -> None:
        if await self.pool.fetchval(f"SELECT 1 FROM jobs WHERE id = $1 AND {LAPSED}", id_):
            await self.pool.execute("UPDATE jobs SET state = 'NEW' WHERE id = $1", id_)

    async def move(self, id_: str, tenant: str, origin: str, to: str) -> tuple[int, dict[str, str]]:
        async with self.pool.acquire() as connection, connection.transaction():
            lock = "" if "blind" in self.traits else "FOR UPDATE"
            state = await connection.fetchval(
                f"SELECT {self.state} FROM jobs WHERE id = $1 AND tenant = $2 {lock}", id_, tenant
            )
            if state is None:
                return 404, {}
            if state != origin or to not in NEXT.get(origin, ()):
                return 409, {"state": state}
            if "shared" in self.traits:
                nowait = " NOWAIT" if "nowait" in self.traits else ""
                try:
                    await connection.execute(f"SELECT many FROM moves FOR UPDATE{nowait}")
                except asyncpg.LockNotAvailableError:
                    return 409, {"state": state}
                await connection.execute("UPDATE moves SET many = many + 1")
            await connection.execute("UPDATE jobs SET state = $2, since = clock_timestamp() WHERE id = $1", id_, to)
        return 200, {"state": to}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = line.split(" ")
                status, told = 401, dict[str, str]()
                if path in ("/ready", "/login") or self.lets_in(headers.get("authorization", "")):
                    status, told = await self.say(method, path, headers.get("x-tenant", ""), body)
                text = json.dumps(told).encode()
                writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def lets_in(self, session: str) -> bool:
        return "sessions" not in self.traits or session in self.sessions

    async def say(self, method: str, path: str, tenant: str, body: bytes) -> tuple[int, dict[str, str]]:
        try:
            return await self.answer(method, path, tenant, body)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if "later" in self.traits:
                asyncio.get_running_loop().call_later(LATER_S, os._exit, 3)
            elif "mortal" in self.traits:
                os._exit(3)
            return 503, {}

    async def work(self) -> None:
        """Looks for old jobs, again and again, on the pool of the requests."""
        while True:
            async with self.pool.acquire() as connection, connection.transaction():
                await connection.fetch("SELECT id FROM jobs WHERE state = 'OLD'")
            await asyncio.sleep(0.005)


async def beat(url: str) -> None:
    """A heartbeat on a connection of its own, which listens as well."""
    connection = await asyncpg.connect(url)
    await connection.add_listener("jobs", lambda *_: None)
    while True:
        await connection.execute("NOTIFY jobs, 'alive'")
        await asyncio.sleep(0.01)


async def main(port: int, url: str, traits: set[str]) -> None:
    async with asyncpg.create_pool(url, min_size=2, max_size=8) as pool:
        await pool.execute(SCHEMA)
        jobs = Jobs(pool, traits)
        tasks = [asyncio.ensure_future(each) for each in ((jobs.work(), beat(url)) if "busy" in traits else ())]
        server = await asyncio.start_server(jobs.handle, "127.0.0.1", port)
        await asyncio.gather(server.serve_forever(), *tasks)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], set(sys.argv[3:])))
