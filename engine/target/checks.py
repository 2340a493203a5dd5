"""What a target file may not say, beyond its shape: one sentence each, None where all is well. Pure."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from urllib.parse import urlsplit

from engine.target.graph import TransitionGraph
from engine.target.shape import suggest
from engine.target.tables import AdvanceTable, RequestTable

SERVER_ERROR, UNAVAILABLE = 500, 503
# Of the meanings of statuses, those that no answer need have.
MAY_BE_EMPTY = ("refused", "busy")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def check_base_url(text: str, *, served: bool) -> str | None:
    if not re.match(r"https?://[^/]", text):
        return f"{text!r} must begin with http:// or https:// and name a host"
    if "{port}" in text and not served:
        return "{port} needs a [service] that onewinner starts; write the port of the running service"
    try:
        url = urlsplit(text.replace("{port}", "1"))
        host, port = url.hostname, url.port
    except ValueError:
        return f"{text!r} has no port that can be; write one from 1 to 65535 behind the host"
    if not host or port == 0:
        return f"{text!r} names no host and port that can be reached; write it as http://127.0.0.1:8080"
    if url.username is not None:
        return "user and password cannot stand here; write them as an Authorization header into [tenants.NAME] headers"
    if url.query or url.fragment:
        return f"{text!r} must end with a path; write the query into each request"
    return None


def check_request(table: RequestTable) -> str | None:
    """What is wrong with a request before its placeholders are looked at."""
    if not table.path.startswith("/"):
        return f"path: {table.path!r} must begin with / (the host stands in base_url)"
    if not TOKEN.fullmatch(table.method):
        return f"method: {table.method!r} is no method; write GET, POST, PUT, PATCH or DELETE"
    found = check_headers(table.headers)
    return f"headers.{found}" if found else None


def check_headers(headers: Mapping[str, str]) -> str | None:
    """The header that cannot be sent, with the reason. No value is quoted: it may be a token."""
    for name, value in headers.items():
        if not TOKEN.fullmatch(name):
            return f"{name!r}: is no name of a header; write letters, digits and -"
        if re.search(r"[\r\n\0]", value) or not value.isascii():
            return f"{name}: its value has a line break or a character that is not ASCII; look at what it is made from"
    return None


def check_graph(graph: TransitionGraph) -> tuple[str, str] | None:
    """The first state that nothing leads to, as the key to change and why."""
    for state in graph.states:
        if graph.path(graph.initial, state) is not None:
            continue
        if all(graph.path(state, other) for other in graph.states):
            told = f"no way from {graph.initial!r} leads to {state!r}, from which all can be reached"
            return "initial", f'{told}; write initial = "{state}" if a workflow begins there'
        others = [other for other in graph.states if other != state]
        ways = f"no way from {graph.initial!r} leads to" if graph.sources(state) else "no edge leads to"
        close = difflib.get_close_matches(state, others, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        return "transitions", f"{ways} {state!r}{hint}; list it as a next state of another one, or remove it"
    return None


def check_spelling(spelling: Mapping[str, str | int], graph: TransitionGraph) -> tuple[str, str] | None:
    """The state whose spelling is wrong, and why."""
    for state in spelling:
        if state not in graph.states:
            return state, f"is no state of workflow.transitions{suggest(state, graph.states)}"
    seen: dict[str, str] = {}
    for state in graph.states:
        spelled = str(spelling.get(state, state))
        if spelled in seen:
            first = state if state in spelling else seen[spelled]
            return (
                first,
                f"{spelled!r} would mean both {seen[spelled]!r} and {state!r}; give each a spelling of its own",
            )
        seen[spelled] = state
    return None


def check_statuses(named: Mapping[str, Sequence[int]]) -> tuple[str, str] | None:
    """The key among won, conflict, ... whose statuses cannot be, and why: numbers of HTTP, each with one meaning."""
    for key, statuses in named.items():
        if not statuses and key not in MAY_BE_EMPTY:
            return key, "must name at least one status"
        for status in statuses:
            if not 100 <= status <= 599:
                return key, f"{status} is no HTTP status; write one from 100 to 599"
    for status in named.get("busy", ()):
        if status >= SERVER_ERROR and status != UNAVAILABLE:
            return "busy", f"{status} does not say that nothing happened; of the server errors only {UNAVAILABLE} does"
    for first, second in combinations(named, 2):
        for status in sorted(set(named.get(first, ())) & set(named.get(second, ()))):
            return second, f"{status} is also in advance.{first}; a status can mean one thing only"
    return None


def check_edges(table: AdvanceTable, served: Iterable[tuple[str, str]], graph: TransitionGraph) -> str | None:
    """The first edge that no request serves."""
    known = set(served)
    for origin, to in graph.walk_edges():
        if table.request is None and (origin, to) not in known:
            return f"no request serves {origin} -> {to}; add [advance] request or an [[advance.edges]]"
    return None
