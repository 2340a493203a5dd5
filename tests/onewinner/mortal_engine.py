"""The reference engine, but for one thing: its process ends at the Nth advance. Arguments: port, database URL, N."""

import asyncio
import os
import sys
from itertools import count

import uvicorn
from starlette.types import Receive, Scope, Send

from engine.reference.api import create_app, prepare
from engine.reference.settings import Settings
from engine.reference.tokens import find_secret


def main() -> None:
    port, database_url, last = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    asyncio.run(prepare(database_url))
    app = create_app(Settings(database_url, find_secret(os.environ), pool_size=4))
    advances = count(1)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/advance") and next(advances) == last:
            print("it is too much for me", file=sys.stderr, flush=True)
            os._exit(3)
        await app(scope, receive, send)

    uvicorn.run(serve, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
