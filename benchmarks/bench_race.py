"""How tight are races, how many of them can be verified per second, and how often do they show a defect?

For changes of the release or the asker; gates nothing. One run, in turns: our release in a plain process and in one
patched by gevent, as Locust uses it (both record everything and judge it); Locust's FastHttpUser behind a gevent
barrier, with new users for each race, and with users that keep their connections; httpx with asyncio.gather. Every
racer asks the same engine for the same transitions.

The spread of the arrivals is measured twice: at a server that only notes them, which shows the work of the racer; and
at the workers of the engine, which share the cores with the racer and the database. Both report the kernel's time, so
the time of the read does not matter. The result is the ratio within one run.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from benchmarks.racing import RacerJob, Report
from engine.provision.ports import find_free_port
from engine.provision.processes import run_process
from engine.provision.service import is_ready
from engine.reference import tokens

ROUNDS = 3
# How long each turn takes, by the number of contenders: large races are slow, and a p90 needs some of them.
TURNS_S = {10: 0.5, 20: 0.5, 50: 0.5, 100: 1.2}
DEFECT_TURN_S = 0.3
NOTING_TURN_S = 0.3
START_LIMIT_S = 30.0
ENGINE = ("onewinner", "serve", "--quiet")
# The engine, a broken one, and the server that only notes arrivals; each command ends where its port stands.
SERVERS = ((*ENGINE, "--port"), (*ENGINE, "--defect", "check-then-act", "--port"), ("benchmarks.noting_server",))
RELEASE, PLAIN, GATHER = "release, gevent", "release, plain", "httpx, gather"
BARRIER, KEPT = "FastHttpUser, barrier", "FastHttpUser, kept open"
RACERS = {
    RELEASE: ("benchmarks.race_with_release", "gevent"),
    PLAIN: ("benchmarks.race_with_release",),
    BARRIER: ("benchmarks.race_with_fasthttp",),
    KEPT: ("benchmarks.race_with_fasthttp", "kept"),
    GATHER: ("benchmarks.race_with_httpx",),
}


@dataclass
class Tally:
    """The results of one racer with one number of contenders, over all rounds."""

    noted_ns: list[int] = field(default_factory=list)
    spreads_ns: list[int] = field(default_factory=list)
    races: int = 0
    seconds: float = 0.0
    defect_races: int = 0
    defect_shown: int = 0

    @property
    def rate(self) -> float:
        return self.races / self.seconds

    @property
    def shown(self) -> float:
        return self.defect_shown / self.defect_races


def main() -> None:
    tallies = measure()
    print(f"races: {ROUNDS} rounds in turns, {os.cpu_count()} cores; spread of arrival in microseconds, p50 and p90")
    print(f"{'':24}{'N':>5}{'at a noting server':>20}{'at the engine':>18}{'races/s':>10}{'check-then-act shown':>24}")
    for (name, contenders), tally in tallies.items():
        noted = f"{pick_us(tally.noted_ns, 0.5):>10,.0f}{pick_us(tally.noted_ns, 0.9):>10,.0f}"
        spread = f"{pick_us(tally.spreads_ns, 0.5):>10,.0f}{pick_us(tally.spreads_ns, 0.9):>8,.0f}"
        print(f"{name:24}{contenders:>5}{noted}{spread}{tally.rate:>10,.0f}{tally.shown:>23.0%}")
    for barrier in (BARRIER, KEPT):
        for where, spreads in (("a noting server", "noted_ns"), ("the engine", "spreads_ns")):
            middle, tail = (
                pick_us(getattr(tallies[RELEASE, count], spreads), share)
                / pick_us(getattr(tallies[barrier, count], spreads), share)
                for count, share in ((20, 0.5), (100, 0.9))
            )
            print(f"{RELEASE} / {barrier}, at {where}: p50 at N = 20 {middle:.2f}, p90 at N = 100 {tail:.2f}")
    print(f"wanted of {BARRIER}: p50 at most 0.1, p90 at most 1")
    rate = tallies[RELEASE, 10].rate / tallies[GATHER, 10].rate
    print(f"{RELEASE} / {GATHER}: races per second at N = 10 {rate:.1f} (wanted >= 2)")


def pick_us(spreads_ns: list[int], share: float) -> float:
    """The spread that this share of the races does not exceed, in microseconds."""
    return sorted(spreads_ns)[int(share * (len(spreads_ns) - 1))] / 1000


def measure() -> dict[tuple[str, int], Tally]:
    tallies = {(name, contenders): Tally() for contenders in TURNS_S for name in RACERS}
    secret = tokens.make_secret()
    token = tokens.mint("acme", "benchmark", secret)
    environment = {
        **os.environ,
        tokens.SECRET_VARIABLE: secret,
        "ONEWINNER_ACME_TOKEN": token,
        "ONEWINNER_GLOBEX_TOKEN": token,
    }
    with contextlib.ExitStack() as stack:
        good, broken, noting = (stack.enter_context(serve(environment, *command)) for command in SERVERS)
        racers = {name: stack.enter_context(start_racer(command, environment)) for name, command in RACERS.items()}
        for _ in range(ROUNDS):
            for (name, contenders), tally in tallies.items():
                report = command_racer(racers[name], RacerJob(noting, contenders, NOTING_TURN_S, judged=False))
                tally.noted_ns += report.spreads_ns
                report = command_racer(racers[name], RacerJob(good, contenders, TURNS_S[contenders]))
                tally.spreads_ns += report.spreads_ns
                tally.races += len(report.winners)
                tally.seconds += report.seconds
                report = command_racer(racers[name], RacerJob(broken, contenders, DEFECT_TURN_S))
                tally.defect_races += len(report.winners)
                tally.defect_shown += sum(winners > 1 for winners in report.winners)
    return tallies


@contextlib.contextmanager
def serve(environment: Mapping[str, str], *command: str) -> Iterator[str]:
    """A server of ours, ready; its address. The command ends where its port stands."""
    port = find_free_port()
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_LIMIT_S
    with run_process([sys.executable, "-m", *command, str(port)], environment=environment) as process:
        while not is_ready(address, "/healthz"):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.05)
        yield address


def start_racer(command: tuple[str, ...], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """It ends when its input does."""
    return subprocess.Popen(
        [sys.executable, "-m", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environment)
    )


def command_racer(process: "subprocess.Popen[bytes]", job: RacerJob) -> Report:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(job) + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line, "the racer ended; see above"
    return msgspec.json.decode(line, type=Report)


if __name__ == "__main__":
    main()
