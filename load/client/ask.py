"""Ask and Reply: one operation as it is planned, and what became of it. Values only."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.target.target import Answer, ClassifiedAnswer, Request
from load.client.release import Exchange

Examine = Callable[[Answer, ClassifiedAnswer], str | None]


@dataclass(frozen=True)
class Ask:
    """One operation, planned: what it claims (the history's input fields) and the request that makes the claim.

    `request` is made from the operation's id, which is also its X-Request-ID and its marker. `examine`, when
    given, says what in the answer is not as it must be; that becomes the operation's `problem`. What is asked in
    a race without being part of it does not contend. `race` is the race's id where several are released together.
    """

    kind: str
    tenant: str
    workflow: str
    request: Callable[[str], Request]
    classify: Callable[[Answer], ClassifiedAnswer]
    expected: str | tuple[str, ...] | None = None
    next: str | None = None
    examine: Examine | None = None
    contends: bool = True
    race: str | None = None
    carries_marker: bool = False


@dataclass(frozen=True)
class Reply:
    """What became of an Ask."""

    id: str
    exchange: Exchange
    reading: ClassifiedAnswer
    tenant: str
    workflow: str = ""

    @property
    def outcome(self) -> str:
        return self.reading.outcome
