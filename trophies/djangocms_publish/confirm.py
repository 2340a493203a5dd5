"""Lets N editors publish or archive one draft at once, without onewinner: `python confirm.py ADDRESS N ROUNDS`.

Counts the rounds in which django CMS told more than one of them that it did so.
"""

import asyncio
import re
import sys

import httpx

ADDRESS, TIMES, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LIMITS = httpx.Limits(keepalive_expiry=1)  # the server closes an idle connection after two seconds
TOKEN = "abcdefghijklmnopqrstuvwxyz012345"  # Django compares cookie and header
ADMIN, VERSION = "/admin/cms/pagecontent", "/admin/djangocms_versioning/pagecontentversion"


def be(user: int) -> dict[str, str]:
    return {"X-User": f"user{user}", "Cookie": f"csrftoken={TOKEN}", "X-CSRFToken": TOKEN}


async def make_page(client: httpx.AsyncClient, slug: str) -> str:
    """The id of the only version, a draft, of a new page."""
    added = await client.post(f"{ADMIN}/add/", headers=be(0), data={"title": "A page", "slug": slug})
    content = re.findall(r"pagecontent/(\d+)/change", added.headers["X-Told"])[0]
    editor = (await client.get(f"{ADMIN}/{content}/change/", headers=be(0))).text
    return re.findall(r"pagecontentversion/(\d+)/publish/", editor)[0]


async def decide(client: httpx.AsyncClient, version: str, user: int) -> bool:
    action = ("publish", "archive")[user % 2]
    answer = await client.post(f"{VERSION}/{version}/{action}/", headers=be(user))
    return "Version published" in answer.headers["X-Told"] or "Version archived" in answer.headers["X-Told"]


async def main() -> None:
    async with httpx.AsyncClient(base_url=ADDRESS, timeout=60, limits=LIMITS) as client:
        for user in range(TIMES):
            await client.get("/healthz", headers=be(user))
        both = 0
        for turn in range(ROUNDS):
            version = await make_page(client, f"confirm-{TIMES}-{turn}")
            both += sum(await asyncio.gather(*[decide(client, version, user) for user in range(TIMES)])) > 1
        print(f"{both} of {ROUNDS} rounds of {TIMES} requests have more than one winner")


asyncio.run(main())
