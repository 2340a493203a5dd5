"""An actor: one request of a schedule, and what it has under way."""

from dataclasses import dataclass, field

from load.client.ask import Reply
from stateful_tests.interleavings.proxy import Link


@dataclass
class Actor:
    """One request of a schedule. `links` are the connections on which it has something under way."""

    number: int
    reply: Reply | None = None
    is_late: bool = False
    held: list[Link] = field(default_factory=list)
    links: set[Link] = field(default_factory=set)
    waiting: Link | None = None

    @property
    def is_busy(self) -> bool:
        return any(link.door.is_busy and not link.is_closed for link in self.links)

    @property
    def is_over(self) -> bool:
        """Whether it was answered and has left nothing open."""
        return self.reply is not None and not any(link.is_at_work for link in self.links)
