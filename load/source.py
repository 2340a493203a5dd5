"""The source: runs its quota of scripts through its Asker, alone or together with others. Knows no Locust."""

import random
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import repeat

from load.barrier import ALONE, Barrier
from load.client.asker import Asker
from load.client.silence import SILENT
from load.scenario_quotas import Workload
from load.scenarios import SCENARIOS
from load.script_run import RoundResult, ScriptRun
from load.scripts import Scenario, Script, cut, vary
from reports.history import events

# After so many scripts in a row without a race, the engine cannot be brought to a state in which races begin.
FRUITLESS_MAX = 20
REST_S, REST_S_MAX = 0.01, 0.5


@dataclass
class Source:
    """One source of operations and its quota. `why_stop` says why nothing new may begin, or None.

    `ended` says in the end why: "complete" (all of it was run), "out of ids" (those that the target lists are used up),
    "silent" (the service answers no more), what `why_stop` said, "gave up" or "stopped"; the judge holds the last two
    to be gaps.
    """

    asker: Asker
    quota: Workload
    seed: int
    contenders: int
    barrier: Barrier = ALONE
    instants: Iterator[int | None] = field(default_factory=lambda: repeat(None))
    why_stop: Callable[[], str | None] = lambda: None
    done: Counter[str] = field(default_factory=Counter)
    scripts: int = 0
    ended: str = "stopped"

    def run(self) -> Generator[RoundResult, None, None]:
        """Every concurrent round, as it is run. Closing it ends in good order: the workflows are read."""
        drawers = {name: self.draw(SCENARIOS[name]) for name in self.quota.amounts}
        fruitless = 0
        while True:
            name = self.choose()
            mine = self.find_end(name, fruitless)
            decided = self.barrier.gather(f"{self.scripts}", mine)[0]
            if decided is not None or name is None:
                self.ended = decided or "complete"
                return
            self.scripts += 1
            before, unknowns = self.done[name], self.asker.unknowns
            yield from self.run_script(cut(next(drawers[name]), SCENARIOS[name], self.left(name)))
            fruitless = fruitless + 1 if self.done[name] == before else 0
            if fruitless and self.asker.unknowns > unknowns:
                # The engine cannot answer now; its database may be recovering from a crash.
                time.sleep(min(REST_S_MAX, REST_S * 2**fruitless))

    def find_end(self, name: str | None, fruitless: int) -> str | None:
        """Why nothing more is begun, or None."""
        if name is None:
            return "complete"
        if self.asker.is_out:
            return "out of ids"
        if self.asker.silence.is_certain:
            return SILENT
        return "gave up" if fruitless == FRUITLESS_MAX else self.why_stop()

    def draw(self, scenario: Scenario) -> Iterator[Script]:
        """The scenario's scripts: the same for the same seed and source. Sources that share races draw the same."""
        who = self.asker.source if self.barrier.size == 1 else "together"
        seed, target = f"{self.seed}/{who}/{scenario.name}", self.asker.target
        varying = random.Random(f"{seed}/variants")
        scripts = scenario.draw_scripts(target, random.Random(seed), self.contenders)
        return (vary(target, script, varying) for script in scripts)

    def choose(self) -> str | None:
        """The scenario of which the smallest part of its quota is run; None when all is run."""

        def progress(name: str) -> float:
            return self.done[name] / (self.quota.amounts[name] or self.quota.weights[name])

        unfinished = [name for name in self.quota.amounts if self.left(name) > 0]
        return min(unfinished, key=progress, default=None)

    def left(self, name: str) -> int:
        amount = self.quota.amounts[name]
        return 1 << 30 if amount is None else amount - self.done[name]

    def run_script(self, script: Script) -> Generator[RoundResult, None, None]:
        """The concurrent rounds of a script, as they are run."""
        with closing(ScriptRun(self.asker, self.barrier, self.instants, script, self.scripts).run()) as results:
            for result in results:
                if result.round.is_concurrent:
                    self.done[script.scenario] += SCENARIOS[script.scenario].count(result.round)
                    yield result

    def finish(self) -> None:
        """Writes how much of the quota was run, and ends the journal in good order."""
        if not self.quota.amounts:
            self.asker.plan(0)  # no scenario applies
        self.asker.look_again()
        self.asker.journal.write(self.report())
        self.asker.end()

    def report(self) -> events.Level:
        """The `level` event. A source that only helps in shared races reports no amount."""
        leads = self.barrier.number == 0
        scenarios = [
            events.ScenarioLevel(
                scenario=name,
                unit=SCENARIOS[name].unit,
                planned=self.done[name] if amount is None else amount,
                run=self.done[name],
            )
            for name, amount in self.quota.amounts.items()
        ]
        # Where no scenario races, as of units, the level is counted in rounds.
        unit = "races" if any(each.unit == "races" for each in scenarios) else "rounds"
        counted = [each for each in scenarios if each.unit == unit and leads]
        return events.Level(
            level="race",
            unit=unit,
            planned=sum(each.planned or 0 for each in counted),
            run=sum(each.run or 0 for each in counted),
            ended=self.ended,
            restarts=self.asker.release.restarts,
            scenarios=scenarios if leads else [],
            not_applicable=dict(self.quota.obstacles),
        )
