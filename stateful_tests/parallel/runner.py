"""Executes plans: each time on new workflows, which it moves to a terminal state; the judge judges each execution.

The operations go into the run's journal, and those of the last executions also into a scratch file: the judge reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from engine.target.call import TAKE, Call
from engine.target.graph import TransitionGraph
from engine.target.target import Target
from load.client.ask import Ask, bind, carries_version
from load.client.asker import Asker
from load.client.release import Release
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.limits import Limits
from reports.judge.verdict import Judgement, Verdict
from stateful_tests.parallel.branch_versions import BranchVersions
from stateful_tests.parallel.plan import ParallelPlan, Place

# Checks of a few operations are certain to end; the default limits are for millions.
FINDINGS_MAX = 1000
# How often the way to a terminal state is tried, if an answer on the way was lost or refused.
ENDINGS_MAX = 3
# How many units are taken at the end, at most.
TAKES_MAX = 20
COPIED = (events.Invoke, events.Return, events.Audit, events.Effects, events.Probe, events.AccessDenied)


class TeeJournal(Journal):
    """A journal that also writes into a scratch file, which can begin again."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self._copy: Journal | None = None
        super().__init__(path)
        self.scratch = scratch

    def begin_copy(self) -> None:
        """Begins a new copy: it holds the lines written from now on."""
        self.end_copy()
        self.scratch.unlink(missing_ok=True)
        self._copy = Journal(self.scratch)

    def end_copy(self) -> None:
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def write(self, *written: events.Event) -> None:
        super().write(*written)
        if self._copy is not None:
            self._copy.write(*(event for event in written if isinstance(event, COPIED)))


@dataclass(frozen=True)
class Trial:
    """Some executions of one plan: how many of them failed, and the judgement of all.

    `blamed` are the operations of the plan on which each failure rests, the fewest first. `executed` counts the
    executions that had their workflows.
    """

    plan: ParallelPlan
    failed: int
    judgement: Judgement
    blamed: tuple[frozenset[Place], ...] = ()
    executed: int = 0


class Runner:
    """Executes plans through one asker, with the journal of the run."""

    def __init__(self, target: Target, journal: TeeJournal) -> None:
        self.target = target
        self.journal = journal
        self.asker = Asker(target, Release(target.base_url, target.timeout_s), journal, "parallel")

    def try_out(self, plan: ParallelPlan, repeats: int) -> Trial:
        """Executes a plan that many times, and judges each execution."""
        self.journal.begin_copy()
        where: dict[str, int] = {}
        places: dict[int | str, Place] = {}
        executed = 0
        for number in range(repeats):
            if self.asker.silence.is_certain:
                break
            names = self.execute(plan, places)
            executed += len(names) == plan.workflows
            where |= dict.fromkeys(names, number)
        self.journal.end_copy()
        history = read_history(self.journal.scratch)
        judgement = judge(history, self.target.graph, limits=Limits(findings_max=FINDINGS_MAX))
        failing = [found for found in judgement.findings if found.verdict is Verdict.FAIL]
        failed = {where[found.workflow] for found in failing if found.workflow in where}
        # A failure that belongs to no workflow counts once.
        count = len(failed) or int(judgement.verdict is Verdict.FAIL)
        blamed = {frozenset(places[id_] for id_ in found.operations if id_ in places) for found in failing}
        fewest_first = tuple(sorted(blamed, key=lambda each: (len(each), sorted(each))))
        return Trial(plan, count, judgement, fewest_first, executed)

    def execute(self, plan: ParallelPlan, places: dict[int | str, Place]) -> list[str]:
        """One execution; returns its workflows. Adds to `places` the place of each operation in the plan."""
        asker, owner = self.asker, self.target.owner
        # With new connections, chance decides again which process of the service gets which of them.
        asker.release.close()
        names = [name for _ in range(plan.workflows) if (name := asker.create(owner)) is not None]
        if len(names) == plan.workflows:
            for place, call in enumerate(plan.prefix):
                places[asker.ask_until_told(self.make_ask(call, names)).id] = (-1, place)
            versions = self.know_versions(plan, names)
            for place, round_ in enumerate(plan.number_rounds()):
                if asker.silence.is_certain:
                    break
                asks = [versions.carry(branch, self.make_ask(call, names)) for branch, call in round_]
                replies = asker.race(asks, None)
                for (branch, _), reply in zip(round_, replies, strict=True):
                    versions.note(branch, reply)
                # Busy requests changed nothing: the client asks again, one at a time.
                for ask, reply in zip(asks, replies, strict=True):
                    if reply.outcome == "busy":
                        asker.ask_until_told(ask)
                places |= {reply.id: (number, place) for reply, (number, _) in zip(replies, round_, strict=True)}
        for name in names:
            self.finish(name)
        return names

    def know_versions(self, plan: ParallelPlan, names: Sequence[str]) -> BranchVersions:
        """Reads the versions that the branches will carry, where they may not be current."""
        asks = [self.make_ask(call, names) for branch in plan.branches for call in branch]
        self.asker.refresh(asks)
        carriers = [ask for ask in asks if carries_version(self.target, ask)]
        return BranchVersions(self.target, {ask.workflow: self.asker.fix_version(ask).version for ask in carriers})

    def finish(self, name: str) -> None:
        """Moves a workflow to a terminal state, if it can and its state can be read; then it reads its trail and its
        effects.
        """
        asker, owner = self.asker, self.target.owner
        if not self.target.has_workflow:
            if self.target.can_read and not asker.silence.is_certain:
                self.look(name)
            self.take_rest(name)
            asker.forget(name)
            return
        state = self.look(name) if self.target.can_read else None
        for _ in range(ENDINGS_MAX if self.target.can_read else 0):
            if asker.silence.is_certain:
                break
            if state is not None and not self.walk_on(name, find_end(self.target.graph, state)):
                break
            state = self.look(name)
        if not asker.silence.is_certain:
            asker.trail(name, owner)
            asker.effects(name, owner)
        asker.forget(name)

    def take_rest(self, name: str) -> None:
        """Takes what is left of a resource, which shows how many units there were."""
        for _ in range(TAKES_MAX):
            ask = bind(self.target, TAKE, name, self.target.owner)
            if self.asker.silence.is_certain or self.asker.ask_until_told(ask).outcome != "won":
                return

    def look(self, name: str) -> str | None:
        return self.asker.ask_until_told(self.asker.read_ask(name, self.target.owner)).classified.observed

    def walk_on(self, name: str, way: Sequence[str]) -> bool:
        """Makes the moves one by one until one does not win; whether there was any to make."""
        target = self.target
        for origin, to in pairwise(way):
            route = target.routes_for(origin, to)[-1]
            ask = self.asker.advance_ask(name, target.owner, route, origin, to)
            if self.asker.ask_until_told(ask).outcome != "won":
                break
        return len(way) > 1

    def make_ask(self, call: Call, names: Sequence[str]) -> Ask:
        return bind(self.target, call, names[call.workflow], call.tenant or self.target.owner)


def find_end(graph: TransitionGraph, state: str) -> tuple[str, ...]:
    """A shortest path from a state to a terminal one, both included; empty if there is none."""
    ways = [graph.path(state, end) for end in sorted(graph.terminal)] if state in graph.states else []
    return min((way for way in ways if way is not None), key=len, default=())
