"""Goal: a service that keeps its idempotency keys passes, and every way to break them fails by the check it concerns.

Method: an engine in memory that stores the first answer of each key, and engines that are each wrong in one way; the
scenario `same-key`, judged.
"""

import json
import random
from pathlib import Path

import pytest

from engine.target.answer_rules import Statuses
from engine.target.classified_answer import ClassifiedAnswer, classify_advance, classify_create
from engine.target.http_answer import Answer
from engine.target.idempotency import Idempotency, name_key
from engine.target.target import Target
from engine.target.target_file import TargetError
from engine.target.template import Request
from load.scenarios import SCENARIOS
from load.tally import list_violations
from reports.history.history import read_history
from reports.judge.verdict import Judgement, Verdict
from stateful_tests.interleavings.pairings import list_apart, list_pairings
from tests.load.stub import RICH, SMALL, Engine, judge_folder, load_text, make_answer, make_source

SCENARIO = SCENARIOS["same-key"]
IDEMPOTENCY = """
[idempotency]
header = "Idempotency-Key"
in_progress = [425]
mismatch = [422]
volatile = ["at"]
"""
EFFECTS = """
[effects]
request = { method = "GET", path = "/w/{id}/trail" }
markers = "rows[].marker"
"""
KEYED = RICH.replace('json = { expected = "{expected}",', 'json = { marker = "{marker}", expected = "{expected}",')
KEYED = (
    KEYED.replace('next = "X", from = "A,B"', 'next = "X", from = "A,B", marker = "{marker}"') + EFFECTS + IDEMPOTENCY
)


class Keeper(Engine):
    """Stores the first answer of each key of a workflow, with the request; every third repetition is in progress."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.kept: dict[tuple[str, str], tuple[bytes, Answer]] = {}
        self.asked = 0

    def move(self, name: str, request: Request) -> Answer:
        key, self.asked = self.find_key(name, request), self.asked + 1
        if key in self.kept and self.asked % 3 == 0:
            return make_answer(425)
        if key in self.kept:
            return self.repeat(name, request, *self.kept[key])
        answer = self.act(name, request)
        self.kept[key] = request.body, answer
        return answer

    def find_key(self, name: str, request: Request) -> tuple[str, str]:
        return name, dict(request.headers)["Idempotency-Key"]

    def act(self, name: str, request: Request) -> Answer:
        answer = super().move(name, request)
        if answer.status == 200:
            self.trails[name][-1]["marker"] = json.loads(request.body)["marker"]
        return Answer(answer.status, {}, json.dumps({**answer.json(), "at": self.asked}).encode())

    def repeat(self, name: str, request: Request, body: bytes, answer: Answer) -> Answer:  # noqa: ARG002 - for others
        return answer if request.body == body else make_answer(422)


class KeepsWins(Keeper):
    """Keeps an answer only if the request won."""

    def move(self, name: str, request: Request) -> Answer:
        answer = super().move(name, request)
        if answer.status == 409:
            self.kept.pop(self.find_key(name, request), None)
        return answer


class KeepsErrors(Keeper):
    """Is down for a moment, and keeps that, too."""

    def act(self, name: str, request: Request) -> Answer:
        return make_answer(503) if self.asked % 97 == 0 else super().act(name, request)


class TwoRows(Keeper):
    """Makes the move once more for a repetition."""

    def repeat(self, name: str, request: Request, body: bytes, answer: Answer) -> Answer:
        if request.body == body and answer.status == 200:
            self.trails[name].append(self.trails[name][-1])
        return super().repeat(name, request, body, answer)


class ForgetsUnread(Keeper):
    """Keeps a key only once its client has read the answer."""

    def move(self, name: str, request: Request) -> Answer:
        answer = super().move(name, request)
        if request.hang_up:
            del self.kept[name, dict(request.headers)["Idempotency-Key"]]
        return answer


class StaysInProgress(Keeper):
    """Never notes that a request is done."""

    def repeat(self, name: str, request: Request, body: bytes, answer: Answer) -> Answer:  # noqa: ARG002 - looks at none
        return make_answer(425)


class LosersStayInProgress(Keeper):
    """Does not note that a request which lost is done."""

    def repeat(self, name: str, request: Request, body: bytes, answer: Answer) -> Answer:
        return make_answer(425) if answer.status == 409 else super().repeat(name, request, body, answer)


class OneKeyForAll(Keeper):
    """Knows a key without its tenant and its workflow."""

    def find_key(self, name: str, request: Request) -> tuple[str, str]:
        return "", super().find_key(name, request)[1]


class LeaksAnswers(OneKeyForAll):
    """Gives the stored answer of another tenant, too."""

    def repeat(self, name: str, request: Request, body: bytes, answer: Answer) -> Answer:  # noqa: ARG002 - looks at none
        return answer


class KeyWithoutBody(Keeper):
    """Gives the stored answer to any request with the key."""

    def repeat(self, name: str, request: Request, body: bytes, answer: Answer) -> Answer:  # noqa: ARG002 - looks at none
        return answer


class OtherAnswer(Keeper):
    """Says to a repetition that the workflow has moved on."""

    def repeat(self, name: str, request: Request, body: bytes, answer: Answer) -> Answer:
        told = super().repeat(name, request, body, answer)
        return make_answer(409, state=self.states[name]) if told.status == 200 else told


class TwoEffects(Keeper):
    """Stores the marker once more for a repetition."""

    def repeat(self, name: str, request: Request, body: bytes, answer: Answer) -> Answer:
        if request.body == body and answer.status == 200:
            self.trails[name].append({"marker": json.loads(body)["marker"]})
        return super().repeat(name, request, body, answer)


CREATES = KEYED.replace(
    'path = "/w" }', 'path = "/w", headers = { "Idempotency-Key" = "{key}" }, json = { note = "{marker}" } }'
)
# A service of which only the create knows keys.
CREATES_ALONE = CREATES.replace('header = "Idempotency-Key"\n', "")


class KeepsCreates(Keeper):
    """Stores the answer to a create of each key of a tenant; every third repetition is in progress."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)
        self.created: dict[tuple[str, str], tuple[bytes, Answer]] = {}
        self.repeated = 0

    def decide(self, request: Request) -> Answer:
        return self.create(request) if request.path == "/w" else super().decide(request)

    def create(self, request: Request) -> Answer:
        key = self.find_create_key(request)
        if key not in self.created:
            self.created[key] = request.body, super().decide(request)
            return self.created[key][1]
        self.repeated += 1
        if self.repeated % 3 == 0:
            return make_answer(425)
        body, answer = self.created[key]
        return answer if self.is_same(request.body, body) else make_answer(422)

    def find_create_key(self, request: Request) -> tuple[str, str]:
        headers = dict(request.headers)
        return headers["Tenant"], headers["Idempotency-Key"]

    def is_same(self, body: bytes, first: bytes) -> bool:
        return body == first


class CreatesAgain(KeepsCreates):
    """Knows no key of a create."""

    def create(self, request: Request) -> Answer:
        self.created.clear()
        return super().create(request)


class CreatesOtherBody(KeepsCreates):
    """Gives the stored answer to any create with the key."""

    def is_same(self, body: bytes, first: bytes) -> bool:  # noqa: ARG002 - looks at none
        return True


class CreatesForAll(CreatesOtherBody):
    """Knows the key of a create without its tenant."""

    def find_create_key(self, request: Request) -> tuple[str, str]:
        return "", super().find_create_key(request)[1]


@pytest.fixture
def keyed(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", KEYED)


def run(folder: Path, target: Target, engine: type[Keeper]) -> Judgement:
    source = make_source(folder, target, engine(target.graph), {SCENARIO.name: 60})
    for _ in source.run():
        continue
    source.finish()
    return judge_folder(folder, target)


def test_a_service_that_keeps_its_keys_passes(keyed: Target, tmp_path: Path) -> None:
    judgement = run(tmp_path / "h", keyed, Keeper)
    assert judgement.verdict is Verdict.PASS, judgement.reason
    verdicts = {each.check: each.verdict for each in judgement.checks}
    assert verdicts["idempotent"] is verdicts["effects"] is verdicts["audit"] is Verdict.PASS
    operations = read_history(tmp_path / "h").operations
    shared = operations.filter(operations["key"].is_not_null())
    assert {"won", "refused", "busy", "conflict", "unknown"} <= set(shared["outcome"])
    lost = shared.filter(shared["abandoned"].fill_null(value=False))
    assert set(lost["outcome"]) == {"unknown"}
    assert shared["answer"].null_count() == lost.height > 0
    assert set(shared["tenant"]) == {"acme", "globex"}
    assert shared["payload"].str.ends_with(", other").any()


def test_the_live_tally_counts_no_violation(keyed: Target, tmp_path: Path) -> None:
    """Also not where a key that another request has used is refused."""
    results = list(make_source(tmp_path / "h", keyed, Keeper(keyed.graph), {SCENARIO.name: 60}).run())
    assert "refused" in {reply.outcome for result in results for reply in result.replies if not reply.ask.call.tenant}
    assert [words for result in results for words in list_violations(result)] == []


def test_a_service_may_keep_wins_only(keyed: Target, tmp_path: Path) -> None:
    judgement = run(tmp_path / "h", keyed, KeepsWins)
    assert judgement.verdict is Verdict.PASS, judgement.reason


def test_a_kept_server_error_is_no_other_answer(keyed: Target, tmp_path: Path) -> None:
    judgement = run(tmp_path / "h", keyed, KeepsErrors)
    assert {each.check for each in judgement.checks if each.verdict is Verdict.FAIL} == {"no-5xx"}


@pytest.mark.parametrize(
    ("engine", "check"),
    [
        (KeyWithoutBody, "idempotent"),
        (OtherAnswer, "idempotent"),
        (TwoRows, "audit"),
        (ForgetsUnread, "linearizable"),
        (OneKeyForAll, "contract"),
        (LeaksAnswers, "final-state"),
        (TwoEffects, "effects"),
    ],
)
def test_a_broken_key_is_found(engine: type[Keeper], check: str, keyed: Target, tmp_path: Path) -> None:
    judgement = run(tmp_path / "h", keyed, engine)
    assert judgement.verdict is Verdict.FAIL
    assert {each.check: each.verdict for each in judgement.checks}[check] is Verdict.FAIL


@pytest.mark.parametrize("engine", [StaysInProgress, LosersStayInProgress])
def test_a_key_that_stays_in_progress_is_found(
    engine: type[Keeper], keyed: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for long enough, though the service stayed busy before for a key whose answer was lost."""
    monkeypatch.setattr("load.client.asker.PAUSES_S", (0.01, 0.02))
    monkeypatch.setattr("reports.judge.checks.idempotent.STUCK_NS", 20_000_000)
    judgement = run(tmp_path / "h", keyed, engine)
    [found] = [each for each in judgement.checks if each.verdict is Verdict.FAIL]
    assert found.check == "idempotent"
    assert found.findings[0].title.startswith("Key ")
    assert "stays in progress" in found.findings[0].title


@pytest.mark.parametrize("text", [CREATES, CREATES_ALONE], ids=["creates and moves", "creates"])
def test_a_service_that_keeps_the_keys_of_creates_passes(text: str, tmp_path: Path) -> None:
    target = load_text(tmp_path / "target", text)
    engine = KeepsCreates if text is CREATES else KeepsNoMoves
    judgement = run(tmp_path / "h", target, engine)
    assert judgement.verdict is Verdict.PASS, judgement.reason
    operations = read_history(tmp_path / "h").operations
    shared = operations.filter((operations["kind"] == "create") & operations["key"].is_not_null())
    assert {"ok", "refused", "busy", "unknown"} <= set(shared["outcome"])
    assert set(shared["tenant"]) == {"acme", "globex"}
    assert set(shared["payload"]) == {"create", "create, other"}
    moved = operations.filter((operations["kind"] == "advance") & operations["key"].is_not_null())
    assert (moved.height > 0) == (text is CREATES)


class KeepsNoMoves(KeepsCreates):
    """Knows the keys of creates alone."""

    def move(self, name: str, request: Request) -> Answer:
        return Engine.move(self, name, request)


@pytest.mark.parametrize(
    ("engine", "check"),
    [(CreatesAgain, "idempotent"), (CreatesOtherBody, "idempotent"), (CreatesForAll, "contract")],
)
def test_a_broken_key_of_creates_is_found(engine: type[KeepsCreates], check: str, tmp_path: Path) -> None:
    target = load_text(tmp_path / "target", CREATES)
    judgement = run(tmp_path / "h", target, engine)
    assert {each.check: each.verdict for each in judgement.checks}[check] is Verdict.FAIL, judgement.reason


def test_an_id_that_stands_in_a_header_is_compared_too(tmp_path: Path) -> None:
    """The bodies of the two answers are equal."""
    target = load_text(tmp_path, CREATES)
    assert target.idempotency is not None
    first, second = (target.idempotency.digest(Answer(201, {}, b"{}"), id_) for id_ in ("1", "2"))
    assert first != second


def test_two_creates_with_one_key_are_a_pairing(tmp_path: Path) -> None:
    target = load_text(tmp_path, CREATES)
    [pairing] = [each for each in list_pairings(target) if each.calls[0].creates]
    assert (pairing.state, pairing.kind) == ("A", "create / create, one key")
    assert {(call.key, call.tenant) for call in pairing.calls} == {("a", "acme")}
    assert not pairing.is_race(target)


def test_a_create_of_its_own_has_a_key_of_its_own(tmp_path: Path) -> None:
    target = load_text(tmp_path, CREATES)
    keys = {
        dict(target.build_create("acme", "r1", key=key).headers)["Idempotency-Key"]
        for key in ("", "", name_key("1", "k"), name_key("1", "k"))
    }
    assert len(keys) == 3
    assert not load_text(tmp_path, KEYED).creates_with_key


@pytest.mark.parametrize(("answer", "outcome"), [(425, "busy"), (422, "refused"), (409, "unknown"), (500, "unknown")])
def test_what_the_answers_to_a_create_with_a_key_mean(answer: int, outcome: str, tmp_path: Path) -> None:
    assert classify_create(load_text(tmp_path, CREATES), Answer(answer, {})).outcome == outcome


def test_scripts_are_the_same_for_the_same_seed(keyed: Target) -> None:
    first, second = ([next(SCENARIO.draw_scripts(keyed, random.Random(3), 6)) for _ in range(2)] for _ in range(2))
    assert first == second
    rounds = [round_ for script in first for round_ in script.rounds]
    assert all(not round_.races and all(call.key for call in round_.calls) for round_ in rounds)


def test_two_requests_with_one_key_are_a_pairing(keyed: Target) -> None:
    pairings = [each for each in list_pairings(keyed) if each.calls[0].key]
    assert all(each.calls[1].key == each.calls[0].key for each in pairings)
    assert not any(each.is_race(keyed) for each in pairings)
    asked = {each.kind: each.calls for each in pairings}
    assert {
        "cancel / cancel, one key",
        "cancel / another tenant's cancel, one key",
        "advance / cancel, one key for two requests",
        "advance / advance, one key for two requests",
    } <= set(asked)
    other = [two for kind, two in asked.items() if kind.endswith(", one key for two requests")]
    assert all((one.route, one.to, one.body) != (two.route, two.to, two.body) for one, two in other)
    assert any(two.body for _, two in other)


def test_two_tenants_use_one_key_on_their_own_workflows(keyed: Target) -> None:
    pairings = [each for each in list_apart(keyed, 100) if each.calls[0].key]
    assert pairings
    assert all({call.tenant for call in each.calls} == {"acme", "globex"} for each in pairings)
    assert all(each.kind.endswith("on two tenants' workflows, one key") for each in pairings)


def test_a_target_without_keys_has_no_such_scenario(tmp_path: Path) -> None:
    target = load_text(tmp_path, SMALL)
    assert SCENARIO.find_obstacle(target) == "the target has no [idempotency]"
    assert not any(call.key for pairing in list_pairings(target) for call in pairing.calls)


def test_a_request_of_its_own_has_a_key_of_its_own(keyed: Target) -> None:
    route = keyed.routes_for("A", "B")[0]
    keys = {
        dict(keyed.build_advance(route, "acme", server_id, "A", "B", id_, key=key).headers)["Idempotency-Key"]
        for server_id, id_, key in [("1", "r1", ""), ("1", "r2", ""), ("2", "r1", ""), ("1", "r1", name_key("1", "k"))]
    }
    assert len(keys) == 4


def test_a_mismatch_is_one_of_the_reasons_to_refuse(tmp_path: Path) -> None:
    """Also where the file names the status in `refused`, too."""
    target = load_text(tmp_path, KEYED.replace("refused = [404]", "refused = [404, 422]"))
    route = target.routes_for("A", "B")[0]
    assert classify_advance(target, Answer(422, {}), route, "B") == ClassifiedAnswer("refused", 422)


def test_volatile_values_do_not_make_another_answer() -> None:
    idempotency = Idempotency(Statuses(), Statuses(), frozenset({"at"}))
    answers = [
        Answer(200, {}, b'{"id": 1, "in": [{"at": 1}]}'),
        Answer(200, {}, b'{"in": [{"at": 2}], "id": 1}'),
        Answer(200, {}, b'{"id": 2, "in": [{"at": 1}]}'),
        Answer(201, {}, b'{"id": 1, "in": [{"at": 1}]}'),
        Answer(200, {}, b"plain"),
        Answer(200, {}, b"other"),
    ]
    digests = [idempotency.digest(answer) for answer in answers]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 5
    lenient = Idempotency(Statuses(), Statuses(), frozenset({":status"}))
    assert lenient.digest(answers[0]) == lenient.digest(Answer(201, {}, answers[0].body)) != lenient.digest(answers[2])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SMALL + "[idempotency]\n", "idempotency: no request of [advance] carries the key"),
        (SMALL + '[idempotency]\nheader = "a b"\n', "idempotency.header: 'a b' is no name of a header"),
        (
            SMALL + '[idempotency]\nheader = "K"\nin_progress = [409]\n',
            "idempotency.in_progress: 409 is also in advance.conflict; a status can mean one thing only",
        ),
        (SMALL + '[idempotency]\nheader = "K"\nmismatch = [700]\n', "idempotency.mismatch: 700 is no HTTP status"),
        (SMALL + '[idempotency]\nheader = "K"\nvolatile = "at"\n', "idempotency.volatile: must be a list in [ ]"),
        (SMALL.replace('/w/{id}"', '/w/{id}/{key}"'), "{key} means nothing here"),
        (
            CREATES.replace("won = [201]", "won = [201, 425]"),
            "idempotency.in_progress: 425 is also in create.won; a status can mean one thing only",
        ),
    ],
)
def test_a_mistake_is_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as error:
        load_text(tmp_path, text)
    assert sentence in str(error.value)
