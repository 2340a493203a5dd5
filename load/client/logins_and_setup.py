"""Logins and set-up: sends what other requests need first, the set-up, the logins, and the steps before a create.

None of these is an operation, and the history does not have them. Each source logs in for itself. The set-up is sent
once in a run, by the process that starts the run; it passes on what was saved (`Target.saved`). Knows nothing of
Locust.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from engine.target.credentials import choose
from engine.target.http_answer import Answer
from engine.target.login_and_setup_steps import Login, Saved, Step
from engine.target.savings import find_values
from engine.target.secrets import learn
from engine.target.target import NotBuiltError, Target
from engine.target.template import Values
from load.client.release import Release
from load.client.value_store import User, ValueStore

UNAUTHORIZED = 401
BODY_MAX = 160
REMEDIES = {404: "correct its path, or base_url", 405: "correct its method, or its path"}


class NotPreparedError(Exception):
    """A step failed, in one sentence with its key. `detail` is what the answer says, and differs from time to time."""

    def __init__(self, sentence: str, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.detail = sentence, detail

    def __str__(self) -> str:
        return f"{self.sentence}{self.detail}"


class DeniedError(NotPreparedError):
    """The answer was a 401; the login may be over."""


@dataclass
class Preparation:
    """What one source has prepared. `since` has when each user logged in, `served` whom the login has let in since.

    `obstacles` says why a user, or a workflow, could not be prepared the last time.
    """

    target: Target
    release: Release
    values: ValueStore
    now: Callable[[], float] = time.monotonic
    since: dict[User, float] = field(default_factory=dict)
    served: set[User] = field(default_factory=set)
    obstacles: dict[User | str, str] = field(default_factory=dict)
    is_set_up: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, users: Iterable[User], creates: Iterable[tuple[User, str]] = ()) -> None:
        """Logs in the users whose login is missing or over, and sends the steps before these creates. Blocks.

        What fails is an obstacle, see `find_obstacle`, and is tried again the next time.
        """
        if not self.target.needs_steps:
            return
        with self._lock:
            for user in dict.fromkeys(map(self.name, users)):
                self._try(user, partial(self._make_ready, *user))
            for user, workflow in creates:
                if workflow not in self.values.begun:
                    self._try(workflow, partial(self._begin, *self.name(user), workflow))

    def find_obstacle(self, user: User, workflow: str | None = None) -> str | None:
        """Why a request of the user cannot be sent, or the create of a workflow; None if it can."""
        return self.obstacles.get(self.name(user)) or (None if workflow is None else self.obstacles.get(workflow))

    def note_denied(self, user: User) -> bool:
        """A 401: the next request logs in first. Whether the login had let the user in before, so it may be over."""
        user = self.name(user)
        if self.find_login(*user) is None:
            return False
        self.since.pop(user, None)
        return user in self.served

    def note_served(self, user: User) -> None:
        self.served.add(self.name(user))

    def forget_logins(self) -> None:
        """The service was started again: it may have kept the logins in memory. The next request logs in first."""
        self.since.clear()
        self.served.clear()

    def name(self, user: User) -> User:
        """The user by its name: the first one of the tenant where none is named, "" for a tenant without users."""
        tenant, named = user
        return tenant, named or self.target.tenants[tenant].name_user(0)

    def set_up(self) -> Saved:
        """Logs every tenant in and sends the set-up. Returns what it saved. Raises NotPreparedError."""
        with self._lock:
            self._set_up()
            for tenant in self.target.tenants:
                if self.name((tenant, "")) not in self.since:
                    self._log_in(*self.name((tenant, "")))
        return Saved(dict(self.values.run), {name: dict(values) for name, values in self.values.set_up.items()})

    def find_login(self, tenant: str, user: str) -> Login | None:
        """The user's own login, else the tenant's."""
        owner = self.target.tenants[tenant]
        return owner.find_user(user).login or owner.login

    def _try(self, what: User | str, act: Callable[[], None]) -> None:
        self.obstacles.pop(what, None)
        try:
            act()
        except NotPreparedError as error:
            self.obstacles[what] = error.sentence

    def _make_ready(self, tenant: str, user: str) -> None:
        if self.target.saved is None and not self.is_set_up:
            self._set_up()
        login, since = self.find_login(tenant, user), self.since.get((tenant, user))
        is_over = since is not None and login is not None and self.now() >= since + (login.renew_s or float("inf"))
        if login is not None and (since is None or is_over):
            self._log_in(tenant, user)

    def _set_up(self) -> None:
        owner = self.target.owner
        for step in self.target.setup:
            for tenant in (owner,) if step.per == "run" else tuple(self.target.tenants):
                user = self.name((tenant, ""))
                if step.has_proof and user not in self.since:
                    self._log_in(*user)
                found = self._send(step, *user)
                self.values.save_setup("" if step.per == "run" else tenant, found)
        self.is_set_up = True

    def _log_in(self, tenant: str, user: str) -> None:
        login = self.find_login(tenant, user)
        if login is None:
            return
        # Meanwhile other requests of the user may be built, with what the last login gave.
        fresh = self.values.begin_login(tenant)
        for step in login.steps:
            fresh.save_login(tenant, user, self._send(step, tenant, user, store=fresh))
        self.values.take_login(fresh, tenant, user)
        learn(choose(self.target, map(str, self.values.list_proofs(tenant, user))))
        self.since[tenant, user] = self.now()
        self.served.discard((tenant, user))

    def _begin(self, tenant: str, user: str, workflow: str) -> None:
        for step in self.target.before:
            try:
                found = self._send(step, tenant, user, workflow)
            except DeniedError:
                if not self.note_denied((tenant, user)):
                    raise
                self._log_in(tenant, user)
                found = self._send(step, tenant, user, workflow)
            self.values.save_values(workflow, found)
        self.values.begun.add(workflow)

    def _send(self, step: Step, tenant: str, user: str, workflow: str = "", store: ValueStore | None = None) -> Values:
        """The values of the answer; its cookies go into the store. Raises NotPreparedError."""
        store = store or self.values
        values = store.list(tenant, user, workflow)
        try:
            request = self.target.build_step(step, tenant, uuid.uuid4().hex, values)
        except NotBuiltError as error:
            raise NotPreparedError(f"{step.key}: {error}") from None
        answer = self.release.send(request).answer
        if not step.accepts(answer):
            kind = DeniedError if answer.status == UNAUTHORIZED else NotPreparedError
            raise kind(f"{step.name} {describe(answer)}", describe_body(answer))
        self.note_served((tenant, user))
        store.keep_cookies(tenant, user, answer)
        found = find_values(step.savings, answer)
        for saving in step.savings:
            if saving.name not in found:
                raise NotPreparedError(
                    f"{step.key}.save.{saving.name}: the answer (status {answer.status}) does not have it"
                    f"{list_names(answer)}"
                )
        return found


def set_up(target: Target) -> Target:
    """The target with what its set-up saved; every tenant logs in once, too. Raises NotPreparedError, ReleaseError."""
    if not target.needs_steps or target.saved is not None:
        return target
    release = Release(target.base_url, target.timeout_s)
    try:
        saved = Preparation(target, release, ValueStore(target)).set_up()
    finally:
        release.close()
    scopes = (saved.run, *saved.tenants.values())
    proofs = [str(value) for scope in scopes for name, value in scope.items() if name in target.proofs]
    learn(choose(target, proofs))
    return replace(target, saved=saved)


def describe(answer: Answer) -> str:
    """What became of the request, and what to correct where that is plain."""
    if answer.status is None:
        return f"was not answered: {answer.error}"
    remedy = f"; {REMEDIES[answer.status]}" if answer.status in REMEDIES else ""
    return f"was answered {answer.status}{remedy}"


def describe_body(answer: Answer) -> str:
    """The beginning of a JSON body."""
    body = " ".join(answer.text().split())[:BODY_MAX]
    return f": {body}" if answer.json() else ""


def list_names(answer: Answer) -> str:
    """The names of what a JSON answer holds; not the values, which may be secrets."""
    found = answer.json()
    return f"; it holds {', '.join(map(repr, found))}" if isinstance(found, dict) and found else ""
