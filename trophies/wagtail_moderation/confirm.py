"""Lets N moderators approve or reject one page at once, without onewinner: `python confirm.py ADDRESS N ROUNDS`.

Counts the rounds in which Wagtail told more than one of them that it did so.
"""

import asyncio
import re
import sys

import httpx

ADDRESS, TIMES, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LIMITS = httpx.Limits(keepalive_expiry=1)  # the server closes an idle connection after two seconds
TOKEN = "abcdefghijklmnopqrstuvwxyz012345"  # Django compares cookie and header
ASYNC = {"X-Requested-With": "XMLHttpRequest"}  # otherwise all are answered with the same redirect


def be(user: int) -> dict[str, str]:
    return {"X-User": f"user{user}", "Cookie": f"csrftoken={TOKEN}", "X-CSRFToken": TOKEN, **ASYNC}


async def submit_page(client: httpx.AsyncClient, slug: str) -> tuple[str, str]:
    """The ids of a new page, and of the task in which it waits for a moderator."""
    form = {"title": "A page", "slug": slug}
    added = await client.post("/admin/pages/add/project/plainpage/1/", headers=be(0), data=form)
    editor = added.headers["Location"]
    await client.post(editor, headers=be(0), data={**form, "action-submit": "1"})
    page = (await client.get(editor, headers=be(0))).text
    return re.findall(r"collect_action_data/(\d+)/approve/(\d+)/", page)[0]


async def decide(client: httpx.AsyncClient, page: str, task: str, user: int) -> bool:
    action = ("approve", "reject")[user % 2]
    answer = await client.post(f"/admin/pages/workflow/action/{page}/{action}/{task}/", headers=be(user))
    return answer.status_code == 200 and answer.json()["step"] == "success"


async def main() -> None:
    async with httpx.AsyncClient(base_url=ADDRESS, timeout=60, limits=LIMITS) as client:
        for user in range(TIMES):
            await client.get("/healthz", headers=be(user))
        both = 0
        for turn in range(ROUNDS):
            page, task = await submit_page(client, f"confirm-{TIMES}-{turn}")
            both += sum(await asyncio.gather(*[decide(client, page, task, user) for user in range(TIMES)])) > 1
        print(f"{both} of {ROUNDS} rounds of {TIMES} requests have more than one winner")


asyncio.run(main())
