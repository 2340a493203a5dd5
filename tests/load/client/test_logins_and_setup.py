"""Goal: what a request needs first is sent first, once: registration, login, set-up, the steps before a create; a
login that is over is renewed before requests are lined up, and never between them.

Method: an asker over an engine in memory behind a login form with a CSRF token, whose tokens serve a number of
requests.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from engine.target import secrets
from engine.target.http_answer import Answer
from engine.target.login_and_setup_steps import pack_saved, unpack_saved
from engine.target.secrets import TOLD, read_learned
from engine.target.target import Target
from engine.target.target_file import TargetError
from engine.target.template import Request
from load.client.asker import Asker
from load.client.logins_and_setup import NotPreparedError, Preparation
from load.client.value_store import ValueStore
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from tests.load.stub import SMALL, Engine, StubRelease, load_text, make_answer

TEXT = (
    SMALL.replace(
        'headers = { Tenant = "acme" }\n',
        """headers = { Tenant = "acme", Authorization = "Bearer {token}" }
cookies = true
[tenants.acme.login]
request = { method = "POST", path = "/login", form = { user = "ann&bob", csrf = "{csrf}" } }
save = { token = "access_token" }
renew_s = 600
[[tenants.acme.login.before]]
request = { method = "GET", path = "/login" }
save = { csrf = { from = "text", match = 'name="csrf" value="([^"]+)"' } }
[[setup]]
request = { method = "POST", path = "/register", text = "ann" }
logged_in = false
[[setup]]
request = { method = "POST", path = "/vendors", xml = "<vendor/>" }
save = { vendor = "header:X-Vendor" }
[[setup]]
request = { method = "POST", path = "/desks", json = { of = "{vendor}" } }
save = { desk = "id" }
per = "tenant"
""",
    )
    .replace('path = "/w" }', 'path = "/w", form = { vendor = "{vendor}", desk = "{desk}", draft = "{draft}" } }')
    .replace('id = "id"\nwon', 'id = "id"\nsave = { draft = "draft" }\nbefore = [{ BEFORE }]\nwon')
    .replace("BEFORE", 'request = { method = "POST", path = "/drafts" }, save = { draft = "id" }')
    .replace("refused = [404]", "refused = [401, 404]")
)


class GuardedEngine(Engine):
    """Lets in with a token and its session cookie, for `uses` requests each. `asked` counts requests by path."""

    uses = 1000
    realm = "acme"
    lets_in = 302

    def __init__(self, target: Target) -> None:
        super().__init__(target.graph)
        self.asked: Counter[str] = Counter()
        self.left: dict[str, int] = {}
        self.bodies: dict[str, Any] = {}
        self.broken: set[str] = set()
        self.told: dict[str, Answer] = {}

    def decide(self, request: Request) -> Answer:
        headers, path = dict(request.headers), request.path
        self.asked[f"{request.method} {path}"] += 1
        self.bodies[path] = (headers.get("Content-Type"), request.body.decode())
        if path in self.broken:
            return make_answer(503)
        if path in self.told:
            return self.told[path]
        if path == "/register":
            return make_answer(201 if "Authorization" not in headers else 400)
        if path == "/login":
            return self.log_in(request, headers)
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if self.left.get(token, 0) <= 0 or headers.get("Cookie") != f"session=s-{token}":
            return make_answer(401)
        self.left[token] -= 1
        if path == "/vendors":
            return Answer(201, {"x-vendor": "vendor-7"}, b"<ok/>")
        if path in ("/desks", "/drafts"):
            return make_answer(201, id=self.asked[f"POST {path}"])
        answer = super().decide(request)
        return make_answer(201, id=str(len(self.states) - 1), draft=None) if path == "/w" else answer

    def log_in(self, request: Request, headers: dict[str, str]) -> Answer:
        if request.method == "GET":
            page = b'<input name="csrf" value="c/1+2">'
            return Answer(200, {}, page, set_cookies=("form=f1; Path=/", "old=1; Max-Age=0"))
        right = parse_qs(request.body.decode()) == {"user": ["ann&bob"], "csrf": ["c/1+2"]}
        if not right or headers.get("Cookie") != "form=f1":
            return make_answer(403)
        token = f"token-{len(self.left)}-of-{self.realm}"
        self.left[token] = self.uses
        cookies = (f"session=s-{token}; HttpOnly", "form=; Max-Age=0")
        return Answer(self.lets_in, {"location": "/"}, b'{"access_token": "%s"}' % token.encode(), set_cookies=cookies)


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    with secrets.know(secrets.Secrets()):
        yield


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return load_text(tmp_path, TEXT)


@pytest.fixture
def engine(target: Target) -> GuardedEngine:
    return GuardedEngine(target)


@pytest.fixture
def asker(tmp_path: Path, target: Target, engine: GuardedEngine) -> Asker:
    return make_asker(tmp_path, target, engine)


def make_asker(folder: Path, target: Target, engine: Engine) -> Asker:
    return Asker(target, StubRelease(engine), Journal(folder / "h" / "race-0.0.jsonl"))  # type: ignore[arg-type]


def create(asker: Asker) -> str:
    workflow = asker.create("acme")
    assert workflow is not None
    return workflow


def test_each_step_is_sent_once_and_in_order(asker: Asker, engine: GuardedEngine) -> None:
    for workflow in (create(asker), create(asker)):
        asker.read(workflow, "acme")
    once = ["POST /register", "GET /login", "POST /login", "POST /vendors", "POST /desks"]
    assert [what for what in engine.asked if what in once] == once
    assert {engine.asked[what] for what in once} == {1}
    assert engine.asked["POST /drafts"] == 2
    assert asker.denials.let_in == {"acme"}


def test_each_body_has_its_content_type(asker: Asker, engine: GuardedEngine) -> None:
    create(asker)
    form = "application/x-www-form-urlencoded"
    assert engine.bodies["/w"] == (form, "vendor=vendor-7&desk=1&draft=1")
    assert engine.bodies["/register"] == ("text/plain; charset=utf-8", "ann")
    assert engine.bodies["/vendors"] == ("application/xml; charset=utf-8", "<vendor/>")
    assert engine.bodies["/desks"] == ("application/json", '{"of":"vendor-7"}')


def test_what_another_process_has_set_up_is_not_set_up_again(tmp_path: Path, target: Target) -> None:
    engine = GuardedEngine(target)
    first = Preparation(target, StubRelease(engine), ValueStore(target))  # type: ignore[arg-type]
    saved = unpack_saved(pack_saved(first.set_up()))
    assert (saved.run, saved.tenants) == ({"vendor": "vendor-7"}, {"acme": {"desk": 1}})
    second = load_text(tmp_path, TEXT)
    object.__setattr__(second, "saved", saved)
    create(make_asker(tmp_path, second, engine))
    assert engine.asked["POST /vendors"] == engine.asked["POST /register"] == 1
    assert engine.asked["POST /login"] == 2, "each process logs in for itself"


def test_a_login_that_is_over_is_renewed_before_the_next_request(
    tmp_path: Path, asker: Asker, engine: GuardedEngine
) -> None:
    engine.uses = 6  # vendor, desk, draft, create, and two reads
    workflow = create(asker)
    outcomes = [asker.read(workflow, "acme").outcome for _ in range(5)]
    assert outcomes == ["ok", "ok", "busy", "ok", "ok"], "a 401 changes nothing; nothing is sent twice by itself"
    assert engine.asked["POST /login"] == 2
    asker.end()
    history = read_history(tmp_path / "h")
    assert history.having(events.AccessDenied) == []
    assert judge(history, asker.target.graph).verdict is Verdict.PASS


def test_no_login_outlives_a_service_that_is_started_again(tmp_path: Path, asker: Asker, engine: GuardedEngine) -> None:
    """The second restart comes before the login of the first let anybody in."""
    workflow = create(asker)
    for _ in range(2):
        engine.left = dict.fromkeys(engine.left, 0)
        asker.preparation.forget_logins()
        asker.prepare([asker.read_ask(workflow, "acme")])
    assert asker.read(workflow, "acme").outcome == "ok"
    assert engine.asked["POST /login"] == 3
    asker.end()
    assert read_history(tmp_path / "h").having(events.AccessDenied) == []


@pytest.mark.parametrize("users", ["", '[[tenants.acme.users]]\nname = "ann"\n'])
def test_a_trail_that_meets_the_end_of_a_login_is_asked_for_again(users: str, tmp_path: Path) -> None:
    """The first user of a tenant is the one who is asked for where no user is named."""
    audit = (
        '[audit]\nrequest = { method = "GET", path = "/w/{id}/trail" }\nentries = "rows"\nfrom = "from"\nto = "to"\n'
    )
    target = load_text(tmp_path, TEXT.replace("[[setup]]", f"{users}[[setup]]", 1) + audit)
    engine = GuardedEngine(target)
    asker = make_asker(tmp_path, target, engine)
    workflow = create(asker)
    asker.read(workflow, "acme")
    engine.left = dict.fromkeys(engine.left, 0)
    assert asker.trail(workflow, "acme") == []
    assert engine.asked["POST /login"] == 2
    asker.end()
    assert read_history(tmp_path / "h").having(events.AccessDenied) == []


def test_no_login_comes_between_the_requests_of_a_race(asker: Asker, engine: GuardedEngine) -> None:
    workflow = create(asker)
    asker.read(workflow, "acme")
    engine.left = dict.fromkeys(engine.left, 2)
    route = asker.target.routes_for("A", "B")[-1]
    asks = [asker.advance_ask(workflow, "acme", route, "A", "B") for _ in range(4)]
    assert Counter(reply.outcome for reply in asker.race(asks, "r")) == {"won": 1, "conflict": 1, "unknown": 2}
    assert engine.asked["POST /login"] == 1
    assert asker.ask(asks[0]).outcome == "conflict"
    assert engine.asked["POST /login"] == 2


def test_a_race_that_only_meets_the_end_of_a_login_accuses_no_service(
    tmp_path: Path, asker: Asker, engine: GuardedEngine
) -> None:
    workflow = create(asker)
    asker.read(workflow, "acme")
    engine.left = {}
    asks = [asker.advance_ask(workflow, "acme", asker.target.routes_for("A", "B")[-1], "A", "B") for _ in range(2)]
    asker.race(asks[:1], "released")
    asker.read(workflow, "acme")
    engine.left = {}
    begun = [asker.begin(ask, "begun") for ask in asks]
    for ask, (id_, request) in zip(asks, begun, strict=True):
        assert asker.finish(ask, id_, asker.release.send(request)).outcome == "unknown"
    asker.end()
    assert judge(read_history(tmp_path / "h"), asker.target.graph).verdict is not Verdict.FAIL


def test_a_step_before_a_create_renews_a_login_that_is_over(asker: Asker, engine: GuardedEngine) -> None:
    create(asker)
    engine.left = {}
    create(asker)
    assert engine.asked["POST /login"] == 2
    assert engine.asked["POST /drafts"] == 3


def test_requests_that_are_built_during_a_login_carry_the_last_one(asker: Asker, engine: GuardedEngine) -> None:
    workflow = create(asker)
    seen: list[object] = []
    log_in = engine.log_in

    def look(request: Request, headers: dict[str, str]) -> Answer:
        seen.append(asker.values.list("acme", "", workflow)["token"])
        return log_in(request, headers)

    engine.log_in = look  # type: ignore[method-assign]
    asker.preparation.since.clear()
    asker.read(workflow, "acme")
    assert seen == ["token-0-of-acme"] * 2
    assert asker.values.list("acme")["token"] == "token-1-of-acme"


def test_it_is_renewed_in_time(asker: Asker, engine: GuardedEngine) -> None:
    now = [0.0]
    asker.preparation.now = lambda: now[0]
    workflow = create(asker)
    for now[0] in (599.0, 600.0, 601.0):
        asker.read(workflow, "acme")
    assert engine.asked["POST /login"] == 2


def test_a_service_that_lets_a_fresh_login_in_nowhere_is_not_busy(asker: Asker, engine: GuardedEngine) -> None:
    workflow = create(asker)
    engine.uses = 0
    engine.left = {}
    outcomes = [asker.read(workflow, "acme").outcome for _ in range(3)]
    assert outcomes == ["busy", "unknown", "unknown"]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("/login", "tenants.acme.login.before[0]: GET /login was answered 503"),
        ("/vendors", "setup[1]: POST /vendors was answered 503"),
        ("/drafts", "create.before[0]: POST /drafts was answered 503"),
    ],
)
def test_a_step_that_fails_is_one_sentence_and_nothing_is_sent(
    tmp_path: Path, asker: Asker, engine: GuardedEngine, broken: str, said: str
) -> None:
    engine.broken = {broken}
    assert asker.create("acme") is None
    assert engine.asked["POST /w"] == 0
    assert [event.what for event in read_history(tmp_path / "h").having(events.Unsent)] == [said]
    engine.broken = set()
    create(asker)


@pytest.mark.parametrize(
    ("won", "obstacle"),
    [
        ("[{ status = 409, when = \"error == 'sent'\" }]", None),
        ("[{ status = 409, when = \"error == 'lost'\" }]", "create.before[0]: POST /drafts was answered 409"),
        ("[201]", "create.before[0]: POST /drafts was answered 409"),
    ],
)
def test_a_step_is_good_as_the_file_says(won: str, obstacle: str | None, tmp_path: Path, target: Target) -> None:
    changed = load_text(tmp_path, TEXT.replace('"/drafts" }, save', f'"/drafts" }}, won = {won}, save'))
    engine = GuardedEngine(changed)
    engine.told["/drafts"] = make_answer(409, error="sent", id=7)
    preparation = Preparation(changed, StubRelease(engine), ValueStore(changed))  # type: ignore[arg-type]
    preparation.prepare([("acme", "")], [(("acme", ""), "w-1")])
    assert preparation.find_obstacle(("acme", ""), "w-1") == obstacle


def test_an_error_is_good_for_a_set_up_and_a_login_that_name_it(tmp_path: Path) -> None:
    text = TEXT.replace("logged_in = false", "won = [409]\nlogged_in = false")
    changed = load_text(tmp_path, text.replace("renew_s = 600", "won = [401]\nrenew_s = 600"))
    engine = GuardedEngine(changed)
    engine.told["/register"] = make_answer(409)
    engine.lets_in = 401
    preparation = Preparation(changed, StubRelease(engine), ValueStore(changed))  # type: ignore[arg-type]
    assert preparation.set_up().run == {"vendor": "vendor-7"}


def test_an_answer_without_its_value_is_one_sentence(target: Target, tmp_path: Path) -> None:
    changed = load_text(tmp_path, TEXT.replace("header:X-Vendor", "header:X-Seller"))
    preparation = Preparation(changed, StubRelease(GuardedEngine(target)), ValueStore(changed))  # type: ignore[arg-type]
    with pytest.raises(NotPreparedError, match=r"setup\[1\]\.save\.vendor: the answer \(status 201\) does not have it"):
        preparation.set_up()


def test_what_a_login_gives_is_a_secret(tmp_path: Path, target: Target, engine: GuardedEngine) -> None:
    engine.realm = "fresh"
    with secrets.collect() as file:
        asker = make_asker(tmp_path, target, engine)
        create(asker)
        asker.probe("contract", "the answer", "it said token-0-of-fresh and s-token-0-of-fresh")
        learned = read_learned(file).texts
    assert learned == {"token-0-of-fresh", "s-token-0-of-fresh"}
    assert learned <= TOLD
    assert b"token-0" not in (tmp_path / "h" / "race-0.0.jsonl").read_bytes()


MISTAKES = {
    'setup[2].per: must be "run" or "tenant", not \'all\'': ('per = "tenant"', 'per = "all"'),
    "setup[1].request: {desk} has no value yet: setup[2].save gives it": (
        '"/vendors", xml',
        '"/vendors?d={desk}", xml',
    ),
    "setup[0].request: {draft} has no value yet": ('text = "ann"', 'text = "{draft}"'),
    "setup[0].request: {id} means nothing here": ('text = "ann"', 'text = "{id}"'),
    "setup[0].request.text: stands beside setup[0].request.json": ('text = "ann"', 'json = 1, text = "ann"'),
    "setup[0].logged_in: must be true or false": ("logged_in = false", 'logged_in = "no"'),
    "tenants.acme.login.renew_s: must be more than 0 seconds": ("renew_s = 600", "renew_s = 0"),
    "tenants.acme.login.before[0].request: {token} has no value yet": (
        '"/login" }\nsave',
        '"/login?t={token}" }\nsave',
    ),
    "tenants.acme.login.request: {draft} has no value yet": ('csrf = "{csrf}"', 'csrf = "{draft}"'),
    "tenants.acme.cookies: must be true or false": ("cookies = true", 'cookies = "yes"'),
    "tenants.acme.headers: {draft} has no value yet": ('"Bearer {token}"', '"Bearer {draft}"'),
    "tenants.acme.headers: {tokens} means nothing here; did you mean 'token'?": ("{token}", "{tokens}"),
    "setup[1].save.cookies: {cookies} has a meaning": ("{ vendor = ", '{ cookies = "x", vendor = '),
    "setup[0].won: 99 is no HTTP status; write one from 100 to 599": ("logged_in", "won = [99]\nlogged_in"),
    "tenants.acme.login.won: must name at least one status": ("renew_s", "won = []\nrenew_s"),
    "create.before[0].won: must be a list": ('"/drafts" }', '"/drafts" }, won = 400'),
    "create.before[0].request.path: 'drafts' must begin with /": ('"/drafts"', '"drafts"'),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_sentence_with_its_key(tmp_path: Path, mistake: str) -> None:
    old, new = MISTAKES[mistake]
    assert old in TEXT
    with pytest.raises(TargetError) as error:
        load_text(tmp_path, TEXT.replace(old, new, 1))
    assert mistake in str(error.value)


def test_a_login_that_saves_nothing_is_a_mistake(tmp_path: Path) -> None:
    text = SMALL.replace(
        "[workflow]\n", '[tenants.acme.login]\nrequest = { method = "POST", path = "/l" }\n[workflow]\n', 1
    )
    with pytest.raises(TargetError, match=r"tenants\.acme\.login\.save: saves nothing"):
        load_text(tmp_path, text)
