"""The format of race files: one order of statements as data, with what must hold of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.target.plain_file import MALFORMED, read_plain

RACE_FORMAT = 2
# How a race file of format 1 calls what has another name now.
FORMER_NAMES = {"sessions": "requests", "session": "request"}


class RaceFileError(Exception):
    """A file that is no race; one sentence."""


class RaceRequest(
    msgspec.Struct, frozen=True, omit_defaults=True, rename={"origin": "from"}, forbid_unknown_fields=True
):
    """One request of a race: an advance over a route, a write, a create, a take, or a give-back."""

    name: str
    tenant: str
    route: str
    origin: str
    to: str
    write: str = ""
    key: str = ""
    variant: str = ""
    user: int = 0
    body: str = ""
    creates: bool = False
    takes: bool = False
    gives_back: bool = False


class Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A statement of a request, as it ran when the race was found; `fault` is the fault injected there."""

    request: str
    sql: str
    effect: str = ""
    fault: str | None = None


class Race(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A race as data: the requests, the `state` of their workflow, the `order` of the held statements, what must hold.

    When the race was found, the service got `arguments`, and `parameters` were the settings of its database sessions.
    `apart`: each request has a workflow of its own in that state. After the first `lead` statements it waited until
    `wait_s` after the workflow was ready; requests without any were sent then.
    """

    format: int
    target: str
    found: str
    state: str
    requests: tuple[RaceRequest, ...]
    order: str
    must_hold: tuple[str, ...]
    faults: Mapping[int, str] = {}
    arguments: tuple[str, ...] = ()
    parameters: Mapping[str, str] = {}
    steps: tuple[Line, ...] = ()
    apart: bool = False
    wait_s: float = 0.0
    lead: int = 0


def write_race(path: Path, race: Race) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(race), indent=2) + b"\n")


def read_race(path: Path) -> Race:
    """The race of a file. Raises RaceFileError."""
    try:
        read = msgspec.json.decode(read_plain(path))
        number = read.get("format") if isinstance(read, dict) else None
        if number == 1:
            read = rename(read)
        elif isinstance(number, int) and number != RACE_FORMAT:
            raise RaceFileError(f"{path}: is a race of format {number}; this version reads formats 1 to {RACE_FORMAT}")
        race = msgspec.convert(read, Race, str_keys=True)
    except OSError as error:
        raise RaceFileError(f"{path}: cannot be read: {error.strerror}") from None
    except MALFORMED as error:
        raise RaceFileError(f"{path}: is no race: {error}") from None
    names = {request.name for request in race.requests}
    strange = sorted(set(race.order) - names)
    if strange or not race.requests:
        raise RaceFileError(f"{path}: order: there is no request {', '.join(strange) or 'at all'}")
    return race


def rename(read: Any) -> Any:
    """A race of format 1 with the names of format 2."""
    if isinstance(read, list):
        return [rename(each) for each in read]
    if isinstance(read, dict):
        renamed = {FORMER_NAMES.get(name, name): rename(value) for name, value in read.items()}
        return {**renamed, "format": RACE_FORMAT} if "format" in renamed else renamed
    return read
