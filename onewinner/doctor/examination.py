"""Asks a service everything that its target file describes once, one request after the other, and says of every answer
what to change in the file, if it looks wrong.
"""

from dataclasses import dataclass, field

from engine.target.illegal import list_illegal
from engine.target.target import NotBuiltError, Target
from engine.target.workflow_source import IdPool
from onewinner.doctor import remedies
from onewinner.doctor.questions import Examined, Questions
from onewinner.doctor.tour_plan import Step, plan_tour, share, walk_steps
from onewinner.doctor.unit_questions import examine_units
from onewinner.doctor.version_questions import examine_versions
from reports.judge.text.short_forms import count

# So many workflows are created, at most; a command may take a second for each.
WALKS_MAX, WALKS_BY_COMMAND_MAX = 60, 8
# After so many wrong answers the rest is not asked: they mostly have one reason.
WRONG_MAX = 5


@dataclass
class Examination:
    """The course of the questions. `visited` are the states in which was asked what there is to ask.

    `guarded` are the guards that were asked, with whether they were open; `moves` are those of the present workflow;
    `skipped` is what was not asked, with the reason.
    """

    questions: Questions
    skipped: list[str] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)
    guarded: set[tuple[str, bool]] = field(default_factory=set)
    moves: list[tuple[str, str]] = field(default_factory=list)

    @property
    def target(self) -> Target:
        return self.questions.target

    @property
    def done(self) -> list[Examined]:
        return self.questions.done

    @property
    def wrong(self) -> list[Examined]:
        return self.questions.wrong

    def run(self) -> None:
        """Asks until an answer makes the next question pointless. First every user logs in: the gate asks as each."""
        self.questions.log_in_all()
        if self.target.has_workflow:
            self.examine_workflow()
        if self.target.capacity is not None and not self.wrong:
            self.skipped += examine_units(self.questions)

    def examine_workflow(self) -> None:
        """The moves of a workflow, and what there is beside them."""
        workflow = self.questions.create()
        initial = self.target.graph.initial
        if workflow is None or not self.questions.read(workflow, initial, is_new=True):
            return
        self.visit(workflow, initial)
        first = self.advance_once(workflow)
        if first is None:
            return
        step, id_ = first
        is_there = self.questions.read(workflow, step.to) or not self.questions.moved_alone(step.to)
        if is_there:
            self.questions.ask_stale(workflow, step.route, initial, step.to)
            self.questions.read(workflow, step.to, what="read after a stale advance")
        self.skipped += examine_versions(self.questions)
        if self.ask_stranger(workflow, step.to, is_there=is_there and self.target.can_read):
            self.skipped.append("anything more of the workflow that another tenant has moved")
            return
        if is_there:
            self.visit(workflow, step.to)
        self.questions.read_trail(workflow, self.moves)
        if step.route.carries_marker or not any(each.carries_marker for each in self.target.routes):
            self.questions.read_effects(workflow, step, id_)
        self.take_tour(workflow, step)
        self.questions.press(initial, step.to)
        self.note_skipped()

    def visit(self, workflow: str, state: str) -> None:
        """Once for each state: what must be refused there, a read behind each request; then guards."""
        if state in self.visited:
            return
        self.visited.add(state)
        # To another state alone: many services repeat the answer to a move into the same one.
        requests = [each for each in list_illegal(self.target, state) if each.to != state]
        for request in requests[: share(self.target)]:
            try:
                if not self.questions.ask_illegal(workflow, request):
                    return
            except NotBuiltError as error:
                if error.value is None:
                    raise
                self.skipped.append(f"illegal advance {state} -> {request.to}: {error}")
        if len(requests) > share(self.target):
            self.skipped.append(f"{len(requests) - share(self.target)} illegal requests in {state}: they are too many")
        self.ask_guards(workflow, state)
        self.ask_writes(workflow, state)

    def take_tour(self, workflow: str, first: Step) -> None:
        """Every other move over each of its requests; the first walk goes on with the workflow that is there."""
        target = self.target
        by_request = target.creates_by_request
        walks_max = WALKS_MAX if by_request else WALKS_BY_COMMAND_MAX
        if isinstance(target.create, IdPool):
            self.walk_on(workflow, first)
            return
        tour = plan_tour(target, walks_max, (first,))
        for walk in tour.walks:
            if len(self.wrong) >= WRONG_MAX:
                self.skipped.append(f"what comes behind {WRONG_MAX} wrong answers")
                return
            if (new := self.questions.create(again=True)) is None:
                return
            self.questions.read_version(new)
            self.moves = []
            for step in walk:
                if not self.take(new, step):
                    break
            else:
                self.questions.read_trail(new, self.moves)
        within_reach = [step for step in tour.left if target.graph.path(target.graph.initial, step.origin)]
        if within_reach:
            self.skipped.append(f"{len(within_reach)} moves: they need more than {walks_max} workflows")
        if behind := len(tour.left) - len(within_reach):
            self.skipped.append(f"{count(behind, 'move')} behind a move that no request makes")

    def walk_on(self, workflow: str, first: Step) -> None:
        """What one workflow can show, where only a list of ids gives some."""
        state, made = first.to, [first]
        while onward := [step for step in self.list_steps(state) if step not in made]:
            step = min(onward, key=lambda each: each.to in self.target.graph.terminal)
            made.append(step)
            if not self.take(workflow, step):
                return
            state = step.to
        left = sum(step not in made for step in self.list_steps())
        self.skipped += [f"{left} moves: each would use up an id of create.ids"] if left else []

    def list_steps(self, origin: str | None = None) -> list[Step]:
        return [step for step in walk_steps(self.target) if origin in (None, step.origin)]

    def take(self, workflow: str, step: Step) -> bool:
        """Makes a move, reads the state, and asks what is to be asked there; whether all was right."""
        probe, id_ = self.questions.send_advance(f"advance {step.origin} -> {step.to}", workflow, step, ("won",))
        others = any(each.probe.table == probe.table and each.probe.classified.outcome == "won" for each in self.done)
        if not self.questions.note(probe, remedies.advise_advance(probe, step.origin, step.to, others_won=others)):
            return False
        self.moves.append((step.origin, step.to))
        if not self.questions.read(workflow, step.to):
            return False
        if step.route.carries_marker and not any(each.probe.table == "effects" for each in self.done):
            self.questions.read_effects(workflow, step, id_)
        before = len(self.wrong)
        self.visit(workflow, step.to)
        return len(self.wrong) == before

    def note_skipped(self) -> None:
        """What the file describes and no question was about, and what it does not describe."""
        target = self.target
        unseen = [state for state in target.graph.states if state not in self.visited]
        self.skipped += [f"anything in {', '.join(unseen[:5])}: no walk came there"] if unseen else []
        for guard in target.guards:
            asked = {is_open for name, is_open in self.guarded if name == guard.name}
            self.skipped += [] if True in asked else [f"guard {guard.name} where it is open"]
            self.skipped += [] if False in asked else [f"guard {guard.name} where it is closed"]
        if not target.strangers:
            self.skipped.append("what another tenant may see and move: the file has one tenant only")
        self.skipped += [] if target.can_read else ["the state after each request: the file has no [read]"]
        self.skipped += ["an audit trail: the file has no [audit]"] if target.trail is None else []
        self.skipped += ["effects: the file has no [effects]"] if target.effects is None and not target.sinks else []
        self.skipped += [f"the calls to the sink {sink.name}: the gate counts them" for sink in target.sinks]
        if isinstance(target.create, IdPool):
            self.skipped.append("several requests at once: that would use up an id of create.ids")

    def advance_once(self, workflow: str) -> tuple[Step, str] | None:
        """The first legal move, if possible not into a dead end, and its request id."""
        steps = self.list_steps(self.target.graph.initial)
        if not steps:
            self.skipped.append(
                "any move: no request leads out of the initial state; the gate waits for the one that does"
            )
            return None
        step = min(steps, key=lambda each: each.to in self.target.graph.terminal)
        step = Step(self.target.routes_for(step.origin, step.to)[-1], step.origin, step.to)
        probe, id_ = self.questions.send_advance(f"advance {step.origin} -> {step.to}", workflow, step, ("won",))
        if not self.questions.note(probe, remedies.advise_advance(probe, step.origin, step.to)):
            return None
        self.moves.append((step.origin, step.to))
        return step, id_

    def ask_stranger(self, workflow: str, state: str, *, is_there: bool) -> bool:
        """Another tenant reads the workflow, and asks for its next move. Whether it may have made it.

        `is_there`: a read has shown the state.
        """
        moved, certain = False, state if is_there and not self.questions.moved_alone(state) else None
        for stranger in self.target.strangers[:1]:
            if self.target.can_read:
                self.questions.read_as(stranger, workflow, certain)
            nexts = self.target.graph.successors.get(state, ()) or (self.target.graph.initial,)
            for route in self.target.routes_for(state, nexts[0])[-1:]:
                what = f"advance by {stranger} {state} -> {nexts[0]}"
                step = Step(route, state, nexts[0])
                probe, _ = self.questions.send_advance(what, workflow, step, ("refused",), stranger)
                self.questions.note(probe, remedies.advise_stranger(self.target, probe, certain))
                moved = probe.classified.outcome in ("won", "unknown")
        return moved

    def ask_guards(self, workflow: str, state: str) -> None:
        """Each guard, whether it must answer in this state or must not."""
        for guard in self.target.guards:
            key = guard.name, state in guard.open
            if state not in guard.either:
                self.guarded.add(key)
                self.questions.ask_guard(workflow, guard, state)

    def ask_writes(self, workflow: str, state: str) -> None:
        """Each write of the file that is sent in this state."""
        for write in self.target.writes_in(state):
            self.questions.ask_write(workflow, write, state)
