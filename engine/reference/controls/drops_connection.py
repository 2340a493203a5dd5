"""Closes the connection in the middle of one answer in 200, after the commit.

Right, because the engine has done its work and no answer is wrong: a client without an answer knows nothing. The choice
is not random: each worker breaks off every 200th answer.
"""

from dataclasses import replace

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.reference.openapi import PREFIX
from engine.reference.reference_parts import REFERENCE

EVERY = 200


class Dropper:
    """Counts the answers of the engine's own routes, and breaks one in EVERY off."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.answers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            self.answers += 1
            if self.answers % EVERY == 0:
                await self.app(scope, receive, keep_body(send))
                return
        await self.app(scope, receive, send)


def keep_body(send: Send) -> Send:
    """Sends only the head of the answer. The server then closes the connection on the unfinished answer."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)

    return send_head


PARTS = replace(REFERENCE, middleware=(Middleware(Dropper),))
