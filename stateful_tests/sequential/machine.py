"""Does the engine give the right answer to each request of a random sequence, legal or not?

The machine sends one request at a time and compares each answer with the model, whose step is the judge's own. All
random choices are numbers in fixed ranges, made before the request; the model alone decides what they mean, never a
live answer. After every rule the state is read and compared; the trail after each move that was made or may have been,
and at the end of the sequence.
"""

import sys
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from load.client.asker import Asker
from stateful_tests.reference_probes import Probes
from stateful_tests.sequential.checked_workflows import CheckedWorkflows

WORKFLOWS_MAX = 3
PICK = st.integers(min_value=0, max_value=2**16 - 1)
RARE = 6
HOPS_MAX = 8


def on_one_of(checked: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives the rule one of the workflows, or of the resources; `checked` is the machine's attribute that has them.
    Does nothing while there is none, or once the service answers no more.

    No precondition: then live answers would decide which rules can be drawn, and Hypothesis gives up on a sequence that
    draws otherwise when it runs again.
    """

    def choose(rule_body: Callable[..., None]) -> Callable[..., None]:
        def asked(self: RuleBasedStateMachine, which: int, **draws: Any) -> None:
            known = getattr(self, checked)
            if known.names and not known.is_silent:
                rule_body(self, known.names[which % len(known.names)], **draws)

        asked.__name__ = rule_body.__name__
        return asked

    return choose


on_a_workflow = on_one_of("workflows")


class WorkflowMachine(RuleBasedStateMachine):
    """Random requests to one engine. `asker` and `probes` belong to the whole run. Hypothesis orders the rules by their
    names: a rule that is renamed changes which sequences a seed stands for.
    """

    def __init__(self, asker: Asker, probes: Probes | None) -> None:
        super().__init__()
        self.workflows = CheckedWorkflows(asker, probes)
        self.target = asker.target
        self.graph = asker.target.graph

    @initialize(pick=PICK)
    def begin(self, pick: int) -> None:
        self.create_one(pick)

    @rule(pick=PICK)
    def create(self, pick: int) -> None:
        if len(self.workflows.names) < WORKFLOWS_MAX:
            self.create_one(pick)

    @rule(which=PICK, hops=st.lists(st.tuples(PICK, PICK), min_size=1, max_size=HOPS_MAX))
    @on_a_workflow
    def advance_legally(self, workflow: str, hops: list[tuple[int, int]]) -> None:
        """Some legal moves; into a terminal state only now and then."""
        for edge, route in hops:
            state = self.find_state(workflow)
            nexts = self.graph.successors.get(state, ())
            onward = [state for state in nexts if state not in self.graph.terminal]
            choices = onward if onward and edge % RARE else nexts
            if choices:
                self.advance(workflow, state, choices[edge % len(choices)], route)

    @rule(which=PICK, to=PICK)
    @on_a_workflow
    def advance_illegally(self, workflow: str, to: int) -> None:
        state = self.find_state(workflow)
        illegal = [other for other in self.graph.states if self.graph.refuses(state, other)]
        self.advance(workflow, state, illegal[to % len(illegal)], to)

    @rule(which=PICK, edge=PICK, route=PICK)
    @on_a_workflow
    def advance_stale(self, workflow: str, edge: int, route: int) -> None:
        """A legal edge out of a state in which the workflow is not."""
        states = self.workflows.beliefs[workflow].states
        edges = [pair for pair in self.graph.walk_edges() if pair[0] not in states]
        if edges:
            self.advance(workflow, *edges[edge % len(edges)], route)

    @precondition(lambda self: self.target.version)
    @rule(which=PICK, edge=PICK, route=PICK)
    @on_a_workflow
    def advance_with_old_version(self, workflow: str, edge: int, route: int) -> None:
        """A legal move with a version that was told before the last move: it must not win."""
        state = self.find_state(workflow)
        nexts = self.graph.successors.get(state, ())
        if nexts:
            self.workflows.advance_with_old_version(workflow, state, nexts[edge % len(nexts)], route)

    @rule(which=PICK)
    def replay(self, which: int) -> None:
        """An advance that has won, once more."""
        won = self.workflows.won
        if won:
            workflow, route, origin, to = won[which % len(won)]
            self.workflows.advance_by(workflow, self.workflows.owners[workflow], route, origin, to)

    @precondition(lambda self: self.target.routes)
    @rule(which=PICK, route=PICK)
    @on_a_workflow
    def call_route(self, workflow: str, route: int) -> None:
        """A route with edges of its own (a step's POST, complete, fail; cancel), in any state."""
        chosen = self.target.routes[route % len(self.target.routes)]
        state, sources = self.find_state(workflow), chosen.sources or ()
        origin = state if state in sources else sources[0]
        self.workflows.advance_by(workflow, self.workflows.owners[workflow], chosen, origin, chosen.to or "")

    @precondition(lambda self: self.target.guards)
    @rule(which=PICK, guard=PICK, stranger=PICK)
    @on_a_workflow
    def ask_guard(self, workflow: str, guard: int, stranger: int) -> None:
        chosen = self.target.guards[guard % len(self.target.guards)]
        self.workflows.ask_guard(workflow, self.pick_tenant(workflow, stranger), chosen)

    @precondition(lambda self: self.target.writes)
    @rule(which=PICK, write=PICK, stranger=PICK)
    @on_a_workflow
    def write(self, workflow: str, write: int, stranger: int) -> None:
        """A request that must not move the workflow: the state and the trail are compared after it."""
        chosen = self.target.writes[write % len(self.target.writes)]
        self.workflows.write(workflow, self.pick_tenant(workflow, stranger), chosen)

    @precondition(lambda self: self.target.strangers)
    @rule(which=PICK, edge=PICK, route=PICK)
    @on_a_workflow
    def advance_as_stranger(self, workflow: str, edge: int, route: int) -> None:
        """The owner's next legal advance, sent by another tenant."""
        state = self.find_state(workflow)
        nexts = self.graph.successors.get(state, ()) or self.graph.states
        self.workflows.advance(workflow, self.pick_tenant(workflow, 0), state, nexts[edge % len(nexts)], route)

    @precondition(lambda self: self.target.strangers and self.target.can_read)
    @rule(which=PICK)
    @on_a_workflow
    def read_as_stranger(self, workflow: str) -> None:
        self.workflows.read(workflow, self.pick_tenant(workflow, 0))

    @precondition(lambda self: self.workflows.probes)
    @rule(which=PICK, question=PICK)
    @on_a_workflow
    def ask_malformed(self, workflow: str, question: int) -> None:
        self.workflows.ask_malformed(workflow, question)

    @invariant()
    def agree(self) -> None:
        """The workflow of the last request is in the model's state; with the model's trail, if it may have moved."""
        if self.workflows.touched is not None:
            workflow, self.workflows.touched = self.workflows.touched, None
            self.workflows.compare(workflow, with_trail=self.workflows.may_have_moved)

    def teardown(self) -> None:
        """Compares every workflow once more. Not after a failure, which that would hide."""
        if sys.exc_info()[0] is None:
            self.workflows.finish()

    def create_one(self, pick: int) -> None:
        creators = self.target.creators
        self.workflows.create(creators[0 if pick % RARE else pick % len(creators)])

    def pick_tenant(self, workflow: str, stranger: int) -> str:
        """Another tenant now and then (always for 0), if there is one; otherwise the owner."""
        owner = self.workflows.owners[workflow]
        others = [tenant for tenant in self.target.tenants if tenant != owner]
        return others[stranger % len(others)] if others and stranger % RARE == 0 else owner

    def find_state(self, workflow: str) -> str:
        return self.workflows.beliefs[workflow].state

    def advance(self, workflow: str, origin: str, to: str, route: int) -> None:
        """The owner's advance."""
        self.workflows.advance(workflow, self.workflows.owners[workflow], origin, to, route)
