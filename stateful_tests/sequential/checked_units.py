"""The resources of a sequence, each with what the model believes to be left. Every answer is compared with the model.

One request is sent at a time, so the number is certain; an unknown take or give-back makes it a range.
"""

import time
from dataclasses import dataclass, replace

from engine.target.call import GIVE_BACK, READ, TAKE, Call, spread_one
from load.client.ask import Reply, bind
from load.client.asker import Asker, NothingHeldError
from stateful_tests.level_report import MismatchError


@dataclass(frozen=True)
class UnitBelief:
    """From `least` to `most` units are left, of `units` in all."""

    units: int
    least: int
    most: int

    def shift(self, by: int) -> "UnitBelief | None":
        """After so many more are left; None if there cannot be so many."""
        least, most = max(0, self.least + by), min(self.units, self.most + by)
        return None if least > most else UnitBelief(self.units, least, most)

    def widen(self, by: int) -> "UnitBelief":
        """After what may have changed it by so many, at any later moment or never."""
        least, most = min(self.least, self.least + by), max(self.most, self.most + by)
        return UnitBelief(self.units, max(0, least), min(self.units, most))

    def narrow(self, left: int) -> "UnitBelief | None":
        """After so many were seen; None if there cannot be so many. What is open may still happen."""
        return replace(self) if self.least <= left <= self.most else None


class CheckedUnits:
    """The resources of one sequence. `beliefs` has those of which it is known how many units they had."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.target = asker.target
        self.names: list[str] = []
        self.beliefs: dict[str, UnitBelief] = {}
        self.made_s: dict[str, float] = {}
        self.sent = 0

    @property
    def is_silent(self) -> bool:
        return self.asker.silence.is_certain

    @property
    def resources_max(self) -> int:
        return 1 if self.target.capacity is not None and self.target.capacity.is_shared else 2

    def create(self, units: int) -> None:
        """A new resource, where one more can be there."""
        if self.is_silent or len(self.names) >= self.resources_max:
            return
        began_s = time.monotonic()
        name = self.asker.create(self.target.owner, units=units)
        if name is not None:
            self.names.append(name)
            self.made_s[name] = began_s
            if (known := self.asker.units.get(name)) is not None:
                self.beliefs[name] = UnitBelief(known, known, known)

    def take(self, name: str) -> None:
        """The owner's take: it wins as long as a unit is left, and no longer."""
        self.ask(name, TAKE)

    def give_back(self, name: str) -> None:
        """Gives back what is held longest; nothing if nothing is held."""
        self.ask(name, GIVE_BACK)

    def take_as_stranger(self, name: str, tenant: str) -> None:
        """Another tenant's take: it must be refused."""
        self.ask(name, TAKE, tenant)

    def read(self, name: str) -> None:
        """What is left by a read, where it can be read."""
        if self.target.can_read:
            self.ask(name, READ)

    def ask(self, name: str, call: Call, tenant: str = "") -> None:
        """Sends a request, and updates the belief by its answer. Raises MismatchError if the model forbids it."""
        self.sent += 1
        owner = self.target.owner
        ask = bind(self.target, spread_one(self.target, call, self.sent), name, tenant or owner)
        try:
            reply = self.asker.ask_until_told(self.asker.hold(ask))
        except NothingHeldError:
            return
        if not reply.id:
            return
        if reply.classified.problem is not None:
            raise MismatchError(f"operation {reply.id}: {reply.classified.problem}")
        if tenant and tenant != owner:
            if reply.outcome not in ("refused", "busy", "unknown"):
                raise MismatchError(f"operation {reply.id}: another tenant's take was answered {reply.outcome}")
        elif (belief := self.beliefs.get(name)) is not None and not self.forget_returned(name):
            self.believe(name, belief, reply)

    def forget_returned(self, name: str) -> bool:
        """Whether units of it may have come back by themselves: then the judge alone knows how many can be left."""
        after_s = self.target.capacity.returns_after_s if self.target.capacity is not None else None
        may_be_back = after_s is not None and time.monotonic() >= self.made_s[name] + after_s
        if may_be_back:
            del self.beliefs[name]
        return may_be_back

    def believe(self, name: str, belief: UnitBelief, reply: Reply) -> None:
        """Raises MismatchError if no number of units explains the answer."""
        kind, outcome = reply.ask.call.kind, reply.outcome
        change = {"take": -1, "give_back": 1}.get(kind, 0)
        found: UnitBelief | None = belief
        if outcome == "unknown":
            found = belief.widen(change)
        elif outcome == "won":
            found = belief.shift(change)
        elif kind == "take" and outcome == "conflict":
            found = belief.narrow(0)
        elif kind == "read" and outcome == "ok" and reply.classified.left is not None:
            found = belief.narrow(reply.classified.left)
        if found is None:
            told = f", telling {reply.classified.left} left" if reply.classified.left is not None else ""
            number = f"{belief.least}" if belief.least == belief.most else f"{belief.least} to {belief.most}"
            raise MismatchError(f"operation {reply.id} ({kind}) was answered {outcome}{told}, but {number} were left")
        self.beliefs[name] = found

    def finish(self) -> None:
        """Reads what is left of every resource."""
        for name in self.names:
            if not self.is_silent:
                self.read(name)

    def forget(self) -> None:
        """Nothing more is asked of them."""
        for name in self.names:
            self.asker.forget(name)
