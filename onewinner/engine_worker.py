"""One worker process of the reference engine, with a listening socket of its own, which it is given."""

import resource
import socket
from typing import Any

import uvicorn

from engine.provision.child import read_launch
from engine.reference.api import create_app
from engine.reference.arrival import ask_for_arrivals
from engine.reference.pool import Isolation
from engine.reference.settings import Settings
from engine.reference.tokens import find_secret
from onewinner.arrivals import NotingProtocol

BACKLOG = 2048
KEEP_ALIVE_S = 120
# A connection takes two; many a machine allows 1,024 unless it is asked.
DESCRIPTORS = 16_384


def main() -> None:
    launch = read_launch(dict[str, Any])
    listening = socket.socket(fileno=launch.pop("listening"))
    ask_for_arrivals(listening)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, DESCRIPTORS)), hard))
    isolation = Isolation(launch.pop("isolation"))
    app = create_app(Settings(secret=find_secret(), isolation=isolation, **launch))
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
