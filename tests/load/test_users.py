"""Goal: contenders are spread over the users of their tenant; what is asked of a tenant stays a question of the tenant.

Method: a target in memory whose first tenant has two users; requests, scripts, plans and pairings made for it.
"""

import asyncio
import json
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.target.call import Call, call_route, spread
from engine.target.credentials import list_credentials
from engine.target.target import Target
from engine.target.target_file import TargetError
from engine.target.template import Request
from load.client.ask import bind
from load.client.asker import Asker
from load.scenarios import SCENARIOS
from reports.history.journal import Journal
from reports.judge.levels.race_file_format import RACE_FORMAT, Race, RaceRequest
from reports.judge.verdict import Verdict
from stateful_tests.interleavings.level import make_exploration, read_pairing
from stateful_tests.interleavings.pairings import list_pairings
from stateful_tests.interleavings.schedule import Pairing
from stateful_tests.interleavings.warming import warm
from stateful_tests.parallel.pinned_plans import list_pinned
from tests.load.stub import RICH, SMALL, Engine, StubRelease, judge_folder, load_text, make_answer, make_source
from tests.stateful_tests.stub import make_testbed

USERS = """
[[tenants.acme.users]]
name = "ann"
headers = { User = "ann" }
[[tenants.acme.users]]
name = "bob"
headers = { User = "bob", tenant = "acme", Authorization = "Bearer secret-of-bob" }
"""
TWO = RICH.replace("[tenants.globex]", USERS + "[tenants.globex]")
LOGINS = TWO.replace(
    'headers = { User = "ann" }',
    'headers = { User = "{token}" }\n'
    '[tenants.acme.users.login]\nrequest = { method = "POST", path = "/login", json = { name = "ann" } }\n'
    'save = { token = "token" }',
)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", TWO)


class Watching(Engine):
    """Keeps the header User of every request."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.users: list[str | None] = []

    def decide(self, request: Request) -> Any:
        self.users.append(dict(request.headers).get("User"))
        headers = tuple((name.capitalize(), value) for name, value in request.headers)
        return super().decide(Request(request.method, request.path, headers, request.body))


def make_asker(target: Target, folder: Path, engine: Engine) -> Asker:
    release: Any = StubRelease(engine)
    return Asker(target, release, Journal(folder / "race-0.0.jsonl"))


def test_a_request_has_the_headers_of_its_user(target: Target, tmp_path: Path) -> None:
    engine = Watching(target.graph)
    asker = make_asker(target, tmp_path, engine)
    workflow = asker.create("acme") or ""
    asker.read(workflow, "acme")
    for user in (0, 1, 2):
        asker.ask(bind(target, Call(route="advance", origin="A", to="B", user=user), workflow, "acme"))
    asker.read(workflow, "globex")
    asker.trail(workflow, "acme")
    assert engine.users == ["ann", "ann", "ann", "bob", "ann", None, "ann"]


def test_a_header_of_the_user_stands_over_the_tenants(target: Target) -> None:
    assert target.tenants["acme"].find_user("bob").headers == {
        "User": "bob",
        "tenant": "acme",
        "Authorization": "Bearer secret-of-bob",
    }
    assert target.tenants["acme"].find_user("").headers == {"Tenant": "acme", "User": "ann"}


def test_a_users_credentials_are_secrets(target: Target) -> None:
    assert "secret-of-bob" in list_credentials(target)


def test_all_pairs_of_a_user_and_a_variant_come_in_turn(tmp_path: Path) -> None:
    variants = '[[advance.variants]]\nname = "a"\n[[advance.variants]]\nname = "b"\n[[advance.edges]]'
    target = load_text(tmp_path, TWO.replace("[[advance.edges]]", variants))
    calls = spread(target, [Call(route="advance", origin="A", to="B")] * 4)
    assert {(call.user, call.variant) for call in calls} == {(0, "a"), (1, "b"), (0, "b"), (1, "a")}


def list_users(target: Target, folder: Path) -> list[list[int]]:
    source = make_source(folder, target, Engine(target.graph), {"same-transition": 5})
    scripts = list(islice(source.draw(SCENARIOS["same-transition"]), 3))
    source.asker.end()
    return [[call.user for call in round_.calls] for script in scripts for round_ in script.rounds]


def test_contenders_are_spread_by_the_seed(target: Target, tmp_path: Path) -> None:
    drawn = list_users(target, tmp_path / "a")
    assert drawn == list_users(target, tmp_path / "b")
    assert all(set(users) == {0, 1} for users in drawn)
    plan = next(plan for plan in list_pinned(target) if plan.name == "one edge, by advance")
    assert {branch[0].user for branch in plan.branches} == {0, 1}


def test_a_replay_is_of_the_same_users(target: Target) -> None:
    pairing = list_pairings(target)[0]
    actions = make_exploration(pairing, 0, 0, exhausted=True).actions
    requests = tuple(
        RaceRequest(name, each.tenant, each.route, each.origin, each.to, user=each.user)
        for name, each in zip("AB", actions, strict=True)
    )
    race = Race(RACE_FORMAT, "small", "", pairing.state, requests, "AB", ())
    assert [call.user for call in read_pairing(race).calls] == [0, 1]


@pytest.mark.parametrize("name", ["same-transition", "tenants", "lone-moves", "writes-beside-moves"])
def test_a_right_engine_passes(name: str, target: Target, tmp_path: Path) -> None:
    source = make_source(tmp_path / "h", target, Watching(target.graph), {name: 12})
    for _ in source.run():
        continue
    source.finish()
    assert judge_folder(tmp_path / "h", target).verdict is Verdict.PASS


def test_a_user_has_a_login_of_its_own(tmp_path: Path) -> None:
    target = load_text(tmp_path, LOGINS)
    assert target.needs_steps
    assert "token" in target.proofs
    ann, bob = (target.tenants["acme"].find_user(name) for name in ("ann", "bob"))
    assert ann.login is not None
    assert json.dumps(ann.login.steps[-1].template.json) == '{"name": "ann"}'
    assert bob.login is None


APPROVALS = "".join(
    f'''
[[advance.edges]]
from = "{origin}"
to = "{to}"
user = "{user}"
request = {{ method = "POST", path = "/w/{{id}}/advance", json = {{ expected = "{origin}", next = "{to}" }} }}
'''
    for origin, to, user in (("A", "B", "ann"), ("B", "C", "bob"))
)
QUORUM = (
    SMALL.replace("[workflow]\n", USERS + "[workflow]\n", 1).replace("refused = [404]", "refused = [404, 422]")
    + APPROVALS
)


class Quorum(Watching):
    """Two approvals: the first is ann's, the second bob's. All other moves are anybody's."""

    def move(self, name: str, request: Request) -> Any:
        approver = {"B": "ann", "C": "bob"}.get(json.loads(request.body)["next"])
        return make_answer(422) if approver not in (None, self.users[-1]) else super().move(name, request)


def press(target: Target, folder: Path, scenario: str) -> Verdict:
    source = make_source(folder, target, Quorum(target.graph), {scenario: 12})
    for _ in source.run():
        continue
    source.finish()
    return judge_folder(folder, target).verdict


@pytest.mark.parametrize("name", ["same-transition", "fork", "lone-moves", "pipelines"])
def test_each_of_two_approvals_is_made_by_its_user(name: str, tmp_path: Path) -> None:
    assert press(load_text(tmp_path, QUORUM), tmp_path / "named", name) is Verdict.PASS
    any_user = re.sub('user = ".*"\n', "", QUORUM)
    assert press(load_text(tmp_path / "any", any_user), tmp_path / "any" / "h", name) is Verdict.FAIL


ONE_ROUTE = re.sub(r"/advance\", json = \{ expected = \"[AB]\", next = \"[BC]\" \}", '/approve"', QUORUM)


class InOrder(Watching):
    """Two approvals over one route: ann's comes first, and bob's cannot stand in its place."""

    def move(self, name: str, request: Request) -> Any:
        if not request.path.endswith("/approve"):
            return super().move(name, request)
        expected, following = {"ann": ("A", "B"), "bob": ("B", "C")}[str(self.users[-1])]
        body = json.dumps({"expected": expected, "next": following}).encode()
        return super().move(name, Request(request.method, request.path, request.headers, body))


@pytest.mark.parametrize("name", ["same-transition", "fork", "lone-moves", "replay-storm"])
def test_one_request_of_two_users_makes_two_moves(name: str, tmp_path: Path) -> None:
    target = load_text(tmp_path, ONE_ROUTE)
    source = make_source(tmp_path / "run", target, InOrder(target.graph), {name: 12})
    for _ in source.run():
        continue
    source.finish()
    assert judge_folder(tmp_path / "run", target).verdict is Verdict.PASS


@pytest.mark.parametrize(("old", "new"), [('user = "bob"', 'user = "ann"'), ('user = "bob"\n', "")])
def test_one_request_of_one_user_must_not_make_two_moves(old: str, new: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="the same request leads from A to B and from B to C"):
        load_text(tmp_path, ONE_ROUTE.replace(old, new))


def test_the_user_of_a_move_is_not_chosen_by_the_seed(tmp_path: Path) -> None:
    target = load_text(tmp_path, QUORUM)
    call = call_route(target.routes[1], "B", "C")
    assert {bind(target, replace(call, user=number), "w", "acme").user for number in range(3)} == {"bob"}


MISTAKES: dict[str, Callable[[str], str]] = {
    "tenants.acme.users[1].name: 'ann' is the name of another user, too": lambda text: text.replace(
        'name = "bob"', 'name = "ann"'
    ),
    "tenants.acme.users[0].name: must not be empty": lambda text: text.replace('name = "ann"', 'name = ""'),
    "tenants.acme.users[0].name: is missing": lambda text: text.replace('name = "ann"\n', ""),
    "tenants.acme.users[0].headers.'U s': is no name of a header": lambda text: text.replace(
        '{ User = "ann" }', '{ "U s" = "ann" }'
    ),
    "tenants.acme.users[0].headers: {colour} means nothing here": lambda text: text.replace('"ann" }', '"{colour}" }'),
    "tenants.acme.users[0].headers.User: the environment variable NO_ANN is not set": lambda text: text.replace(
        '"ann" }', '"${NO_ANN}" }'
    ),
    "advance.edges[0].user: the tenant acme has no user 'carl' (it has ann, bob); add one to each tenant": (
        lambda text: text.replace('name = "cancel"', 'name = "cancel"\nuser = "carl"')
    ),
    "advance.edges[0].user: the tenant globex has no user 'ann' (it has none)": lambda text: text.replace(
        'name = "cancel"', 'name = "cancel"\nuser = "ann"'
    ),
    "tenants.acme.users[0].login.save: saves nothing": lambda text: text.replace(
        'headers = { User = "ann" }',
        'headers = { User = "ann" }\nlogin = { request = { method = "POST", path = "/login" } }',
    ),
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_a_mistake_is_one_sentence(sentence: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        load_text(tmp_path, MISTAKES[sentence](TWO))
    assert sentence in str(caught.value)


class LoggingIn(Watching):
    """A login gives the user's name as the token."""

    def decide(self, request: Request) -> Any:
        if request.path == "/login":
            return make_answer(200, token=json.loads(request.body)["name"])
        return super().decide(request)


def test_the_first_requests_behind_the_proxy_are_those_of_users_who_are_logged_in(tmp_path: Path) -> None:
    """A pairing's call may have a user who has not asked before."""
    logins = LOGINS.replace('User = "bob"', 'User = "{token}"').replace(
        "[tenants.globex]",
        '[tenants.acme.users.login]\nrequest = { method = "POST", path = "/login", json = { name = "bob" } }\n'
        'save = { token = "token" }\n[tenants.globex]',
    )
    target = load_text(tmp_path / "target", logins)
    engine = LoggingIn(target.graph)
    testbed = make_testbed(tmp_path, target, engine)
    call = Call(route="advance", origin="A", to="B", tenant="acme", user=1)
    asyncio.run(warm(testbed, [Pairing("A", (call,))]))
    assert engine.users.count("bob") == 4
