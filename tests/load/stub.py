"""An engine in memory behind a release that sends nothing: for tests of sources and askers, without sockets."""

import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.target_file import load_target
from engine.target.template import Request
from load.barrier import ALONE, Barrier
from load.client.asker import Asker
from load.client.release import BeforeRelease, Exchange, now_ns
from load.scenario_quotas import Workload, make_workload
from load.source import Source
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import Judgement

SMALL = """
name = "small"
base_url = "http://127.0.0.1:1"
[tenants.acme]
headers = { Tenant = "acme" }
[workflow]
initial = "A"
[workflow.transitions]
A = ["B", "X"]
B = ["C", "D"]
C = ["D"]
[create]
request = { method = "POST", path = "/w" }
id = "id"
won = [201]
[read]
request = { method = "GET", path = "/w/{id}" }
state = "state"
[advance]
request = { method = "POST", path = "/w/{id}/advance", json = { expected = "{expected}", next = "{next}" } }
won = [200]
conflict = [409]
refused = [404]
current_state = "state"
"""
RICH = (
    SMALL.replace(
        "[workflow]\n",
        '[tenants.globex]\nheaders = { Tenant = "globex" }\n[workflow]\n',
    )
    .replace('"D"]\nC', '"D", "X"]\nC')
    .replace("refused = [404]", "refused = [404]\nserves_every_edge = true")
    + """
[[advance.edges]]
name = "cancel"
from = ["A", "B"]
to = "X"
request = { method = "POST", path = "/w/{id}/cancel", json = { next = "X", from = "A,B" } }
[[guards]]
request = { method = "GET", path = "/w/{id}/guard/C,D" }
open = ["C", "D"]
closed = [409]
[[writes]]
name = "note"
request = { method = "PATCH", path = "/w/{id}", json = { note = "{marker}" } }
[audit]
request = { method = "GET", path = "/w/{id}/trail" }
entries = "rows"
from = "from"
to = "to"
"""
)


def load_text(folder: Path, text: str) -> Target:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "target.toml").write_text(text)
    return load_target(folder / "target.toml")


class Engine:
    """A right engine for SMALL and RICH; `twist` may turn a request's answer into another one."""

    def __init__(self, graph: TransitionGraph, twist: Callable[[Request, Answer], Answer] | None = None) -> None:
        self.graph = graph
        self.twist = twist or (lambda _, answer: answer)
        self.states: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.trails: dict[str, list[dict[str, str]]] = {}
        self.lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        with self.lock:
            return self.twist(request, self.decide(request))

    def decide(self, request: Request) -> Answer:
        tenant = dict(request.headers)["Tenant"]
        parts = request.path.strip("/").split("/")
        if len(parts) == 1:
            name = str(len(self.states))
            self.states[name], self.owners[name], self.trails[name] = self.graph.initial, tenant, []
            return make_answer(201, id=name)
        name, state = parts[1], self.states[parts[1]]
        if self.owners[name] != tenant:
            return make_answer(404)
        if parts[2:] == ["trail"]:
            return make_answer(200, rows=self.trails[name])
        if parts[2:3] == ["guard"]:
            return make_answer(200 if state in parts[3].split(",") else 409, state=state)
        if request.method == "PATCH":
            return self.write(name)
        return self.move(name, request) if request.method == "POST" else make_answer(200, state=state)

    def write(self, name: str) -> Answer:  # noqa: ARG002 - for engines that are wrong here
        """A note, which moves nothing."""
        return make_answer(204)

    def move(self, name: str, request: Request) -> Answer:
        body, state = json.loads(request.body), self.states[name]
        expected = body["expected"] if "expected" in body else body["from"].split(",")
        if state not in expected or not self.graph.allows(state, body["next"]):
            return make_answer(409, state=state)
        self.states[name] = body["next"]
        self.trails[name].append({"from": state, "to": body["next"]})
        return make_answer(200, state=body["next"])


def make_answer(status: int, **body: object) -> Answer:
    return Answer(status, {}, json.dumps(body).encode())


class StubRelease:
    """Answers the requests of a race in a random order, all of them in flight at one time."""

    def __init__(self, engine: Engine, seed: int = 1) -> None:
        self.engine, self.rng, self.restarts = engine, random.Random(seed), 0
        self.warmed: list[tuple[int, str]] = []

    def race(self, requests: Sequence[Request], before_release: BeforeRelease | None = None) -> list[Exchange]:
        if before_release is not None:
            before_release()
        invoked = [now_ns() for _ in requests]
        answers: dict[int, Answer] = {}
        for number in self.rng.sample(range(len(requests)), k=len(requests)):
            answers[number] = self.engine.answer(requests[number])
        answers |= {number: Answer(None, error="hung up") for number, request in enumerate(requests) if request.hang_up}
        return [
            Exchange(invoked[number], now_ns() if answers[number].status is not None else None, answers[number])
            for number in range(len(requests))
        ]

    def send(self, request: Request) -> Exchange:
        return self.race([request])[0]

    def warm(self, count: int, request: Request) -> None:
        self.warmed.append((count, request.method))

    def close(self) -> None:
        """Nothing is open."""


class CrowdedEngine(Engine):
    """Knows the requests that were released together with the one that it answers."""

    crowd: Sequence[Request] = ()


class CrowdRelease(StubRelease):
    def race(self, requests: Sequence[Request], before_release: BeforeRelease | None = None) -> list[Exchange]:
        assert isinstance(self.engine, CrowdedEngine)
        self.engine.crowd = requests
        return super().race(requests, before_release)


def find_workflow(request: Request) -> str:
    return [*request.path.split("/"), "", ""][2]


def is_move(request: Request) -> bool:
    return request.method == "POST" and find_workflow(request) != ""


def make_source(
    folder: Path,
    target: Target,
    engine: Engine,
    quota: Mapping[str, int],
    *,
    name: str = "race-0.0",
    barrier: Barrier = ALONE,
) -> Source:
    """A source of the stub engine. `quota` is scenario -> amount."""
    workload = make_workload(target, dict.fromkeys(quota, 1), 1)
    amounts = {key: quota[key] for key in workload.amounts}
    release = StubRelease(engine)
    asker = Asker(target, release, Journal(folder / f"{name}.jsonl"))  # type: ignore[arg-type]
    return Source(asker, Workload(amounts, workload.weights, workload.obstacles), 1, 6, barrier)


def judge_folder(
    folder: Path, target: Target, sources: Sequence[str] = ("race-0.0",), *, accept_partial: bool = False
) -> Judgement:
    plan = RunPlan(sources=tuple(sources), accept_partial=accept_partial)
    return judge(read_history(folder), target.graph, plan=plan)
