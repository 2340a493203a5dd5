"""Before the first schedule: each route is asked once over each connection, and what requests send is told from what
the service sends by itself.

What a service does at a first request only (a cache to be filled, a statement to be prepared) is done by then.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from load.client.release import Shot
from stateful_tests.interleavings.proxy import Wire
from stateful_tests.interleavings.schedule import Action, Plan
from stateful_tests.interleavings.statements import is_end
from stateful_tests.interleavings.testbed import Rig

# How long a request may stand still while a statement of the background is held, until it is taken to wait for that.
QUIET_S = 0.3
LINES = ((0, 1), (1, 0))


async def warm(rig: Rig, plans: Iterable[Plan]) -> None:
    """Asks every route of the plans, and asks it again where it has lost. Raises NotLedError."""
    routes: dict[str, Action] = {}
    for plan in plans:
        for action in plan.actions:
            if action.tenant == rig.target.owner:
                routes.setdefault(action.route, action)
    for action in routes.values():
        sent = [await ask_twice(rig, action, lines) for lines in LINES]
        # A statement of a poller may come in the middle of one request, hardly of both.
        rig.wire.asked |= set.intersection(*sent)


async def ask_twice(rig: Rig, action: Action, lines: tuple[int, int]) -> set[str]:
    """Asks one after the other; the texts of the background without which a request did not go on."""
    workflow = await rig.fresh.take(action.origin, len(LINES))
    rig.unread.append(workflow)
    sent: set[str] = set()
    for line in lines:
        ask = rig.build(workflow, action)
        rig.asker.plan(1)
        id_, request = rig.asker.begin(ask, None, line + 1)
        sending = rig.fresh.sender.send(rig.director.lines[line], request)
        if any(not is_end(sql) for sql in rig.wire.background):
            shot, found = await probe(rig.wire, sending)
            sent |= found
        else:
            shot = await sending
        rig.asker.finish(ask, id_, shot)
    return sent


async def probe(wire: Wire, sending: Coroutine[Any, Any, Shot]) -> tuple[Shot, set[str]]:
    """Holds what looks like background until the request is answered, or stands still: then it is the request's."""
    found: set[str] = set()
    task = asyncio.ensure_future(sending)
    task.add_done_callback(lambda _: wire.bell.ring())
    wire.probing = True
    try:
        while not task.done():
            if not await wire.bell.wait(QUIET_S) and not task.done():
                for link in [link for link in wire.links if link.door.held is not None]:
                    found.add(link.door.held or "")
                    link.let_go()
    finally:
        wire.probing = False
        wire.release()
    return await task, found
