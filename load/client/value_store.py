"""ValueStore: the values that answers gave one source, by scope. Knows nothing of Locust, sends nothing.

A value of a workflow goes before one of the user, of the tenant, of the run. A later answer overwrites.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.target.cookies import COOKIES, read_cookies, render_cookies, update_cookies
from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import NO_VALUES, Value, Values
from engine.target.tenants import USER

Scope = dict[str, Value]
User = tuple[str, str]


@dataclass
class ValueStore:
    """The values of one source. Those of the run and of tenants begin with what the set-up saved (`target.saved`).

    `users` has what logins saved, for a tenant itself under the user ""; `jars` their cookies. `begun` are the
    workflows for which the steps before their create were sent; `shown`, the names of all values of workflows so far.
    """

    target: Target
    run: Scope = field(default_factory=dict)
    set_up: dict[str, Scope] = field(default_factory=dict)
    users: dict[User, Scope] = field(default_factory=dict)
    jars: dict[User, dict[str, str]] = field(default_factory=dict)
    workflows: dict[str, Scope] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if (saved := self.target.saved) is not None:
            self.run.update(saved.run)
            self.set_up.update({name: dict(values) for name, values in saved.tenants.items()})

    def list(self, tenant: str, user: str = "", workflow: str = "") -> Values:
        """What may stand in a request of this tenant and user about the workflow."""
        mine = self.workflows.get(workflow, NO_VALUES)
        user = user or self.target.tenants[tenant].name_user(0)
        if user:
            mine = {**mine, USER: user}
        if not (self.run or self.set_up or self.users or self.jars):
            return mine
        logins = self.users.get((tenant, ""), NO_VALUES), self.users.get((tenant, user), NO_VALUES)
        values = {**self.run, **self.set_up.get(tenant, NO_VALUES), **logins[0], **logins[1], **mine}
        if jar := self.jars.get((tenant, user)):
            values[COOKIES] = render_cookies(jar)
        return values

    def save_values(self, workflow: str, found: Values) -> None:
        if found:
            self.shown |= found.keys()
            self.workflows.setdefault(workflow, {}).update(found)

    def save_setup(self, tenant: str, found: Values) -> None:
        """Those of a tenant; of the run if the tenant is empty."""
        (self.set_up.setdefault(tenant, {}) if tenant else self.run).update(found)

    def save_login(self, tenant: str, user: str, found: Values) -> None:
        self.users.setdefault((tenant, user), {}).update(found)

    def keep_cookies(self, tenant: str, user: str, answer: Answer) -> None:
        """The cookies that the answer sets, where the tenant keeps any."""
        if answer.set_cookies and self.target.tenants[tenant].keeps_cookies:
            jar = self.jars.get((tenant, user), {})
            self.jars[tenant, user] = update_cookies(jar, read_cookies(answer.set_cookies))

    def list_proofs(self, tenant: str, user: str) -> Iterable[Value]:
        """What a login gave: its values and cookies."""
        return [*self.users.get((tenant, user), {}).values(), *self.jars.get((tenant, user), {}).values()]

    def begin_login(self, tenant: str) -> "ValueStore":
        """A store with what a login may use: neither values nor cookies of an earlier one."""
        return ValueStore(self.target, dict(self.run), {tenant: dict(self.set_up.get(tenant, {}))})

    def take_login(self, fresh: "ValueStore", tenant: str, user: str) -> None:
        """What a login gave, in place of what the one before gave."""
        self.users[tenant, user] = fresh.users.get((tenant, user), {})
        self.jars[tenant, user] = fresh.jars.get((tenant, user), {})

    def forget(self, workflow: str) -> None:
        self.workflows.pop(workflow, None)
        self.begun.discard(workflow)

    def tell(self, workflows: Iterable[str]) -> dict[str, Any]:
        """What is known of these workflows, for another source that asks about them too."""
        return {name: self.workflows[name] for name in workflows if name in self.workflows}

    def adopt(self, told: Mapping[str, Scope]) -> None:
        """What another source told."""
        self.workflows.update({name: dict(values) for name, values in told.items()})
