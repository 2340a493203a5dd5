"""Goal: a request carries the version that was told last, an old one or none where a scenario wants it, and the history
tells which; a right engine is never accused, and one that loses updates is.

Method: engines in memory, a right one and broken ones, under the scenarios and under the levels' parts.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.target.call import VERSION_NONE, VERSION_OLD, Call
from engine.target.target import Target
from engine.target.target_file import TargetError
from load.client.ask import bind
from load.client.asker import Asker
from load.client.versions import Noted, Versions
from load.scenarios import SCENARIOS, no_version, stale_version
from onewinner.doctor.examination import Examination
from onewinner.doctor.questions import Questions
from reports.history.events import Plan, Unsent
from reports.history.history import Record, read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.verdict import Judgement, Verdict
from stateful_tests.parallel.pinned_plans import list_pinned
from stateful_tests.parallel.runner import Runner, TeeJournal
from stateful_tests.sequential.machine import WorkflowMachine
from tests.load.stub import (
    SMALL,
    CrowdedEngine,
    CrowdRelease,
    Engine,
    StubRelease,
    judge_folder,
    load_text,
    make_source,
)
from tests.load.versioned import (
    COUNTED,
    VERSIONED,
    Constant,
    Counting,
    Hasty,
    Ignoring,
    Remembering,
    StatusAsVersion,
    Versioned,
)

APPLICABLE = [
    name
    for name in SCENARIOS
    if name not in ("cancel-against-advance", "step-routes", "guards", "tenants", "same-key", "expiry")
    and not SCENARIOS[name].takes
]


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", VERSIONED)


def press(folder: Path, target: Target, engine: Engine, scenario: str, amount: int = 16) -> Judgement:
    source = make_source(folder, target, engine, {scenario: amount})
    if isinstance(engine, CrowdedEngine):
        source.asker.release = CrowdRelease(engine)  # type: ignore[assignment]
    for _ in source.run():
        continue
    source.finish()
    return judge_folder(folder, target, accept_partial=True)


def list_failed(judgement: Judgement) -> set[str]:
    return {check.check for check in judgement.checks if check.verdict is Verdict.FAIL}


def list_records(folder: Path, name: str = "race-0.0") -> list[Record]:
    history = read_history(folder / f"{name}.jsonl")
    return history.rows(range(history.operations.height))


@pytest.mark.parametrize("name", APPLICABLE)
def test_a_right_engine_passes_every_scenario(name: str, target: Target, tmp_path: Path) -> None:
    judgement = press(tmp_path / "h", target, Versioned(target.graph), name)
    assert judgement.verdict is Verdict.PASS, judgement


@pytest.mark.parametrize("name", APPLICABLE)
def test_a_version_that_is_told_again_for_a_state_is_no_old_one(name: str, target: Target, tmp_path: Path) -> None:
    """A hash of what is stored is a legal ETag: after A, B, A the first one is current. It is said, and no failure."""
    judgement = press(tmp_path / "h", target, StatusAsVersion(target.graph), name)
    assert judgement.verdict is Verdict.PASS, judgement
    if name == "stale-version":
        [result] = [each for each in judgement.checks if each.check == "precondition"]
        assert "again after a transition" in result.reason
        stale = [each for each in list_records(tmp_path / "h") if each.outcome == "stale"]
        assert stale, "the version of another state is old"


def test_a_script_without_an_old_version_withdraws_its_requests(target: Target, tmp_path: Path) -> None:
    """The version never changes, so none is old."""
    press(tmp_path / "h", target, Constant(target.graph), "stale-version")
    history = read_history(tmp_path / "h" / "race-0.0.jsonl")
    plans = [event for _, event in history.events if isinstance(event, Plan)]
    assert any("such as an old version" in (plan.withdrawn or "") for plan in plans)
    assert not any(isinstance(event, Unsent) for _, event in history.events)


@pytest.mark.parametrize("name", ["same-transition", "stale-version", "no-version", "writes-beside-moves"])
def test_a_version_that_is_a_number_stays_one(name: str, tmp_path: Path) -> None:
    counted = load_text(tmp_path / "target", COUNTED)
    judgement = press(tmp_path / "h", counted, Counting(counted.graph), name)
    assert judgement.verdict is Verdict.PASS, judgement


@pytest.mark.parametrize(
    ("make", "scenario", "check"),
    [
        (Ignoring, "stale-version", "contract"),
        (Ignoring, "no-version", "contract"),
        (Remembering, "stale-version", "contract"),
        (Remembering, "stale-version", "precondition"),
        (Hasty, "same-transition", "one-winner"),
    ],
)
def test_an_engine_that_loses_updates_fails(
    make: Callable[..., Versioned], scenario: str, check: str, target: Target, tmp_path: Path
) -> None:
    assert check in list_failed(press(tmp_path / "h", target, make(target.graph), scenario))


def test_the_contenders_of_a_race_carry_the_same_current_version(target: Target, tmp_path: Path) -> None:
    press(tmp_path / "h", target, Versioned(target.graph), "same-transition")
    carried: dict[str, set[str | None]] = {}
    for record in list_records(tmp_path / "h"):
        if record.race is not None:
            carried.setdefault(str(record.race), set()).add(record.token_carried)
    assert carried
    assert all(len(versions) == 1 and None not in versions for versions in carried.values())


def test_an_old_version_is_one_from_before_the_last_move(target: Target, tmp_path: Path) -> None:
    press(tmp_path / "h", target, Versioned(target.graph), "stale-version")
    stale = [record for record in list_records(tmp_path / "h") if record.outcome == "stale"]
    assert stale
    told = {(record.workflow, record.token_told) for record in list_records(tmp_path / "h")}
    assert all((record.workflow, record.token_carried) in told for record in stale)


def test_a_request_without_a_version_carries_none(target: Target, tmp_path: Path) -> None:
    press(tmp_path / "h", target, Versioned(target.graph), "no-version")
    refused = [record for record in list_records(tmp_path / "h") if record.status == 428]
    assert refused
    assert all(record.token_carried is None and record.outcome == "refused" for record in refused)


def test_without_versions_the_scenarios_do_not_apply(tmp_path: Path, target: Target) -> None:
    plain = load_text(tmp_path / "plain", SMALL)
    told = "no request carries a version that [read] saves"
    assert stale_version.find_obstacle(plain) == no_version.find_obstacle(plain) == told
    silent = load_text(tmp_path / "silent", VERSIONED.replace("precondition_required = [428]", ""))
    assert str(no_version.find_obstacle(silent)).startswith("no answer means precondition_required")
    assert stale_version.find_obstacle(target) is no_version.find_obstacle(target) is None


def test_every_second_walk_goes_in_a_circle(target: Target) -> None:
    drawn = stale_version.draw_scripts(target, random.Random(3), 6)
    scripts = [next(drawn) for _ in range(8)]
    for script in scripts[1::2]:
        *steps, last = script.rounds
        assert all(len(round_.calls) == 1 for round_ in steps)
        assert {call.version for call in last.calls} == {VERSION_OLD}
        assert last.calls[0].origin in {"A", *(round_.calls[0].origin for round_ in steps)}


def test_what_is_current_and_what_is_old() -> None:
    versions = Versions()
    assert versions.find_old("w", "A") is None
    versions.note("w", [Noted(version="1", state="A")])
    assert versions.is_current("w")
    assert versions.find_old("w", "A") is None, "nothing has moved"
    versions.note("w", [Noted(moved=True, may_change=True)])
    assert not versions.is_current("w"), "the answer told no version"
    assert versions.find_old("w", "B") == "1"
    versions.note("w", [Noted(moved=True, may_change=True, version="3", state="A")])
    assert versions.is_current("w"), "the only answer told the new one"
    assert versions.find_old("w", "A") == "1"
    versions.note("w", [Noted(moved=True, may_change=True, version="1", state="A")])
    assert versions.find_old("w", "A") == "3", "the first one is told again"
    versions.note("w", [Noted(may_change=True), Noted(may_change=True, version="4", state="A")])
    assert not versions.is_current("w"), "another answer may be the later one"
    versions.note("w", [Noted()])
    assert not versions.is_current("w")


def test_another_source_takes_over_what_is_known() -> None:
    first, second = Versions(), Versions()
    first.note("w", [Noted(version="1", state="A")])
    second.adopt(first.tell(["w", "v"]))
    assert second.is_current("w")
    assert second.tell(["w"]) == first.tell(["w"])


def make_asker(target: Target, folder: Path, engine: Engine) -> Asker:
    release: Any = StubRelease(engine)
    return Asker(target, release, Journal(folder / "race-0.0.jsonl"))


def test_a_win_over_an_old_version_is_noted(target: Target, tmp_path: Path) -> None:
    asker = make_asker(target, tmp_path, Ignoring(target.graph))
    workflow = asker.create("acme") or ""
    asker.ask(bind(target, Call(route="advance", origin="A", to="B"), workflow, "acme"))
    old = asker.ask(bind(target, Call(route="advance", origin="B", to="C", version=VERSION_OLD), workflow, "acme"))
    none = asker.ask(bind(target, Call(route="advance", origin="C", to="D", version=VERSION_NONE), workflow, "acme"))
    assert str(old.classified.problem).endswith("which is not told any more, and won")
    assert "carried no version, and was answered won; right is advance.precondition_required (428)" in str(
        none.classified.problem
    )


def test_a_request_without_an_old_version_is_not_sent(target: Target, tmp_path: Path) -> None:
    asker = make_asker(target, tmp_path, Versioned(target.graph))
    workflow = asker.create("acme") or ""
    asker.read(workflow, "acme")
    reply = asker.ask(bind(target, Call(route="advance", origin="A", to="B", version=VERSION_OLD), workflow, "acme"))
    assert (reply.id, reply.outcome) == ("", "unknown")


@pytest.mark.parametrize(("make", "accused"), [(Versioned, False), (Ignoring, True)])
def test_the_sequential_machine_asks_with_an_old_version(
    make: Callable[..., Versioned], accused: bool, target: Target, tmp_path: Path
) -> None:
    release: Any = StubRelease(make(target.graph))
    machine = WorkflowMachine(Asker(target, release, Journal(tmp_path / "s.jsonl"), "sequential"), None)
    machine.create_one(1)
    machine.advance_legally(which=0, hops=[(1, 0)])
    machine.agree()
    try:
        machine.advance_with_old_version(which=0, edge=0, route=0)
    except AssertionError:
        assert accused
    machine.workflows.asker.end()
    judged = judge(read_history(tmp_path / "s.jsonl"), target.graph)
    assert (judged.verdict is Verdict.FAIL) == accused
    assert any(record.token_carried == "0" for record in list_records(tmp_path, "s")[2:])


def test_each_branch_of_a_plan_carries_what_it_was_told(target: Target, tmp_path: Path) -> None:
    journal = TeeJournal(tmp_path / "parallel-0.jsonl", tmp_path / "scratch.jsonl")
    runner = Runner(target, journal)
    release: Any = StubRelease(Versioned(target.graph))
    runner.asker = Asker(target, release, journal, "parallel")
    plan = next(plan for plan in list_pinned(target) if plan.name.startswith("reads beside"))
    trial = runner.try_out(plan, 3)
    assert trial.failed == 0
    assert trial.executed == 3


def test_doctor_reads_the_version_of_each_new_workflow(target: Target, tmp_path: Path) -> None:
    release: Any = StubRelease(Versioned(target.graph))
    examination = Examination(Questions(target, release, tmp_path))
    examination.run()
    assert examination.wrong == []
    moves = {each.probe.what for each in examination.done if each.probe.classified.outcome == "won"}
    assert {f"advance {origin} -> {to}" for origin, to in target.graph.walk_edges()} <= moves


def test_a_saved_value_is_a_version_only_if_the_file_says_so(tmp_path: Path) -> None:
    named = VERSIONED.replace("{version}", "{tag}").replace("save = { version", "save = { tag")
    assert load_text(tmp_path / "a", named).version == "tag"
    assert load_text(tmp_path / "b", named.replace("stale = [412]\n", "")).version is None
    assert load_text(tmp_path / "c", VERSIONED.replace("stale = [412]\n", "")).version == "version"


def test_of_several_saved_values_the_version_is_what_is_compared(tmp_path: Path) -> None:
    """The title of a document, say, is carried in the body beside the ETag in If-Match."""
    text = VERSIONED.replace("{version}", "{tag}").replace("save = { version", "save = { tag")
    assert 'If-Match = "{tag}"' in text
    titled = text.replace("save = { tag", 'save = { title = "title", tag')
    titled = titled.replace("json = { ", 'json = { title = "{title}", ')
    assert load_text(tmp_path, titled).version == "tag"


def test_a_version_that_nothing_saves_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="version} means nothing here"):
        load_text(tmp_path, VERSIONED.replace('save = { version = "version" }\n', ""))


@pytest.mark.parametrize(("name", "chosen"), [("lock_version", "lock_version"), ("reviewer", "title")])
def test_of_several_in_the_body_it_is_the_one_called_so(name: str, chosen: str, tmp_path: Path) -> None:
    text = VERSIONED.replace('If-Match = "{version}"', 'X-Other = "o"').replace("save = { version", f"save = {{ {name}")
    text = text.replace(f"save = {{ {name}", f'save = {{ title = "title", {name}')
    text = text.replace("json = { ", f'json = {{ title = "{{title}}", other = "{{{name}}}", ')
    assert load_text(tmp_path, text).version == chosen
