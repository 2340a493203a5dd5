"""What the names of properties, routes and states suggest: where a verb leads to, what a property carries. Pure."""

import re
from collections.abc import Iterable, Sequence

from onewinner.json_paths import fold

STATE = re.compile(r"(.*_)?(state|status|phase|stage)(_(type|name|code|value))?")
NEXT = frozenset(("next", "to", "target", "new", "desired", "state", "status", "phase", "stage", "transition"))
EXPECTED = frozenset(("from", "expect", "expected", "current", "old", "previous", "prior", "before", "source"))
AFTER = frozenset(("to", "new", "next", "after", "target"))
STATE_WORDS = frozenset(("state", "status", "phase", "stage", "value"))
VERSION = frozenset(("version", "revision", "rev", "etag"))
VERSION_WORDS = VERSION | {"lock", "expected", "current", "row", "entity", "record"}
# States of these names are where a workflow stops, from wherever it was.
DONE = re.compile(r"complet|done|finish|succe|closed|resolved")
ENDS = re.compile(r"cancel|reject|fail|abort|expire|delete|declin|void|crash|deni|error|withdrawn|timedout")
TRAILS = frozenset(
    ("transitions", "events", "history", "audit", "log", "logs", "trail", "changes", "activity", "states")
)
# Verbs whose state is spelled otherwise: the beginnings of the states that they lead to, the likelier first.
LEADS = {
    "pay": ("paid",),
    "send": ("sent",),
    "sell": ("sold",),
    "hold": ("held", "onhold"),
    "start": ("start", "running", "inprogress", "processing", "active"),
    "begin": ("begun", "started", "running", "inprogress", "processing", "active"),
    "run": ("running",),
    "claim": ("claimed", "assigned", "inprogress", "running"),
    "finish": ("finished", "completed", "done", "success"),
    "complete": ("completed", "done", "finished", "success"),
    "open": ("open",),
    "reopen": ("reopened", "open"),
    "resume": ("resumed", "running", "inprogress", "active"),
    "unpause": ("running", "inprogress", "active"),
    "pause": ("paused",),
    "activate": ("active",),
    "deactivate": ("inactive", "deactivated", "disabled"),
    "reactivate": ("active",),
    "deny": ("denied", "rejected"),
    "release": ("released", "free", "available"),
    "retry": ("retrying", "pending", "queued", "running", "scheduled"),
    "enqueue": ("queued", "enqueued"),
    "redo": ("redone",),
}
# Verbs that begin in states of these names.
BEGINS = {
    "resume": ("pause", "suspend", "held", "onhold", "stop"),
    "unpause": ("pause",),
    "reopen": ("clos", "done", "resolv", "complet"),
    "retry": ("fail", "crash", "error"),
    "reactivate": ("inactive", "suspend", "disabl", "deactivat"),
    "redo": ("undone",),
    "complete": ("running", "inprogress", "processing", "active", "started"),
    "finish": ("running", "inprogress", "processing", "active", "started"),
}
IRREGULAR = {"pay": "PAID", "send": "SENT", "sell": "SOLD", "hold": "HELD", "begin": "BEGUN", "submit": "SUBMITTED",
             "ship": "SHIPPED", "refund": "REFUNDED", "run": "RUNNING", "resume": "RUNNING", "unpause": "RUNNING",
             "open": "OPEN", "reopen": "OPEN", "activate": "ACTIVE", "withdraw": "WITHDRAWN", "stop": "STOPPED",
             "pick": "PICKED", "void": "VOIDED", "commit": "COMMITTED", "cancel": "CANCELLED"}  # fmt: skip
VERBS = frozenset((
    *LEADS, *IRREGULAR, "accept", "acknowledge", "approve", "archive", "assign", "authorize", "book", "cancel",
    "capture", "close", "confirm", "decline", "deliver", "dispatch", "escalate", "expire", "fail", "fulfill", "merge",
    "pack", "process", "publish", "receive", "reject", "reserve", "resolve", "return", "review", "revoke", "schedule",
    "settle", "sign", "suspend", "terminate", "trigger", "unpublish", "validate", "verify",
))  # fmt: skip
# Nouns that are not a verb with an ending.
NOUNS = {"submission": "submit", "payment": "pay", "acceptance": "accept", "delivery": "deliver", "release": "release"}
NOUN = re.compile(r"(?:ation|ition|ion|ment|al)$")
# Words of a route that takes the next state.
MOVING = frozenset(("status", "state", "transition", "transitions", "advance", "move", "moves", "phase", "stage"))

# Words of a POST that only asks, and changes nothing.
QUESTIONS = frozenset(("search", "filter", "query", "count", "preview", "validate", "estimate", "paginate"))


def split_words(name: str) -> list[str]:
    """The words of a name, in lower case: fromState, from_state and from-state have the same two."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def names_state(path: str) -> bool:
    """Whether a property's path is that of a state: status, order.currentState, state.type."""
    words = split_words(path.rpartition(".")[2])
    outer = split_words(path.split(".")[-2]) if path.count(".") else []
    return any(STATE.fullmatch("_".join(each)) is not None for each in (words, [*outer[-1:], *words][-2:]))


def names_version(name: str) -> bool:
    words = split_words(name)
    return bool(VERSION & set(words)) and VERSION_WORDS.issuperset(words)


def names_expected(name: str) -> bool:
    return bool(EXPECTED & set(split_words(name))) and not names_version(name)


def names_next(name: str) -> bool:
    return bool(NEXT & set(split_words(name))) and not names_expected(name) and not names_version(name)


def names_side(name: str, side: frozenset[str]) -> bool:
    """Whether a property of a trail's entry is the state before or after: from, new_status, and nothing else."""
    words = set(split_words(name))
    return bool(words & side) and words <= side | STATE_WORDS


def is_end(state: str) -> bool:
    return ENDS.match(fold(state)) is not None


def is_done(state: str) -> bool:
    """Whether a workflow probably goes no further from there."""
    return DONE.match(fold(state)) is not None


def find_led(verb: str, states: Sequence[str]) -> str | None:
    """The state that a verb leads to: submit to SUBMITTED, pay to PAID; None if there is none."""
    for word in map(find_verb, (fold(verb), *reversed(split_words(verb)))):
        if len(word) < 3:
            continue
        for begin in LEADS.get(word, ()):
            found = [state for state in states if fold(state).startswith(begin)]
            if found:
                return found[0]
        stem = word[: max(3, len(word) - 2)]
        found = [state for state in states if fold(state).startswith(stem)]
        if found:
            return found[0]
    return None


def find_origins(verb: str, to: str, states: Sequence[str], initial: str) -> tuple[str, ...]:
    """From where a verb probably leads to `to`: the state before it in the document; to an end from anywhere."""
    onward = [state for state in states if not is_end(state) and state != to]
    for word in map(find_verb, split_words(verb)):
        found = [state for state in states for begin in BEGINS.get(word, ()) if fold(state).startswith(begin)]
        if found := [state for state in dict.fromkeys(found) if state != to]:
            return tuple(found)
    if is_end(to):
        return tuple(onward)
    before = [state for state in states[: states.index(to)] if not is_end(state)]
    return tuple(before[-1:] or [state for state in (initial, *onward) if state != to][:1])


def is_verb(word: str) -> bool:
    return any(find_verb(part) in VERBS for part in split_words(word)[:1])


def find_verb(word: str) -> str:
    """The verb of a noun, such as cancel for cancellation; other words stay as they are."""
    if word in VERBS or word in NOUNS:
        return NOUNS.get(word, word)
    stem = NOUN.sub("", word)
    stem = stem[:-1] if stem[-1:] == stem[-2:-1] else stem
    return next((verb for verb in sorted(VERBS) if stem != word and len(stem) > 3 and verb.startswith(stem)), word)


def name_state(verb: str) -> str:
    """The state that a verb leads to in a document that names no states: APPROVED for approve."""
    words = [word for word in map(find_verb, split_words(verb)) if word in VERBS]
    word = words[0] if words else fold(verb)
    if word in IRREGULAR:
        return IRREGULAR[word]
    ending = "D" if word.endswith("e") else "ED"
    stem = f"{word[:-1]}i" if word.endswith("y") and word[-2:-1] not in "aeiou" else word
    return f"{stem.upper()}{ending}"


def order_states(states: Iterable[str], initial: str | None) -> tuple[str, ...]:
    """The states with the initial one first, if it is told."""
    found = tuple(states)
    return (initial, *(state for state in found if state != initial)) if initial in found and initial else found
