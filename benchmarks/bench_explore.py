"""How many schedules a second does the explorer run, and how much time does the proxy cost?

For changes of the proxy or the scheduler; gates nothing. The same two requests in three ways: through the proxy, one
schedule after the other; through the proxy without a schedule; and without a proxy, one request after the other.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path

import uvloop

from engine.provision.database import Database, list_values, start_embedded
from engine.provision.ports import find_free_port
from engine.provision.service import REFERENCE, run_service
from engine.target.target_file import load_target
from engine.target.template import substitute
from load.client.asker import Asker
from load.client.release import Release
from onewinner.deployment import mint_tokens
from reports.history.journal import Journal
from stateful_tests.interleavings.explorer import explore
from stateful_tests.interleavings.pairings import list_pairings
from stateful_tests.interleavings.schedule import Pairing
from stateful_tests.interleavings.sender import Sender
from stateful_tests.interleavings.testbed import LaunchSpec, Testbed, open_testbed

DEFECT = ("--defect", "narrow-check-then-act")
ROUNDS = 25
SOLO = 100


async def measure(database: Database, folder: Path) -> None:
    environment = {**os.environ, **mint_tokens()}
    target = load_target(REFERENCE, environment)
    order = LaunchSpec(target, database, folder / "explore-0.jsonl", folder / "log", DEFECT, environment=environment)
    async with open_testbed(order) as testbed:
        pairing = next(pairing for pairing in list_pairings(testbed.target) if pairing.is_race(testbed.target))
        began, schedules = time.perf_counter(), 0
        for _ in range(ROUNDS):
            schedules += len((await explore(pairing, testbed.run, schedules_max=100)).traces)
        explored = schedules / (time.perf_counter() - began)
        passing = await ask_in_turn(testbed, pairing, testbed.asker, testbed.scheduler.sender)
        assert order.target.service is not None
        values = {"port": str(find_free_port()), "workers": "2", **list_values(database)}
        base_url = substitute(order.target.base_url, values)
        service = run_service(
            order.target.service, base_url, values, folder / "log", environment=environment, arguments=DEFECT
        )
        await asyncio.to_thread(service.__enter__)
        with Journal(folder / "plain-0.jsonl") as journal:
            asker = Asker(testbed.target, Release(base_url, 10), journal, "plain", testbed.asker.server_ids)
            plain = await ask_in_turn(testbed, pairing, asker, Sender(base_url, 10))
        await asyncio.to_thread(service.__exit__, None, None, None)
    print(f"two requests of two statements, in every order: {explored:,.0f} schedules/s")
    print(f"the same two requests one after the other: {plain:,.0f} pairs/s; ratio {explored / plain:.2f}")
    print(f"the same through a proxy that lets all pass: {passing:,.0f} pairs/s; ratio {passing / plain:.2f}")


async def ask_in_turn(testbed: Testbed, pairing: Pairing, asker: Asker, sender: Sender) -> float:
    """How many times a second a workflow is created and the pairing's requests are sent to it one after the other."""
    began = time.perf_counter()
    for _ in range(SOLO):
        workflow = await testbed.fresh.take(pairing.state, 4, testbed.target.owner)
        for call in pairing.calls:
            ask = testbed.build(workflow, call)
            id_, request = asker.begin(ask)
            asker.finish(ask, id_, await sender.send(1, request))
    return SOLO / (time.perf_counter() - began)


def main() -> None:
    with start_embedded() as database, tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(database, Path(folder)))


if __name__ == "__main__":
    main()
