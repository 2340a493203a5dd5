"""Goal: each contender carries a value of its own where the service uses values up, such as the token of a form: a
right service passes, and one that compares and then writes fails although each of its tokens is good once.

Method: engines in memory whose reads hand out tokens, each for one move of the user who read it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs

from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.client.asker import Asker
from load.scenarios import SCENARIOS
from reports.history.journal import Journal
from reports.judge.verdict import Verdict
from stateful_tests.parallel.pinned_plans import list_pinned
from stateful_tests.parallel.runner import Runner, TeeJournal
from tests.load.stub import SMALL, CrowdedEngine, CrowdRelease, Engine, StubRelease, load_text, make_answer
from tests.load.test_versions import list_failed, press

TOKENS = SMALL.replace(
    'json = { expected = "{expected}", next = "{next}" }',
    'json = { expected = "{expected}", next = "{next}", token = "{token}" }',
).replace('state = "state"\n[advance]', 'state = "state"\nsave = { token = "token" }\n[advance]')
USERS = TOKENS.replace(
    "[workflow]\n",
    "".join(f'[[tenants.acme.users]]\nname = "{name}"\nheaders = {{ User = "{name}" }}\n' for name in ("ann", "bob"))
    + "[workflow]\n",
    1,
).replace("conflict = [409]", "conflict = [409, 422]")
APPLICABLE = ["same-transition", "fork", "replay-storm", "pipelines", "hot-and-cold", "side-by-side", "lone-moves"]


class Tokened(CrowdedEngine):
    """A right engine. A used token, or one of another user, is answered 422."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.tokens: dict[str, str] = {}
        self.given = 0

    def decide(self, request: Request) -> Answer:
        answer = super().decide(request)
        if request.method != "GET" or answer.status != 200:
            return answer
        self.given += 1
        self.tokens[f"t{self.given}"] = dict(request.headers).get("User", "")
        return make_answer(200, state=self.states[request.path.split("/")[2]], token=f"t{self.given}")

    def move(self, name: str, request: Request) -> Answer:
        user = dict(request.headers).get("User", "")
        if self.tokens.pop(json.loads(request.body)["token"], None) != user:
            return make_answer(422)
        return self.make_move(name, request)

    def make_move(self, name: str, request: Request) -> Answer:
        return super().move(name, request)


class Comparing(Tokened):
    """It compares the state with the one that was current when the release began, and then moves."""

    before: tuple[Sequence[Request], dict[str, str]] | None = None

    def make_move(self, name: str, request: Request) -> Answer:
        if self.before is None or self.before[0] is not self.crowd:
            self.before = self.crowd, dict(self.states)
        body = json.loads(request.body)
        if self.before[1][name] != body["expected"] or not self.graph.allows(body["expected"], body["next"]):
            return make_answer(409, state=self.states[name])
        self.states[name] = body["next"]
        return make_answer(200, state=body["next"])


@pytest.fixture(params=[TOKENS, USERS], ids=["one user", "two users"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", request.param)


@pytest.mark.parametrize("name", APPLICABLE)
def test_a_right_engine_passes(name: str, target: Target, tmp_path: Path) -> None:
    assert name in SCENARIOS
    judgement = press(tmp_path / "h", target, Tokened(target.graph), name)
    assert judgement.verdict is Verdict.PASS, judgement


def test_an_engine_that_uses_each_token_once_and_moves_twice_fails(target: Target, tmp_path: Path) -> None:
    assert "one-winner" in list_failed(press(tmp_path / "h", target, Comparing(target.graph), "same-transition"))


@pytest.mark.parametrize(("make", "fails"), [(Tokened, False), (Comparing, True)])
def test_each_request_of_a_plan_has_a_token_of_its_own(
    make: Callable[..., Engine], fails: bool, target: Target, tmp_path: Path
) -> None:
    journal = TeeJournal(tmp_path / "parallel-0.jsonl", tmp_path / "scratch.jsonl")
    runner = Runner(target, journal)
    release: Any = CrowdRelease(make(target.graph))
    runner.asker = Asker(target, release, journal, "parallel")
    trials = [runner.try_out(plan, 2) for plan in list_pinned(target)[:6]]
    assert any(trial.failed for trial in trials) == fails


def test_a_request_reads_once_for_itself(target: Target, tmp_path: Path) -> None:
    """A race of four moves takes four reads, a read alone takes no other."""
    release: Any = StubRelease(Tokened(target.graph))
    asker = Asker(target, release, Journal(tmp_path / "s.jsonl"))
    workflow = asker.create("acme")
    assert workflow is not None
    assert target.general is not None
    asks = [asker.advance_ask(workflow, "acme", target.general, "A", "B")] * 4
    outcomes = [reply.outcome for reply in asker.race(asks, "r")]
    assert sorted(outcomes) == ["conflict", "conflict", "conflict", "won"]
    assert (asker.asked, asker.counted) == (9, 5)
    asker.read(workflow, "acme")
    assert (asker.asked, asker.counted) == (10, 6)
    asker.end()


@pytest.mark.parametrize("place", ["body", "header"])
def test_requests_with_one_key_carry_one_body(place: str, tmp_path: Path) -> None:
    """A request that is repeated has the same token in its body; one in a header is read anew. Another key, or another
    request under the key, has a token of its own.
    """
    text = TOKENS + '[idempotency]\nheader = "Idempotency-Key"\n'
    if place == "header":
        text = text.replace(', token = "{token}" }', ' }, headers = { Token = "{token}" }')
    target = load_text(tmp_path / "target", text)
    asker = Asker(target, cast("Any", StubRelease(Tokened(target.graph))), Journal(tmp_path / "s.jsonl"))
    workflow = asker.create("acme")
    assert workflow is not None
    assert target.general is not None
    ask = asker.advance_ask(workflow, "acme", target.general, "A", "B")
    calls = [{"key": "1"}, {"key": "1"}, {"key": "2"}, {"key": "1", "body": "other"}]
    tokens = []
    for call in calls:
        (equipped,) = asker.equip([replace(ask, call=structs.replace(ask.call, **call))])
        request = asker.build(equipped)
        tokens.append(dict(request.headers).get("Token") or json.loads(request.body)["token"])
    first, repeated, *others = tokens
    assert (first == repeated) == (place == "body")
    assert len({first, *others}) == 3
    asker.end()


class Remembering(Tokened):
    """A right engine: it stores the answer of each key with the whole body, and looks at the key before the token."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.keys: dict[tuple[str, str], tuple[bytes, Answer]] = {}
        self.repeated = 0

    def move(self, name: str, request: Request) -> Answer:
        key = dict(request.headers).get("Idempotency-Key", "")
        body, answer = self.keys.get((name, key), (request.body, None))
        self.repeated += answer is not None and body == request.body
        if body != request.body:
            return make_answer(422)
        self.keys[name, key] = body, answer or super().move(name, request)
        return self.keys[name, key][1]


def test_a_right_engine_that_compares_whole_bodies_answers_a_repeated_request(tmp_path: Path) -> None:
    target = load_text(tmp_path / "target", TOKENS + '[idempotency]\nheader = "Idempotency-Key"\n')
    engine = Remembering(target.graph)
    judgement = press(tmp_path / "h", target, engine, "same-key")
    assert judgement.verdict is Verdict.PASS, judgement
    assert engine.repeated


def test_a_version_is_read_for_all_requests_at_once(tmp_path: Path) -> None:
    named = load_text(tmp_path / "a", TOKENS.replace("token", "version"))
    assert named.read_anew == frozenset()
    stale = load_text(tmp_path / "b", TOKENS.replace("conflict = [409]", "conflict = [409]\nstale = [412]"))
    assert stale.read_anew == frozenset()
