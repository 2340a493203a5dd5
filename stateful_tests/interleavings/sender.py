"""HTTP requests from an event loop: connections that are kept open, each known by its number."""

import asyncio
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from engine.target.target import Answer, Request
from load.client.http import AnswerParser, encode_request
from load.client.release import Exchange, now_ns


class Line(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = AnswerParser()
        self._answered: asyncio.Future[Answer] | None = None

    @property
    def is_usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, line: bytes) -> "asyncio.Future[Answer]":
        assert self._transport is not None
        self._parser = AnswerParser()
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(line)
        return self._answered

    def data_received(self, data: bytes) -> None:
        try:
            answer = self._parser.feed(data)
        except ValueError as error:
            self._settle(Answer(None, error=str(error)))
            self.close()
            return
        if answer is not None:
            if not self._parser.keep_alive:
                self.close()
            self._settle(answer)

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self._settle(Answer(None, error=f"the connection broke: {error}"))
        else:
            self._settle(self._parser.end())

    def _settle(self, answer: Answer) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(answer)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Sender:
    """Sends requests to one service, each over the connection of a given number."""

    def __init__(self, base_url: str, timeout_s: float) -> None:
        self.base_url = base_url
        self.timeout_s = timeout_s
        self._url = urlsplit(base_url)
        self._lines: dict[int, Line] = {}

    async def send(self, number: int, request: Request, note: Callable[[], None] | None = None) -> Exchange:
        """The request and what came of it; `note` is called at the moment of the answer."""
        try:
            line = await self._reach(number)
        except OSError as error:
            return self._lose(now_ns(), Answer(None, error=f"{self.base_url} cannot be reached: {error}"), note)
        invoked_ns = now_ns()
        answered = line.send(encode_request(request, self.base_url))
        done, _ = await asyncio.wait([answered], timeout=self.timeout_s)
        if not done:
            line.close()
            return self._lose(
                invoked_ns, Answer(None, error=f"no answer within {self.timeout_s:g} s", timed_out=True), note
            )
        answer = answered.result()
        if answer.status is None:
            return self._lose(invoked_ns, answer, note)
        if note is not None:
            note()
        return Exchange(invoked_ns, now_ns(), answer)

    async def is_there(self) -> bool:
        """Whether somebody takes connections. Nothing is asked."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.timeout_s):
                transport, _ = await loop.create_connection(asyncio.Protocol, *self._address)
        except OSError:
            return False
        transport.close()
        return True

    def _lose(self, invoked_ns: int, answer: Answer, note: Callable[[], None] | None) -> Exchange:
        if note is not None:
            note()
        return Exchange(invoked_ns, None, answer)

    @property
    def _address(self) -> tuple[str, int]:
        return self._url.hostname or "", self._url.port or (443 if self._url.scheme == "https" else 80)

    async def _reach(self, number: int) -> Line:
        line = self._lines.get(number)
        if line is None or not line.is_usable:
            loop = asyncio.get_running_loop()
            _, line = await loop.create_connection(Line, *self._address, ssl=self._url.scheme == "https" or None)
            self._lines[number] = line
        return line

    def close(self) -> None:
        for line in self._lines.values():
            line.close()
