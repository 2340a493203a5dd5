"""One fault at each point of a schedule: whatever is answered, nobody else wins and the history is explained.

The order is the plainest: each request until it is over. Each of its statements in turn meets each fault; the server is
killed at those alone that make changes last. Afterwards the service has a while to find its feet; then the workflow is
read and, where that is legal, led one state further, so that a gap in its trail shows.
"""

from collections.abc import Callable, Sequence

from engine.target.graph import TransitionGraph
from stateful_tests.interleavings.explorer import follow
from stateful_tests.interleavings.faults import DELAYED, FAULTS, SERVER_KILLED
from stateful_tests.interleavings.fresh_workflows import OTHERS
from stateful_tests.interleavings.schedule import Choice, Choose, Option, Pairing, Trace
from stateful_tests.interleavings.testbed import Testbed


def inject(order: str, at: int, fault: str | None) -> Choose:
    """Follows an order; the statement of step `at`, from 1, meets the fault."""
    choose, step = follow(order), 0

    def choose_with_fault(options: Sequence[Option]) -> Choice | None:
        nonlocal step
        step += 1
        choice = choose(options)
        return None if choice is None else Choice(choice.task, fault if step == at else None)

    return choose_with_fault


async def walk_faults(
    testbed: Testbed, pairing: Pairing, *, kills: int = 0, go_on: Callable[[], bool] = lambda: True
) -> tuple[list[Trace], bool]:
    """A schedule without a fault, and then one for each of its statements and each fault, while `go_on` says so; and
    whether these were all.

    The server is killed at most `kills` times, at statements that make changes last.
    """
    plain = await testbed.run(pairing, follow(""))
    steps = range(1, len(plain.steps) + 1)
    deadly = [at for at in steps if plain.steps[at - 1].commits][:kills]
    points = [(at, fault) for at in steps for fault in FAULTS if fault != SERVER_KILLED or at in deadly]
    traces = [plain]
    for at, fault in points:
        if not go_on():
            return traces, False
        traces.append(await run_faulted(testbed, pairing, inject(plain.order, at, fault)))
    return traces, True


async def run_faulted(testbed: Testbed, pairing: Pairing, choose: Choose) -> Trace:
    """One schedule with a fault in it, and what is asked afterwards."""
    trace = await testbed.run(pairing, choose)
    await testbed.revive()
    testbed.tell_fault()
    if trace.fault not in (None, DELAYED):
        # Whoever met the fault may back off for a while. After a crash anybody may: all connections of a pool are dead.
        mine = testbed.scheduler.lines[: len(pairing.calls)]
        await testbed.fresh.recover(
            trace.workflows[0], (*mine, *OTHERS) if trace.fault == SERVER_KILLED else mine, testbed.revive
        )
    for workflow in trace.workflows:
        await lead_on(testbed, workflow)
    await testbed.revive()
    return trace


async def lead_on(testbed: Testbed, workflow: str) -> None:
    """Reads a workflow and leads it one state further, where there is one."""
    state = await testbed.fresh.read(workflow, 0)
    following = find_onward(testbed.target.graph, state)
    if state is not None and following is not None:
        route = testbed.fresh.choose_route(state, following)
        ask = testbed.asker.advance_ask(workflow, testbed.fresh.own(workflow), route, state, following)
        await testbed.fresh.ask(ask, 0)


def find_onward(graph: TransitionGraph, state: str | None) -> str | None:
    """A state that is one move away, not a dead end where there is another."""
    following = sorted(graph.successors.get(state or "", ()), key=lambda each: each in graph.terminal)
    return following[0] if following else None
