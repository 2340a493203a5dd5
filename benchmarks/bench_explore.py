"""How many schedules a second does the explorer run, and what does the wire cost that lets everything pass?

For whoever changes the wire or the director. Three engines' worth of the same two requests: through the wire one order
after another; through the wire that only passes; and without a wire, one request after the other. Gates nothing.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path

import uvloop

from engine.provision.database import Database, list_values, start_embedded
from engine.provision.service import REFERENCE, find_free_port, run_service
from engine.target.file import load_target
from engine.target.target import substitute
from load.client.asker import Asker
from load.client.release import Gate
from onewinner.stage import mint_tokens
from reports.history.journal import Journal
from stateful_tests.interleavings.explorer import explore
from stateful_tests.interleavings.pairings import list_plans
from stateful_tests.interleavings.schedule import Plan
from stateful_tests.interleavings.sender import Sender
from stateful_tests.interleavings.testbed import Order, Rig, open_rig

DEFECT = ("--defect", "narrow-check-then-act")
ROUNDS = 25
SOLO = 100


async def measure(database: Database, folder: Path) -> None:
    environment = {**os.environ, **mint_tokens()}
    target = load_target(REFERENCE, environment)
    order = Order(target, database, folder / "explore-0.jsonl", folder / "log", DEFECT, environment=environment)
    async with open_rig(order) as rig:
        plan = next(plan for plan in list_plans(rig.target) if plan.is_race(rig.target))
        began, schedules = time.perf_counter(), 0
        for _ in range(ROUNDS):
            schedules += len((await explore(plan, rig.run, schedules_max=100)).traces)
        explored = schedules / (time.perf_counter() - began)
        passing = await ask_in_turn(rig, plan, rig.asker, rig.director.sender)
        assert order.target.service is not None
        values = {"port": str(find_free_port()), "workers": "2", **list_values(database)}
        base_url = substitute(order.target.base_url, values)
        service = run_service(
            order.target.service, base_url, values, folder / "log", environment=environment, arguments=DEFECT
        )
        await asyncio.to_thread(service.__enter__)
        with Journal(folder / "plain-0.jsonl") as journal:
            asker = Asker(rig.target, Gate(base_url, 10), journal, "plain-0", "plain", rig.asker.server_ids)
            plain = await ask_in_turn(rig, plan, asker, Sender(base_url, 10))
        await asyncio.to_thread(service.__exit__, None, None, None)
    print(f"two requests of two statements, in every order: {explored:,.0f} schedules/s")
    print(f"the same two requests one after the other: {plain:,.0f} pairs/s; ratio {explored / plain:.2f}")
    print(f"the same through a wire that lets all pass: {passing:,.0f} pairs/s; ratio {passing / plain:.2f}")


async def ask_in_turn(rig: Rig, plan: Plan, asker: Asker, sender: Sender) -> float:
    """How many times a second a workflow is made and the plan's requests are asked of it, one after the other."""
    began = time.perf_counter()
    for _ in range(SOLO):
        workflow = await rig.fresh.take(plan.state, 4)
        for action in plan.actions:
            ask = rig.build(workflow, action)
            id_, request = asker.begin(ask)
            asker.finish(ask, id_, await sender.send(1, request))
    return SOLO / (time.perf_counter() - began)


def main() -> None:
    with start_embedded() as database, tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(database, Path(folder)))


if __name__ == "__main__":
    main()
