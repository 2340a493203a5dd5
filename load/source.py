"""The source: plays its share of lives through its Asker, alone or together with others. Knows no Locust."""

import random
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from load.ask import Ask, Reply
from load.asker import Asker
from load.pace import Pace
from load.plans import Call, Life, Round, Scenario, cut
from load.rendezvous import ALONE, Instant, Rendezvous
from load.scenarios import SCENARIOS
from load.shares import Agenda

# So many lives in a row in which nothing could be raced for: the engine cannot be brought to where races begin.
FRUITLESS_MAX = 20
REST_S, REST_S_MAX = 0.01, 0.5


@dataclass(frozen=True)
class Played:
    """A contested round that was run: this source's replies, and the outcomes and releases of all contenders."""

    round: Round
    replies: Sequence[Reply]
    outcomes: Sequence[str]
    released_ns: tuple[int, int]
    leads: bool
    owner: str

    @property
    def spread_ns(self) -> int:
        return self.released_ns[1] - self.released_ns[0]


@dataclass
class Source:
    """One source of operations and its share. `why_stop` says why nothing new may begin, or None.

    `ended` says in the end why: "share" (all of it was run), "out of ids" (those that the target lists are used up),
    what `why_stop` said, "gave up" or "stopped"; the judge holds the last two to be gaps.
    """

    asker: Asker
    share: Agenda
    seed: int
    contenders: int
    rendezvous: Rendezvous = ALONE
    pace: Pace = field(default_factory=Pace)
    why_stop: Callable[[], str | None] = lambda: None
    done: Counter[str] = field(default_factory=Counter)
    lives: int = 0
    ended: str = "stopped"

    def play(self) -> Generator[Played, None, None]:
        """Every contested round, as it is run. Closing it ends in good order: what was begun is read and told."""
        drawers = {name: self.draw(SCENARIOS[name]) for name in self.share.amounts}
        fruitless = 0
        while True:
            name = self.choose()
            mine = self.find_end(name, fruitless)
            decided = self.rendezvous.gather(f"{self.lives}", mine)[0]
            if decided is not None or name is None:
                self.ended = decided or "share"
                return
            self.lives += 1
            before, unknowns = self.done[name], self.asker.unknowns
            yield from self.live(cut(next(drawers[name]), SCENARIOS[name], self.left(name)))
            fruitless = fruitless + 1 if self.done[name] == before else 0
            if fruitless and self.asker.unknowns > unknowns:
                # It cannot answer now; its database may be recovering from a crash.
                time.sleep(min(REST_S_MAX, REST_S * 2**fruitless))

    def find_end(self, name: str | None, fruitless: int) -> str | None:
        """Why nothing more is begun, or None."""
        if name is None:
            return "share"
        if self.asker.is_out:
            return "out of ids"
        return "gave up" if fruitless == FRUITLESS_MAX else self.why_stop()

    def draw(self, scenario: Scenario) -> Iterator[Life]:
        """The scenario's lives: the same for the same seed and source; who shares races draws the same ones."""
        who = self.asker.source if self.rendezvous.size == 1 else "together"
        rng = random.Random(f"{self.seed}/{who}/{scenario.name}")
        return scenario.draw_lives(self.asker.target, rng, self.contenders)

    def choose(self) -> str | None:
        """The scenario that has got least far with its share; None when all is done."""

        def progress(name: str) -> float:
            return self.done[name] / (self.share.amounts[name] or self.share.weights[name])

        unfinished = [name for name in self.share.amounts if self.left(name) > 0]
        return min(unfinished, key=progress, default=None)

    def left(self, name: str) -> int:
        amount = self.share.amounts[name]
        return 1 << 30 if amount is None else amount - self.done[name]

    def live(self, life: Life) -> Generator[Played, None, None]:
        """Promises a life, plays it, and takes back what the engine's answers left no room for."""
        asker, leads = self.asker, self.rendezvous.number == 0
        asker.scenario = life.scenario
        promised, raced = self.count_operations(life), 0
        asker.plan(promised, life.races if leads else 0)
        asked = asker.asked
        names = self.create(life)
        gave_up = "" if names else "no workflow was created"
        try:
            for index, round_ in enumerate(life.rounds if names else ()):
                key = f"{self.lives}.{index}"
                played = self.play_round(key, round_, names[round_.workflow])
                raced += round_.is_race
                goes_on = self.goes_on(key, round_, names[round_.workflow], played)
                if round_.is_contested:
                    self.done[life.scenario] += SCENARIOS[life.scenario].counts(round_)
                    yield played
                if not goes_on:
                    gave_up = f"after round {index + 1} of {names[round_.workflow]} the plan could not go on"
                    break
        except GeneratorExit:
            gave_up = "stopped"
        self.leave(life, names)
        missing = promised - (asker.asked - asked)
        if missing:
            asker.plan(-missing, raced - life.races if leads else 0, withdrawn=gave_up)

    def count_operations(self, life: Life) -> int:
        """How many operations of a life are this source's."""
        contested = sum(len(self.take_part(round_)) for round_ in life.rounds)
        if self.rendezvous.number:
            return contested
        reads = sum(round_.is_contested for round_ in life.rounds)
        return life.workflows + contested + reads + len(life.list_final_reads())

    def take_part(self, round_: Round) -> Sequence[Call]:
        """The calls of a round that are this source's; one that nobody contests is the leader's."""
        return round_.calls[self.rendezvous.number :: self.rendezvous.size]

    def create(self, life: Life) -> list[str]:
        """The names of the life's workflows; empty when one could not be created."""
        asker = self.asker
        base = f"{asker.source}.w{self.lives}" if self.rendezvous.size == 1 else f"race.w{self.lives}"
        names = [base if life.workflows == 1 else f"{base}.{number}" for number in range(life.workflows)]
        if self.rendezvous.number == 0:
            for name in names:
                asker.create(asker.target.owner, name=name, planned=True)
        ids = self.rendezvous.gather(f"{self.lives}.created", [asker.server_ids.get(name) for name in names])[0]
        asker.server_ids.update({name: id_ for name, id_ in zip(names, ids, strict=True) if id_ is not None})
        return names if None not in ids else []

    def play_round(self, key: str, round_: Round, workflow: str) -> Played:
        calls = self.take_part(round_)
        if not round_.is_contested:
            replies = [self.asker.ask(self.make_ask(call, workflow), planned=True) for call in calls]
            return Played(round_, replies, [reply.outcome for reply in replies], (0, 0), True, self.asker.target.owner)
        intended_ns = self.pace.next_ns() if self.rendezvous.number == 0 else None
        self.pace.approach(intended_ns)
        asks = [self.make_ask(call, workflow) for call in calls]
        race = f"{workflow}.{key.rpartition('.')[2]}" if round_.is_race else None

        def line_up() -> Instant:
            return self.rendezvous.line_up(f"{key}.ready", intended_ns)

        if asks:
            replies = self.asker.race(asks, race, planned=True, line_up=line_up)
        else:
            line_up()
            replies = []
        return self.meet_after(key, round_, calls, replies)

    def meet_after(self, key: str, round_: Round, calls: Sequence[Call], replies: Sequence[Reply]) -> Played:
        """What all of the round's sources saw together."""
        outcomes = [reply.outcome for call, reply in zip(calls, replies, strict=True) if call.contends]
        offset_ns = self.asker.clock.offset_ns
        released = [
            reply.shot.invoked_ns + offset_ns for call, reply in zip(calls, replies, strict=True) if call.contends
        ]
        words = self.rendezvous.gather(f"{key}.done", [outcomes, released])
        everybody = [moment for _, moments in words for moment in moments] or [0]
        together = [outcome for told, _ in words for outcome in told]
        leads, owner = self.rendezvous.number == 0, self.asker.target.owner
        return Played(round_, replies, together, (min(everybody), max(everybody)), leads, owner)

    def goes_on(self, key: str, round_: Round, workflow: str, played: Played) -> bool:
        """Whether the workflow is where the plan goes on. The leader looks; the others take its word."""
        word = False
        if self.rendezvous.number == 0 and round_.is_contested:
            reading = self.asker.read(workflow, self.asker.target.owner, planned=True).reading
            word = round_.leads_to is None or reading.observed == round_.leads_to
        elif self.rendezvous.number == 0:
            word = played.outcomes == ["won"]
        return bool(self.rendezvous.gather(f"{key}.after", word)[0])

    def make_ask(self, call: Call, workflow: str) -> Ask:
        target = self.asker.target
        tenant = call.tenant or target.owner
        if call.guard is not None:
            return self.asker.guard_ask(workflow, tenant, call.guard)
        assert call.route is not None
        assert call.to is not None
        return self.asker.advance_ask(workflow, tenant, call.route, call.origin, call.to, contends=call.contends)

    def leave(self, life: Life, names: Sequence[str]) -> None:
        """The last read, the trail and the traces of each workflow."""
        asker = self.asker
        if self.rendezvous.number == 0:
            for number in life.list_final_reads() if names else ():
                asker.read(names[number], asker.target.owner, planned=True)
            for name in names:
                asker.trail(name, asker.target.owner)
                asker.effects(name, asker.target.owner)
        for name in list(asker.server_ids):
            asker.forget(name)

    def finish(self) -> None:
        """Tells what was run of the share, and ends the journal in good order."""
        self.asker.journal.event("level", **self.report())
        self.asker.end()

    def report(self) -> dict[str, Any]:
        """The facts of the `level` event. Whoever only lends a hand in shared races has none of its own to report."""
        leads = self.rendezvous.number == 0
        scenarios = [
            {
                "scenario": name,
                "unit": SCENARIOS[name].unit,
                "planned": self.done[name] if amount is None else amount,
                "run": self.done[name],
            }
            for name, amount in self.share.amounts.items()
        ]
        raced = [each for each in scenarios if each["unit"] == "races"]
        planned, run = (sum(int(each[key]) for each in raced) for key in ("planned", "run"))
        return {
            "level": "race",
            "unit": "races",
            "planned": planned if leads else 0,
            "run": run if leads else 0,
            "ended": self.ended,
            "restarts": self.asker.gate.restarts,
            "scenarios": scenarios if leads else [],
            "not_applicable": dict(self.share.obstacles),
        }
