"""The common parts of the racers of bench_race: jobs read as lines, the requests of their races, reports.

A racer is a process of its own, because gevent must patch one of them and must not patch the others.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle

import msgspec

from engine.provision.service import REFERENCE
from engine.target.classified_answer import classify_advance, classify_create, read_arrival
from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.target_file import load_target
from engine.target.template import Request

# Out of the initial state, then forth and back between two states.
OPENING = (("CREATED", "ICP_PENDING"), ("ICP_PENDING", "ICP_PROCESSING"))
TURNS = (("ICP_PROCESSING", "ICP_FAILED"), ("ICP_FAILED", "ICP_PROCESSING"))


class RacerJob(msgspec.Struct):
    """Races for `seconds`, with this many contenders, against `base_url`. `judged`: an engine answers there."""

    base_url: str
    contenders: int
    seconds: float
    judged: bool = True


class Report(msgspec.Struct):
    """The results of a job: for each race, the spread of the arrivals in ns, and the number of winners."""

    spreads_ns: list[int]
    winners: list[int]
    seconds: float


Race = Callable[[list[Request]], list[Answer]]


def find_target(base_url: str) -> Target:
    return replace(load_target(REFERENCE), base_url=base_url)


def draw_edges() -> Iterator[tuple[str, str]]:
    yield from OPENING
    yield from cycle(TURNS)


def build_requests(target: Target, server_id: str, edge: tuple[str, str], count: int, race: int) -> list[Request]:
    route = target.routes_for(*edge)[-1]
    return [
        target.build_advance(route, target.owner, server_id, *edge, f"race-{race}.{number}") for number in range(count)
    ]


def race_for(job: RacerJob, target: Target, race: Race) -> Report:
    """Races on one workflow until the time is up. `race` sends the requests at once and returns the answers."""
    [created] = race([target.build_create(target.owner, "create")])
    server_id = classify_create(target, created).server_id
    assert server_id is not None, created
    report = Report([], [], 0)
    begun = time.perf_counter()
    for number, edge in enumerate(draw_edges()):
        answers = race(build_requests(target, server_id, edge, job.contenders, number))
        add_race(report, target, edge, answers)
        report.seconds = time.perf_counter() - begun
        if report.seconds > job.seconds:
            return report
    raise AssertionError("there is always another edge")


def add_race(report: Report, target: Target, edge: tuple[str, str], answers: list[Answer]) -> None:
    arrived = [read_arrival(target, answer) or 0 for answer in answers]
    assert all(arrived), "an answer without its arrival"
    report.spreads_ns.append(max(arrived) - min(arrived))
    route = target.routes_for(*edge)[-1]
    report.winners.append(sum(classify_advance(target, each, route, edge[1]).outcome == "won" for each in answers))


def run_jobs(run_job: Callable[[RacerJob], Report]) -> None:
    """Runs the jobs on standard input, one per line, and prints the report of each as a line."""
    for line in sys.stdin.buffer:
        report = run_job(msgspec.json.decode(line, type=RacerJob))
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
