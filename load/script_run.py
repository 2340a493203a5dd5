"""A script run: one script, executed round by round by one source, alone or together with others. Knows no Locust."""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, repeat

from engine.target.call import VERSION_OLD
from load.barrier import Barrier
from load.client.ask import Ask, Reply, bind
from load.client.asker import Asker
from load.client.clock import Instant
from load.scripts import Group, Round, Script, Slot, contends

# A request that is almost whole should not wait long at the server, so none lines up much earlier than this.
EARLY_NS = 5_000_000
# A move without a request may come so late; it is looked for so often.
LATE_S, PAUSE_S = 2.0, 0.01


def walk_instants(rate_per_s: float, number: int, sources: int, began_ns: int) -> Iterator[int | None]:
    """An open model: when the rounds are to begin of one of several sources that keep `rate_per_s` together, in turn.

    Without a rate there are no instants, and rounds follow each other as fast as they can.
    """
    if not rate_per_s:
        return repeat(None)
    interval_ns = int(sources / rate_per_s * 1e9)
    return count(began_ns + interval_ns * number // sources, interval_ns)


def is_empty(replies: Sequence[Reply]) -> bool:
    """Whether takes were answered that none is left, and nothing else."""
    taken = [reply.outcome for reply in replies if reply.ask.call.takes]
    return bool(taken) and set(taken) == {"conflict"}


@dataclass(frozen=True)
class RoundResult:
    """A round that was run: this source's replies, and of all sources the outcomes of the contenders, by
    group, and the first and the last release. What was asked again adds its outcome to its group's.
    """

    round: Round
    replies: Sequence[Reply]
    outcomes: Sequence[list[str]]
    released_ns: tuple[int, int]
    leads: bool

    @property
    def sent(self) -> list[Reply]:
        """The replies without those of the requests that could not be built."""
        return [reply for reply in self.replies if reply.id]

    @property
    def spread_ns(self) -> int:
        return self.released_ns[1] - self.released_ns[0]


@dataclass
class ScriptRun:
    """The script of this number. `names` are the harness's names of its workflows.

    `has_waited`: the moves without a request have come for which the last round waited. `repeated` counts the creates
    and reads that were asked again because the service was busy.
    """

    asker: Asker
    barrier: Barrier
    instants: Iterator[int | None]
    script: Script
    number: int
    names: tuple[str, ...] = field(init=False)
    began_ns: int = field(default_factory=time.monotonic_ns)
    has_waited: bool = True
    repeated: int = 0

    def __post_init__(self) -> None:
        base = f"{self.asker.source}.w{self.number}" if self.barrier.size == 1 else f"race.w{self.number}"
        numbers = range(self.script.workflows)
        self.names = (base,) if len(numbers) == 1 else tuple(f"{base}.{number}" for number in numbers)

    @property
    def leads(self) -> bool:
        return self.barrier.number == 0

    def run(self) -> Generator[RoundResult, None, None]:
        """Declares the script, runs it round by round, and withdraws the requests that the answers made impossible.

        Closing it ends in good order: the workflows are read.
        """
        asker, script = self.asker, self.script
        asker.scenario = script.scenario
        declared, raced = self.count_operations(), 0
        asker.plan(declared, script.races if self.leads else 0)
        asked = asker.counted
        withdrawn = "" if (created := self.create()) else "no workflow was created"
        try:
            for index, round_ in enumerate(script.rounds if created else ()):
                result = self.run_round(index, round_)
                raced += round_.races
                declared += self.ask_again(result) + self.await_moves(round_)
                goes_on = self.goes_on(index, result)
                yield result
                if not goes_on:
                    workflows = ", ".join(self.names[group.workflow] for group in round_.groups)
                    withdrawn = f"after round {index + 1} of {workflows} the plan could not go on"
                    break
        except GeneratorExit:
            withdrawn = "stopped"
        self.finish(created=created)
        missing = declared + self.repeated - (asker.counted - asked)
        if missing:
            why = withdrawn or "some requests lack a value that they carry, such as an old version or what a take got"
            asker.plan(-missing, raced - script.races if self.leads else 0, withdrawn=why)

    def count_operations(self) -> int:
        """How many operations of the script are this source's."""
        script = self.script
        mine = sum(len(self.take_part(round_)) for round_ in script.rounds)
        if not self.leads:
            return mine
        if not self.asker.target.can_read:
            return len(script.list_first()) + mine
        reads = sum(len(round_.list_looked_at()) for round_ in script.rounds)
        return len(script.list_first()) + mine + reads + len(script.list_final_reads())

    def take_part(self, round_: Round) -> list[Slot]:
        """The calls of a round that are this source's, of every group; a round of one request is the leader's."""
        number, size = self.barrier.number, self.barrier.size
        return [slot for slot in round_.list_slots() if (slot.group + slot.number) % size == number]

    def create(self) -> bool:
        """Creates the workflows that no round creates. Whether all of them could be created."""
        asker = self.asker
        first = {self.names[number]: self.find_owner(number) for number in self.script.list_first()}
        if self.leads and asker.target.creates_by_request:
            asks = [asker.create_ask(owner, name=name, units=self.script.units) for name, owner in first.items()]
            self.race_until_told(asks)
        elif self.leads:
            for name, owner in first.items():
                asker.create(owner, name=name, planned=True, units=self.script.units)
        mine = [asker.server_ids.get(name) for name in first], asker.values.tell(first)
        ids, values = self.barrier.gather(f"{self.number}.created", mine)[0]
        asker.values.adopt(values)
        asker.server_ids.update({name: id_ for name, id_ in zip(first, ids, strict=True) if id_ is not None})
        return None not in ids

    def race_until_told(self, asks: Sequence[Ask]) -> list[Reply]:
        """Asks all at once, and then each again for a while to which the service was busy."""
        replies, asked = self.asker.race(asks, None, planned=True), self.asker.counted
        told = [self.asker.ask_until_told(each.ask) if each.outcome == "busy" else each for each in replies]
        self.repeated += self.asker.counted - asked
        return told

    def find_owner(self, workflow: int) -> str:
        return self.script.owners[workflow] if self.script.owners else self.asker.target.owner

    def share_versions(self, index: int, round_: Round) -> None:
        """The leader reads the versions that the round's requests carry; all sources carry the same ones."""
        asker = self.asker
        if asker.target.version is None:
            return
        asker.reads_versions = self.leads
        asks = [self.make_ask(slot, round_) for slot in round_.list_slots() if not slot.call.creates]
        asker.refresh(asks)
        mine = asker.values.tell(self.names), asker.versions.tell(self.names)
        values, versions = self.barrier.gather(f"{self.number}.{index}.versions", mine)[0]
        asker.values.adopt(values)
        asker.versions.adopt(versions)

    def run_round(self, index: int, round_: Round) -> RoundResult:
        self.wait(round_.wait_s)
        self.share_versions(index, round_)
        slots = [slot for slot in self.take_part(round_) if self.has_version(slot, round_)]
        asks = [self.make_ask(slot, round_, index) for slot in slots]
        if not round_.is_concurrent:
            replies = self.asker.race(asks, None, planned=True) if asks else []
            outcomes: list[list[str]] = [[] for _ in round_.groups]
            for slot, reply in zip(slots, replies, strict=True):
                outcomes[slot.group].append(reply.outcome)
            return RoundResult(round_, replies, outcomes, (0, 0), True)
        intended_ns = next(self.instants) if self.leads else None
        if intended_ns is not None:
            time.sleep(max(0, intended_ns - EARLY_NS - time.monotonic_ns()) / 1e9)

        def line_up() -> Instant:
            return self.barrier.line_up(f"{self.number}.{index}.ready", intended_ns)

        if asks:
            replies = self.asker.race(asks, None, planned=True, line_up=line_up)
        else:
            line_up()
            replies = []
        return self.join(index, round_, list(zip(slots, replies, strict=True)))

    def has_version(self, slot: Slot, round_: Round) -> bool:
        """Whether its request can be built: one with an old version needs one that is not told again as current."""
        name = self.names[round_.groups[slot.group].workflow]
        return slot.call.version != VERSION_OLD or self.asker.versions.find_old(name, slot.call.origin) is not None

    def wait(self, wait_s: float) -> None:
        """Waits until so long after the last round that did not wait had begun; such a round begins now."""
        if not wait_s:
            self.began_ns = time.monotonic_ns()
        elif self.leads:
            time.sleep(max(0.0, wait_s - (time.monotonic_ns() - self.began_ns) / 1e9))

    def join(self, index: int, round_: Round, answers: Sequence[tuple[Slot, Reply]]) -> RoundResult:
        """What all of the round's sources saw together."""
        asker, offset_ns = self.asker, self.asker.clock.offset_ns
        contended = [(slot, reply) for slot, reply in answers if contends(slot.call)]
        created = [reply.ask.workflow for slot, reply in answers if slot.call.creates]
        mine = {
            "outcomes": [(slot.group, reply.outcome) for slot, reply in contended],
            "released": [reply.exchange.invoked_ns + offset_ns for _, reply in contended],
            "created": [(name, asker.server_ids.get(name)) for name in created],
            "values": asker.values.tell(created),
        }
        parts = self.barrier.gather(f"{self.number}.{index}.done", mine)
        released = [moment for part in parts for moment in part["released"]] or [0]
        outcomes: list[list[str]] = [[] for _ in round_.groups]
        for part in parts:
            for group, outcome in part["outcomes"]:
                outcomes[group].append(outcome)
            asker.server_ids.update({name: id_ for name, id_ in part["created"] if id_ is not None})
            asker.values.adopt(part["values"])
        replies = [reply for _, reply in answers]
        return RoundResult(round_, replies, outcomes, (min(released), max(released)), self.leads)

    def ask_again(self, result: RoundResult) -> int:
        """Asks once more, one at a time and outside of any race, where no contender won and one was told that the
        workflow is busy; and for each idempotency key that did not win and was told so, which must not stay in
        progress. How many operations that took; each is declared when it is asked.
        """
        asked = self.asker.counted
        for turn, group in enumerate(result.round.groups if self.leads else ()):
            outcomes = result.outcomes[turn]
            if not group.winners_max:
                continue
            calls = [call for call in group.calls if contends(call)]
            is_open = "won" not in outcomes and "busy" in outcomes
            busy = find_busy_keys(result.replies, self.names[group.workflow])
            for call in calls[:1] if is_open else [next(each for each in calls if each.key == key) for key in busy]:
                again = self.make_ask(Slot(turn, 0, call), result.round)
                outcomes.append(self.asker.ask_until_told(again, insists=not is_open).outcome)
        return self.asker.counted - asked

    def await_moves(self, round_: Round) -> int:
        """Reads the workflows that are to go on without a request, until they have or it takes too long. How many reads
        that took; each is declared when it is asked.
        """
        asked = self.asker.counted
        waits = [group for group in round_.groups if group.wait_s is not None] if self.leads else []
        self.has_waited = all(self.await_move(group) for group in waits)
        return self.asker.counted - asked

    def await_move(self, group: Group) -> bool:
        name, began_ns = self.names[group.workflow], time.monotonic_ns()
        until_ns = began_ns + int(((group.wait_s or 0) + LATE_S) * 1e9)
        while name in self.asker.server_ids and not self.asker.silence.is_certain:
            seen = self.asker.read(name, self.find_owner(group.workflow)).classified.observed
            if seen == group.leads_to or time.monotonic_ns() > until_ns:
                return seen == group.leads_to
            time.sleep(PAUSE_S)
        return False

    def goes_on(self, index: int, result: RoundResult) -> bool:
        """Whether every workflow is where the plan goes on. The leader reads; the others follow it, and take
        over the values that it has saved.
        """
        mine = False
        if self.leads:
            round_ = result.round
            look = self.look if round_.is_concurrent else all_won
            is_right = look(round_, result.outcomes) and self.has_waited
            # Where an answer was lost, a later round shows what became of the request.
            mine = is_right or any(call.hang_up for call in round_.calls)
            mine = mine and not self.asker.silence.is_certain
            mine = mine and not (self.script.ends_empty and is_empty(result.replies))
        told = mine, self.asker.values.tell(self.names)
        goes_on, values = self.barrier.gather(f"{self.number}.{index}.after", told)[0]
        self.asker.values.adopt(values)
        return bool(goes_on)

    def look(self, round_: Round, outcomes: Sequence[list[str]]) -> bool:
        """Reads the workflows that a round may have changed, all at once: whether each is where its plan goes on.

        Where nothing can be read, the answers tell it.
        """
        if not self.asker.target.can_read:
            return all_won(round_, outcomes)
        looked_at = round_.list_looked_at()
        there = [group for group in looked_at if self.names[group.workflow] in self.asker.server_ids]
        reads = [self.asker.read_ask(self.names[group.workflow], self.find_owner(group.workflow)) for group in there]
        replies = self.race_until_told(reads) if reads else []
        are_right = [self.is_there(group, reply) for group, reply in zip(there, replies, strict=True)]
        return len(there) == len(looked_at) and all(are_right)

    def is_there(self, group: Group, reply: Reply) -> bool:
        """Whether the plan goes on from the state that was read, which may be one that it waits for."""
        if group.leads_to is None:
            return True
        return reply.classified.observed in self.asker.target.walked.reach_alone(group.leads_to)

    def make_ask(self, slot: Slot, round_: Round, index: int | None = None) -> Ask:
        """`index` is the round's, of which a race has its name; without it there is no race."""
        call, group = slot.call, round_.groups[slot.group]
        workflow, tenant = self.names[group.workflow], call.tenant or self.find_owner(group.workflow)
        if call.creates:
            return self.asker.create_ask(tenant, name=workflow, call=call, key_of=self.names[0])
        race = f"{workflow}.{index}" if group.is_race and index is not None else None
        key_of = self.names[0]
        return bind(self.asker.target, call, workflow, tenant, contends=contends(call), race=race, key_of=key_of)

    def finish(self, *, created: bool) -> None:
        """The last read, the trail and the effects of each workflow."""
        asker = self.asker
        if self.leads and created:
            owners = {name: self.find_owner(number) for number, name in enumerate(self.names)}
            there = {name: owner for name, owner in owners.items() if name in asker.server_ids}
            final = {self.names[number] for number in self.script.list_final_reads() if asker.target.can_read}
            for name, owner in there.items():
                if name in final and not asker.silence.is_certain:
                    asker.read(name, owner, planned=True)
            for name, owner in there.items() if not asker.silence.is_certain else ():
                asker.trail(name, owner)
                asker.effects(name, owner)
        for name in list(asker.server_ids):
            asker.forget(name)


def find_busy_keys(replies: Iterable[Reply], workflow: str) -> list[str]:
    """The idempotency keys of contenders for the workflow that were busy for some of their requests, and never won."""
    told: dict[str, set[str]] = {}
    for reply in replies:
        if reply.ask.call.key and reply.ask.workflow == workflow and contends(reply.ask.call):
            told.setdefault(reply.ask.call.key, set()).add(reply.outcome)
    return [key for key, outcomes in told.items() if "busy" in outcomes and "won" not in outcomes]


def all_won(round_: Round, outcomes: Sequence[list[str]]) -> bool:
    """Whether in each group one of those won that can win."""
    groups = zip(round_.groups, outcomes, strict=True)
    moved = [(group, told) for group, told in groups if any(map(contends, group.calls))]
    return all("won" in told or not group.winners_max for group, told in moved)
