"""Assigns one task to N users at once, without onewinner: `python confirm.py ADDRESS N ROUNDS`.

Counts the rounds in which viewflow told more than one user that the task is now assigned to them.
"""

import asyncio
import re
import sys

import httpx

ADDRESS, TIMES, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LIMITS = httpx.Limits(keepalive_expiry=1)  # the server closes an idle connection after two seconds
TOKEN = "abcdefghijklmnopqrstuvwxyz012345"  # Django compares cookie and header


def be(user: int) -> dict[str, str]:
    return {"X-User": f"user{user}", "Cookie": f"csrftoken={TOKEN}", "X-CSRFToken": TOKEN}


async def main() -> None:
    async with httpx.AsyncClient(base_url=ADDRESS, timeout=60, limits=LIMITS) as client:
        for user in range(TIMES):
            await client.get("/hello/", headers=be(user))
        both = 0
        for _ in range(ROUNDS):
            process = (await client.post("/hello/start/", headers=be(0))).headers["Location"]
            page = (await client.get(process, headers=be(0))).text
            task = re.findall(r"/hello/\d+/approve/\d+/", page)[0]
            answers = await asyncio.gather(*[client.post(f"{task}assign/", headers=be(n)) for n in range(TIMES)])
            both += sum(answer.status_code == 302 for answer in answers) > 1
        print(f"{both} of {ROUNDS} rounds of {TIMES} requests have more than one winner")


asyncio.run(main())
