"""Sinks: what the service calls, such as a payment provider. onewinner answers for it. Pure.

The rule of a sink says which calls are due. VARIABLE tells the processes that ask where the sinks listen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.target.file_tables import SINK_FAULTS, TIMES, SaveTable, SinkAnswerTable, SinkTable
from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.suggestion import suggest
from engine.target.template import NAME
from engine.target.value_checks import Mistake, check_states, check_wait
from engine.target.value_places import HEADER, Place, read_place

VARIABLE = "ONEWINNER_SINKS"
PREFIX = "sink."
PATH = "path"
PLACES = ("marker", "workflow", "key")


@dataclass(frozen=True)
class CallPlace:
    """Where a call has a value: in its JSON body, a header, the text of its body, or its path with the query."""

    place: Place
    is_path: bool = False

    def find(self, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
        """`headers` by names in lower case."""
        seen = Answer(200, dict(headers), path.encode() if self.is_path else body)
        return self.place.find_text(seen)


@dataclass(frozen=True)
class Sink:
    """A server that onewinner runs. A call tells by `marker`, or by `workflow`, which move it is for; calls with one
    `key` are one. For each move into a state of `per` calls are due as `times` says.
    """

    name: str
    per: tuple[str, ...]
    marker: CallPlace | None
    workflow: CallPlace | None
    key: CallPlace | None
    times: str
    within_s: float
    status: int
    json: Any
    faults: tuple[str, ...]
    slow_s: float


def read_sinks(tables: Iterable[SinkTable], graph: TransitionGraph, *, carries_marker: bool) -> tuple[Sink, ...]:
    """`carries_marker`: a request of a move carries {marker}. Raises Mistake."""
    sinks: list[Sink] = []
    for index, table in enumerate(tables):
        key = f"sinks[{index}]"
        if table.name in [sink.name for sink in sinks]:
            raise Mistake(f"{key}.name", f"{table.name!r} is the name of another sink, too; give each its own")
        sinks.append(read_sink(key, table, graph, carries_marker=carries_marker))
    return tuple(sinks)


def read_sink(key: str, table: SinkTable, graph: TransitionGraph, *, carries_marker: bool) -> Sink:
    if not NAME.fullmatch(table.name):
        raise Mistake(f"{key}.name", f"{table.name!r} is no name of a sink; write small letters, digits and _")
    if not table.per:
        raise Mistake(f"{key}.per", "must name at least one state, for the moves into which calls are due")
    check_states(f"{key}.per", table.per, graph)
    if table.times not in TIMES:
        raise Mistake(f"{key}.times", f"must be {', '.join(map(repr, TIMES))}, not {table.times!r}")
    for fault in table.faults:
        if fault not in SINK_FAULTS:
            raise Mistake(f"{key}.faults", f"{fault!r} is no fault of a sink{suggest(fault, SINK_FAULTS)}")
    for name in ("within_s", "slow_s"):
        check_wait(f"{key}.{name}", getattr(table, name))
    answer = table.answer or SinkAnswerTable()
    if not 100 <= answer.status <= 599:
        raise Mistake(f"{key}.answer.status", f"{answer.status} is no HTTP status; write one from 100 to 599")
    if (table.marker is None) == (table.workflow is None):
        raise Mistake(key, "must tell by `marker` or by `workflow`, one of them, which move a call is for")
    if table.marker is not None and not carries_marker:
        raise Mistake(f"{key}.marker", "no request of [advance] carries {marker}; put it there, so that a call can")
    marker, workflow, own = (read_call_place(f"{key}.{name}", getattr(table, name)) for name in PLACES)
    return Sink(
        table.name,
        tuple(table.per),
        marker,
        workflow,
        own,
        table.times,
        table.within_s,
        answer.status,
        answer.json,
        tuple(table.faults),
        table.slow_s,
    )


def read_call_place(key: str, source: str | SaveTable | None) -> CallPlace | None:
    """As the place of a value in an answer; and "path", whole or with a `match`."""
    if source is None:
        return None
    if isinstance(source, SaveTable) and source.origin == PATH:
        text = SaveTable(origin="text", match=source.match)
        return CallPlace(read_place(key, text), is_path=True)
    if source == PATH:
        return CallPlace(read_place(key, SaveTable(origin="text", match="([^/?]+)/?(?:[?].*)?$")), is_path=True)
    place = read_place(key, source)
    if place.cookie is not None:
        raise Mistake(key, f'a call has no cookie; write JMESPath, "{HEADER}NAME", "{PATH}" or {{ from, match }}')
    return CallPlace(place)


def name_values(urls: Mapping[str, str]) -> dict[str, str]:
    """What {sink.NAME} stands for, by the names of the placeholders."""
    return {f"{PREFIX}{name}": url for name, url in urls.items()}


def pack_urls(urls: Mapping[str, str]) -> str:
    return msgspec.json.encode(urls).decode()


def unpack_urls(text: str) -> dict[str, str]:
    return msgspec.json.decode(text, type=dict[str, str])
