"""What the racers of bench_race share: orders that come in as lines, the races that they ask for, what came of them.

A racer is a process of its own: one of them must be patched by gevent, the others must not.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle

import msgspec

from engine.provision.service import REFERENCE
from engine.target.file import load_target
from engine.target.target import Answer, Request, Target

# Out of the initial state, and then forth and back for ever: every race is one for the same two transitions.
OPENING = (("CREATED", "ICP_PENDING"), ("ICP_PENDING", "ICP_PROCESSING"))
TURNS = (("ICP_PROCESSING", "ICP_FAILED"), ("ICP_FAILED", "ICP_PROCESSING"))


class Order(msgspec.Struct):
    """Race with this many contenders at `base_url` for so many seconds. What no engine answers is not judged."""

    base_url: str
    contenders: int
    seconds: float
    judged: bool = True


class Report(msgspec.Struct):
    """What came of an order: per race, by how much the arrivals were apart (ns), and how many were told they won."""

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


def race_for(order: Order, target: Target, race: Race) -> Report:
    """Races on one workflow until the time is up. `race` sends the requests at once and gives their answers."""
    [created] = race([target.build_create(target.owner, "create")])
    server_id = target.classify_create(created).server_id
    assert server_id is not None, created
    report = Report([], [], 0)
    begun = time.perf_counter()
    for number, edge in enumerate(draw_edges()):
        answers = race(build_requests(target, server_id, edge, order.contenders, number))
        add_race(report, target, edge, answers)
        report.seconds = time.perf_counter() - begun
        if report.seconds > order.seconds:
            return report
    raise AssertionError("there is always another edge")


def add_race(report: Report, target: Target, edge: tuple[str, str], answers: list[Answer]) -> None:
    arrived = [target.arrived_ns(answer) or 0 for answer in answers]
    assert all(arrived), "an answer without its arrival"
    report.spreads_ns.append(max(arrived) - min(arrived))
    route = target.routes_for(*edge)[-1]
    report.winners.append(sum(target.classify_advance(each, route, edge[1]).outcome == "won" for each in answers))


def obey(carry_out: Callable[[Order], Report]) -> None:
    """Carries out the orders of standard input, one a line, and answers each with a line."""
    for line in sys.stdin.buffer:
        report = carry_out(msgspec.json.decode(line, type=Order))
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
