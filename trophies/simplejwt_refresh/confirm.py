"""Uses one refresh token N times at once, without onewinner: `python confirm.py ADDRESS N ROUNDS`.

Counts the rounds in which more than one request got a new refresh token.
"""

import asyncio
import sys

import httpx

ADDRESS, TIMES, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LIMITS = httpx.Limits(keepalive_expiry=1)  # the server closes an idle connection after two seconds
LOGIN = {"username": "ann", "password": "ann-password"}


async def main() -> None:
    async with httpx.AsyncClient(base_url=ADDRESS, timeout=60, limits=LIMITS) as client:
        both = 0
        for _ in range(ROUNDS):
            token = (await client.post("/api/token/", json=LOGIN)).json()["refresh"]
            uses = [client.post("/api/token/refresh/", json={"refresh": token}) for _ in range(TIMES)]
            answers = await asyncio.gather(*uses)
            tokens = {answer.json()["refresh"] for answer in answers if answer.status_code == 200}
            both += len(tokens) > 1
        print(f"{both} of {ROUNDS} rounds of {TIMES} requests have more than one winner")


asyncio.run(main())
