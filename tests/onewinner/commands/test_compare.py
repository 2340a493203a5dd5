"""Goal: `compare` and `--baseline` end with the right exit code and name what matters first.

Method: run directories written by hand for what can be had without an engine; the real command on the rest, small.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from reports.comparison.facts import Facts
from reports.documents.run_folder import begin_run, finish_run, read_run, with_judgement
from reports.judge.verdict import CheckResult, Judgement, Verdict
from tests.onewinner.running import Command
from tests.reports.building import make_facts

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
BLOCKS = [100e6, 101e6, 99e6, 102e6, 98e6, 100.5e6, 101.5e6, 99.5e6, 100.2e6, 100.9e6, 99.1e6, 102.3e6, 98.4e6]
FACTS = Facts(name="orders", command="onewinner gate", target="orders", seed=1, started_at="2026-01-01T00:00:00Z")
KNOWN = """
[[acknowledged]]
measure = "latency.won.p50"
reason = "the audit index"
expires = 2999-06-30
"""
SCHEMA = json.loads(Path(__file__).parents[3].joinpath("docs", "run.schema.json").read_text())


def write_run(folder: Path, name: str, checks: dict[str, Verdict], times: float = 1.0, **facts: Any) -> None:
    (folder / "orders.toml").write_text("")
    run = begin_run(folder / name, folder / "orders.toml", FACTS)
    verdict = next((one for one in (FAIL, UNKNOWN) if one in checks.values()), PASS)
    judgement = Judgement(verdict, "so it is", tuple(CheckResult(*each) for each in checks.items()))
    blocks = {"latency.won.p50": [value * times for value in BLOCKS]}
    told = make_facts(**{"measures": {"blocks": blocks}, **facts})
    known = {name: getattr(told, name) for name in ("measures", *facts)}
    finish_run(with_judgement(run, judgement, **known))


def compare(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    ended = Command(("compare", *arguments), folder).run_here()
    assert "Traceback" not in ended.stderr
    return ended


@pytest.mark.parametrize(
    ("baseline", "run", "times", "code", "words"),
    [
        (
            PASS,
            PASS,
            1.0,
            0,
            "PASS: no check fails; no regression; at least 12% in latency.won.p50 would have been seen",
        ),
        (PASS, PASS, 2.0, 4, "REGRESSION: the checks pass, but regressed: latency of won, p50 (+100.0%)"),
        (PASS, PASS, 0.5, 0, "improved: latency of won, p50 (-50.0%)"),
        (PASS, PASS, 1.1, 0, "no regression"),
        (PASS, FAIL, 2.0, 1, "FAIL: newly failing: one-winner"),
        (FAIL, FAIL, 1.0, 1, "FAIL: still failing: one-winner"),
        (FAIL, PASS, 1.0, 0, "PASS: fixed: one-winner"),
        (PASS, UNKNOWN, 2.0, 3, "UNKNOWN: the run's verdict is unknown"),
        (UNKNOWN, PASS, 2.0, 3, "UNKNOWN: the baseline's verdict is unknown"),
    ],
)
def test_the_exit_code_says_what_is_so(
    baseline: Verdict, run: Verdict, times: float, code: int, words: str, tmp_path: Path
) -> None:
    write_run(tmp_path, "a", {"one-winner": baseline})
    write_run(tmp_path, "b", {"one-winner": run}, times)
    ended = compare(tmp_path, "a", "b")
    assert ended.returncode == code, ended
    assert words in ended.stdout


def test_jobs_in_turns_need_no_allowance(tmp_path: Path) -> None:
    for side, times in (("a", 1.0), ("b", 1.1)):
        write_run(tmp_path, side, {"audit": PASS}, times, turns={"job": "j1", "side": side, "engine": side})
    assert compare(tmp_path, "a", "b").returncode == 4
    assert compare(tmp_path, "a", "b", "--threshold", "20").returncode == 0
    assert compare(tmp_path, "a", "b", "--drift", "15%").returncode == 0


def test_a_known_regression_fails_no_comparison(tmp_path: Path) -> None:
    write_run(tmp_path, "a", {"audit": PASS})
    write_run(tmp_path, "b", {"audit": PASS}, 2.0)
    (tmp_path / "known.toml").write_text(KNOWN)
    ended = compare(tmp_path, "a", "b", "--acknowledged", "known.toml")
    assert ended.returncode == 0, ended
    assert "regressed (acknowledged)" in ended.stdout
    (tmp_path / "known.toml").write_text(KNOWN.replace("2999", "2020"))
    ended = compare(tmp_path, "a", "b", "--acknowledged", "known.toml")
    assert ended.returncode == 4, ended
    assert "the acknowledgement of latency.won.p50 expired on 2020-06-30: the audit index" in ended.stdout
    (tmp_path / "known.toml").write_text(KNOWN.replace("reason", "why"))
    ended = compare(tmp_path, "a", "b", "--acknowledged", "known.toml")
    assert ended.returncode == 2, ended
    assert "--acknowledged: known.toml: " in ended.stderr
    assert "unknown field `why` - at `$.acknowledged[0]`" in ended.stderr


def test_it_can_be_written_into_the_run(tmp_path: Path) -> None:
    write_run(tmp_path, "a", {"audit": PASS})
    write_run(tmp_path, "b", {"audit": FAIL}, 2.0)
    before = read_run(tmp_path / "b")
    compare(tmp_path, "a", "b")
    assert read_run(tmp_path / "b").facts.comparison is None
    compare(tmp_path, "a", "b", "--write")
    after = read_run(tmp_path / "b")
    assert after.judgement == before.judgement
    assert after.facts.comparison is not None
    assert after.facts.comparison.measures[0].verdict == "regressed"
    record = json.loads((tmp_path / "b" / "run.json").read_text())
    assert [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(record)] == []
    del record["comparison"]["checks"][0]["standing"]
    assert list(jsonschema_rs.validator_for(SCHEMA).iter_errors(record))


@pytest.mark.parametrize("content", ["{", '{"format": 9}', '{"format": 1}'])
def test_a_run_that_cannot_be_read_is_unknown(content: str, tmp_path: Path) -> None:
    write_run(tmp_path, "a", {"audit": PASS})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "run.json").write_text(content)
    for arguments in (("compare", "a", "b"), ("gate", "--baseline", "b"), ("report", "b")):
        ended = Command(arguments, tmp_path).run_here()
        assert ended.returncode == 3, ended
        assert "b/run.json: is not" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.exhaustive
def test_a_gate_names_what_newly_fails(tmp_path: Path) -> None:
    write_run(tmp_path, "good", {"one-winner": PASS, "linearizable": PASS, "audit": PASS})
    small = ("--level", "race", "--races", "40", "--out", "run")
    command = Command(("gate", *small, "--defect", "check-then-act", "--baseline", "good"), tmp_path)
    ended = command.run_here()
    assert command.find_left() == []
    assert ended.returncode == 1, ended
    _, _, told = ended.stdout.partition("baseline: good (pass)\nrun:      run (fail)\n")
    assert told.startswith("newly failing: ")
    assert "one-winner" in told.splitlines()[0]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(record)] == []
    assert record["comparison"]["checks"][0]["standing"] == "newly failing"
    assert len(record["measures"]["blocks"]["races_per_second"]) == 4
    assert record["plan"]["worker_groups"][0]["races"] == 40


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"measures": {}}, "there are no races in both"),
        ({"machine": {"cpus": 64}}, "taken under other conditions: see the notes; different machine (cpus): 2 in the"),
        ({"measures": {"blocks": {"latency.won.p50": BLOCKS[:3]}}}, "too few blocks: 3 are in both"),
    ],
)
def test_a_comparison_that_could_compare_nothing_is_unknown(facts: dict[str, Any], words: str, tmp_path: Path) -> None:
    more = {name: facts[name] for name in facts if name == "measures"}
    write_run(tmp_path, "a", {"audit": PASS}, machine={"cpus": 2}, **more)
    write_run(tmp_path, "b", {"audit": PASS}, 2.0, **facts)
    ended = compare(tmp_path, "a", "b")
    assert ended.returncode == 3, ended
    assert f"UNKNOWN: no check fails; no measure could be compared: {words}" in ended.stdout


def make_relative(times: float, races: int = 40) -> dict[str, Any]:
    """What --measure adds to a run's measures, on a machine that is so many times slower."""
    sides = {
        side: {"blocks": {"latency.won.p50": [value * level * times for value in BLOCKS]}, "strata": {}, "plan": {}}
        for side, level in (("service", 1.0), ("reference", 3.0))
    }
    return {"relative": {**sides, "seconds": 120, "races": races, "contenders": 10}}


def test_two_sessions_that_were_measured_in_turns_are_compared_relative_to_the_reference_engine(tmp_path: Path) -> None:
    slower = make_relative(2.0)
    slower["relative"]["service"]["blocks"]["latency.won.p50"] = [value * 2.4 for value in BLOCKS]
    write_run(tmp_path, "a", {"audit": PASS}, measures=make_relative(1.0))
    write_run(tmp_path, "b", {"audit": PASS}, measures=make_relative(2.0))
    write_run(tmp_path, "c", {"audit": PASS}, measures=slower)
    write_run(tmp_path, "d", {"audit": PASS}, measures=make_relative(1.0, races=41))
    same, worse, other = (compare(tmp_path, "a", run) for run in "bcd")
    assert same.returncode == 0, same
    assert "in two sessions, each in turns with the reference engine" in same.stdout
    assert worse.returncode == 4, worse
    assert "regressed: latency of won, p50 (+20.0%)" in worse.stdout
    assert other.returncode == 3, other
    assert (
        "different turns: 40 races of 10 requests in the baseline, 41 races of 10 requests in the run" in other.stdout
    )


@pytest.mark.exhaustive
def test_a_gate_measures_as_its_baseline_did(tmp_path: Path) -> None:
    small = ("--level", "race", "--races", "40")
    first = Command(("gate", *small, "--measure", "3", "--out", "first"), tmp_path).run_here()
    assert first.returncode == 0, first
    command = Command(("gate", *small, "--baseline", "first", "--out", "second"), tmp_path)
    second = command.run_here()
    assert command.find_left() == []
    assert second.returncode in (0, 3), second
    assert "in two sessions, each in turns with the reference engine" in second.stdout
    for name in ("first", "second"):
        run = read_run(tmp_path / name)
        relative = run.facts.measures.relative
        assert relative is not None
        assert relative.seconds == 3
        assert min(len(side.blocks["races_per_second"]) for side in (relative.service, relative.reference)) > 0
        assert read_run(tmp_path / name / "turns" / "b").judgement.verdict is PASS
        record = json.loads((tmp_path / name / "run.json").read_text())
        assert [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(record)] == []


@pytest.mark.exhaustive
def test_two_engines_in_turns(tmp_path: Path) -> None:
    arguments = ("--ab", "reference", "defect:check-then-act", "--blocks", "2", "--races", "30", "--out", "both")
    command = Command(("compare", *arguments), tmp_path)
    ended = command.run_here()
    assert command.find_left() == []
    assert ended.returncode == 1, ended
    assert "newly failing: " in ended.stdout
    assert "too few blocks" in ended.stdout
    good, bad = (read_run(tmp_path / "both" / side) for side in ("a", "b"))
    assert (good.judgement.verdict, bad.judgement.verdict) == (PASS, FAIL)
    ours, theirs = good.facts.turns, bad.facts.turns
    assert ours is not None
    assert theirs is not None
    assert ours.job == theirs.job
    assert bad.facts.comparison is not None
    assert bad.facts.comparison.design == "interleaved"
    for run in (good, bad):
        assert [(level.level, level.unit) for level in run.facts.levels] == [("race", "races")]
        measures = run.facts.measures
        assert measures.plan is not None
        assert measures.plan.planned == measures.plan.run == (30, 30)
        assert {len(values) for values in (measures.blocks or {}).values()} == {2}
        assert run.facts.plan.sources[:1] == ("race-0.0",)
        record = json.loads((run.folder / "run.json").read_text())
        assert [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(record)] == []
    finding = next(finding for finding in bad.judgement.findings if finding.verdict is FAIL)
    again = Command(tuple(finding.command.split()[1:]), tmp_path).run_here()
    assert again.returncode == 1, again


@pytest.mark.exhaustive
def test_an_engine_that_is_many_times_slower_has_regressed(tmp_path: Path) -> None:
    arguments = ("--ab", "reference", "control:slow", "--races", "20", "--out", "both")
    command = Command(("compare", *arguments), tmp_path)
    ended = command.run_here()
    assert command.find_left() == []
    assert ended.returncode == 4, ended
    # On a busy machine even the faster one cannot finish the plan; then its rate tells.
    assert re.search(
        r"REGRESSION: the checks pass, but regressed: (seconds for the plan|races per second)", ended.stdout
    )
    runs = [read_run(tmp_path / "both" / side) for side in ("a", "b")]
    assert [run.judgement.verdict for run in runs] == [PASS, PASS]
    fast, slow = (run.facts.measures.plan for run in runs)
    assert fast is not None
    assert slow is not None
    assert sum(slow.run) < sum(fast.run)
