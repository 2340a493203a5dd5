"""Goal: races over several processes are judged as one run; and what is lost or raises on the way is never green.

Method: the real command, and Locust on its own as its users start it, on the reference engine; processes are killed
and scenarios raise on purpose.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

from engine.provision.ports import find_free_port
from load.scenarios import SCENARIOS
from reports.history.history import read_history
from tests.onewinner.running import Command, read_words, wait_for

ROOT = Path(__file__).parents[3]
LOCUST = ("-m", "locust", "-f", str(ROOT / "load" / "locustfile.py"))
# Python runs this in every process that finds it on its path, before anything else: one source of two is spoiled.
SPOILING = """
import os, signal
import load.source
run_script = load.source.Source.run_script
def spoil_one(source, script):
    if source.asker.source == "race-1.0" and source.scripts == 3:
        {}
    return run_script(source, script)
load.source.Source.run_script = spoil_one
"""
MISHAPS = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "raises": "raise RuntimeError('a scenario that raises')",
}


def spoil(folder: Path, mishap: str) -> dict[str, str]:
    """The environment of a process in which that happens to the source race-1.0 in the middle of its quota."""
    (folder / "sitecustomize.py").write_text(SPOILING.format(MISHAPS[mishap]))
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")])}


def run_race(folder: Path, *arguments: str, **environment: str) -> tuple["subprocess.CompletedProcess[str]", Path]:
    out = folder / "run"
    command = Command(("race", *arguments, "--out", str(out)), folder, environment)
    ended = command.run_here()
    assert command.find_left() == []
    return ended, out


def read_verdict(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "run.json").read_text())
    return record


def list_gaps(out: Path) -> str:
    return "\n".join(finding["title"] for finding in read_verdict(out)["checks"]["accounting"]["findings"])


# What the workflows of the reference engine have nothing for: writes, versions, moves without a request, units.
UNITS = {"last-unit", "takes-and-give-backs", "two-resources", "foreign-takes", "returned-units"}
UNASKED = UNITS | {"writes-beside-moves", "stale-version", "no-version", "expiry"}
WAYS = {"apart": ("--processes", "2"), "together": ("--processes", "2", "--together")}


@pytest.fixture(scope="module", params=["apart", pytest.param("together", marks=pytest.mark.exhaustive)])
def passing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple["subprocess.CompletedProcess[str]", Path, str]:
    way: str = request.param
    ended, out = run_race(tmp_path_factory.mktemp(way), "--races", "40", *WAYS[way])
    return ended, out, way


Passing = tuple["subprocess.CompletedProcess[str]", Path, str]


def test_every_scenario_passes_over_two_processes(passing: Passing) -> None:
    ended, out, way = passing
    assert ended.returncode == 0, ended
    record = read_verdict(out)
    level = record["levels"][0]
    assert (level["planned"], level["run"], level["restarts"]) == (40, 40, 0)
    assert set(level["not_applicable"]) == UNASKED
    assert {each["scenario"] for each in level["scenarios"]} == set(SCENARIOS) - UNASKED
    assert all(each["planned"] == each["run"] > 0 for each in level["scenarios"])
    assert record["counts"]["races"] == 40
    assert record["plan"]["sources"] == ["race-0.0", "race-1.0", "schema-0"]
    operations = read_history(out).operations
    journals = operations.filter(pl.col("race").is_not_null()).group_by("race")
    shared = journals.agg(pl.col("process").str.split("#").list.first().n_unique())["process"]
    assert set(shared) == ({2} if way == "together" else {1})


def test_a_history_that_is_missing_is_named(passing: Passing, tmp_path: Path) -> None:
    _, out, way = passing
    shutil.copytree(out, tmp_path / "run")
    for path in (tmp_path / "run" / "history").glob("race-1.0.*"):
        path.unlink()
    judged = Command(("check", str(tmp_path / "run")), tmp_path).run_here()
    assert judged.returncode == 3, judged
    counts = read_verdict(out)["plan"]["quotas"]["race-1.0"]
    share = f", and with it its share of {counts['races']} races and {counts['rounds']} rounds"
    share = "" if way == "together" else share
    assert way == "together" or min(counts["races"], counts["rounds"]) > 0
    assert f"The source race-1.0 was promised, and its history is missing{share}." in judged.stdout


def test_a_broken_engine_fails_the_right_checks_and_fast(tmp_path: Path) -> None:
    scenarios = "same-transition,replay-storm,tenants"
    options = ("--races", "5000", "--processes", "2", "--fail-fast", "--scenarios", scenarios)
    ended, out = run_race(tmp_path, *options, "--defect", "ignored-row-count")
    assert ended.returncode == 1, ended
    record = read_verdict(out)
    assert record["levels"][0]["run"] < 2500
    failed = {name for name, check in record["checks"].items() if check["verdict"] == "fail"}
    assert {"one-winner", "linearizable", "audit"} <= failed
    assert not {"tenant-isolation", "accounting", "legality", "no-5xx"} & failed


def find_workers(command: Command) -> list[psutil.Process]:
    """The processes that Locust forked: their parent runs Locust too."""
    locusts = [process for process in command.walk_left() if "locust" in read_words(process)[:4]]
    pids = {process.pid for process in locusts}
    return sorted((process for process in locusts if process.ppid() in pids), key=lambda process: process.pid)


@pytest.mark.exhaustive
def test_a_killed_worker_is_named_and_the_rest_is_judged(tmp_path: Path) -> None:
    ended, out = run_race(tmp_path, "--races", "80", "--processes", "2", **spoil(tmp_path, "killed"))
    assert ended.returncode == 3, ended
    gaps = list_gaps(out)
    share, other = (read_verdict(out)["plan"]["quotas"][name]["races"] for name in ("race-1.0", "race-0.0"))
    lost = re.search(rf"The source (race-1\.0) was cut short: it has no end, and \d+ of its {share} races", gaps)
    assert lost is not None, gaps
    checks = read_verdict(out)["checks"]
    assert checks["one-winner"]["verdict"] == "pass"
    assert other < checks["one-winner"]["judged"] < 80
    assert lost[1] in ended.stdout


@pytest.mark.exhaustive
def test_a_killed_master_leaves_journals_that_can_be_judged(tmp_path: Path) -> None:
    """All races before are decided; of the one that each worker had under way it may not be known who won."""
    out = tmp_path / "run"
    command = Command(("race", "--races", "2000", "--processes", "2", "--out", str(out)), tmp_path)
    journals = [out / "history" / f"race-{worker}.0.jsonl" for worker in range(2)]
    with command.start() as process:
        wait_for(lambda: all(path.exists() and path.stat().st_size > 20_000 for path in journals), process)
        parent = find_workers(command)[0].parent()
        assert parent is not None
        parent.kill()
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 3, (output, errors)
    assert "the asker of the level race ended with status 137" in read_verdict(out)["reason"]
    assert command.find_left() == []
    judged = Command(("check", str(out)), tmp_path).run_here()
    assert judged.returncode == 3, judged
    found = re.search(r"one-winner +(?:pass|unknown) +(\d+) races(?: +in (\d) of)?", judged.stdout)
    assert found is not None, judged.stdout
    assert int(found[1]) > 2 >= int(found[2] or 0), judged.stdout


@pytest.mark.exhaustive
def test_a_scenario_that_raises_in_one_worker_of_two(tmp_path: Path) -> None:
    spoiled = spoil(tmp_path, "raises")
    ended, out = run_race(tmp_path, "--races", "20", "--processes", "2", "--scenarios", "fork", **spoiled)
    assert ended.returncode == 3, ended
    assert "The source race-1.0 broke off: RuntimeError: a scenario that raises." in list_gaps(out)
    assert read_verdict(out)["checks"]["one-winner"]["verdict"] == "pass"


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The reference engine for those who start Locust themselves, and the tokens for it."""
    with Command(("serve", "--announce"), tmp_path_factory.mktemp("engine")).start() as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield told["base_url"], told["environment"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def find_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def find_run(folder: Path) -> Path | None:
    return next(iter((folder / "runs").glob("*-locust")), None) if (folder / "runs").is_dir() else None


@pytest.mark.exhaustive
def test_an_open_model_records_the_intended_start(base_url: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    url, environment = base_url
    options = ("--headless", "--base-url", url, "--scenarios", "same-transition", "--rate", "100", "--races", "12")
    Command(options, tmp_path, environment, LOCUST).run()
    run = find_run(tmp_path)
    assert run is not None
    races = read_history(run).operations.filter(pl.col("race").is_not_null())
    intended = pl.col("detail").str.json_path_match("$.intended_ns").cast(pl.Int64)
    starts = races.group_by("race").agg(intended.first().alias("at"))["at"]
    assert set(starts.sort().diff().drop_nulls()) == {10_000_000}
    assert int(races.select((pl.col("invoked_ns") - intended).min()).item()) >= 0, "no request starts before it is due"
    assert Command(("check", str(run)), tmp_path).run_here().returncode == 0


@pytest.mark.exhaustive
def test_a_master_and_two_workers_started_apart(base_url: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    """One race over two workers that Locust did not fork; then the master is killed, and the journals are judged."""
    url, environment = base_url
    port, web = find_port(), find_port()
    common = ("--base-url", url, "--races", "30", "--together")
    master = ("--master", "--expect-workers", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", port)
    shown = ("--web-host", "127.0.0.1", "--web-port", web, "--autostart", "--users", "2", "--spawn-rate", "2")
    worker = ("--worker", "--master-host", "127.0.0.1", "--master-port", port)
    with contextlib.ExitStack() as running:
        leader = Command((*master, *shown, *common), tmp_path, environment, LOCUST)
        hands = [Command((*worker, *common), tmp_path, environment, LOCUST) for _ in range(2)]
        process = running.enter_context(leader.start())
        others = [running.enter_context(hand.start()) for hand in hands]
        wait_for(lambda: "Races run" in fetch(f"http://127.0.0.1:{web}/onewinner"), process)
        wait_for(lambda: {"what": "Sources done", "count": "2 of 2"} in read_rows(web), process)
        rows = {row["what"]: row["count"] for row in read_rows(web)}
        extended = json.loads(fetch(f"http://127.0.0.1:{web}/stats/requests"))["extended_stats"]
        page = fetch(f"http://127.0.0.1:{web}/")
        process.kill()
        for each in (process, *others):
            each.terminate()
            each.communicate(timeout=60)
    assert (rows["Races run"], rows["Violations"]) == ("30", "0")
    assert extended[0]["key"] == "onewinner"
    assert '"title": "onewinner"' in page
    run = find_run(tmp_path)
    assert run is not None
    judged = Command(("check", str(run)), tmp_path).run_here()
    assert judged.returncode == 0, judged
    assert re.search(r"accounting +pass", judged.stdout)


# That a killed one is missed is tried above, too, with a master of ours.
@pytest.mark.exhaustive
@pytest.mark.parametrize("mishap", ["killed", "raises"])
def test_a_master_that_loses_a_source_ends_with_3(
    mishap: str, base_url: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    """Locust alone, with workers that it did not fork: one of two is killed, or its scenario raises."""
    url, environment = base_url
    spoiled = {**environment, **spoil(tmp_path, mishap)}
    port = find_port()
    common = ("--base-url", url, "--races", "20", "--scenarios", "fork")
    master = ("--master", "--headless", "--users", "2", "--expect-workers", "2", "--master-bind-host", "127.0.0.1")
    worker = ("--worker", "--master-host", "127.0.0.1", "--master-port", port)
    with contextlib.ExitStack() as running:
        leader = Command((*master, "--master-bind-port", port, *common), tmp_path, environment, LOCUST)
        hand = Command((*worker, *common), tmp_path, spoiled, LOCUST)
        process = running.enter_context(leader.start())
        others = [running.enter_context(hand.start()) for _ in range(2)]
        told = process.communicate(timeout=100)
        for each in others:
            each.communicate(timeout=60)
    assert process.returncode == 3, told
    run = find_run(tmp_path)
    assert run is not None
    assert Command(("check", str(run)), tmp_path).run_here().returncode == 3


def fetch(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return str(answer.read().decode())
    except OSError:
        return ""


def read_rows(port: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(fetch(f"http://127.0.0.1:{port}/onewinner") or "[]")
    return rows


SWALLOWED = {
    "a listener that raises": "events.test_start.add_listener(lambda **_: 1 / 0)",
    "an exit status of one's own": "events.test_start.add_listener(lambda environment, **_: set_code(environment))",
}


@pytest.mark.parametrize(
    "what", ["a listener that raises", pytest.param("an exit status of one's own", marks=pytest.mark.exhaustive)]
)
def test_what_locust_swallows_is_told(what: str, base_url: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    url, environment = base_url
    setting = "def set_code(environment):\n    environment.process_exit_code = 7\n"
    (tmp_path / "extra.py").write_text(f"from locust import events\n{setting}{SWALLOWED[what]}\n")
    program = ("-m", "locust", "-f", f"{LOCUST[-1]},{tmp_path / 'extra.py'}")
    port = str(find_free_port())
    workers = ("--processes", "2", "--master-bind-port", port, "--master-port", port)
    options = ("--headless", *workers, "--base-url", url, "--races", "4", "--scenarios", "same-transition")
    Command(options, tmp_path, environment, program).run()
    run = find_run(tmp_path)
    assert run is not None
    judged = Command(("check", str(run)), tmp_path).run_here()
    assert judged.returncode == 3, judged
    assert re.search(r"The source locust-\w+ broke off: .*(ZeroDivisionError|set to 7)", judged.stdout)
