"""Hostile journals: one wrong thing in each, made from the schema of the lines, the same for the same seed.

What is wrong is decided by docs/history.schema.json and not by the reader: of each field of each event come the values
that the schema refuses.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs

from tests.reports.history.test_events import GOOD
from tests.reports.history.test_history import INVOKE, RETURN
from tools.json_schemas import make_history_schema

SEED = 15
VALUES: tuple[Any, ...] = (
    10**30,
    -(10**30),
    2**63,
    0.5,
    -1,
    999,
    "word",
    "",
    True,
    [],
    {},
    [None],
    {"a": None},
    None,
    [[[]]],
)
AROUND = (b'{"event": "header", "format": 2}', json.dumps(INVOKE).encode(), json.dumps(RETURN).encode())
DEEP = (1_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Hostile:
    """A journal, and the line that is wrong; None where the reader takes it."""

    name: str
    content: bytes
    line: int | None


def make_journals(seed: int = SEED) -> list[Hostile]:
    """All of them, each wrong line at a place that the seed chooses."""
    chance = random.Random(seed)
    made = [place(name, line, chance) for name, line in (*walk_fields(chance), *walk_raw())]
    return [*made, *walk_whole(), *walk_accepted()]


def place(name: str, line: bytes, chance: random.Random) -> Hostile:
    """A good journal with one more line in it, ended by a newline."""
    number = chance.randint(1, len(AROUND))
    lines = [*AROUND[:number], line, *AROUND[number:]]
    return Hostile(name, b"\n".join(lines) + b"\n", number + 1)


def walk_fields(chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Of each field of each known event two wrong values, and each event without each field that it needs."""
    other_invoke = {**INVOKE, "id": "x"}
    for event, fields in {**GOOD, "invoke": other_invoke, "return": RETURN}.items():
        good = {**fields, "event": event}
        for name in list_fields(event):
            wrong = [value for value in VALUES if not is_valid({**good, name: value})]
            for value in chance.sample(wrong, min(3, len(wrong))):
                yield f"{event}.{name}={value!r:.20}", json.dumps({**good, name: value}).encode()
            if name in good and not is_valid({key: value for key, value in good.items() if key != name}):
                yield f"{event} without {name}", json.dumps({**good, name: None}).encode()


@cache
def make_validator() -> Any:
    return jsonschema_rs.validator_for(make_history_schema())


def is_valid(line: dict[str, Any]) -> bool:
    try:
        return bool(make_validator().is_valid(line))
    except (ValueError, OverflowError):  # a number that no schema knows
        return False


def list_fields(event: str) -> list[str]:
    """The fields of an event, without the one that names it."""
    [properties] = [
        part["properties"]
        for part in make_history_schema()["$defs"].values()
        if part.get("properties", {}).get("event", {}).get("enum") == [event]
    ]
    return [name for name in properties if name != "event"]


def walk_raw() -> Iterator[tuple[str, bytes]]:
    """Lines that are no JSON, or JSON that no reader takes for an event."""
    probe = b'{"event": "fault", "at_ns": %s}'
    answer = b'{"event": "return", "id": 1, "outcome": "won", "detail": {"a": %s}}'
    numbers = (b"NaN", b"Infinity", b"-Infinity", b"1e400", b"1e30", b"+1", b"01", b"0x1", b"0.5", b"1" * 100_000)
    for number in numbers:
        yield f"fault at {number[:9].decode()}", probe % number
    for depth in DEEP:
        lists, objects = b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth
        yield f"fault {depth} deep", probe % lists
        yield f"unknown event, {depth} lists", b'{"event": "tomorrow", "x": %s}' % lists
        yield f"unknown event, {depth} objects", b'{"event": "tomorrow", "x": %s}' % objects
        yield f"detail, {depth} lists", answer % lists
        yield f"detail with escapes, {depth} lists", answer.replace(b'"a"', b'"\\u0061"') % lists
        yield f"{depth} brackets", b"[" * depth
    yield from {
        "invalid UTF-8": b'{"event": "fault", "at_ns": 1, "what": "\xff\xfe"}',
        "invalid UTF-8 in an event's name": b'{"event": "\xff"}',
        "invalid UTF-8 in an unknown event": b'{"event": "tomorrow", "x": "\xc3\x28"}',
        "an encoded surrogate": b'{"event": "fault", "at_ns": 1, "what": "\xed\xa0\x80"}',
        "a lone surrogate": b'{"event": "fault", "at_ns": 1, "what": "\\ud800"}',
        "a lone surrogate in a name": b'{"event": "\\udc00"}',
        "a lone surrogate in a workflow": json.dumps({**INVOKE, "id": 9, "workflow": "\ud800"}).encode(),
        "a lone surrogate in a detail": answer % b'1, "problem": "\\ud800"',
        "a NUL byte": b'{"event": "fault", "at_ns": 1, "what": "\x00"}',
        "NUL bytes": b"\x00" * 4096,
        "a byte order mark": b'\xef\xbb\xbf{"event": "fault", "at_ns": 1}',
        "UTF-16": '{"event": "fault", "at_ns": 1}'.encode("utf-16"),
        "a list": b"[]", "a text": b'"event"', "a number": b"5", "null": b"null", "true": b"true",
        "no event": b"{}", "an event that is a number": b'{"event": 5}', "an event that is null": b'{"event": null}',
        "an event that is a list": b'{"event": ["fault"]}', "half a line": b'{"event": "fault", "at_n',
        "two values on a line": b'{"event": "fault", "at_ns": 1} {"event": "fault", "at_ns": 1}',
        "text behind": b'{"event": "fault", "at_ns": 1} x', "a comment": b"// fault", "XML": b"<fault/>",
        "single quotes": b"{'event': 'fault'}", "a trailing comma": b'{"event": "fault", "at_ns": 1,}',
        "a control character": b'{"event": "fault", "at_ns": 1, "what": "\x1b[2J"}',
        "a return of an unknown id": b'{"event": "return", "id": "nothing", "outcome": "won"}',
        "an end before its begin": b'{"event": "fault", "at_ns": 5, "until_ns": 1}',
        "an end without a begin": b'{"event": "hidden", "what": "effects", "workflow": "w", "until_ns": 1}',
        "an invoke of no known kind": json.dumps({**INVOKE, "id": 9, "kind": "swap"}).encode(),
        "an advance without next": json.dumps({**INVOKE, "id": 9, "next": None}).encode(),
        "an advance without expected": json.dumps({**INVOKE, "id": 9, "expected": []}).encode(),
    }.items()  # fmt: skip


def walk_whole() -> Iterator[Hostile]:
    """Journals that are wrong as a whole."""
    header, invoke, answer = AROUND
    yield Hostile("two invokes of one id", b"\n".join([header, invoke, invoke, b""]), 3)
    yield Hostile("two returns of one id", b"\n".join([header, invoke, answer, answer, b""]), 4)
    yield Hostile("a return first", b"\n".join([header, answer, invoke, b""]), 2)
    yield Hostile("returned before", b"\n".join([header, invoke, answer.replace(b"20", b"2"), b""]), 2)
    yield Hostile("format 999", b'{"event": "header", "format": 999}\n', 1)
    yield Hostile("one enormous line", b'{"event": "' + b"x" * 5_000_000, None)
    yield Hostile("a megabyte of noise", random.Random(SEED).randbytes(1_000_000).replace(b"\n", b" ") + b"\n", 1)
    yield Hostile("gzip", b"\x1f\x8b\x08\x00" + bytes(range(256)).replace(b"\n", b"") + b"\n", 1)


def walk_accepted() -> Iterator[Hostile]:
    """Odd journals that can be read: what is not known is kept, and a killed writer loses its last line."""
    yield Hostile("nothing", b"", None)
    yield Hostile("blank lines", b"\n\n  \n\n", None)
    whole = b"\n".join([*AROUND, b""])
    for cut in range(1, len(AROUND[2]), 7):
        yield Hostile(f"cut by {cut}", whole[: -cut - 1], None)
    yield Hostile("an unknown event", whole + b'{"event": "tomorrow", "x": [1e30, {"y": null}]}\n', None)
    yield Hostile("an unknown field", whole + b'{"event": "end", "tomorrow": 10000000000000000000000000000000}\n', None)
    yield Hostile("lines that end as in Windows", whole.replace(b"\n", b"\r\n"), None)
