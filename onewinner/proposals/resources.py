"""The resources of a document: a collection, one of its items, and the routes below the item. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from engine.target.suggestion import find_close
from onewinner.json_paths import fold
from onewinner.proposals.document import Document, Operation, Property
from onewinner.proposals.words import MOVING, find_led, is_verb, names_next, names_state, split_words

PARAMETER = re.compile(r"\{([^{}]+)\}")
OTHERS_MAX = 12
WRITES = ("POST", "PUT", "PATCH")


class NothingFound(Exception):  # noqa: N818 - it says what happened
    """The document has no routes that could be those of a workflow; one sentence."""


@dataclass(frozen=True)
class Resource:
    """A collection ("/orders"), the path of an item ("/orders/{ref}"), and all operations on the item and below it."""

    collection: str
    item: str
    create: Operation | None
    operations: tuple[Operation, ...]

    @property
    def name(self) -> str:
        """The last word of the collection that is no parameter."""
        words = [word for word in self.collection.split("/") if word and "{" not in word]
        return words[-1] if words else self.collection

    @property
    def read(self) -> Operation | None:
        return next((each for each in self.operations if each.method == "GET" and not self.rest(each)), None)

    @cached_property
    def writes(self) -> tuple[Operation, ...]:
        """The operations that may move an item: no sub-collections, nothing that has a parameter of its own left."""
        collections = {self.rest(each) for each in self.operations if each.method == "GET"}
        return tuple(
            each
            for each in self.operations
            if each.method in WRITES and not (self.rest(each) and self.rest(each) in collections and self.adds(each))
        )

    @property
    def outer(self) -> tuple[str, ...]:
        """The parameters of the path before the item's own."""
        return tuple(PARAMETER.findall(self.collection))

    def rest(self, operation: Operation) -> str:
        """What follows the item in the operation's path: "/submit", ":submit", or nothing."""
        return operation.path[find_end(operation.path, len(self.outer) + 1) :]

    def adds(self, operation: Operation) -> bool:
        """Whether a POST adds to a sub-collection, rather than to move the item."""
        return operation.method == "POST" and not self.may_move(operation)

    @cached_property
    def state(self) -> Property | None:
        """The property of the read's answer that looks most like a state."""
        return find_state(self.read.shown) if self.read is not None else None

    @cached_property
    def moves(self) -> int:
        """How many of its operations look as if they moved an item."""
        return sum(self.may_move(each) for each in self.writes)

    def may_move(self, operation: Operation) -> bool:
        rest = self.rest(operation)
        if is_verb(re.split(r"[/:]", rest)[-1]):
            return True
        inner = [each for each in operation.body if "[]" not in each.path and names_state(each.path)]
        if any(len(each.values) > 1 for each in inner):
            return True
        plain = any("." not in each.path and each.is_text and names_next(each.name) for each in inner)
        return plain and (not rest or bool(MOVING & set(split_words(rest))))

    @cached_property
    def confirmed(self) -> int:
        """How many of its moves lead to a state that a read can show, by their enum or their verb."""
        states = self.state.values if self.state is not None else ()
        return sum(
            any(set(part.values) & set(states) for part in each.body)
            or find_led(re.split(r"[/:]", self.rest(each))[-1], states) is not None
            for each in self.writes
            if self.may_move(each)
        )

    @property
    def rank(self) -> tuple[int, ...]:
        """The better a candidate, the higher."""
        moves = self.read is not None and self.moves > 0
        return (
            self.create is not None and moves,
            moves,
            self.create is not None and self.read is not None,
            self.confirmed,
            self.state is not None,
            -len(self.outer),
            self.moves,
            len(self.operations),
        )


def list_resources(document: Document) -> list[Resource]:
    """Every collection with an item, the likeliest workflow first."""
    items: dict[str, list[Operation]] = {}
    paths: dict[str, str] = {}
    creates = {erase(each.path).rstrip("/"): each for each in document.operations if each.method == "POST"}
    for operation in document.operations:
        for item in walk_items(operation):
            paths.setdefault(erase(item), item)
            items.setdefault(erase(item), []).append(operation)
    found = []
    for erased, operations in items.items():
        item = paths[erased]
        collection = item.rpartition("/")[0]
        found.append(Resource(collection, item, creates.get(erase(collection)), tuple(operations)))
    usable = [each for each in found if each.read is not None or each.moves]
    return sorted(usable, key=lambda each: each.rank, reverse=True)


def walk_items(operation: Operation) -> Iterator[str]:
    """The items that an operation is about: the innermost parameter that is a whole part of the path."""
    path = operation.path
    parts = list(re.finditer(r"/\{([^{}]+)\}(?=$|[/:])", path))
    if parts:
        yield path[: parts[-1].end()]
    if len(parts) > 1 and parts[-1].end() == len(path) and operation.method in WRITES:
        # The last parameter may name the move: /orders/{id}/transitions/{state}.
        named = operation.find_parameter(parts[-1][1], "path")
        if named is not None and Property("", named.schema).values:
            yield path[: parts[-2].end()]


def find_end(path: str, parameters: int) -> int:
    """Where in a path the parameter of that number ends."""
    ends = [found.end() for found in PARAMETER.finditer(path)]
    return ends[parameters - 1] if len(ends) >= parameters else len(path)


def erase(path: str) -> str:
    """The path without the names of its parameters, which may differ from route to route."""
    return PARAMETER.sub("{}", path)


def choose(document: Document, wanted: str | None) -> tuple[Resource, list[Resource]]:
    """The resource of that name, else the best one; and the others that have moves. Raises NothingFound."""
    found = list_resources(document)
    others = [each for each in found if each.moves]
    if wanted is None:
        best = next((each for each in found if any(each.rank[:3]) or (each.create is not None and each.moves)), None)
        if best is None:
            raise NothingFound(
                "it has no POST on a collection with a GET of one of its items beside it, such as /orders and "
                "/orders/{id}"
            )
        return best, [each for each in others if each is not best]
    named = [each for each in found if fits(each, wanted)]
    if not named:
        names = list(dict.fromkeys(label(each, found) for each in others or found))
        close = find_close(wanted, names)
        told = f"did you mean {close!r}?" if close else f"there are: {describe_others(names)}"
        raise NothingFound(f"it has no resource {wanted!r}; {told}")
    return named[0], [each for each in others if each is not named[0]]


def fits(resource: Resource, wanted: str) -> bool:
    """Whether a resource is meant: by its name in any spelling, singular too, or by its path without parameters."""
    name = fold(resource.name)
    if fold(wanted) in (name, name.removesuffix("s"), name.removesuffix("es")) and "/" not in wanted.strip("/"):
        return True
    path = PARAMETER.sub("", resource.collection)
    return bool(fold(wanted)) and "/" in wanted and fold(path).endswith(fold(PARAMETER.sub("", wanted)))


def label(resource: Resource, among: list[Resource]) -> str:
    """What to write behind --resource: the name, or the path where several have the name."""
    same = [each for each in among if fold(each.name) == fold(resource.name)]
    is_first = bool(same) and same[0] is resource
    return "-".join(split_words(resource.name)) or resource.name if is_first else resource.collection


def describe_others(names: list[str]) -> str:
    return ", ".join(names[:OTHERS_MAX]) + (f" and {len(names) - OTHERS_MAX} more" if len(names) > OTHERS_MAX else "")


def find_state(properties: tuple[Property, ...]) -> Property | None:
    """The property that looks most like a state: one with an enum, named status or state, near the root."""
    named = [each for each in properties if "[]" not in each.path and names_state(each.path)]
    texts = [each for each in named if each.values or each.is_text]
    # What stands further in may be the state of something else, unless it is a part of the state: state.type.
    near = [each for each in texts if "." not in each.path or names_state(each.path.partition(".")[0])]

    def weigh(each: Property) -> tuple[bool, bool, int]:
        plain = each.name.lower() in ("state", "status", "phase", "stage")
        return len(each.values) < 2, not plain and not each.values, each.path.count(".")

    return min(near or texts, key=weigh, default=None)
