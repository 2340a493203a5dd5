"""Checks the values of a target file. Each check raises Mistake with the path of the key. Pure."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from engine.target.file_tables import RequestTable
from engine.target.graph import TransitionGraph
from engine.target.suggestion import find_close, suggest

BODIES = ("json", "form", "text", "xml")
SECONDS_MAX = 1_000_000_000
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Mistake(Exception):  # noqa: N818 - it is the user's, and is reported as a TargetError
    """The path of a key of the file, what is wrong there, and what to do about it."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(f"{key}: {what}")


def check_base_url(text: str, *, served: bool) -> None:
    if not re.match(r"https?://[^/]", text) or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise Mistake("base_url", f"{text!r} must begin with http:// or https:// and name a host")
    if "{port}" in text and not served:
        raise Mistake(
            "base_url", "{port} needs a [service] that onewinner starts; write the port of the running service"
        )
    try:
        url = urlsplit(text.replace("{port}", "1"))
        host, port = url.hostname, url.port
    except ValueError:
        raise Mistake("base_url", f"{text!r} has no valid port; write one from 1 to 65535 behind the host") from None
    if not host or port == 0:
        raise Mistake("base_url", f"{text!r} names no host and port; write it as http://127.0.0.1:8080")
    if url.username is not None:
        raise Mistake(
            "base_url",
            "user and password cannot stand here; write them as an Authorization header into [tenants.NAME] headers",
        )
    if url.query or url.fragment:
        raise Mistake("base_url", f"{text!r} must end with a path; write the query into each request")


def check_request(key: str, table: RequestTable) -> None:
    """A request, before its placeholders are checked."""
    if not table.path.startswith("/"):
        raise Mistake(f"{key}.path", f"{table.path!r} must begin with / (the host stands in base_url)")
    if not TOKEN.fullmatch(table.method):
        raise Mistake(f"{key}.method", f"{table.method!r} is no method; write GET, POST, PUT, PATCH or DELETE")
    check_headers(f"{key}.headers", table.headers)
    bodies = [name for name in BODIES if getattr(table, name) is not None]
    if len(bodies) > 1:
        raise Mistake(f"{key}.{bodies[1]}", f"stands beside {key}.{bodies[0]}; a request has one body, keep one")


def check_header_name(key: str, name: str) -> None:
    if not TOKEN.fullmatch(name):
        raise Mistake(key, f"{name!r} is no name of a header; write letters, digits and -")


def check_headers(key: str, headers: Mapping[str, str]) -> None:
    """Whether the headers can be sent. The sentence quotes no value, which may be a token."""
    for name, value in headers.items():
        if not TOKEN.fullmatch(name):
            raise Mistake(f"{key}.{name!r}", "is no name of a header; write letters, digits and -")
        if not is_header_value(value):
            raise Mistake(
                f"{key}.{name}",
                "its value has a line break or a character that is not ASCII; check its source",
            )


def is_header_value(value: str) -> bool:
    return value.isascii() and not re.search(r"[\r\n\0]", value)


def check_graph(graph: TransitionGraph) -> None:
    """Whether a workflow can reach every state."""
    reached = graph.reach(graph.initial)
    if reached == {graph.initial}:
        raise Mistake(
            "workflow.initial", f"no transition leaves {graph.initial!r}{suggest(graph.initial, graph.states[1:])}"
        )
    for state in graph.states:
        if state in reached:
            continue
        if graph.reach(state) == {*graph.states}:
            raise Mistake(
                "workflow.initial",
                f"no way from {graph.initial!r} leads to {state!r}, from which all can be reached; "
                f'write initial = "{state}" if a workflow begins there',
            )
        ways = f"no way from {graph.initial!r} leads to" if graph.sources(state) else "no edge leads to"
        close = find_close(state, [other for other in graph.states if other != state])
        hint = f" (did you mean {close!r}?)" if close else ""
        raise Mistake(
            "workflow.transitions", f"{ways} {state!r}{hint}; list it as a next state of another one, or remove it"
        )


def check_states(key: str, names: Iterable[str], graph: TransitionGraph) -> None:
    for name in names:
        if name not in graph.states:
            raise Mistake(key, f"{name!r} is no state of workflow.transitions{suggest(name, graph.states)}")


def check_spelling(spelling: Mapping[str, str | int], graph: TransitionGraph) -> None:
    """Whether each spelling is of a state, and of one only."""
    for state in spelling:
        if state not in graph.states:
            raise Mistake(
                f"workflow.spelling.{state}", f"is no state of workflow.transitions{suggest(state, graph.states)}"
            )
    seen: dict[str, str] = {}
    for state in graph.states:
        spelled = str(spelling.get(state, state))
        if spelled in seen:
            raise Mistake(
                f"workflow.spelling.{state if state in spelling else seen[spelled]}",
                f"{spelled!r} would mean both {seen[spelled]!r} and {state!r}; give each a spelling of its own",
            )
        seen[spelled] = state


def check_wait(key: str, seconds: float) -> None:
    if not 0 <= seconds <= SECONDS_MAX:
        raise Mistake(key, f"must be from 0 to {SECONDS_MAX:,} seconds")


def check_seconds(key: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise Mistake(key, "must be more than 0 seconds")
