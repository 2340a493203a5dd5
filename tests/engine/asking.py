"""A small HTTP client for tests: open connections, one request at a time on each, without retries."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.reference import tokens
from tests.engine.serving import SECRET, Served

PREFIX = "/api/intent/workflows"


def token_of(organization: str, actor: str | None = "ann") -> str:
    return tokens.mint(organization, actor, SECRET)


ACME = token_of("acme")
GLOBEX = token_of("globex", "gil")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Client:
    """One connection to the engine."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = ACME,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Answer:
        """`path` is below /api/intent/workflows unless it starts with `!`. Bytes are sent as they are."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        route = path[1:] if path.startswith("!") else PREFIX + path
        lines = [f"{method} {route} HTTP/1.1", "host: engine", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"authorization: Bearer {token}"] if token is not None else []
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + content)
        return await self.receive()

    async def receive(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split(" ")[1]), headers, content)

    async def create(self, token: str = ACME) -> str:
        answer = await self.ask("POST", "", token=token)
        assert answer.status == 201
        return str(answer.body["id"])

    async def advance(self, workflow: str, expected: str, next_state: str, *, token: str = ACME) -> Answer:
        body = {"expectedState": expected, "nextState": next_state}
        return await self.ask("POST", f"/{workflow}/advance", body, token=token)


@contextlib.asynccontextmanager
async def open_clients(served: Served, count: int) -> AsyncIterator[list[Client]]:
    """`count` connections, closed afterwards."""
    pairs = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", served.port) for _ in range(count)))
    clients = [Client(reader, writer) for reader, writer in pairs]
    try:
        yield clients
    finally:
        for client in clients:
            client.writer.close()
        await asyncio.gather(*(client.writer.wait_closed() for client in clients), return_exceptions=True)


@contextlib.asynccontextmanager
async def open_client(served: Served) -> AsyncIterator[Client]:
    async with open_clients(served, 1) as (client,):
        yield client
