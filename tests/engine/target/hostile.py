"""Hostile target files: one wrong thing in each, made from docs/target.schema.json, the same for the same seed."""

import copy
import json
import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.engine.target.test_target_file import ORDERS

SEED = 15
SCHEMA = Path(__file__).parents[3] / "docs" / "target.schema.json"
VALUES: tuple[Any, ...] = (
    10**30,
    -1,
    0.5,
    float("nan"),
    float("inf"),
    True,
    "",
    "word",
    [],
    {},
    [[[]]],
    {"a": {}},
    999,
)
DOCUMENT = tomllib.loads(ORDERS)
DEEP = (100, 5_000)
Place = tuple[str | int, ...]
# Place -> values that fit the schema, and that no target can have.
BEYOND: dict[Place, tuple[Any, ...]] = {
    ("base_url",): (
        "ftp://x", "http://", "http://[::1", "http://127.0.0.1:99999", "http://127.0.0.1:-1", "http://127.0.0.1:x",
        "http://u:p@127.0.0.1:1", "http://127.0.0.1:0", "http://127.0.0.1/?a=b", "http:// /", "http://{port}",
    ),
    ("timeout_s",): (0, -1, 0.0, float("nan"), float("inf"), 10**400),
    ("create", "id"): ("a[", "]", "a..b", "\x00", "'", "a" + "[" * 3_000, "(" * 3_000, "@." * 3_000, "f("),
    ("read", "state"): ("a b", "&", "[?", "!" * 3_000, "a." * 20_000, "sum(a", "-"),
    ("audit", "entries"): ("[0", "*.*.[", "\ud7ff["),
    ("read", "request", "path"): ("no-slash", "", "/without", "/{id}/{nonsense}", "http://x/{id}"),
    ("read", "request", "method"): ("", "G ET", "GET\r\nX: y", "GÉT", "\x00"),
    ("tenants", "acme", "headers"): ({"A": "x\r\ny: z"}, {"A\n": "x"}, {"": "x"}, {"A": "\0"}, {"A": "${NOT}"}),
    ("workflow", "initial"): ("", "NOWHERE", "../DRAFT", "DRAFT\x00", "\x1b[2J"),
    ("workflow", "transitions"): ({}, {"DRAFT": []}, {"A": ["B"], "C": ["D"]}, {"": [""]}),
    ("advance", "won"): ([], [0], [99], [600], [10**18], [200, 409], [-200]),
    ("guards", 0, "open"): (["NOWHERE"], [""], ["DRAFT\x00"]),
    ("advance", "edges", 0, "to"): ("DRAFT", "NOWHERE", ""),
}  # fmt: skip


@dataclass(frozen=True)
class HostileTarget:
    """A target file, and the key that its sentence must name; None where it is no TOML or has no such key."""

    name: str
    content: bytes
    key: str | None


def make_targets(seed: int = SEED) -> list[HostileTarget]:
    chance = random.Random(seed)
    return [*walk_shapes(chance), *walk_beyond(), *walk_raw()]


def walk_shapes(chance: random.Random) -> Iterator[HostileTarget]:
    """At each place of a good document a value that the schema refuses, and a key that it does not know."""
    for place in walk_places(DOCUMENT):
        wrong = [value for value in VALUES if not make_validator().is_valid(change(place, value))]
        if wrong:
            yield make(place, chance.choice(wrong))
    yield make(("nonsense",), 1)
    yield make(("create", "../nonsense"), 1)


def walk_beyond() -> Iterator[HostileTarget]:
    for place, values in BEYOND.items():
        for value in values:
            yield make(place, value)


def walk_places(part: Any, place: Place = ()) -> Iterator[Place]:
    if place:
        yield place
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    # The body of a request may hold anything.
    for name, value in inner if place[-1:] != ("json",) else ():
        yield from walk_places(value, (*place, name))


def make(place: Place, value: Any) -> HostileTarget:
    return HostileTarget(f"{place} = {value!r:.30}", render(change(place, value)), str(place[0]))


def change(place: Place, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(DOCUMENT)
    part: Any = changed
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    return changed


def render(document: Mapping[str, Any]) -> bytes:
    return "".join(f"{name} = {render_value(value)}\n" for name, value in document.items()).encode()


def render_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {render_value(part)}" for name, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(render_value, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=True)


@cache
def make_validator() -> Any:
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))


def walk_raw() -> Iterator[HostileTarget]:
    """Files that are no TOML, or TOML that is no target."""
    good = ORDERS.encode()
    for name, content in {
        "empty": b"", "NUL bytes": bytes(4096), "not UTF-8": good + b'x = "\xff"', "UTF-16": ORDERS.encode("utf-16"),
        "a surrogate": good + b'x = "\\ud800"', "JSON": b"{}", "binary": bytes(range(256)), "one table twice": good * 2,
        "half": good[: len(good) // 2], "a number of 10^5 digits": b"timeout_s = " + b"9" * 100_000,
        "a carriage return": b"name = 'x'\ry = 1", "a date": b"name = 2026-01-01\n",
        "a byte order mark": b"\xef\xbb\xbfx=",
        **{f"{depth} lists": b"name = " + b"[" * depth + b"]" * depth for depth in DEEP},
        **{f"{depth} tables": b"name = " + b"{a=" * depth + b"1" + b"}" * depth for depth in DEEP},
        **{f"{depth} dots": b"a." * depth + b"x = 1" for depth in DEEP},
    }.items():  # fmt: skip
        yield HostileTarget(name, content, None)
