"""One fault at each statement of a schedule: still at most one request wins, and the history has an explanation.

The order is the simplest: each request runs until it is over. Each of its statements in turn meets each fault; the
server is killed only at a statement that makes changes durable. Afterwards the service has some time to recover; then
the workflow is read and, where that is legal, moved one state further, so that a gap in its trail shows.
"""

from collections.abc import Callable, Sequence

from engine.target.graph import TransitionGraph
from stateful_tests.interleavings.explorer import ATTEMPTS_MAX, follow
from stateful_tests.interleavings.fresh_workflows import OTHER_CHANNELS
from stateful_tests.interleavings.schedule import Choice, Choose, Option, Pairing, Trace
from stateful_tests.interleavings.statement_faults import DELAYED, FAULTS, SERVER_KILLED
from stateful_tests.interleavings.testbed import Testbed

# Ten reads each, as long as the service has broken connections: they reach nearly every thread of a few dozen.
ROUNDS_AFTER_CRASH = 30


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
    """A schedule without a fault, then one for each of its statements and each fault, while `go_on` allows it; and
    whether each of these faults was injected.

    The server is killed at most `kills` times, at statements that make changes durable.
    """
    plain = await testbed.run(pairing, follow(""))
    steps = range(1, len(plain.steps) + 1)
    committing = [at for at in steps if plain.steps[at - 1].commits][:kills]
    points = [(at, fault) for at in steps for fault in FAULTS if fault != SERVER_KILLED or at in committing]
    traces = [plain]
    for at, fault in points:
        if not go_on():
            return traces, False
        traces.append(await inject_one(testbed, pairing, plain.order, at, fault))
    return traces, all(trace.fault is not None for trace in traces[1:])


async def inject_one(testbed: Testbed, pairing: Pairing, order: str, at: int, fault: str) -> Trace:
    """A schedule in which step `at` meets the fault; tried ATTEMPTS_MAX times, since a request that meets a connection
    broken earlier may end before that step.
    """
    for _ in range(ATTEMPTS_MAX):
        trace = await run_faulted(testbed, pairing, inject(order, at, fault))
        if trace.fault is not None:
            break
    return trace


async def run_faulted(testbed: Testbed, pairing: Pairing, choose: Choose) -> Trace:
    """One schedule with a fault in it, and the requests that follow it."""
    trace = await testbed.run(pairing, choose)
    await testbed.revive()
    testbed.record_fault()
    if trace.fault not in (None, DELAYED):
        # The processes that met the fault may back off for a while; after a crash, all: their connections are dead.
        channels, rounds = (*testbed.scheduler.channels[: len(pairing.calls)],), 1
        if trace.fault == SERVER_KILLED:
            channels, rounds = channels + OTHER_CHANNELS, ROUNDS_AFTER_CRASH
        await testbed.fresh.recover(
            trace.workflows[0], channels, lambda clean: clean >= (rounds if testbed.proxy.broken else 1), testbed.revive
        )
        await testbed.send_again(trace)
    for workflow in trace.workflows:
        await move_on(testbed, workflow)
    await testbed.revive()
    return trace


async def move_on(testbed: Testbed, workflow: str) -> None:
    """Reads a workflow and moves it one state further, if there is one. It may not have been created."""
    if workflow not in testbed.asker.server_ids:
        return
    state = await testbed.fresh.read(workflow, 0)
    next_state = find_onward(testbed.target.graph, state)
    if state is not None and next_state is not None:
        route = testbed.fresh.choose_route(state, next_state)
        ask = testbed.asker.advance_ask(workflow, testbed.fresh.find_owner(workflow), route, state, next_state)
        await testbed.fresh.ask(ask, 0)


def find_onward(graph: TransitionGraph, state: str | None) -> str | None:
    """A next state; a terminal one only where there is no other."""
    return min(graph.successors.get(state or "", ()), key=lambda each: each in graph.terminal, default=None)
