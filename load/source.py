"""The source: plays its quota of scripts through its Asker, alone or together with others. Knows no Locust."""

import random
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

from engine.target.call import Call
from load.client.ask import Ask, Reply
from load.client.asker import Asker
from load.client.barrier import ALONE, Barrier, Instant
from load.client.silence import SILENT
from load.pace import Pace
from load.plans import Round, Scenario, Script, Slot, can_create, contends, cut
from load.quotas import Workload
from load.scenarios import SCENARIOS
from reports.history import events

# So many scripts in a row in which nothing could be raced for: the engine cannot be brought to where races begin.
FRUITLESS_MAX = 20
REST_S, REST_S_MAX = 0.01, 0.5


@dataclass(frozen=True)
class RoundResult:
    """A contested round that was run: this source's calls and replies, and of all sources the outcomes of the
    contenders, by group, and the first and the last release. What was asked again adds its outcome to its group's.
    """

    round: Round
    answers: Sequence[tuple[Call, Reply]]
    outcomes: Sequence[list[str]]
    released_ns: tuple[int, int]
    leads: bool

    @property
    def spread_ns(self) -> int:
        return self.released_ns[1] - self.released_ns[0]


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
    pace: Pace = field(default_factory=Pace)
    why_stop: Callable[[], str | None] = lambda: None
    done: Counter[str] = field(default_factory=Counter)
    scripts: int = 0
    ended: str = "stopped"

    def run(self) -> Generator[RoundResult, None, None]:
        """Every contested round, as it is run. Closing it ends in good order: what was begun is read and told."""
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
                # It cannot answer now; its database may be recovering from a crash.
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
        """The scenario's scripts: the same for the same seed and source; who shares races draws the same ones."""
        who = self.asker.source if self.barrier.size == 1 else "together"
        rng = random.Random(f"{self.seed}/{who}/{scenario.name}")
        return scenario.draw_scripts(self.asker.target, rng, self.contenders)

    def choose(self) -> str | None:
        """The scenario that has got least far with its quota; None when all is done."""

        def progress(name: str) -> float:
            return self.done[name] / (self.quota.amounts[name] or self.quota.weights[name])

        unfinished = [name for name in self.quota.amounts if self.left(name) > 0]
        return min(unfinished, key=progress, default=None)

    def left(self, name: str) -> int:
        amount = self.quota.amounts[name]
        return 1 << 30 if amount is None else amount - self.done[name]

    def run_script(self, script: Script) -> Generator[RoundResult, None, None]:
        """Promises a script, plays it, and takes back what the engine's answers left no room for."""
        asker, leads = self.asker, self.barrier.number == 0
        asker.scenario = script.scenario
        promised, raced = self.count_operations(script), 0
        asker.plan(promised, script.races if leads else 0)
        asked = asker.asked - asker.silence.checks
        names = self.create(script)
        gave_up = "" if names else "no workflow was created"
        try:
            for index, round_ in enumerate(script.rounds if names else ()):
                key = f"{self.scripts}.{index}"
                result = self.run_round(key, round_, names, script)
                raced += round_.races
                promised += self.ask_again(result, names, script)
                goes_on = self.goes_on(key, result, names, script)
                if round_.is_contested:
                    self.done[script.scenario] += SCENARIOS[script.scenario].count(round_)
                    yield result
                if not goes_on:
                    workflows = ", ".join(names[group.workflow] for group in round_.groups)
                    gave_up = f"after round {index + 1} of {workflows} the plan could not go on"
                    break
        except GeneratorExit:
            gave_up = "stopped"
        self.leave(script, names)
        missing = promised - (asker.asked - asker.silence.checks - asked)
        if missing:
            asker.plan(-missing, raced - script.races if leads else 0, withdrawn=gave_up)

    def count_operations(self, script: Script) -> int:
        """How many operations of a script are this source's."""
        contested = sum(len(self.take_part(round_)) for round_ in script.rounds)
        if self.barrier.number:
            return contested
        reads = sum(len(round_.list_looked_at()) for round_ in script.rounds)
        return len(script.list_first()) + contested + reads + len(script.list_final_reads())

    def take_part(self, round_: Round) -> Sequence[Slot]:
        """The calls of a round that are this source's, of every group; an uncontested one is the leader's."""
        number, size = self.barrier.number, self.barrier.size
        return [slot for slot in round_.list_slots() if (slot.group + slot.number) % size == number]

    def create(self, script: Script) -> list[str]:
        """The names of the script's workflows, of which those are created that no round creates; empty when one of them
        could not be.
        """
        asker = self.asker
        base = f"{asker.source}.w{self.scripts}" if self.barrier.size == 1 else f"race.w{self.scripts}"
        names = [base if script.workflows == 1 else f"{base}.{number}" for number in range(script.workflows)]
        first = script.list_first()
        if self.barrier.number == 0 and can_create(asker.target):
            asks = [asker.create_ask(self.find_owner(script, number), name=names[number]) for number in first]
            asker.race(asks, None, planned=True)
        elif self.barrier.number == 0:
            for number in first:
                asker.create(self.find_owner(script, number), name=names[number], planned=True)
        ids = self.barrier.gather(f"{self.scripts}.created", [asker.server_ids.get(names[each]) for each in first])[0]
        asker.server_ids.update({names[each]: id_ for each, id_ in zip(first, ids, strict=True) if id_ is not None})
        return names if None not in ids else []

    def find_owner(self, script: Script, workflow: int) -> str:
        return script.owners[workflow] if script.owners else self.asker.target.owner

    def run_round(self, key: str, round_: Round, names: Sequence[str], script: Script) -> RoundResult:
        slots, index = self.take_part(round_), key.rpartition(".")[2]
        asks = [self.make_ask(slot, round_, names, script, index) for slot in slots]
        if not round_.is_contested:
            replies = self.asker.race(asks, None, planned=True) if asks else []
            answers = [(slot.call, reply) for slot, reply in zip(slots, replies, strict=True)]
            return RoundResult(round_, answers, [[reply.outcome for reply in replies]], (0, 0), True)
        intended_ns = self.pace.next_ns() if self.barrier.number == 0 else None
        self.pace.approach(intended_ns)

        def line_up() -> Instant:
            return self.barrier.line_up(f"{key}.ready", intended_ns)

        if asks:
            replies = self.asker.race(asks, None, planned=True, line_up=line_up)
        else:
            line_up()
            replies = []
        return self.meet_after(key, round_, list(zip(slots, replies, strict=True)))

    def meet_after(self, key: str, round_: Round, told: Sequence[tuple[Slot, Reply]]) -> RoundResult:
        """What all of the round's sources saw together."""
        asker, offset_ns = self.asker, self.asker.clock.offset_ns
        contended = [(slot, reply) for slot, reply in told if contends(slot.call)]
        word = {
            "outcomes": [(slot.group, reply.outcome) for slot, reply in contended],
            "released": [reply.exchange.invoked_ns + offset_ns for _, reply in contended],
            "created": [
                (reply.ask.workflow, asker.server_ids.get(reply.ask.workflow))
                for slot, reply in told
                if slot.call.creates
            ],
        }
        words = self.barrier.gather(f"{key}.done", word)
        released = [moment for each in words for moment in each["released"]] or [0]
        outcomes: list[list[str]] = [[] for _ in round_.groups]
        for each in words:
            for group, outcome in each["outcomes"]:
                outcomes[group].append(outcome)
            asker.server_ids.update({name: id_ for name, id_ in each["created"] if id_ is not None})
        answers = [(slot.call, reply) for slot, reply in told]
        return RoundResult(round_, answers, outcomes, (min(released), max(released)), self.barrier.number == 0)

    def ask_again(self, result: RoundResult, names: Sequence[str], script: Script) -> int:
        """Asks once more, one at a time and outside of any race, where none won and a contender was told that the
        workflow is busy. How many operations that took; they are promised as they are asked.
        """
        asked = self.asker.asked - self.asker.silence.checks
        for turn, group in enumerate(result.round.groups if self.barrier.number == 0 else ()):
            outcomes = result.outcomes[turn]
            if not group.winners_max or "won" in outcomes or "busy" not in outcomes:
                continue
            call = next(call for call in group.calls if contends(call))
            again = self.make_ask(Slot(turn, 0, call), result.round, names, script)
            outcomes.append(self.asker.ask_until_told(again).outcome)
        return self.asker.asked - self.asker.silence.checks - asked

    def goes_on(self, key: str, result: RoundResult, names: Sequence[str], script: Script) -> bool:
        """Whether every workflow is where the plan goes on. The leader looks; the others take its word."""
        word = False
        if self.barrier.number == 0:
            word = self.look(result.round, names, script) if result.round.is_contested else "won" in result.outcomes[0]
            word = word and not self.asker.silence.is_certain
        return bool(self.barrier.gather(f"{key}.after", word)[0])

    def look(self, round_: Round, names: Sequence[str], script: Script) -> bool:
        """Reads the workflows that a round may have changed, all at once: whether each is where its plan goes on."""
        looked_at = round_.list_looked_at()
        there = [group for group in looked_at if names[group.workflow] in self.asker.server_ids]
        reads = [self.asker.read_ask(names[group.workflow], self.find_owner(script, group.workflow)) for group in there]
        replies = self.asker.race(reads, None, planned=True) if reads else []
        are_right = [
            group.leads_to in (None, reply.reading.observed) for group, reply in zip(there, replies, strict=True)
        ]
        return len(there) == len(looked_at) and all(are_right)

    def make_ask(
        self, slot: Slot, round_: Round, names: Sequence[str], script: Script, index: str | None = None
    ) -> Ask:
        """`index` is the round's, of which a race has its name; without it there is no race."""
        asker, call, group = self.asker, slot.call, round_.groups[slot.group]
        workflow, owner = names[group.workflow], self.find_owner(script, group.workflow)
        tenant = call.tenant or owner
        if call.creates:
            return asker.create_ask(tenant, name=workflow)
        race = f"{workflow}.{index}" if group.is_race and index is not None else None
        return asker.bind(call, workflow, tenant, contends=contends(call), race=race)

    def leave(self, script: Script, names: Sequence[str]) -> None:
        """The last read, the trail and the traces of each workflow."""
        asker = self.asker
        if self.barrier.number == 0:
            there = [number for number in range(script.workflows) if names and names[number] in asker.server_ids]
            for number in there:
                if number in script.list_final_reads() and not asker.silence.is_certain:
                    asker.read(names[number], self.find_owner(script, number), planned=True)
            for number in there if not asker.silence.is_certain else ():
                asker.trail(names[number], self.find_owner(script, number))
                asker.effects(names[number], self.find_owner(script, number))
        for name in list(asker.server_ids):
            asker.forget(name)

    def finish(self) -> None:
        """Tells what was run of the quota, and ends the journal in good order."""
        self.asker.look_again()
        self.asker.journal.write(self.report())
        self.asker.end()

    def report(self) -> events.Level:
        """The `level` event. Whoever only lends a hand in shared races has none of its own to report."""
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
        raced = [each for each in scenarios if each.unit == "races" and leads]
        return events.Level(
            level="race",
            unit="races",
            planned=sum(each.planned or 0 for each in raced),
            run=sum(each.run or 0 for each in raced),
            ended=self.ended,
            restarts=self.asker.release.restarts,
            scenarios=scenarios if leads else [],
            not_applicable=dict(self.quota.obstacles),
        )
