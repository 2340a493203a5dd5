"""Claims one scheduled flow run N times at once, without onewinner: `python confirm.py ADDRESS N ROUNDS`.

Counts the rounds in which Prefect accepted more than one claim, and shows the states that it stored in the first.
"""

import asyncio
import sys

import httpx

ADDRESS, TIMES, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LIMITS = httpx.Limits(keepalive_expiry=1)  # the server closes an idle connection after five seconds
SCHEDULED = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2020-01-01T00:00:00Z"}}


async def claim(client: httpx.AsyncClient, run: str) -> bool:
    answer = await client.post(f"/api/flow_runs/{run}/set_state", json={"state": {"type": "PENDING"}})
    return bool(answer.json()["status"] == "ACCEPT")


async def main() -> None:
    async with httpx.AsyncClient(base_url=ADDRESS, timeout=60, limits=LIMITS) as client:
        flow = (await client.post("/api/flows/", json={"name": "confirm"})).json()["id"]
        both = 0
        for _ in range(ROUNDS):
            made = await client.post("/api/flow_runs/", json={"flow_id": flow, "state": SCHEDULED})
            accepted = sum(await asyncio.gather(*[claim(client, made.json()["id"]) for _ in range(TIMES)]))
            both += accepted > 1
            if accepted > 1 and both == 1:
                stored = await client.get("/api/flow_run_states/", params={"flow_run_id": made.json()["id"]})
                print(f"{accepted} of {TIMES} accepted; stored:", [state["type"] for state in stored.json()])
        print(f"{both} of {ROUNDS} rounds of {TIMES} requests have more than one winner")


asyncio.run(main())
