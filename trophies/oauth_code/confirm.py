"""Exchanges one authorization code N times at once, without onewinner: `python confirm.py ADDRESS N ROUNDS`.

Counts the rounds in which more than one request got an access token.
"""

import asyncio
import sys

import httpx

ADDRESS, TIMES, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LIMITS = httpx.Limits(keepalive_expiry=1)  # the server closes an idle connection after two seconds
VERIFIER, BACK = "abcdefghijklmnopqrstuvwxyz0123456789abcdefgh", "http://127.0.0.1/back"
ASKED = {"response_type": "code", "code_challenge": VERIFIER, "code_challenge_method": "plain"}
SHOWN = {"grant_type": "authorization_code", "client_secret": "trophy-secret", "code_verifier": VERIFIER}
CLIENT = {"client_id": "trophy", "redirect_uri": BACK}


async def main() -> None:
    async with httpx.AsyncClient(base_url=ADDRESS, timeout=60, limits=LIMITS) as client:
        both = 0
        for _ in range(ROUNDS):
            asked = await client.get("/o/authorize/", params={**ASKED, **CLIENT}, headers={"X-User": "ann"})
            code = httpx.URL(asked.headers["Location"]).params["code"]
            form = {**SHOWN, **CLIENT, "code": code}
            answers = await asyncio.gather(*[client.post("/o/token/", data=form) for _ in range(TIMES)])
            tokens = {answer.json()["access_token"] for answer in answers if answer.status_code == 200}
            both += len(tokens) > 1
        print(f"{both} of {ROUNDS} rounds of {TIMES} requests have more than one winner")


asyncio.run(main())
