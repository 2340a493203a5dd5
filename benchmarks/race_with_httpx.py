"""A racer of bench_race: httpx with asyncio.gather, connections kept open."""

import asyncio

import httpx

from benchmarks.racing import Order, Report, find_target, obey, race_for
from engine.target.target import Answer, Request


def carry_out(order: Order) -> Report:
    limits = httpx.Limits(max_connections=order.contenders, max_keepalive_connections=order.contenders)
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(base_url=order.base_url, limits=limits, timeout=10)
        report = race_for(
            order, find_target(order.base_url), lambda requests: runner.run(ask_together(client, requests))
        )
        runner.run(client.aclose())
        return report


async def ask_together(client: httpx.AsyncClient, requests: list[Request]) -> list[Answer]:
    return list(await asyncio.gather(*(ask(client, request) for request in requests)))


async def ask(client: httpx.AsyncClient, request: Request) -> Answer:
    answer = await client.request(request.method, request.path, content=request.body, headers=list(request.headers))
    return Answer(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content)


if __name__ == "__main__":
    obey(carry_out)
