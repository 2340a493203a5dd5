"""A racer of bench_race: our release, with everything recorded and judged. With `gevent`, patched as Locust does it."""

import sys

if "gevent" in sys.argv:
    import locust  # noqa: F401 - importing it patches the process

import tempfile
import time
from pathlib import Path

from benchmarks.racing import RacerJob, Report, add_race, draw_edges, find_target, race_for, run_jobs
from load.client.asker import Asker
from load.client.release import Release
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.history.seal import seal_history
from reports.judge.judge import judge
from reports.judge.verdict import Verdict


def race_and_judge(job: RacerJob) -> Report:
    """Races as a scenario does, including the verdict."""
    target = find_target(job.base_url)
    if not job.judged:
        release = Release(target.base_url, target.timeout_s)
        return race_for(job, target, lambda requests: [exchange.answer for exchange in release.race(requests)])
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder, "race-0.jsonl")) as journal:
        asker = Asker(target, Release(target.base_url, target.timeout_s), journal, "bench")
        workflow = asker.create(target.owner)
        assert workflow is not None
        report = Report([], [], 0)
        begun = time.perf_counter()
        for number, edge in enumerate(draw_edges()):
            route = target.routes_for(*edge)[-1]
            asks = [asker.advance_ask(workflow, target.owner, route, *edge) for _ in range(job.contenders)]
            replies = asker.race(asks, f"{workflow}.{number}")
            add_race(report, target, edge, [reply.exchange.answer for reply in replies])
            if time.perf_counter() - begun > job.seconds:
                break
        asker.trail(workflow, target.owner)
        asker.end()
        seal_history(Path(folder))
        judgement = judge(read_history(Path(folder)), target.graph)
        report.seconds = time.perf_counter() - begun
        doubled = any(winners > 1 for winners in report.winners)
        assert (judgement.verdict is Verdict.FAIL) == doubled, judgement.reason
        return report


if __name__ == "__main__":
    run_jobs(race_and_judge)
