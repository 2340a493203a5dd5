"""What is wrong with a file's shape, in words: an unknown key, a missing one, a value of another type. Pure."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.target.tables import (
    AdvanceTable,
    AuditTable,
    CreateTable,
    EdgeTable,
    EffectsTable,
    File,
    GuardTable,
    ReadTable,
    RequestTable,
    ServiceTable,
    Table,
    TenantTable,
    WorkflowTable,
)

TABLES = ("workflow", "create", "read", "advance")
TYPES = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list in [ ]",
    "object": "a table of keys and values",
    "null": "nothing",
}


def explain_shape(message: str, document: Mapping[str, Any]) -> str:
    """msgspec's sentence in words of the file, with the key's whole path in front."""
    what, _, where = message.partition(" - at `")
    key = find_key(where.rstrip("`"), what, document)
    unknown = re.search(r"unknown field `([^`]+)`", what)
    missing = re.search(r"missing required field `([^`]+)`", what)
    if unknown:
        return f"{join(key, unknown[1])}: is no key of a target file{suggest(unknown[1], known_keys(key))}"
    if missing:
        return f"{join(key, missing[1])}: is missing; {say_missing(key, missing[1])}"
    return f"{key or 'the file'}: {say_type(what)}"


def say_missing(key: str, name: str) -> str:
    """What to add, and where."""
    if not key:
        return f"add the table [{name}]" if name in TABLES else f"add {name} = ... at the top of the file"
    return f"add {name} = ... to {key}" if key.endswith("]") else f"add {name} = ... to [{key}]"


def say_type(what: str) -> str:
    """Expected `str`, got `int` -> must be text in quotes, not a whole number."""
    expected = re.fullmatch(r"Expected `([^`]+)`, got `([^`]+)`", what)
    if expected is None:
        return f"{what[0].lower()}{what[1:]}"
    wanted = [TYPES.get(name.strip(), name.strip()) for name in expected[1].split("|") if name.strip() != "null"]
    return f"must be {' or '.join(wanted)}, not {TYPES.get(expected[2], expected[2])}"


def find_key(where: str, what: str, document: Mapping[str, Any]) -> str:
    """msgspec's path as it stands in the file. It hides names that the file chose, as [...]; they are looked up."""
    parts = re.findall(r"\[\.\.\.\]|\[\d+\]|[^.\[\]$]+", where)
    fitting = (key for key, value in walk_path(parts, document) if fits(value, what))
    return next(fitting, "".join(parts).replace("[...]", ""))


def walk_path(parts: Sequence[str], value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every (key, value) that the path may mean."""
    if not parts:
        yield key, value
    elif parts[0] == "[...]":
        for name, inner in value.items():
            yield from walk_path(parts[1:], inner, join(key, name))
    elif parts[0].startswith("["):
        yield from walk_path(parts[1:], value[int(parts[0][1:-1])], key + parts[0])
    else:
        yield from walk_path(parts[1:], value.get(parts[0]), join(key, parts[0]))


def fits(value: Any, what: str) -> bool:
    """Whether msgspec's complaint can be about this value."""
    named = re.search(r"(unknown|missing required) field `([^`]+)`", what)
    if named:
        return isinstance(value, Mapping) and (named[2] in value) == (named[1] == "unknown")
    got = re.search(r"got `([^`]+)`", what)
    return got is None or name_type(value) == got[1]


def name_type(value: Any) -> str:
    names = {bool: "bool", int: "int", float: "float", str: "str", list: "array", dict: "object"}
    return names.get(type(value), "")


def join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def known_keys(key: str) -> list[str]:
    """The keys that may stand in the table at `key`; for a table that cannot be found, those of a tenant."""
    last = re.sub(r"\[\d*\]", "", key.rsplit(".", 1)[-1])
    tables: dict[str, type[Table]] = {
        "": File, "service": ServiceTable, "workflow": WorkflowTable, "create": CreateTable, "read": ReadTable,
        "advance": AdvanceTable, "edges": EdgeTable, "guards": GuardTable, "audit": AuditTable,
        "effects": EffectsTable, "request": RequestTable,
    }  # fmt: skip
    return [field.encode_name for field in msgspec.structs.fields(tables.get(last, TenantTable))]


def suggest(word: str, known: Iterable[str]) -> str:
    """The near name, else all of them: what a sentence about an unknown word ends with."""
    options = list(known)
    close = difflib.get_close_matches(word, options, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(options)}" if options else ""
