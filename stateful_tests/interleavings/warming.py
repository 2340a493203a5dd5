"""Before the first schedule: each route is asked once over each connection, and what requests send is told from what
the service sends by itself.

What a service does at a first request only (a cache to be filled, a statement to be prepared) is done by then.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from engine.target.call import Call
from load.client.release import Exchange
from stateful_tests.interleavings.proxy import Proxy
from stateful_tests.interleavings.schedule import Pairing
from stateful_tests.interleavings.statements import is_end
from stateful_tests.interleavings.testbed import Testbed

# How long a request may stand still while a statement of the background is held, until it is taken to wait for that.
QUIET_S = 0.3
LINES = ((0, 1), (1, 0))


async def warm(testbed: Testbed, pairings: Iterable[Pairing]) -> None:
    """Asks every route of the pairings, and asks it again where it has lost. Raises StateNotReachedError."""
    routes: dict[str, Call] = {}
    for pairing in pairings:
        for call in pairing.calls:
            if call.tenant == testbed.target.owner:
                routes.setdefault(call.route, call)
    for call in routes.values():
        sent = [await ask_twice(testbed, call, lines) for lines in LINES]
        # A statement of a poller may come in the middle of one request, hardly of both.
        testbed.proxy.asked |= set.intersection(*sent)


async def ask_twice(testbed: Testbed, call: Call, lines: tuple[int, int]) -> set[str]:
    """Asks one after the other; the texts of the background without which a request did not go on."""
    workflow = await testbed.fresh.take(call.origin, len(LINES))
    testbed.unread.append(workflow)
    sent: set[str] = set()
    for line in lines:
        ask = testbed.build(workflow, call)
        testbed.asker.plan(1)
        id_, request = testbed.asker.begin(ask, None, line + 1)
        sending = testbed.fresh.sender.send(testbed.scheduler.lines[line], request)
        if any(not is_end(sql) for sql in testbed.proxy.background):
            exchange, found = await probe(testbed.proxy, sending)
            sent |= found
        else:
            exchange = await sending
        testbed.asker.finish(ask, id_, exchange)
    return sent


async def probe(proxy: Proxy, sending: Coroutine[Any, Any, Exchange]) -> tuple[Exchange, set[str]]:
    """Holds what looks like background until the request is answered, or stands still: then it is the request's."""
    found: set[str] = set()
    task = asyncio.ensure_future(sending)
    task.add_done_callback(lambda _: proxy.bell.ring())
    proxy.probing = True
    try:
        while not task.done():
            if not await proxy.bell.wait(QUIET_S) and not task.done():
                for connection in [
                    connection for connection in proxy.connections if connection.protocol.held is not None
                ]:
                    found.add(connection.protocol.held or "")
                    connection.let_go()
    finally:
        proxy.probing = False
        proxy.release()
    return await task, found
