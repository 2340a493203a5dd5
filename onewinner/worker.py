"""One worker process of the reference engine, with a listening socket of its own, which it is given."""

import json
import os
import socket
import time

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.api import ARRIVED, create_app
from engine.sessions import Isolation
from engine.settings import Settings
from engine.tokens import find_secret

BACKLOG = 2048
KEEP_ALIVE_S = 120


class NotingProtocol(HttpToolsProtocol):
    """Notes when the last byte of each request came, before anything else is done with it."""

    def on_message_complete(self) -> None:
        self.scope[ARRIVED] = time.monotonic_ns()  # type: ignore[literal-required]
        super().on_message_complete()


def main() -> None:
    order = json.loads(os.environ["ONEWINNER_WORKER"])
    listening = socket.socket(fileno=order.pop("listening"))
    isolation = Isolation(order.pop("isolation"))
    app = create_app(Settings(secret=find_secret(), isolation=isolation, **order))
    config = uvicorn.Config(
        app,
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
