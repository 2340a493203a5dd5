"""Steps: requests that come before others, namely the set-up, the logins, and what each create needs. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.target.answer_rules import Statuses, read_statuses
from engine.target.file_tables import BeforeTable, LoginTable, SetupTable
from engine.target.http_answer import Answer
from engine.target.routes import read_template
from engine.target.savings import Saving, read_savings
from engine.target.template import Template, Values
from engine.target.value_checks import Mistake, check_seconds

PER = ("run", "tenant")
BAD = 400
# In this variable the process that sent the set-up passes the values that it saved, to the processes that ask.
VARIABLE = "ONEWINNER_SAVED"


@dataclass(frozen=True)
class Step:
    """The request at `key` of the file, and what its answer must give. `has_proof`: with the tenant's headers.

    `won` has the good answers; None: all below 400.
    """

    key: str
    template: Template
    won: Statuses | None = None
    savings: tuple[Saving, ...] = ()
    per: str = "run"
    has_proof: bool = True

    @property
    def name(self) -> str:
        return f"{self.key}: {self.template.method} {self.template.path}"

    def accepts(self, answer: Answer) -> bool:
        if self.won is not None:
            return self.won.matches(answer)
        return answer.status is not None and answer.status < BAD


@dataclass(frozen=True)
class Login:
    """What logs a tenant in, the last step being the login itself; again after `renew_s`, and after a 401."""

    steps: tuple[Step, ...]
    renew_s: float | None = None


@dataclass(frozen=True)
class Saved:
    """What the set-up saved: for the run, and for each tenant."""

    run: Values = field(default_factory=dict)
    tenants: Mapping[str, Values] = field(default_factory=dict)


def pack_saved(saved: Saved) -> str:
    return msgspec.json.encode(saved).decode()


def unpack_saved(text: str) -> Saved:
    return msgspec.json.decode(text, type=Saved)


def read_setup(tables: Iterable[SetupTable]) -> tuple[Step, ...]:
    return tuple(read_setup_step(f"setup[{index}]", table) for index, table in enumerate(tables))


def read_setup_step(key: str, table: SetupTable) -> Step:
    if table.per not in PER:
        raise Mistake(f"{key}.per", f'must be "run" or "tenant", not {table.per!r}')
    return read_step(key, table, per=table.per, has_proof=table.logged_in)


def read_before(key: str, tables: Iterable[BeforeTable], *, has_proof: bool = True) -> tuple[Step, ...]:
    return tuple(read_step(f"{key}[{index}]", table, has_proof=has_proof) for index, table in enumerate(tables))


def read_login(key: str, table: LoginTable | None) -> Login | None:
    if table is None:
        return None
    if table.renew_s is not None:
        check_seconds(f"{key}.renew_s", table.renew_s)
    before = read_before(f"{key}.before", table.before, has_proof=False)
    return Login((*before, read_step(key, table, has_proof=False)), table.renew_s)


def read_step(key: str, table: BeforeTable, **facts: Any) -> Step:
    template, savings = read_template(f"{key}.request", table.request), read_savings(f"{key}.save", table.save)
    won = None if table.won is None else read_statuses(f"{key}.won", table.won)
    return Step(key, template, won, savings, **facts)
