"""Logs in N times at once with one code of a text message, without onewinner: `python confirm.py ADDRESS N ROUNDS`.

Counts the rounds in which more than one request got a session.
"""

import asyncio
import sys

import httpx

ADDRESS, TIMES, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def log_in(client: httpx.AsyncClient, number: str, code: str) -> str | None:
    body = {"username": number, "password": "secret", "authData": {"mfa": {"token": code}}}
    return (await client.post("/parse/login", json=body)).json().get("sessionToken")


async def main() -> None:
    async with httpx.AsyncClient(base_url=ADDRESS, timeout=60, headers={"X-Parse-Application-Id": "trophy"}) as client:
        both = 0
        for _ in range(ROUNDS):
            number = (await client.post("/telephones")).json()["number"]
            user = (await client.post("/parse/users", json={"username": number, "password": "secret"})).json()
            path, proof = f"/parse/users/{user['objectId']}", {"X-Parse-Session-Token": user["sessionToken"]}
            factor = {"mobile": number}
            await client.put(path, headers=proof, json={"authData": {"mfa": factor}})
            factor["token"] = (await client.get(f"/telephones/{number}")).json()["code"]
            await client.put(path, headers=proof, json={"authData": {"mfa": factor}})
            await log_in(client, number, "request")
            code = (await client.get(f"/telephones/{number}")).json()["code"]
            sessions = await asyncio.gather(*(log_in(client, number, code) for _ in range(TIMES)))
            both += len(set(sessions) - {None}) > 1
        print(f"{both} of {ROUNDS} rounds of {TIMES} requests have more than one winner")


asyncio.run(main())
