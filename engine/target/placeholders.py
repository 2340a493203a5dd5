"""Placeholders: which of them may stand in which request of a target file, and who gives their values. Pure.

The walk finds every request table, so a new one needs no line here unless it has placeholders of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import structs

from engine.target.file_tables import File, RequestTable, Table, VariantTable, pair_names
from engine.target.suggestion import suggest
from engine.target.template import braces, find_placeholders
from engine.target.value_checks import Mistake

EVERYWHERE = ("request_id",)
# What onewinner fills in, by the beginning of the key; elsewhere it is {id}.
OWN: dict[str, tuple[str, ...]] = {
    "setup": (),
    "tenants": (),
    "create": ("marker", "units"),
    "create.request": ("marker", "units", "key"),
    "advance": ("id", "expected", "next", "marker", "key"),
    "writes": ("id", "marker"),
    "capacity": ("id", "marker"),
    "capacity.give_back": ("id", "marker", "unit"),
}
Givers = list[tuple[str, str]]


def find_givers(file: File) -> dict[str, str]:
    """The names that the file saves, each with the key that gives it; of several the first."""
    return {name: f"{key}.save" for name, key in reversed(list_givers(file))}


def list_givers(file: File) -> Givers:
    """Each name that is saved, and the key of its table."""
    return [(name, key) for key, table in walk(file, "") for name in getattr(table, "save", {})]


def is_of_workflow(key: str) -> bool:
    """Whether a value that is saved there differs from workflow to workflow."""
    return key.startswith(("create", "read", "advance", "writes"))


def is_of_some_states(key: str) -> bool:
    """Whether a value that is saved there may be one that a workflow has in some states alone, such as a hold."""
    return is_of_workflow(key) and not key.startswith("create")


def check_names(file: File) -> None:
    """Whether every placeholder of every request, and of the tenants' headers, has a value by then. Raises Mistake."""
    givers, first = list_givers(file), find_givers(file)
    sinks = {f"sink.{sink.name}" for sink in file.sinks}
    check_service(file, sinks)
    for key, table in walk(file, ""):
        earlier = {name for name, giver in givers if is_earlier(giver, key)}
        if isinstance(table, RequestTable | VariantTable):
            check_placeholders(key, structs.asdict(table), {*list_own(key), *EVERYWHERE, *earlier, *sinks}, first)
        elif headers := getattr(table, "headers", None):
            check_placeholders(f"{key}.headers", headers, earlier, first)


def check_service(file: File, sinks: set[str]) -> None:
    """Whether each sink that the service is told of is one. Raises Mistake."""
    service = file.service
    told = {} if service is None else {"command": service.command, "env": service.env, "prepare": service.prepare}
    for name, texts in told.items():
        strange = {each for each in find_placeholders(texts) if each.startswith("sink.")} - sinks
        for each in sorted(strange):
            there = f"there are: {braces(sinks)}" if sinks else "the file has none"
            raise Mistake(f"service.{name}", f"{{{each}}} is no sink of the file; {there}; add it to [[sinks]]")


def list_own(key: str) -> tuple[str, ...]:
    return OWN.get(key) or OWN.get(find_root(key), ("id",))


def find_root(key: str) -> str:
    """The first word of a key: setup of setup[0].request."""
    return key.replace("[", ".").partition(".")[0]


def find_index(key: str) -> int:
    """2 of setup[2].request."""
    return int(key[key.index("[") + 1 : key.index("]")])


def is_earlier(giver: str, key: str) -> bool:
    """Whether the table at `giver` may have its answer by the time the request at `key` is built."""
    root, given = find_root(key), find_root(giver)
    if given == "capacity":
        return key == "capacity.give_back"
    if root == "tenants":
        # A tenant has its own login alone; setup may register it.
        tenant = ".".join(key.split(".")[:2])
        return given == "setup" or (giver.startswith(f"{tenant}.") and not key.startswith(f"{giver}."))
    if root == "setup":
        return given == "tenants" or (given == "setup" and find_index(giver) < find_index(key))
    if key.startswith("create.before") and giver.startswith("create.before"):
        return find_index(giver) < find_index(key)
    return root != "create" or given in ("setup", "tenants") or giver.startswith("create.before")


def check_placeholders(key: str, document: Any, known: set[str], givers: Mapping[str, str]) -> None:
    for name in sorted(find_placeholders(document) - known):
        if name in givers:
            raise Mistake(key, f"{{{name}}} has no value yet: {givers[name]} gives it, by an answer that comes later")
        hint = suggest(name, known) if known else ""
        close = hint if "did you mean" in hint else ""
        raise Mistake(key, f"{{{name}}} means nothing here{close}; what can stand here: {braces(known)}")


def walk(part: Any, key: str) -> Iterator[tuple[str, Table]]:
    """Every table of the file, with its key. It does not look into the body of a request."""
    if isinstance(part, Table):
        yield key, part
        named = () if isinstance(part, RequestTable) else pair_names(part)
        inner = {written: getattr(part, name) for written, name in named}
    else:
        inner = part if isinstance(part, dict) else {}
    for name, value in inner.items():
        yield from walk(value, f"{key}.{name}" if key else name)
    for number, value in enumerate(part if isinstance(part, list) else ()):
        yield from walk(value, f"{key}[{number}]")
