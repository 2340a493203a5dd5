"""One worker process of the reference engine, with a listening socket of its own, which it is given."""

import asyncio
import json
import os
import socket
import time
from typing import ClassVar

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.api import ARRIVED, create_app
from engine.sessions import Isolation
from engine.settings import Settings
from engine.tokens import find_secret

BACKLOG = 2048
KEEP_ALIVE_S = 120
LOOKS_MAX = 8


class NotingProtocol(HttpToolsProtocol):
    """Notes when the last byte of each request came, before anything else is done with it."""

    arrivals: ClassVar[int] = 0

    def on_message_complete(self) -> None:
        NotingProtocol.arrivals += 1
        self.scope[ARRIVED] = time.monotonic_ns()  # type: ignore[literal-required]
        super().on_message_complete()


def read_all_first(app: ASGIApp) -> ASGIApp:
    """The app, which begins with a request once a look at the sockets brought no other: what comes together is read,
    and noted, together, and reaches the database together. Otherwise the work on the first of a burst keeps the others
    waiting unread, and both the race and what is told of it are blurred by this worker's own queue.
    """

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        async def take() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                for _ in range(LOOKS_MAX):
                    before = NotingProtocol.arrivals
                    await asyncio.sleep(0)
                    if NotingProtocol.arrivals == before:
                        break
            return message

        await app(scope, take, send)

    return called


def main() -> None:
    order = json.loads(os.environ["ONEWINNER_WORKER"])
    listening = socket.socket(fileno=order.pop("listening"))
    isolation = Isolation(order.pop("isolation"))
    app = create_app(Settings(secret=find_secret(), isolation=isolation, **order))
    config = uvicorn.Config(
        read_all_first(app),
        loop="uvloop",
        http=NotingProtocol,
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


if __name__ == "__main__":
    main()
