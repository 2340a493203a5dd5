"""Goal: a target without [read] is tested at every level; a resource that is consumed twice has two winners.

Method: an engine in memory that answers no read at all; sources, sequences, plans and schedules on it, and doctor.
"""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase

from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.target_file import TargetError
from engine.target.template import Request
from engine.target.workflow_source import IdPool
from load.client.asker import Asker
from load.client.value_store import ValueStore
from load.client.workflow_factory import WorkflowFactory
from load.scenarios import SCENARIOS
from onewinner.doctor.examination import Examination
from onewinner.doctor.questions import Questions
from reports.comparison.facts import Facts
from reports.documents.strength import NEVER_READ, describe_strength, measure_strength
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from stateful_tests.interleavings.fresh_workflows import FreshWorkflows
from stateful_tests.parallel.generated_plans import generate_plans
from stateful_tests.parallel.pinned_plans import list_pinned
from stateful_tests.parallel.plan import list_calls
from stateful_tests.parallel.runner import Runner, TeeJournal
from stateful_tests.sequential.batches import Batches
from stateful_tests.sequential.checked_workflows import CheckedWorkflows
from stateful_tests.sequential.sweep import ask_refused, make_legal, plan_legal, plan_refused
from tests.load.stub import RICH, SMALL, Engine, StubRelease, is_move, judge_folder, load_text, make_answer, make_source
from tests.load.test_source import run
from tests.stateful_tests.stub import make_testbed

READ = '[read]\nrequest = { method = "GET", path = "/w/{id}" }\nstate = "state"\n'
# They need versions or idempotency keys.
OF_UNITS = tuple(name for name, scenario in SCENARIOS.items() if scenario.takes)
OF_OTHER_TARGETS = ("stale-version", "no-version", "same-key", "expiry", *OF_UNITS)
# An authorization code: it is redeemed once, and nothing shows whether it was.
CODE = SMALL.replace('A = ["B", "X"]\nB = ["C", "D"]\nC = ["D"]\n', 'A = ["B"]\n').replace(READ, "")


def refuse_reads(request: Request, answer: Answer) -> Answer:
    assert request.method in ("POST", "PATCH") or "trail" in request.path or "guard" in request.path, "a read was sent"
    return answer


def redeem_twice(request: Request, answer: Answer) -> Answer:
    return make_answer(200) if is_move(request) and answer.status == 409 else answer


@pytest.fixture
def rich(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", RICH.replace(READ, ""))


@pytest.fixture
def code(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", CODE)


@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - set(OF_OTHER_TARGETS)))
def test_a_right_engine_passes_every_scenario(name: str, rich: Target, tmp_path: Path) -> None:
    source = make_source(tmp_path / "h", rich, Engine(rich.graph, refuse_reads), {name: 12})
    run(source)
    judgement = judge_folder(tmp_path / "h", rich)
    assert judgement.verdict is Verdict.PASS, judgement


def test_what_is_consumed_once_passes(code: Target, tmp_path: Path) -> None:
    run(make_source(tmp_path / "h", code, Engine(code.graph, refuse_reads), {"same-transition": 20}))
    judgement = judge_folder(tmp_path / "h", code)
    checks = {check.check: check for check in judgement.checks}
    assert judgement.verdict is Verdict.PASS, judgement
    assert checks["one-winner"].verdict is Verdict.PASS
    assert (checks["final-state"].verdict, checks["final-state"].reason) == (None, "no read told a state")


def test_what_is_consumed_twice_fails(code: Target, tmp_path: Path) -> None:
    run(make_source(tmp_path / "h", code, Engine(code.graph, redeem_twice), {"same-transition": 20}))
    judgement = judge_folder(tmp_path / "h", code)
    assert {check.check for check in judgement.checks if check.verdict is Verdict.FAIL} >= {"one-winner"}


def test_connections_are_warmed_by_what_shows_that_the_service_is_ready(tmp_path: Path) -> None:
    served = CODE.replace("[tenants.acme]", '[service]\ncommand = ["x"]\nready = "/up"\n[tenants.acme]')
    for text, warmed in ((CODE, []), (served, [(6, "GET")])):
        target = load_text(tmp_path / "target", text)
        source = make_source(tmp_path / str(len(warmed)), target, Engine(target.graph), {"same-transition": 1})
        run(source)
        release: Any = source.asker.release
        assert release.warmed == warmed


def test_sequences_compare_answers_alone(rich: Target, tmp_path: Path) -> None:
    release: Any = StubRelease(Engine(rich.graph, refuse_reads))
    asker = Asker(rich, release, Journal(tmp_path / "sequential-0.jsonl"), "sequential")
    refused, legal, workflows = plan_refused(rich), plan_legal(rich), CheckedWorkflows(asker, None)
    ask_refused(workflows, refused, float("inf"))
    make_legal(workflows, legal, float("inf"))
    batches = Batches(asker, None, 1, 1)
    batches.try_next([Phase.generate])
    assert (refused.run, legal.run, batches.run) == (refused.amount, legal.amount, 1)
    asker.end()
    assert judge(read_history(tmp_path / "sequential-0.jsonl"), rich.graph).verdict is Verdict.PASS


def test_plans_have_no_reads(rich: Target, tmp_path: Path) -> None:
    plans = list_pinned(rich)
    generate_plans(rich, 1, 30, plans.append)
    assert len(plans) > 30
    assert all(call.route or call.guard or call.write for plan in plans for call in list_calls(plan))
    runner = Runner(rich, TeeJournal(tmp_path / "parallel-0.jsonl", tmp_path / "scratch.jsonl"))
    release: Any = StubRelease(Engine(rich.graph, refuse_reads))
    runner.asker = Asker(rich, release, runner.journal, "parallel")
    trials = [runner.try_out(plan, 1) for plan in plans[:8]]
    assert [trial.judgement.verdict for trial in trials] == [Verdict.PASS] * 8


def test_a_guard_that_the_state_does_not_decide_is_no_call_of_a_plan(tmp_path: Path) -> None:
    text = RICH.replace(READ, "").replace('open = ["C", "D"]', 'open = ["C", "D"]\neither = ["B"]')
    plans: list[Any] = []
    generate_plans(load_text(tmp_path / "target", text), 1, 30, plans.append)
    assert not any(call.guard for plan in plans for call in list_calls(plan))


def test_a_schedule_ends_with_the_trail_alone(rich: Target, tmp_path: Path) -> None:
    engine = Engine(rich.graph, refuse_reads)
    fresh = make_testbed(tmp_path, rich, engine).fresh
    workflow = asyncio.run(fresh.make("B", 0, "acme"))
    assert asyncio.run(fresh.read(workflow, 0)) is None
    history = read_history(tmp_path / "interleavings-0.jsonl")
    assert history.operations["kind"].to_list() == ["create", "advance"]
    assert history.audit.height == 1


BEFORE = '[[create.before]]\nrequest = { method = "POST", path = "/teams" }\nsave = { team = "id" }\n[create]\n'


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (RICH, ("GET", "/w/{id}/trail")),
        (SMALL, ("POST", "/w")),
        (SMALL.replace("[create]\n", BEFORE).replace('"/w" }', '"/w?team={team}" }'), ("POST", "/w?team={team}")),
    ],
    ids=["the trail", "a create", "a create with a saved value"],
)
def test_after_a_fault_another_request_shows_that_the_service_is_back(
    text: str, asked: tuple[str, str], tmp_path: Path
) -> None:
    target = load_text(tmp_path / "target", text.replace(READ, ""))
    told: list[tuple[str, str]] = []

    def note(request: Request, answer: Answer) -> Answer:
        told.append((request.method, request.path))
        return refuse_reads(request, answer)

    testbed = make_testbed(tmp_path, target, Engine(target.graph, note))

    async def recover(fresh: FreshWorkflows) -> str:
        async def revive() -> bool:
            return False

        workflow = await fresh.lead("A", 0, "acme")
        told.clear()
        await fresh.recover(workflow, (0, 1), lambda clean: clean >= 2, revive)
        return workflow

    workflow = asyncio.run(recover(testbed.fresh))
    values = testbed.asker.values.list("acme", "", workflow)
    path = asked[1].format(id=testbed.asker.server_ids[workflow], **values)
    assert told == [(asked[0], path)] * 4


def test_ids_are_taken_on_trust(code: Target, tmp_path: Path) -> None:
    release: Any = StubRelease(Engine(code.graph, refuse_reads))
    target = replace(code, create=IdPool({"acme": ("7",)}))
    factory = WorkflowFactory(target, release, tmp_path, ValueStore(target))
    exchange, classified = factory.make("7", "acme", "r")
    assert (exchange.answer.status, classified.outcome, classified.observed) == (None, "ok", "A")


def test_doctor_asks_without_reads(rich: Target, tmp_path: Path) -> None:
    release: Any = StubRelease(Engine(rich.graph, refuse_reads))
    examination = Examination(Questions(rich, release, tmp_path))
    examination.run()
    assert examination.wrong == []
    tables = {each.probe.table for each in examination.done}
    assert {"create", "advance", "audit"} <= tables
    assert "read" not in tables
    assert "the state after each request: the file has no [read]" in examination.skipped


def test_the_strength_says_what_it_costs(code: Target, tmp_path: Path) -> None:
    run(make_source(tmp_path / "h", code, Engine(code.graph), {"same-transition": 2}))
    strength = measure_strength(read_history(tmp_path / "h"), code.graph, [])
    assert NEVER_READ in describe_strength(Facts(strength=strength))
    small = load_text(tmp_path / "small", SMALL)
    run(make_source(tmp_path / "read", small, Engine(small.graph), {"same-transition": 2}))
    read = measure_strength(read_history(tmp_path / "read"), small.graph, [])
    assert NEVER_READ not in describe_strength(Facts(strength=read))


@pytest.mark.parametrize("key", ["state", "request"])
def test_a_read_has_both_keys_or_is_left_out(key: str, tmp_path: Path) -> None:
    lines = [line for line in SMALL.splitlines(keepends=True) if line not in READ or not line.startswith(key)]
    with pytest.raises(TargetError, match=rf"read\.{key}: is missing; add {key} = ... to \[read\]"):
        load_text(tmp_path / "target", "".join(lines))
