"""Where workflows come from when the engine has no route that creates them: a command, or ids that are there already.

Values only; who runs the command or takes an id is `load.client.workflow_factory`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import msgspec

from engine.target.template import find_placeholders, substitute

TIMEOUT_S = 30.0
# How whoever asks is told of the command with all that only the starter of the service knows filled in.
VARIABLE = "ONEWINNER_CREATE"


@dataclass(frozen=True)
class CreateCommand:
    """A program that makes one workflow in its initial state and prints the id as its last line.

    `words` are its name and arguments; `cwd` is where it runs (None: where we do).
    """

    words: tuple[str, ...]
    cwd: str | None = None
    timeout_s: float = TIMEOUT_S

    @property
    def serves_tenants(self) -> bool:
        """Whether it can make a workflow of any tenant; otherwise all are the owner's."""
        return "tenant" in find_placeholders(self.words)

    def fill(self, values: Mapping[str, str]) -> "CreateCommand":
        return replace(self, words=tuple(substitute(word, values) for word in self.words))


@dataclass(frozen=True)
class IdPool:
    """Ids of workflows that wait in the initial state, by tenant. Each is used once."""

    ids: Mapping[str, tuple[str, ...]]


def pack(command: CreateCommand) -> str:
    """The command as one line of text, for VARIABLE."""
    return msgspec.json.encode(asdict(command)).decode()


def unpack(text: str) -> CreateCommand:
    return msgspec.json.decode(text, type=CreateCommand)
