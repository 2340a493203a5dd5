"""The text of a new target file, with comments that say what each part is for. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from engine.target.graph import TransitionGraph
from engine.target.template import Template
from onewinner.json_paths import quote as quote_name
from onewinner.proposals.moves import Edge
from onewinner.proposals.proposal import NO_ROUTE, Meanings, Proposal
from onewinner.proposals.words import is_done, is_end

BARE = re.compile(r"[A-Za-z0-9_-]+")

HEAD = """\
# How onewinner reaches your service. Check it with: onewinner doctor --target {file}
name = {name}
base_url = {base_url}
timeout_s = 5        # without an answer for so long, the outcome of a request is unknown

# Let onewinner start the service, on a PostgreSQL of its own; then write base_url = "http://127.0.0.1:{{port}}".
# [service]
# prepare = [["alembic", "upgrade", "head"]]      # run before it, one after the other
# command = ["uvicorn", "--port", "{{port}}", "--workers", "{{workers}}", "shop:app"]      # or ["node", "server.js"]
# The URL begins with postgresql://; for another spelling there are {{database_user}}, {{database_password}},
# {{database_host}}, {{database_port}} and {{database_name}}.
# env = {{ DATABASE_URL = "{{database_url}}", PORT = "{{port}}" }}
# ready = "/healthz"
# cwd = "."      # the folder in which they run, seen from this file
"""
SECOND = """\
# A second tenant enables the isolation checks: nothing of the first one's workflows may be seen or moved by it.
# [tenants.globex]
# headers = {{ {header} }}
# Several users of one tenant, over which the contenders of a race are spread: [[tenants.acme.users]], each with a name
# and headers or a login.
"""
ADVANCE_ENDS = """\
# busy = [423]                             # nothing happened, the client may try again
# refused = [400, 401, 403, 404, 422]      # these too are answers; everything that is listed nowhere is unknown
"""
OPTIONAL = """
# Requests that answer only in some states:
# [[guards]]
# request = {{ method = "GET", path = "{guard}" }}
# open = [{last}]
# closed = [409]
"""
GUESSED = "# GUESSED, correct it: {}."
UNSHOWN_TRAIL = "FILL IN, this route may show an audit trail; the document does not show where its entries stand:"
ANY_MOVE = "moves a workflow"
OTHER_MOVES = "makes the other moves; write one, or remove this request and those moves"
AUDIT = """
# {about}
# [audit]
# request = {{ method = "GET", path = "{path}" }}
# entries = "events"
# from = "old"
# to = "new"
"""


def draft_target(proposal: Proposal, file: str) -> str:
    """The whole file as text."""
    moves, general = plan_moves(proposal)
    last = quote(list(TransitionGraph.of(proposal.states[0], moves).states)[-1])
    guard = proposal.guard.path if proposal.guard is not None else f"{proposal.read.path}/label"
    parts = [
        HEAD.format(file=file, name=quote(proposal.name), base_url=quote(proposal.base_url)),
        draft_tenants(proposal),
        *([draft_setup(proposal)] if proposal.setup else []),
        draft_workflow(proposal, moves),
        draft_create(proposal),
        draft_read(proposal),
        draft_advance(proposal, moves, general),
        OPTIONAL.format(guard=guard, last=last),
        draft_trail(proposal),
    ]
    return "\n".join(parts)


def plan_moves(proposal: Proposal) -> tuple[dict[str, list[str]], Template | None]:
    """The transitions to write, and the general request; without one, the routes of their own must serve them all."""
    initial, general = proposal.states[0], proposal.advance
    if general is None and proposal.edges:
        moves = add_edges({}, proposal.edges)
        if initial in moves and is_connected(initial, moves):
            return moves, None
    if general is None:
        general = Template("POST", f"{proposal.read.path}/status", {"from": "{expected}", "to": "{next}"})
    moves = add_edges(guess_chain(proposal.states, proposal.targets), proposal.edges)
    return moves if is_connected(initial, moves) else add_edges(
        guess_chain(proposal.states, ()), proposal.edges
    ), general


def is_connected(initial: str, moves: dict[str, list[str]]) -> bool:
    """Whether every state that stands there can be reached."""
    graph = TransitionGraph.of(initial, moves)
    return bool(graph.successors.get(initial)) and all(graph.path(initial, state) for state in graph.states)


def guess_chain(states: tuple[str, ...], targets: tuple[str, ...]) -> dict[str, list[str]]:
    """Each state leads to the next one, and to those that sound like an end; only to `targets`, if there are any."""
    targets = targets or states
    ends = [state for state in states[1:] if is_end(state)]
    onward = [state for state in states if state not in ends and state in (states[0], *targets)]
    moves: dict[str, list[str]] = {}
    for index, state in enumerate(onward):
        if is_done(state) and index:
            continue
        after = [each for each in onward[index + 1 :] if each in targets]
        done = [each for each in after[:1] if is_done(each)]
        following = [each for each in after if not is_done(each)][:1]
        moves[state] = [*done, *following, *(each for each in ends if each in targets)]
    found = {state: nexts for state, nexts in moves.items() if nexts}
    return found or {states[0]: [state for state in (*targets, *states) if state != states[0]][:1] or ["DONE"]}


def add_edges(moves: dict[str, list[str]], edges: tuple[Edge, ...]) -> dict[str, list[str]]:
    for edge in edges:
        for origin in edge.origins:
            nexts = moves.setdefault(origin, [])
            if edge.to not in nexts:
                nexts.append(edge.to)
    return moves


def draft_tenants(proposal: Proposal) -> str:
    credentials = proposal.credentials
    if credentials.header is None:
        return "# Headers that prove who asks, if the service wants any: headers = { ... }\n[tenants.acme]\n"
    name, value = credentials.header
    other = f"{key(name)} = {quote(value.replace('ACME', 'GLOBEX'))}"
    lines = [
        "# The headers that prove who asks; ${NAME} is taken from the environment.",
        "[tenants.acme]",
        f"headers = {{ {key(name)} = {quote(value)} }}",
    ]
    login, commented = credentials.login, SECOND.format(header=other).rstrip()
    if login is not None:
        told = f"{{ request = {draft_request(login.call)}, save = {{ token = {quote(login.token)} }}, renew_s = 600 }}"
        lines += [] if login.is_shown else [GUESSED.format("the document does not show where the answer has the token")]
        lines.append(f"login = {told}")
        commented += f"\n# login = {told.replace('ACME', 'GLOBEX')}"
    return "\n".join([*lines, commented]) + "\n"


def draft_setup(proposal: Proposal) -> str:
    """What a new workflow refers to, once for each tenant."""
    lines = ["# What a new workflow refers to."]
    for setup in proposal.setup:
        lines += [
            *([] if setup.is_shown else [GUESSED.format("the document does not show where the answer has the id")]),
            "[[setup]]",
            'per = "tenant"',
            f"request = {draft_request(setup.call)}",
            f"save = {{ {setup.name} = {quote(setup.id)} }}",
        ]
    return "\n".join(lines) + "\n"


def draft_workflow(proposal: Proposal, moves: dict[str, list[str]]) -> str:
    guessed = proposal.guesses.get("workflow")
    lines = [
        "[workflow]",
        f"initial = {quote(proposal.states[0])}",
        '# spelling = { DRAFT = "draft" }      # where the service spells a state in another way',
        GUESSED.format(guessed) if guessed else "# Each state with the states that may follow it.",
        "[workflow.transitions]",
        *(f"{key(state)} = [{', '.join(map(quote, nexts))}]" for state, nexts in moves.items()),
    ]
    return "\n".join(lines) + "\n"


def draft_create(proposal: Proposal) -> str:
    guessed = proposal.guesses.get("create")
    lines = [
        "# Where workflows come from. Without such a route: a command that prints an id, or a list of ids.",
        *([GUESSED.format(guessed)] if guessed else []),
        "[create]",
    ]
    if proposal.create is None:
        lines += [
            "# FILL IN: the document has no route that creates one.",
            'command = ["python", "create.py", "{tenant}"]',
        ]
    else:
        lines += [
            f"request = {draft_request(proposal.create)}",
            f"id = {quote(proposal.id)}        # where the answer has the id, as a JMESPath",
            f"won = {list(proposal.created)}",
        ]
    return "\n".join(lines) + "\n"


def draft_read(proposal: Proposal) -> str:
    guessed = proposal.guesses.get("read")
    if guessed == NO_ROUTE:
        return (
            "# The document has no route that shows a workflow, so there is no [read]: what needs one is not checked.\n"
        )
    lines = [
        *([GUESSED.format(guessed)] if guessed else []),
        "[read]",
        f"request = {draft_request(proposal.read)}",
        f"state = {quote(proposal.state)}        # where the answer has the state",
    ]
    if proposal.version is not None:
        lines.append(f"save = {{ version = {quote(proposal.version)} }}        # the moves carry it")
    return "\n".join(lines) + "\n"


def draft_advance(proposal: Proposal, moves: dict[str, list[str]], general: Template | None) -> str:
    lines = ["# How a workflow is moved: {expected} is the state that it must be in, {next} the one that it is to get."]
    if general is not None and proposal.advance is None:
        lines.append(f"# FILL IN: the document has no route that {OTHER_MOVES if proposal.edges else ANY_MOVE}.")
    lines.append("[advance]")
    if general is not None:
        lines.append(f"request = {draft_request(general)}")
    lines += draft_meanings(proposal)
    for edge in proposal.edges:
        lines += draft_edge(edge, moves)
    for call in proposal.unclear:
        lines += draft_unclear(call)
    return "\n".join(lines) + "\n"


def draft_meanings(proposal: Proposal) -> list[str]:
    meanings, decision = proposal.meanings, proposal.meanings.decision
    told, won_state = meanings.current_state, meanings.won_state
    busy = draft_answers(meanings, decision.busy if decision else (), meanings.busy)
    late = "        # the answer to a request that comes too late"
    return [
        f"won = {draft_answers(meanings, decision.won, ()) if decision else list(meanings.won)}",
        f"conflict = {draft_answers(meanings, decision.conflict if decision else (), meanings.conflict)}{late}",
        *([f"busy = {busy}        # nothing happened, the client may try again"] if busy != "[]" else []),
        *([f"stale = {list(meanings.stale)}        # the version is not current any more"] if meanings.stale else []),
        *draft_missing(proposal),
        *ADVANCE_ENDS.splitlines()[0 if busy == "[]" else 1 :],
        f"current_state = {quote(told)}" if told else '# current_state = "status"      # where a conflict tells it',
        f"won_state = {quote(won_state)}" if won_state else '# won_state = "status"          # where a win tells it',
    ]


def draft_missing(proposal: Proposal) -> list[str]:
    """The answer to a request without the version that it needs."""
    if proposal.meanings.missing:
        return [f"precondition_required = {list(proposal.meanings.missing)}"]
    return ["# precondition_required = [428]            # a request without a version"] if proposal.version else []


def draft_answers(meanings: Meanings, values: tuple[str, ...], statuses: tuple[int, ...]) -> str:
    """A list of answers: those whose body tells one of the values, and those with one of the statuses."""
    path = meanings.decision.path if meanings.decision is not None else ""
    told = " || ".join(f"{quote_name(path)} == '{value}'" for value in values)
    rules = [{"status": status, "when": told} for status in meanings.won] if values else []
    return draft_value([*rules, *statuses])


def draft_edge(edge: Edge, moves: dict[str, list[str]]) -> list[str]:
    known = [origin for origin in edge.origins if edge.to in moves.get(origin, ())]
    return [
        "# GUESSED from the name of the route, correct it: from may be a list of states.",
        "[[advance.edges]]",
        f"from = {quote(known[0]) if len(known) == 1 else json.dumps(known, ensure_ascii=False)}",
        f"to = {quote(edge.to)}",
        f"request = {draft_request(edge.call)}",
        *([f"won_state = {quote(edge.won_state)}"] if edge.won_state else []),
    ]


def draft_unclear(call: Template) -> list[str]:
    return [
        "# FILL IN, or remove: this route may move a workflow; the document does not say from where and where to.",
        "# [[advance.edges]]",
        '# from = "..."',
        '# to = "..."',
        f"# request = {draft_request(call)}",
    ]


def draft_trail(proposal: Proposal) -> str:
    trail = proposal.trail
    if trail is None:
        about = UNSHOWN_TRAIL if proposal.trail_path else "The audit trail, if the service shows one:"
        path = proposal.trail_path or f"{proposal.read.path}/events"
        return AUDIT.format(about=about, path=path).lstrip("\n")
    lines = ["# The audit trail: the entries must be in order, the oldest first.", "[audit]"]
    lines.append(f"request = {draft_request(trail.call)}")
    if trail.origin is None:
        return "\n".join([*lines, f"states = {quote(f'{trail.entries}[].{quote_name(trail.to)}')}"]) + "\n"
    lines.append(f"entries = {quote(trail.entries)}")
    return "\n".join([*lines, f"from = {quote(trail.origin)}", f"to = {quote(trail.to)}"]) + "\n"


def draft_request(call: Template) -> str:
    parts = {
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "headers": call.headers,
        "json": call.json,
        "form": call.form,
    }
    kept = {name: value for name, value in parts.items() if value is not None and (value or name == "json")}
    return draft_value(kept)


def draft_value(value: Any) -> str:
    """A JSON value as TOML on one line; null, which TOML has not, becomes an empty text."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key(name)} = {draft_value(part)}" for name, part in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(draft_value, value))}]"
    return quote("" if value is None else value)


def quote(value: Any) -> str:
    """Text, number or truth as TOML writes them."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    return name if BARE.fullmatch(name) else quote(name)
