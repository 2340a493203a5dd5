"""HTTP requests from an event loop, over connections that stay open; each connection has a number, its channel."""

import asyncio
from typing import cast
from urllib.parse import urlsplit

from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.endpoint import acknowledge
from load.client.http_messages import AnswerParser, encode_request
from load.client.polling import Polling
from load.client.release import Exchange, now_ns


class Channel(asyncio.Protocol):
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

    def send(self, request: bytes, method: str) -> "asyncio.Future[Answer]":
        assert self._transport is not None
        self._parser = AnswerParser(method)
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        try:
            answer = self._parser.feed(data)
        except ValueError as error:
            self._finish(Answer(None, error=str(error)))
            self.close()
            return
        if answer is not None:
            if not self._parser.keep_alive:
                self.close()
            self._finish(answer)
        elif self._transport is not None:
            acknowledge(self._transport.get_extra_info("socket"))

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self._finish(Answer(None, error=f"the connection broke: {error}"))
        else:
            self._finish(self._parser.end())

    def _finish(self, answer: Answer) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(answer)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Sender:
    """Sends requests to one service, each over the channel of a given number."""

    def __init__(self, base_url: str, timeout_s: float) -> None:
        self.base_url = base_url
        self.timeout_s = timeout_s
        self._url = urlsplit(base_url)
        self._channels: dict[int, Channel] = {}

    async def send(self, number: int, request: Request) -> Exchange:
        """Sends the request, and returns it with its answer."""
        try:
            channel = await self._reach(number)
        except OSError as error:
            return Exchange(now_ns(), None, Answer(None, error=f"{self.base_url} cannot be reached: {error}"))
        invoked_ns = now_ns()
        answered = channel.send(encode_request(request, self.base_url), request.method)
        done, _ = await asyncio.wait([answered], timeout=self.timeout_s)
        if not done:
            channel.close()
            return Exchange(
                invoked_ns, None, Answer(None, error=f"no answer within {self.timeout_s:g} s", timed_out=True)
            )
        answer = answered.result()
        return Exchange(invoked_ns, None if answer.status is None else now_ns(), answer)

    async def poll(self, number: int, polling: Polling | None) -> None:
        """Asks what came of a request that was accepted, until it is known."""
        while polling is not None and (request := polling.next_request()) is not None:
            polling.take(await self.send(number, request))
            await asyncio.sleep(0 if polling.told is not None else polling.poll.every_s)

    async def is_there(self) -> bool:
        """Whether the service accepts connections. No request is sent."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.timeout_s):
                transport, _ = await loop.create_connection(asyncio.Protocol, *self._address)
        except OSError:
            return False
        transport.close()
        return True

    @property
    def _address(self) -> tuple[str, int]:
        return self._url.hostname or "", self._url.port or (443 if self._url.scheme == "https" else 80)

    async def _reach(self, number: int) -> Channel:
        channel = self._channels.get(number)
        if channel is None or not channel.is_usable:
            loop = asyncio.get_running_loop()
            _, channel = await loop.create_connection(Channel, *self._address, ssl=self._url.scheme == "https" or None)
            self._channels[number] = channel
        return channel

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()
