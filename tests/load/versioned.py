"""Engines in memory whose moves carry a version: a right one, and broken ones. For tests of sources and levels."""

import json
from collections.abc import Sequence
from functools import cached_property

from engine.target.http_answer import Answer
from engine.target.template import Request
from tests.load.stub import SMALL, CrowdedEngine, Engine, make_answer

VERSIONED = (
    SMALL.replace(
        '{ method = "POST", path = "/w/{id}/advance", json = { expected = "{expected}", next = "{next}" } }',
        '{ method = "POST", path = "/w/{id}/advance", headers = { If-Match = "{version}" }, '
        'json = { expected = "{expected}", next = "{next}" } }\nstale = [412]\nprecondition_required = [428]',
    )
    .replace('state = "state"\n[advance]', 'state = "state"\nsave = { version = "version" }\n[advance]')
    .replace('C = ["D"]', 'C = ["D", "A"]')
    + """
[[writes]]
name = "note"
request = { method = "PATCH", path = "/w/{id}" }
[audit]
request = { method = "GET", path = "/w/{id}/trail" }
entries = "rows"
from = "from"
to = "to"
"""
)


COUNTED = (
    VERSIONED.replace('headers = { If-Match = "{version}" }, ', "")
    .replace('next = "{next}" }', 'next = "{next}", version = "{version}" }')
    .replace("precondition_required = [428]", "precondition_required = [400]")
)


class Versioned(Engine):
    """A right engine: each change, a note too, makes a new version, and a move must carry the current one."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.versions: dict[str, int] = {}

    def decide(self, request: Request) -> Answer:
        answer = super().decide(request)
        if request.method == "GET" and answer.status == 200 and not request.path.endswith("trail"):
            name = request.path.split("/")[2]
            return make_answer(200, state=self.states[name], version=self.find_version(name))
        return answer

    def find_version(self, name: str) -> str:
        return str(self.versions.get(name, 0))

    def move(self, name: str, request: Request) -> Answer:
        carried = dict(request.headers).get("If-Match")
        if carried is None:
            return make_answer(428)
        if carried != self.find_version(name):
            return make_answer(412)
        return self.make_move(name, request)

    def make_move(self, name: str, request: Request) -> Answer:
        answer = super().move(name, request)
        if answer.status == 200:
            self.versions[name] = self.versions.get(name, 0) + 1
        return answer

    def write(self, name: str) -> Answer:
        self.versions[name] = self.versions.get(name, 0) + 1
        return make_answer(204)


class Counting(Versioned):
    """The version is a whole number in the body: one that is a text is malformed."""

    def decide(self, request: Request) -> Answer:
        answer = super().decide(request)
        shown = answer.json()
        return make_answer(200, **shown | {"version": int(shown["version"])}) if "version" in (shown or {}) else answer

    def move(self, name: str, request: Request) -> Answer:
        carried = json.loads(request.body).get("version")
        if type(carried) is not int:
            return make_answer(400)
        return self.make_move(name, request) if str(carried) == self.find_version(name) else make_answer(412)


class Ignoring(Versioned):
    """It does not look at the version."""

    def move(self, name: str, request: Request) -> Answer:
        return self.make_move(name, request)


class StatusAsVersion(Versioned):
    """The version is the state, so one from before a circle is taken again."""

    def find_version(self, name: str) -> str:
        return self.states[name]


class Constant(StatusAsVersion):
    """The version never changes."""

    def find_version(self, name: str) -> str:  # noqa: ARG002
        return "1"


class Remembering(Versioned):
    """It takes each version that it has told of the state, also after a circle."""

    def move(self, name: str, request: Request) -> Answer:
        told = self.known.setdefault((name, self.states[name]), set())
        told.add(self.find_version(name))
        return self.make_move(name, request) if dict(request.headers).get("If-Match") in told else make_answer(412)

    @cached_property
    def known(self) -> dict[tuple[str, str], set[str | None]]:
        return {}


class Hasty(CrowdedEngine, Versioned):
    """It compares the version with the one that was current when the release began, and then moves."""

    before: tuple[Sequence[Request], str] | None = None

    def move(self, name: str, request: Request) -> Answer:
        if self.before is None or self.before[0] is not self.crowd:
            self.before = self.crowd, self.find_version(name)
        if dict(request.headers).get("If-Match") != self.before[1]:
            return make_answer(412)
        body, state = json.loads(request.body), self.states[name]
        if not self.graph.allows(body["expected"], body["next"]):
            return make_answer(409, state=state)
        self.states[name], self.versions[name] = body["next"], self.versions.get(name, 0) + 1
        self.trails[name].append({"from": state, "to": body["next"]})
        return make_answer(200, state=body["next"])
