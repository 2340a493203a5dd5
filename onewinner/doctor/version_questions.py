"""The questions about versions: a move without the version that it carries, and one with an old version."""

from collections.abc import Sequence
from itertools import pairwise

from engine.target.answer_rules import Meanings
from engine.target.graph import TransitionGraph
from engine.target.target import Target
from engine.target.template import Value
from engine.target.workflow_source import IdPool
from onewinner.doctor import version_remedies
from onewinner.doctor.questions import Questions
from onewinner.doctor.remedies import Probe
from onewinner.doctor.tour_plan import Step, walk_steps

# For so many requests of the file, at most: each needs a workflow of its own.
REQUESTS_MAX = 8


def examine_versions(questions: Questions) -> list[str]:
    """Asks with an old version and without one, for each request of the file that carries one; what was not asked."""
    steps = list_steps(questions.target)
    if not steps:
        return []
    if isinstance(questions.target.create, IdPool):
        return ["a move with an old version or without one: that would use up an id of create.ids"]
    for step, name in steps[:REQUESTS_MAX]:
        if not ask_about(questions, step, name):
            break
    left = len(steps) - REQUESTS_MAX
    return [f"an old version in {left} more requests: each needs a workflow of its own"] if left > 0 else []


def list_steps(target: Target) -> list[tuple[Step, str]]:
    """For each request of the file that carries what [read] saves: one move that it makes, and the value's name.

    A move behind another one goes first: only there is a version old.
    """
    found: dict[int | None, tuple[Step, str]] = {}
    for step in sorted(walk_steps(target), key=lambda each: len(find_way(target.graph, each.origin)) < 2):
        if (name := name_version(target, step)) is not None:
            found.setdefault(step.route.index, (step, name))
    return list(found.values())


def name_version(target: Target, step: Step) -> str | None:
    """The saved value of a request that may be a version. Without `stale` the file does not say whether it is one."""
    carried = step.route.template.placeholders
    if target.version is not None:
        return target.version if target.version in carried else None
    return next((saving.name for saving in target.read_savings if saving.name in carried), None)


def find_way(graph: TransitionGraph, state: str) -> tuple[str, ...]:
    """The states on the shortest way into a state, one move at least if there is a way around."""
    if state != graph.initial:
        return graph.path(graph.initial, state) or ()
    circles = [(state, *back) for after in graph.successors.get(state, ()) if (back := graph.path(after, state))]
    return min(circles, key=len, default=(state,))


def ask_about(questions: Questions, step: Step, name: str) -> bool:
    """On a new workflow, in the state before the move; whether all was right."""
    workflow = questions.create(again=True)
    if workflow is None:
        return False
    told = walk(questions, workflow, find_way(questions.target.graph, step.origin), name)
    old = next((each for each in told if each != told[-1]), None)
    if old is not None and not ask_old(questions, workflow, step, name, old):
        return False
    return not told or ask_none(questions, workflow, step, name)


def walk(questions: Questions, workflow: str, way: Sequence[str], name: str) -> list[Value]:
    """Makes the moves; the value that the answers told at first, and after each move. Empty if a move did not win."""
    questions.read_version(workflow)
    told = [questions.list_values(workflow).get(name)]
    for origin, to in pairwise(way):
        step = Step(questions.target.routes_for(origin, to)[-1], origin, to)
        probe, _ = questions.send_advance(f"advance {origin} -> {to}", workflow, step, ("won",))
        if probe.classified.outcome != "won":
            return []
        questions.read_version(workflow)
        told.append(questions.list_values(workflow).get(name))
    return [] if None in told else [each for each in told if each is not None]


def ask_old(questions: Questions, workflow: str, step: Step, name: str, old: Value) -> bool:
    """The next move with a version that a move has made old, which the service must refuse as such; whether the
    workflow is still where it was.
    """
    what = f"advance {step.origin} -> {step.to} with an old version"
    probe, _ = questions.send_advance(what, workflow, step, ("stale",), replaced={name: old})
    if probe.classified.outcome == "conflict" and questions.target.graph.timed:
        return True  # it may have moved by itself
    is_said = questions.target.version is not None
    if not is_said and not version_remedies.says_old(probe):
        return True  # it may be another value that changes, such as a token
    remedy = version_remedies.advise_old(find_meanings(step, probe), probe, step.origin)
    return questions.note(probe, remedy) or version_remedies.is_refusal(probe)


def ask_none(questions: Questions, workflow: str, step: Step, name: str) -> bool:
    """The next move without what carries the version. An answer counts only if the file says what it means."""
    if name in step.route.template.without(name).placeholders:
        return True
    what = f"advance {step.origin} -> {step.to} without a version"
    probe, _ = questions.send_advance(what, workflow, step, ("refused",), omitted=name)
    promised = find_meanings(step, probe).precondition_required
    if not promised and probe.classified.outcome in ("won", "refused", "conflict", "stale"):
        return True
    return questions.note(probe, version_remedies.advise_none(promised, probe))


def find_meanings(step: Step, probe: Probe) -> Meanings:
    """Those of the request that told the outcome."""
    poll = step.route.poll
    return poll.meanings if poll is not None and probe.table.endswith(".poll") else step.route.meanings
