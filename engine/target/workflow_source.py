"""CreateCommand, IdPool and Queue: where workflows come from if no single request creates them.

These are values; `load.client.workflow_factory` runs the command or takes an id.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import msgspec

from engine.target.template import Template, find_placeholders, substitute

TIMEOUT_S = 30.0
# In this variable the starter of the service passes the command, filled in with its values, to clients.
VARIABLE = "ONEWINNER_CREATE"


@dataclass(frozen=True)
class CreateCommand:
    """A program that makes one workflow in the initial state and prints its id as the last line.

    `words` are its name and arguments; `cwd` is its working folder (None: ours).
    """

    words: tuple[str, ...]
    cwd: str | None = None
    timeout_s: float = TIMEOUT_S

    @property
    def serves_tenants(self) -> bool:
        """Whether it can make workflows of any tenant. Otherwise all belong to the owner."""
        return "tenant" in find_placeholders(self.words)

    def fill(self, values: Mapping[str, str]) -> "CreateCommand":
        return replace(self, words=tuple(substitute(word, values) for word in self.words))


@dataclass(frozen=True)
class IdPool:
    """Ids of existing workflows in the initial state, by tenant. Each id is used once."""

    ids: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Queue:
    """A resource into which units are put, each by a request; `request` creates it. Without one there is one queue for
    the whole service: then a source uses it alone, empties it, and puts its units in.
    """

    put: Template
    request: Template | None = None


def pack(command: CreateCommand) -> str:
    """The command as one line of text, the value of VARIABLE."""
    return msgspec.json.encode(asdict(command)).decode()


def unpack(text: str) -> CreateCommand:
    return msgspec.json.decode(text, type=CreateCommand)
