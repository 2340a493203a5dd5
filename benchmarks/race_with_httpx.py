"""A racer of bench_race: httpx with asyncio.gather, connections kept open."""

import asyncio

import httpx

from benchmarks.racing import RacerJob, Report, find_target, race_for, run_jobs
from engine.target.http_answer import Answer
from engine.target.template import Request


def run_job(job: RacerJob) -> Report:
    limits = httpx.Limits(max_connections=job.contenders, max_keepalive_connections=job.contenders)
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(base_url=job.base_url, limits=limits, timeout=10)
        report = race_for(job, find_target(job.base_url), lambda requests: runner.run(ask_together(client, requests)))
        runner.run(client.aclose())
        return report


async def ask_together(client: httpx.AsyncClient, requests: list[Request]) -> list[Answer]:
    return list(await asyncio.gather(*(ask(client, request) for request in requests)))


async def ask(client: httpx.AsyncClient, request: Request) -> Answer:
    answer = await client.request(request.method, request.path, content=request.body, headers=list(request.headers))
    return Answer(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content)


if __name__ == "__main__":
    run_jobs(run_job)
