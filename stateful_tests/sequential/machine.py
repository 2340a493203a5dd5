"""Does the engine give the one right answer to every question of a random sequence, legal or not?

The machine asks over HTTP, one request at a time, and compares each answer with the model, whose step is
the judge's own. All draws are numbers in fixed ranges and happen before the call; what they stand for is
decided by the model, never by a live answer. After every rule the state is read back and the trail is
compared. Each mismatch is also written into the history, so that the judge finds it on its own.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.target.target import Answer, ClassifiedAnswer, Guard, Route
from load.client.ask import Ask, Reply
from load.client.asker import Asker
from stateful_tests.reference import Probes
from stateful_tests.sequential.belief import Belief, Claim

WORKFLOWS_MAX = 3
PICK = st.integers(min_value=0, max_value=2**16 - 1)
RARE = 6
HOPS_MAX = 8
# A workflow is moved no more when so many unknown operations may still take effect: what they can come to grows fast.
OPEN_MAX = 6


def on_a_workflow(rule_body: Callable[..., None]) -> Callable[..., None]:
    """Does nothing while no create was answered, or once the service answers no more.

    No precondition: which rules can be drawn would then hang on live answers, and Hypothesis gives up on a sequence
    that draws otherwise when it is run again.
    """

    @wraps(rule_body)
    def asked(self: "WorkflowMachine", **draws: Any) -> None:
        if self.workflows and not self.asker.silence.is_certain:
            rule_body(self, **draws)

    return asked


class MismatchError(AssertionError):
    """The engine's answer is not one that the model allows."""


class WorkflowMachine(RuleBasedStateMachine):
    """Random questions to one engine. `asker` and `probes` belong to the whole run."""

    def __init__(self, asker: Asker, probes: Probes | None) -> None:
        super().__init__()
        self.asker = asker
        self.target = asker.target
        self.graph = asker.target.graph
        self.probes = probes
        self.workflows: list[str] = []
        self.owners: dict[str, str] = {}
        self.beliefs: dict[str, Belief] = {}
        self.won: list[tuple[str, Route, str, str]] = []
        self.touched: str | None = None

    @initialize(pick=PICK)
    def begin(self, pick: int) -> None:
        self.create_one(pick)

    @rule(pick=PICK)
    def create(self, pick: int) -> None:
        if len(self.workflows) < WORKFLOWS_MAX:
            self.create_one(pick)

    @rule(which=PICK, hops=st.lists(st.tuples(PICK, PICK), min_size=1, max_size=HOPS_MAX))
    @on_a_workflow
    def advance_legally(self, which: int, hops: list[tuple[int, int]]) -> None:
        """Some legal steps onward; into a dead end only now and then."""
        workflow = self.pick_workflow(which)
        for edge, route in hops:
            state = self.beliefs[workflow].state
            nexts = self.graph.successors.get(state, ())
            onward = [state for state in nexts if state not in self.graph.terminal]
            choices = onward if onward and edge % RARE else nexts
            if choices:
                self.advance(workflow, self.owners[workflow], state, choices[edge % len(choices)], route)

    @rule(which=PICK, to=PICK)
    @on_a_workflow
    def advance_illegally(self, which: int, to: int) -> None:
        workflow = self.pick_workflow(which)
        state = self.beliefs[workflow].state
        illegal = [other for other in self.graph.states if not self.graph.allows(state, other)]
        self.advance(workflow, self.owners[workflow], state, illegal[to % len(illegal)], to)

    @rule(which=PICK, edge=PICK, route=PICK)
    @on_a_workflow
    def advance_stale(self, which: int, edge: int, route: int) -> None:
        """A legal edge out of a state in which the workflow is not."""
        workflow = self.pick_workflow(which)
        edges = [pair for pair in self.graph.walk_edges() if pair[0] not in self.beliefs[workflow].states]
        if edges:
            self.advance(workflow, self.owners[workflow], *edges[edge % len(edges)], route)

    @rule(which=PICK)
    def replay(self, which: int) -> None:
        """An advance that already won, once more."""
        if self.won:
            workflow, route, origin, to = self.won[which % len(self.won)]
            self.ask_advance(workflow, self.owners[workflow], route, origin, to)

    @precondition(lambda self: self.target.routes)
    @rule(which=PICK, route=PICK)
    @on_a_workflow
    def call_route(self, which: int, route: int) -> None:
        """A route with edges of its own (a step's POST, complete, fail; cancel), whatever the state."""
        workflow = self.pick_workflow(which)
        chosen = self.target.routes[route % len(self.target.routes)]
        state, sources = self.beliefs[workflow].state, chosen.sources or ()
        origin = state if state in sources else sources[0]
        self.ask_advance(workflow, self.owners[workflow], chosen, origin, chosen.to or "")

    @precondition(lambda self: self.target.guards)
    @rule(which=PICK, guard=PICK, stranger=PICK)
    @on_a_workflow
    def ask_guard(self, which: int, guard: int, stranger: int) -> None:
        workflow = self.pick_workflow(which)
        chosen = self.target.guards[guard % len(self.target.guards)]
        tenant = self.pick_tenant(workflow, stranger)
        belief, own = self.beliefs[workflow], tenant == self.owners[workflow]
        if own and belief.states & set(chosen.either):
            self.probe_guard(workflow, chosen)
            return
        due = belief.is_due(Claim("read", chosen.open), self.graph)

        def examine(answer: Answer, reading: ClassifiedAnswer) -> str | None:
            if not own:
                return None
            found = check_outcome({True: ("ok",), False: ("conflict",), None: ("ok", "conflict")}[due], reading)
            return found or (self.probes.examine_guard(chosen, belief, answer) if self.probes else None)

        self.ask(self.asker.guard_ask(workflow, tenant, chosen, examine), workflow)

    def probe_guard(self, workflow: str, guard: Guard) -> None:
        """A guard where the state alone does not say which answer is right: no operation that a judge could place."""
        owner, server_id = self.owners[workflow], self.asker.server_ids[workflow]
        exchange = self.asker.release.send(self.target.build_guard(guard, owner, server_id, "guard"))
        answer = exchange.answer
        if self.asker.trails.is_turned_away(owner, workflow, answer.status, exchange.invoked_ns):
            return
        found = check_outcome(("ok", "conflict"), self.target.classify_guard(guard, answer))
        problem = found or (
            self.probes.examine_guard(guard, self.beliefs[workflow], answer) if self.probes is not None else None
        )
        self.asker.probe("contract", f"guard {guard.name}", problem, status=answer.status, workflow=workflow)
        self.touched = workflow
        if problem is not None:
            raise MismatchError(problem)

    @precondition(lambda self: self.target.strangers)
    @rule(which=PICK, edge=PICK, route=PICK)
    @on_a_workflow
    def advance_as_stranger(self, which: int, edge: int, route: int) -> None:
        """The owner's next legal advance, asked by another tenant."""
        workflow = self.pick_workflow(which)
        state = self.beliefs[workflow].state
        nexts = self.graph.successors.get(state, ()) or self.graph.states
        self.advance(workflow, self.pick_tenant(workflow, 0), state, nexts[edge % len(nexts)], route)

    @precondition(lambda self: self.target.strangers)
    @rule(which=PICK)
    @on_a_workflow
    def read_as_stranger(self, which: int) -> None:
        workflow = self.pick_workflow(which)
        self.ask(self.asker.read_ask(workflow, self.pick_tenant(workflow, 0)), workflow)

    @precondition(lambda self: self.probes)
    @rule(which=PICK, question=PICK)
    @on_a_workflow
    def ask_malformed(self, which: int, question: int) -> None:
        """What no target can express: malformed bodies, unknown states, bad tokens, ids that do not exist."""
        workflow = self.pick_workflow(which)
        assert self.probes is not None
        problem = self.probes.ask(self.asker, workflow, self.owners[workflow], question)
        self.touched = workflow
        if problem is not None:
            raise MismatchError(problem)

    @invariant()
    def agree(self) -> None:
        """The workflow that the last rule touched is in the model's state, with the model's trail."""
        if self.touched is not None:
            workflow, self.touched = self.touched, None
            self.compare(workflow)

    def teardown(self) -> None:
        """Every workflow once more, and who left a trace in it. Not after a failure, which that would hide."""
        if sys.exc_info()[0] is not None:
            return
        for workflow in self.workflows:
            self.compare(workflow)
            if not self.asker.silence.is_certain:
                self.asker.effects(workflow, self.owners[workflow])

    def create_one(self, pick: int) -> str | None:
        """The new workflow, None if there is none to be known."""
        if self.asker.silence.is_certain:
            return None
        tenants = self.target.creators
        tenant = tenants[0 if pick % RARE else pick % len(tenants)]
        workflow = self.asker.create(tenant, examine=self.probes.examine_create if self.probes else None)
        if workflow is not None:
            self.workflows.append(workflow)
            self.owners[workflow] = tenant
            self.beliefs[workflow] = Belief.fresh(self.graph)
            self.touched = workflow
        return workflow

    def pick_workflow(self, which: int) -> str:
        return self.workflows[which % len(self.workflows)]

    def pick_tenant(self, workflow: str, stranger: int) -> str:
        """Another tenant now and then (always for 0), if there is one; else the owner."""
        others = [tenant for tenant in self.target.tenants if tenant != self.owners[workflow]]
        return others[stranger % len(others)] if others and stranger % RARE == 0 else self.owners[workflow]

    def advance(self, workflow: str, tenant: str, origin: str, to: str, pick: int) -> None:
        routes = self.target.routes_for(origin, to)
        if routes:
            self.ask_advance(workflow, tenant, routes[pick % len(routes)], origin, to)

    def ask_advance(self, workflow: str, tenant: str, route: Route, origin: str, to: str) -> None:
        claim = Claim("advance", self.target.expected_by(route, origin, to), to)
        belief, own = self.beliefs[workflow], tenant == self.owners[workflow]
        if belief.open_most >= OPEN_MAX or self.asker.silence.is_certain:
            return
        due = belief.is_due(claim, self.graph)
        legal = any(self.graph.allows(state, to) for state in claim.expected)

        def examine(answer: Answer, reading: ClassifiedAnswer) -> str | None:
            if not own:
                return None
            # A route of an edge's own names no state: outside of its sources it may say that it cannot be asked there.
            lost = ("conflict",) if legal and route.sources is None else ("conflict", "refused")
            wanted = {True: ("won",), False: lost, None: ("won", *lost)}[due]
            found = check_outcome(wanted, reading)
            return found or (
                self.probes.examine_advance(claim, belief, route, self.graph, answer) if self.probes else None
            )

        reply = self.ask(self.asker.advance_ask(workflow, tenant, route, origin, to, examine), workflow, claim)
        if reply.outcome == "won" and own:
            self.won.append((workflow, route, origin, to))

    def ask(self, ask: Ask, workflow: str, claim: Claim | None = None) -> Reply:
        """Sends it, believes the answer, and raises MismatchError when the model cannot."""
        reply = self.asker.ask_until_told(ask)
        self.touched = workflow
        if reply.reading.problem is not None:
            raise MismatchError(f"operation {reply.id}: {reply.reading.problem}")
        own = ask.tenant == self.owners[workflow]
        if not own and reply.outcome not in ("refused", "busy", "unknown"):
            raise MismatchError(f"operation {reply.id}: another tenant's {ask.call.kind} was answered {reply.outcome}")
        if own and claim is not None:
            self.believe(workflow, self.beliefs[workflow].after(claim, reply.reading, self.graph), reply)
        return reply

    def believe(self, workflow: str, belief: Belief, reply: Reply) -> None:
        if not belief.worlds:
            told = f", telling {reply.reading.observed}" if reply.reading.observed else ""
            states = ", ".join(sorted(self.beliefs[workflow].states))
            raise MismatchError(
                f"operation {reply.id} was answered {reply.outcome}{told}, but {workflow} was in {states}"
            )
        self.beliefs[workflow] = belief

    def compare(self, workflow: str) -> None:
        if self.asker.silence.is_certain:
            return
        owner = self.owners[workflow]
        self.ask(self.asker.read_ask(workflow, owner), workflow, Claim("read"))
        self.touched = None
        entries = self.asker.trail(workflow, owner)
        if entries is None:
            return
        trail = tuple((entry["from"], entry["to"]) for entry in entries if entry["from"] is not None)
        belief = self.beliefs[workflow].seen(trail, self.graph)
        if not belief.worlds:
            known = min(self.beliefs[workflow].worlds, key=lambda world: world.trail).trail
            raise MismatchError(f"the trail of {workflow} is {show(trail)}, but the model's is {show(known)}")
        self.beliefs[workflow] = belief


def check_outcome(wanted: tuple[str, ...], reading: ClassifiedAnswer) -> str | None:
    """What is wrong with the outcome, in words; one that is unknown, or busy, is never wrong."""
    if reading.outcome in (*wanted, "busy", "unknown"):
        return None
    return f"the answer (status {reading.status}) means {reading.outcome}, but only {' or '.join(wanted)} is right here"


def show(trail: Any) -> str:
    return " ".join(f"{origin}->{to}" for origin, to in trail) or "empty"
