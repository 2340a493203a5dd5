"""The reference engine; but from the Nth request on it answers none. Arguments: port, database URL, N."""

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
    requests = count(1)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and next(requests) >= last:
            await asyncio.Event().wait()
        await app(scope, receive, send)

    uvicorn.run(serve, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
