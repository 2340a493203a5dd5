"""One fault at each point of a schedule: whatever is answered, nobody else wins and the history is explained.

The order is the plainest: each request until it is over. Each of its statements in turn meets each fault; the server is
killed at those alone that make changes last. Afterwards the workflow is read and, where that is legal, led one state
further, so that a gap in its trail shows.
"""

from collections.abc import Sequence

from engine.graph import TransitionGraph
from load.gate import now_ns
from stateful_tests.explorer import follow
from stateful_tests.faults import FAULTS, SERVER_KILLED
from stateful_tests.rig import Rig
from stateful_tests.schedule import Choice, Choose, Option, Plan, Trace


def befall(order: str, at: int, fault: str | None) -> Choose:
    """Follows an order; the statement of step `at`, from 1, meets the fault."""
    choose, step = follow(order), 0

    def choose_with_fault(options: Sequence[Option]) -> Choice | None:
        nonlocal step
        step += 1
        choice = choose(options)
        return None if choice is None else Choice(choice.actor, fault if step == at else None)

    return choose_with_fault


async def walk_faults(rig: Rig, plan: Plan, *, kills: int = 0) -> list[Trace]:
    """A schedule without a fault, and then one for each of its statements and each fault.

    The server is killed at most `kills` times, at statements that make changes last.
    """
    plain = await rig.run(plan, follow(""))
    steps = range(1, len(plain.steps) + 1)
    deadly = [at for at in steps if plain.steps[at - 1].commits][:kills]
    points = [(at, fault) for at in steps for fault in FAULTS if fault != SERVER_KILLED or at in deadly]
    faulted = [await run_faulted(rig, plan, befall(plain.order, at, fault), fault) for at, fault in points]
    return [plain, *faulted]


async def run_faulted(rig: Rig, plan: Plan, choose: Choose, fault: str) -> Trace:
    """One schedule with a fault in it, and what is asked afterwards."""
    trace = await rig.run(plan, choose)
    if fault == SERVER_KILLED:
        # A pool may keep connections that are long dead, and give one to whoever asks next.
        await rig.fresh.exhaust(trace.workflow)
    if trace.fault_ns is not None:
        facts = {"at_ns": trace.fault_ns, "until_ns": now_ns(), "what": fault}
        rig.asker.journal.event("fault", **facts, workflow=trace.workflow)
    state = await rig.fresh.read(trace.workflow, 0)
    following = find_onward(rig.target.graph, state)
    if state is not None and following is not None:
        route = rig.fresh.choose_route(state, following)
        asker = rig.asker
        ask = asker.advance_ask(trace.workflow, rig.target.owner, route, state, following)
        await rig.fresh.ask(ask, 0)
    return trace


def find_onward(graph: TransitionGraph, state: str | None) -> str | None:
    """A state that is one move away, not a dead end where there is another."""
    following = sorted(graph.successors.get(state or "", ()), key=lambda each: each in graph.terminal)
    return following[0] if following else None
