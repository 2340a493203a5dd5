"""The workflows of a sequence, each with what the model believes of it. Every answer is compared with the model.

Each mismatch is also written into the history, so the judge finds it on its own.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from engine.target.call import VERSION_OLD, Call, call_route, find_route, spread
from engine.target.classified_answer import ClassifiedAnswer, classify_guard
from engine.target.http_answer import Answer
from engine.target.routes import Guard, Route, Write
from load.client.ask import Ask, Reply, bind, carries_version
from load.client.asker import Asker
from load.client.release import now_ns
from reports.judge.models.workflow import NEVER
from stateful_tests.level_report import MismatchError
from stateful_tests.reference_probes import Probes
from stateful_tests.sequential.belief import Belief, Claim

# While that many unknown operations of a workflow may take effect, it is not moved: the possible states multiply.
OPEN_MAX = 6
# After that many due moves in a row that stayed busy, no busy request is asked again: the judge has seen enough.
IN_VAIN_MAX = 5


class CheckedWorkflows:
    """Sends one request at a time. `asker` and `probes` belong to the whole run. `touched` is the workflow of the last
    request, until it was compared; `may_have_moved` whether that request won or got no answer. After the service is
    silent, nothing is sent.
    """

    def __init__(self, asker: Asker, probes: Probes | None) -> None:
        self.asker = asker
        self.target = asker.target
        self.graph = asker.target.graph
        self.probes = probes
        self.names: list[str] = []
        self.owners: dict[str, str] = {}
        self.beliefs: dict[str, Belief] = {}
        self.won: list[tuple[str, Route, str, str]] = []
        self.touched: str | None = None
        self.may_have_moved = True
        self.sent = 0

    @property
    def is_silent(self) -> bool:
        return self.asker.silence.is_certain

    def create(self, tenant: str) -> str | None:
        """The new workflow; None if its create did not succeed."""
        if self.is_silent:
            return None
        began_ns = now_ns()
        workflow = self.asker.create(tenant, examine=self.probes.examine_create if self.probes else None)
        if workflow is not None:
            self.names.append(workflow)
            self.owners[workflow] = tenant
            self.beliefs[workflow] = Belief.fresh(self.graph, began_ns if self.target.creates_by_request else -NEVER)
            self.touched, self.may_have_moved = workflow, True
        return workflow

    def advance(self, workflow: str, tenant: str, origin: str, to: str, pick: int) -> None:
        """Advances over one of the routes of that edge, if there is one."""
        routes = self.target.routes_for(origin, to)
        if routes:
            self.advance_by(workflow, tenant, routes[pick % len(routes)], origin, to)

    def advance_by(self, workflow: str, tenant: str, route: Route, origin: str, to: str) -> None:
        claim = Claim("advance", self.target.expected_by(route, origin, to), to, route.repeats)
        belief, own = self.beliefs[workflow], tenant == self.owners[workflow]
        if belief.open_most >= OPEN_MAX or self.is_silent:
            return
        legal = any(self.graph.allows(state, to) for state in claim.expected)
        # The route of an edge names no state: outside of its sources it may say that it cannot be asked there.
        lost = ("conflict",) if legal and route.sources is None else ("conflict", "refused")
        right = {True: ("won",), False: lost, None: ("won", *lost)}[belief.is_due(claim, self.graph)]

        def examine(answer: Answer, classified: ClassifiedAnswer) -> str | None:
            if not own:
                return None
            found = check_outcome(right, classified, belief)
            return found or (
                self.probes.examine_advance(claim, belief, route, self.graph, answer) if self.probes else None
            )

        reply = self.ask(self.asker.advance_ask(workflow, tenant, route, origin, to, examine), workflow, claim)
        if reply.outcome == "won" and own:
            self.won.append((workflow, route, origin, to))

    def ask_guard(self, workflow: str, tenant: str, guard: Guard) -> None:
        belief, own = self.beliefs[workflow], tenant == self.owners[workflow]
        if own and belief.states & set(guard.either):
            self.probe_guard(workflow, guard)
            return
        right = {True: ("ok",), False: ("conflict",), None: ("ok", "conflict")}[
            belief.is_due(Claim("read", guard.open), self.graph)
        ]

        def examine(answer: Answer, classified: ClassifiedAnswer) -> str | None:
            return self.examine_guard(guard, belief, right, answer, classified) if own else None

        self.ask(bind(self.asker.target, Call(guard=guard.name), workflow, tenant, examine), workflow)

    def probe_guard(self, workflow: str, guard: Guard) -> None:
        """A guard whose right answer does not follow from the state alone: no operation that a judge could place."""
        owner = self.owners[workflow]
        request = self.asker.build(bind(self.target, Call(guard=guard.name), workflow, owner))
        exchange = self.asker.release.send(request)
        answer = exchange.answer
        if self.asker.trails.is_denied(owner, workflow, answer.status, exchange.invoked_ns):
            return
        classified = classify_guard(self.target, answer, guard)
        problem = self.examine_guard(guard, self.beliefs[workflow], ("ok", "conflict"), answer, classified)
        self.asker.probe("contract", f"guard {guard.name}", problem, status=answer.status, workflow=workflow)
        self.refuse(workflow, problem)

    def examine_guard(
        self, guard: Guard, belief: Belief, right: Sequence[str], answer: Answer, classified: ClassifiedAnswer
    ) -> str | None:
        found = check_outcome(right, classified, belief)
        return found or (self.probes.examine_guard(guard, belief, answer) if self.probes else None)

    def advance_with_old_version(self, workflow: str, origin: str, to: str, pick: int) -> None:
        """Asks for a move with a version from before the last move that is not told any more, if there is one: it must
        not win.
        """
        routes = self.target.routes_for(origin, to)
        if self.is_silent or not routes or self.asker.versions.find_old(workflow, origin) is None:
            return
        call = replace(call_route(routes[pick % len(routes)], origin, to), version=VERSION_OLD)
        ask = bind(self.target, call, workflow, self.owners[workflow])
        if not carries_version(self.target, ask):
            return
        self.asker.refresh([ask])
        if self.asker.versions.find_old(workflow, origin) is not None:
            claim = Claim("advance", self.target.expected_by(find_route(self.target, call), origin, to), to)
            self.ask(ask, workflow, claim)

    def write(self, workflow: str, tenant: str, write: Write) -> None:
        """A write, where it is sent in every state in which the workflow may be. It must not move the workflow."""
        if self.beliefs[workflow].states <= set(write.states) and not self.is_silent:
            self.ask(bind(self.target, Call(write=write.name), workflow, tenant), workflow)

    def ask_malformed(self, workflow: str, question: int) -> None:
        """A request that no target can express: malformed bodies, unknown states, bad tokens, unknown ids."""
        assert self.probes is not None
        self.refuse(workflow, self.probes.ask(self.asker, workflow, self.owners[workflow], question))

    def refuse(self, workflow: str, problem: str | None) -> None:
        """Raises MismatchError if there is a problem."""
        self.touched, self.may_have_moved = workflow, False
        if problem is not None:
            raise MismatchError(problem)

    def read(self, workflow: str, tenant: str) -> None:
        claim = Claim("read") if tenant == self.owners[workflow] else None
        self.ask(self.asker.read_ask(workflow, tenant), workflow, claim)

    def ask(self, ask: Ask, workflow: str, claim: Claim | None = None) -> Reply:
        """Sends a request, and updates the belief by its answer. Raises MismatchError if no world explains it."""
        self.sent += 1
        [call] = spread(self.target, [ask.call], self.sent)
        user = self.target.name_user(ask.tenant, ask.route, call.user)
        reply = self.send(dataclasses.replace(ask, call=call, user=user), claim)
        if not reply.id:
            return reply  # it was not sent
        problem = reply.classified.problem
        self.refuse(workflow, problem and f"operation {reply.id}: {problem}")
        self.may_have_moved = ask.call.kind == "advance" and reply.outcome in ("won", "unknown")
        own = ask.tenant == self.owners[workflow]
        if not own and reply.outcome not in ("refused", "busy", "unknown"):
            raise MismatchError(f"operation {reply.id}: another tenant's {ask.call.kind} was answered {reply.outcome}")
        if own and claim is not None:
            span = (reply.exchange.invoked_ns, reply.exchange.returned_ns or now_ns())
            self.believe(workflow, self.beliefs[workflow].after(claim, reply.classified, self.graph, span), reply)
        return reply

    def send(self, ask: Ask, claim: Claim | None) -> Reply:
        """Asks, and asks again while the engine is busy. It insists on a due move: so the judge can see whether the
        workflow stays busy.
        """
        if self.asker.in_vain >= IN_VAIN_MAX:
            return self.asker.ask(ask)
        if claim is None or claim.kind != "advance" or ask.tenant != self.owners[ask.workflow]:
            return self.asker.ask_until_told(ask)
        return self.asker.ask_until_told(ask, insists=self.beliefs[ask.workflow].is_due(claim, self.graph) is True)

    def believe(self, workflow: str, belief: Belief, reply: Reply) -> None:
        if not belief.worlds:
            told = f", telling {reply.classified.observed}" if reply.classified.observed else ""
            states = ", ".join(sorted(self.beliefs[workflow].states))
            raise MismatchError(
                f"operation {reply.id} was answered {reply.outcome}{told}, but {workflow} was in {states}"
            )
        self.beliefs[workflow] = belief

    def compare(self, workflow: str, *, with_trail: bool = True) -> None:
        """Compares the workflow's state, and its trail, with the model's, where they are shown. Raises
        MismatchError.
        """
        if self.is_silent:
            return
        owner = self.owners[workflow]
        if self.target.can_read:
            self.read(workflow, owner)
        self.touched = None
        entries = self.asker.trail(workflow, owner) if with_trail else None
        if entries is None:
            return
        trail = tuple((entry["from"], entry["to"]) for entry in entries if entry["from"] is not None)
        belief = self.beliefs[workflow].seen(trail, self.graph, now_ns())
        if not belief.worlds:
            known = min(self.beliefs[workflow].worlds, key=lambda world: world.trail).trail
            raise MismatchError(
                f"the trail of {workflow} is {describe_trail(trail)}, but the model's is {describe_trail(known)}"
            )
        self.beliefs[workflow] = belief

    def finish(self) -> None:
        """Compares every workflow once more, and reads its effects."""
        for workflow in self.names:
            self.compare(workflow)
            if not self.is_silent:
                self.asker.effects(workflow, self.owners[workflow])


def check_outcome(right: Sequence[str], classified: ClassifiedAnswer, belief: Belief) -> str | None:
    """What is wrong with the outcome, in words. An unknown one or a busy one is never wrong; the judge says whether the
    version of a stale one was old, and whether a workflow stays busy.
    """
    if classified.outcome in (*right, "busy", "stale", "unknown"):
        return None
    status, outcome = classified.status, classified.outcome
    states = " or ".join(sorted(map(str, belief.states)))
    return f"the answer (status {status}) means {outcome}, but only {' or '.join(right)} is right in the state {states}"


def describe_trail(trail: Any) -> str:
    return " ".join(f"{origin}->{to}" for origin, to in trail) or "empty"
