"""Before the first schedule: one request to each route over each connection, to tell apart what requests send from what
the service sends on its own.

After that the service has done what it does only at a first request (fill a cache, prepare a statement).
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

# A request that does not move for so long while a background statement is held waits for that statement.
QUIET_S = 0.3
CHANNELS = ((0, 1), (1, 0))


async def warm(testbed: Testbed, pairings: Iterable[Pairing]) -> None:
    """Sends each route of the pairings twice: a request that wins, and one that loses. Each write is sent twice, too.
    Raises StateNotReachedError.
    """
    routes: dict[tuple[str, str, str], tuple[str, Call]] = {}
    for pairing in pairings:
        for call in pairing.calls:
            if call.tenant == testbed.target.owner:
                routes.setdefault((call.kind, call.route, call.write), (pairing.state, call))
    for state, call in routes.values():
        sent = [await ask_twice(testbed, state, call, channels) for channels in CHANNELS]
        # A statement of a poller may come in the middle of one request, but hardly in the middle of both.
        testbed.proxy.asked |= set.intersection(*sent)


async def ask_twice(testbed: Testbed, state: str, call: Call, channels: tuple[int, int]) -> set[str]:
    """Sends one request after the other; returns the background texts without which a request did not continue."""
    workflow = await testbed.fresh.take(state, len(CHANNELS), testbed.target.owner)
    if call.creates:
        [workflow] = testbed.name_created([workflow])
    testbed.unread.append(workflow)
    sent: set[str] = set()
    # What was given back is not given back once more.
    asks = await testbed.make_ready([testbed.build(workflow, call)] * (1 if call.gives_back else len(channels)))
    for channel, ask in zip(channels, asks, strict=False):
        testbed.asker.plan(1)
        id_, request = testbed.asker.begin(ask, None, channel + 1)
        sending = testbed.fresh.sender.send(testbed.scheduler.channels[channel], request)
        if any(not is_end(sql) for sql in testbed.proxy.background):
            exchange, found = await probe(testbed.proxy, sending)
            sent |= found
        else:
            exchange = await sending
        polling = testbed.asker.begin_polling(ask, id_, exchange)
        await testbed.fresh.sender.poll(testbed.scheduler.channels[channel], polling)
        testbed.asker.finish(ask, id_, exchange, polling)
    return sent


async def probe(proxy: Proxy, sending: Coroutine[Any, Any, Exchange]) -> tuple[Exchange, set[str]]:
    """Holds background texts until the request has its answer, or stands still: then the held text is the request's."""
    found: set[str] = set()
    task = asyncio.ensure_future(sending)
    task.add_done_callback(lambda _: proxy.changed.notify())
    proxy.probing = True
    try:
        while not task.done():
            if not await proxy.changed.wait(QUIET_S) and not task.done():
                for connection in [each for each in proxy.connections if each.protocol.held is not None]:
                    found.add(connection.protocol.held or "")
                    connection.let_go()
    finally:
        proxy.probing = False
        proxy.release()
    return await task, found
