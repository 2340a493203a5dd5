"""A racer of bench_race: Locust's FastHttpUser, one per contender, held by a gevent barrier.

Every race has new users, whose connections open after the barrier, as in Locust. With `kept`, the same users run all
races over open connections.
"""

import sys

import gevent
from gevent.event import Event
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment

from benchmarks.racing import RacerJob, Report, find_target, race_for, run_jobs
from engine.target.http_answer import Answer
from engine.target.template import Request


class Contender(FastHttpUser):
    abstract = True
    connection_timeout = 10.0
    network_timeout = 10.0


def run_job(job: RacerJob) -> Report:
    environment = Environment(user_classes=[Contender], host=job.base_url)
    Contender.host = job.base_url
    kept: list[Contender] = []

    def race(requests: list[Request]) -> list[Answer]:
        if "kept" not in sys.argv:
            hang_up(kept)
        while len(kept) < len(requests):
            kept.append(Contender(environment))
        barrier = Event()
        running = [
            gevent.spawn(ask, contender, request, barrier) for contender, request in zip(kept, requests, strict=False)
        ]
        gevent.sleep(0)
        barrier.set()
        gevent.joinall(running, raise_error=True)
        return [one.get() for one in running]

    try:
        return race_for(job, find_target(job.base_url), race)
    finally:
        hang_up(kept)


def hang_up(contenders: list[Contender]) -> None:
    for contender in contenders:
        contender.client.client.close()
    contenders.clear()


def ask(contender: Contender, request: Request, barrier: Event) -> Answer:
    """Sends one request of one contender after the barrier."""
    barrier.wait()
    with contender.client.request(
        request.method, request.path, data=request.body.decode(), headers=dict(request.headers), catch_response=True
    ) as response:
        response.success()
        headers = {name.lower(): value for name, value in (response.headers or {}).items()}
        return Answer(response.status_code, headers, response.content or b"")


if __name__ == "__main__":
    run_jobs(run_job)
