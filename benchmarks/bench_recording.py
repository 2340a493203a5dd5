"""How much time does recording cost, per operation and as a share of a race? For changes of the journal; gates nothing.

One run, in turns: races through the asker with a journal, and with one that writes nothing. The result is the ratio
within the run.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.racing import draw_edges
from engine.provision.service import reach_engine
from engine.target.target import Target
from load.client.asker import Asker
from load.client.release import Release
from reports.history import events
from reports.history.journal import Journal

CONTENDERS = 10
RACES = 1200
TIMED_OPERATIONS = 100_000
DETAIL = events.Detail(request_id="race-0.123456", arrived_ns=123_456_789_012_345)


class Silence(Journal):
    """A journal that takes everything and writes nothing."""

    def write(self, *written: events.Event) -> None: ...


def time_lines(folder: Path) -> float:
    """Microseconds per operation for building and writing its two lines, a race's lines at once."""
    with Journal(folder / "lines.jsonl") as journal:
        begun = time.perf_counter()
        for race in range(TIMED_OPERATIONS // CONTENDERS):
            ids = [f"race-0.{race}-{number}" for number in range(CONTENDERS)]
            journal.write(*(make_invoke(each) for each in ids))
            journal.write(*(events.Return(each, "conflict", 409, "B", 2, 1, detail=DETAIL.pack()) for each in ids))
        return (time.perf_counter() - begun) / TIMED_OPERATIONS * 1e6


def make_invoke(id_: str) -> events.Invoke:
    return events.Invoke(
        id_, "race-0#1", "w", "advance", 1, scenario="s", race="w.1", tenant="acme", expected="A", next="B"
    )


def time_races(target: Target, folder: Path) -> tuple[float, float]:
    """Milliseconds per race, medians: recorded, and not. Every race is followed by one of the other kind."""
    release = Release(target.base_url, target.timeout_s)
    askers = [
        Asker(target, release, kind(folder / f"{name}.jsonl"), "bench")
        for name, kind in (("recorded", Journal), ("silent", Silence))
    ]
    workflow = askers[0].create(target.owner)
    assert workflow is not None
    askers[1].server_ids[workflow] = askers[0].server_ids[workflow]
    took: tuple[list[float], list[float]] = ([], [])
    for number, edge in zip(range(RACES), draw_edges(), strict=False):
        # Two and two, so that both kinds run both edges.
        which = number // 2 % 2
        route = target.routes_for(*edge)[-1]
        begun = time.perf_counter()
        asks = [askers[which].advance_ask(workflow, target.owner, route, *edge) for _ in range(CONTENDERS)]
        askers[which].race(asks, f"{workflow}.{number}")
        took[which].append(time.perf_counter() - begun)
    for asker in askers:
        asker.journal.close()
    release.close()
    return statistics.median(took[0]) * 1e3, statistics.median(took[1]) * 1e3


def main() -> None:
    with tempfile.TemporaryDirectory() as name, reach_engine(None, None) as target:
        lines_us = time_lines(Path(name))
        recorded_ms, silent_ms = time_races(target, Path(name))
    print(f"recording: {lines_us:.1f} us per operation for both of its lines, {os.cpu_count()} cores")
    share = lines_us * CONTENDERS / 1e3 / silent_ms
    print(f"a race of {CONTENDERS}: {recorded_ms:.2f} ms recorded, {silent_ms:.2f} ms not, medians of {RACES // 2}")
    print(f"ratio {recorded_ms / silent_ms:.3f}; its lines alone are {share:.1%} of a race")


if __name__ == "__main__":
    main()
