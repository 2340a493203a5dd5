"""Idempotency keys in the model against brute force: a service that stores the first answer of each key, step by step.

Brute force tries every order in which each request takes effect, or gets the stored answer, within its own call; the
judge merges the requests of a key into one operation.
"""

import os
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import polars as pl

from reports.history.events import Header
from reports.history.history import take_frame
from reports.history.journal_lines import OPERATION_SCHEMA
from reports.judge.context import CheckContext
from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.linearizability_decision import decide
from reports.judge.evidence.races import list_races
from reports.judge.race_resolution import resolve_races
from reports.judge.verdict import Verdict

HISTORIES = int(os.environ.get("ONEWINNER_KEYS", "1500"))
AT_ONCE = 100
STATES = "AB"
FOREVER = 10**6
Operation = dict[str, Any]


def list_movers(
    state: str | None, stored: dict[str, Operation], left: list[Operation], movers: frozenset[str] = frozenset()
) -> set[frozenset[str]]:
    """By order that explains all of them: the ids of the requests that moved the workflow."""
    found = {movers} if all(each["outcome"] == "unknown" for each in left) else set[frozenset[str]]()
    for index, each in enumerate(left):
        rest = left[:index] + left[index + 1 :]
        if any(other["outcome"] != "unknown" and other["returned_ns"] < each["invoked_ns"] for other in rest):
            continue
        after = serve(state, stored, each)
        if after is not None:
            found |= list_movers(*after, rest, movers if after[0] == state else movers | {each["id"]})
    return found


def is_explained(state: str | None, stored: dict[str, Operation], left: list[Operation]) -> bool:
    """Whether what is left can follow in some order. An unknown request need not take effect."""
    if all(each["outcome"] == "unknown" for each in left):
        return True
    for index, each in enumerate(left):
        rest = left[:index] + left[index + 1 :]
        if any(other["outcome"] != "unknown" and other["returned_ns"] < each["invoked_ns"] for other in rest):
            continue
        after = serve(state, stored, each)
        if after is not None and is_explained(*after, rest):
            return True
    return False


def serve(
    state: str | None, stored: dict[str, Operation], each: Operation
) -> tuple[str | None, dict[str, Operation]] | None:
    """The state and the stored answers after it, if this is an answer that the service can give now. Before its create
    there is no state, and no answer but that of the create.

    The answer of an unknown request is lost; it may have been a conflict, which its key keeps.
    """
    if each["kind"] == "read":
        return (state, stored) if each["observed"] == state else None
    key = each["key"]
    if each["kind"] == "create":
        is_first = state is None and key not in stored
        return ("A", {**stored, key: each}) if is_first else (state, stored) if key in stored else None
    if state is None:
        return None
    if key in stored:
        first = stored[key]
        same = each["outcome"] == "unknown" or each["outcome"] == first["outcome"]
        return (state, stored) if same else None
    due = state in each["expected"]
    if each["outcome"] in ("won", "unknown") and due:
        after = each["next"]
    elif each["outcome"] in ("conflict", "unknown") and not due:
        after = state
    else:
        return None
    kept = {**each, "outcome": "won" if due else "conflict"}
    return after, stored if key is None else {**stored, key: kept}


def draw_history(rng: random.Random) -> list[Operation]:
    """A few requests of a service that works, perhaps with one answer or time changed."""
    state, stored, found = "A", dict[str, str](), list[Operation]()
    edges = {"k": rng.choice(["AB", "BA"]), "l": rng.choice(["AB", "BA"])}
    moments = sorted(rng.randint(1, 9) for _ in range(rng.randint(2, 6)))
    for moment in moments:
        times: dict[str, int | None] = {
            "invoked_ns": moment - rng.randint(0, 3),
            "returned_ns": moment + rng.randint(0, 3),
        }
        if rng.random() < 0.25:
            found.append({"kind": "read", "outcome": "ok", "observed": state, **times})
            continue
        key = rng.choice(["k", "k", "l", None])
        edge = edges[key] if key else rng.choice(["AB", "BA"])
        expected, following = edge[0], edge[1]
        outcome = stored.get(key or "")
        if outcome is None:
            outcome = "won" if state == expected else "conflict"
            state = following if outcome == "won" else state
            if key:
                stored[key] = outcome
        if outcome == "won" and rng.random() < 0.2:
            outcome, times["returned_ns"] = "unknown", None
        about = {"expected": [expected], "next": following, "key": key, "payload": key}
        found.append({"kind": "advance", "outcome": outcome, **about, **times})
    found += draw_creates(rng, moments[0]) if rng.random() < 0.4 else []
    if rng.random() < 0.6:
        damage(rng, rng.choice(found))
    return found


def draw_race(rng: random.Random) -> list[Operation]:
    """A race out of A, which is left once: a few requests of it and outside of it, some with a key in common."""
    state, stored, found = "A", dict[str, str](), list[Operation]()
    moments = sorted(rng.choice([3, 4, 5, 12]) for _ in range(rng.randint(2, 5)))
    for number, moment in enumerate(moments):
        key = rng.choice(["k", "k", "l", None])
        outcome = stored.get(key or "") or ("won" if state == "A" else "conflict")
        is_lost, never_came = rng.random() < 0.35, rng.random() < 0.3
        if not (is_lost and never_came):
            state = "B"
            stored |= {key: outcome} if key else {}
        times = {"invoked_ns": moment - rng.randint(0, 3), "returned_ns": moment + rng.randint(0, 3)}
        about = {"id": str(number), "kind": "advance", "expected": ["A"], "next": "B", "key": key, "payload": key}
        race = "r" if moment < 12 and rng.random() < 0.7 else None
        told = {"outcome": "unknown", "returned_ns": None} if is_lost else {"outcome": outcome}
        found.append(about | {"race": race} | times | told)
    if rng.random() < 0.4:
        times = {"invoked_ns": 20, "returned_ns": 21}
        found.append({"id": "read", "kind": "read", "outcome": "ok", "observed": state, "key": None, **times})
    if rng.random() < 0.5:
        damage(rng, rng.choice(found))
    return found


def find_contenders(history: list[Operation]) -> set[str]:
    """The ids of the requests of the race, and of those with a key that one of them sent before it was answered."""
    raced = [each for each in history if each.get("race")]
    keys = set()
    for key in {each["key"] for each in raced} - {None}:
        told = [each["returned_ns"] for each in history if each["key"] == key and each["outcome"] != "unknown"]
        if any(each["key"] == key and each["invoked_ns"] <= min(told, default=FOREVER) for each in raced):
            keys.add(key)
    return {each["id"] for each in history if each["key"] in keys or (each.get("race") and each["key"] is None)}


def draw_creates(rng: random.Random, before: int) -> list[Operation]:
    """Creates with one key, one of them answered. The first request for a move may come before its return."""
    about = {"kind": "create", "key": "c", "payload": "create"}
    begun = before - rng.randint(0, 3)
    lost = {"outcome": "unknown", "invoked_ns": begun - rng.randint(0, 2), "returned_ns": None}
    ok = {"outcome": "ok", "observed": "A"}
    told = [{"invoked_ns": begun + late, "returned_ns": begun + late + rng.randint(0, 3)} for late in (0, 0, 6)]
    found = [about | ok | times for times in rng.sample(told, k=rng.randint(1, 3))]
    return [*found, *([about | lost] if rng.random() < 0.4 else [])]


def damage(rng: random.Random, each: Operation) -> None:
    if each["returned_ns"] is not None and rng.random() < 0.5:
        each["invoked_ns"] = rng.randint(1, 9)
        each["returned_ns"] = each["invoked_ns"] + rng.randint(0, 3)
    elif each["kind"] == "read":
        each["observed"] = rng.choice(STATES)
    elif each["kind"] == "create":
        each.update({"outcome": "ok", "observed": "A", "returned_ns": each["invoked_ns"] + 2})
    else:
        each["outcome"] = rng.choice(["won", "conflict"])
        each["returned_ns"] = each["returned_ns"] or each["invoked_ns"] + 2


def has_one_answer(history: list[Operation]) -> bool:
    """Whether the requests of each key got the same answer; where they did not, `idempotent` fails by itself."""
    told = {(each["key"], each["outcome"]) for each in history if each.get("key") and each["outcome"] != "unknown"}
    return len(told) == len({key for key, _ in told})


def test_keys_are_judged_as_brute_force_does() -> None:
    rng = random.Random(f"keys{os.environ.get('ONEWINNER_SEED', '0')}")
    seen = Counter[bool]()
    while seen.total() < HISTORIES:
        drawn = [draw_history(rng) for _ in range(AT_ONCE)]
        histories = [each for each in drawn if has_one_answer(each)]
        expected = [is_explained(find_start(each), {}, each) for each in histories]
        decision = decide(make_evidence(histories))
        assert not decision.undecided
        for w, (history, explained) in enumerate(zip(histories, expected, strict=True)):
            assert (w not in decision.failed) == explained, history
        seen.update(expected)
    assert min(seen.values()) > HISTORIES // 10, seen


def test_races_of_keys_are_judged_as_brute_force_does() -> None:
    """`one-winner` fails only if a contender won in no order; it passes only if one won in some order, or if the
    history has no order. Then two winners by their answers are a failure.
    """
    rng = random.Random(f"races{os.environ.get('ONEWINNER_SEED', '0')}")
    seen = Counter[Verdict | None]()
    while seen.total() < HISTORIES:
        drawn = [draw_race(rng) for _ in range(AT_ONCE)]
        histories = [each for each in drawn if has_one_answer(each) and find_contenders(each)]
        for history, verdict in zip(histories, judge_races(histories), strict=True):
            contenders = find_contenders(history)
            orders = list_movers("A", {}, history)
            told = {each["key"] or each["id"] for each in history if each["id"] in contenders and is_win(each)}
            if verdict is Verdict.FAIL:
                assert not any(len(contenders & movers) == 1 for movers in orders), history
            if verdict is Verdict.PASS:
                assert any(len(contenders & movers) == 1 for movers in orders) or not orders, history
            assert len(told) < 2 or verdict is Verdict.FAIL, history
            seen[verdict] += 1
    assert min(seen[verdict] for verdict in (Verdict.PASS, Verdict.FAIL)) > HISTORIES // 30, seen


def is_win(each: Operation) -> bool:
    return bool(each["outcome"] == "won")


def judge_races(histories: list[list[Operation]]) -> list[Verdict | None]:
    """What `one-winner` says of each of them; None if it judged no race."""
    context = CheckContext(make_evidence(histories))
    races = {race.w: Verdict.PASS for race in list_races(context.races)}
    for race, resolved in resolve_races(context):
        many = resolved.winners
        races[race.w] = Verdict.UNKNOWN if many is None else Verdict.PASS if many == 1 else Verdict.FAIL
    return [races.get(w) for w in range(len(histories))]


def find_start(history: list[Operation]) -> str | None:
    """There is no state before a create."""
    return None if any(each["kind"] == "create" for each in history) else "A"


def make_evidence(histories: list[list[Operation]]) -> Evidence:
    rows = [
        dict.fromkeys(OPERATION_SCHEMA) | each | {"workflow": f"w{number}"}
        for number, history in enumerate(histories)
        for each in history
    ]
    for number, row in enumerate(rows):
        race = row["race"] and f"{row['workflow']}{row['race']}"
        row.update(id=str(number), process="p", tenant="acme", scenario="", race=race)
    history = replace(take_frame(pl.DataFrame(rows, schema=OPERATION_SCHEMA)), events=(("history", Header()),))
    return Evidence(history, None, "A")
