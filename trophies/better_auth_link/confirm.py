"""Opens one magic link N times at once, without onewinner: `python confirm.py ADDRESS N ROUNDS`.

Counts the rounds in which more than one request got a session.
"""

import asyncio
import sys

import httpx

ADDRESS, TIMES, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def main() -> None:
    async with httpx.AsyncClient(base_url=ADDRESS, timeout=60) as client:
        both = 0
        for turn in range(ROUNDS):
            client.cookies.clear()  # a session of the last round
            await client.post("/api/auth/sign-in/magic-link", json={"email": f"confirm-{TIMES}-{turn}@example.org"})
            link = {"token": (await client.get("/letters")).json()["token"]}
            opened = [client.get("/api/auth/magic-link/verify", params=link) for _ in range(TIMES)]
            answers = await asyncio.gather(*opened)
            sessions = {answer.json()["token"] for answer in answers if answer.status_code == 200}
            both += len(sessions) > 1
        print(f"{both} of {ROUNDS} rounds of {TIMES} requests have more than one winner")


asyncio.run(main())
