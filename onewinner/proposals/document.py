"""An OpenAPI 3 document, read leniently: operations, and the properties of what is sent and answered. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
DEPTH_MAX = 3
PROPERTIES_MAX = 2_000
FORM = "application/x-www-form-urlencoded"
# What may stand beside a $ref and adds to it.
BESIDE = ("default", "example", "examples", "readOnly")


@dataclass(frozen=True)
class Property:
    """One property of an object, by its path ("order.status"): its schema, and whether it must be there."""

    path: str
    schema: Mapping[str, Any]
    required: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def values(self) -> tuple[str, ...]:
        """The texts of its enum; empty when it has none."""
        found = as_list(self.schema.get("enum")) or [self.schema.get("const")]
        return tuple(dict.fromkeys(value for value in found if isinstance(value, str) and value))

    @property
    def is_text(self) -> bool:
        """Whether it may be a text: its type says so, or it tells none."""
        kinds = as_list(self.schema.get("type")) or [self.schema.get("type")]
        if kinds == [None]:
            return not any(key in self.schema for key in ("properties", "items", "allOf", "anyOf", "oneOf"))
        return "string" in kinds


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation: where it stands (path, query, header, cookie), its schema."""

    name: str
    place: str
    schema: Mapping[str, Any]
    required: bool


@dataclass(frozen=True)
class Operation:
    """One route of the document. What it sends and answers is looked up when it is asked for: documents are long."""

    document: "Document" = field(repr=False, compare=False)
    method: str
    path: str
    told: Mapping[str, Any] = field(repr=False, compare=False)
    shared: Sequence[Any] = field(default=(), repr=False, compare=False)

    @cached_property
    def body_schema(self) -> Mapping[str, Any]:
        return self.document.find_schema(self.told.get("requestBody"))

    @cached_property
    def body(self) -> tuple[Property, ...]:
        """The properties of its JSON body, also those of objects in it, without those that only answers have."""
        found = self.document.list_properties(self.body_schema)
        shown = tuple(each.path for each in found if each.schema.get("readOnly") is True)
        return tuple(each for each in found if not is_within(each.path, shown))

    @cached_property
    def form_schema(self) -> Mapping[str, Any]:
        return self.document.find_schema(self.told.get("requestBody"), FORM)

    @cached_property
    def statuses(self) -> tuple[int, ...]:
        """The statuses that it answers with, in order."""
        told = as_mapping(self.told.get("responses"))
        return tuple(sorted(int(status) for status in told if str(status).isdigit() and len(str(status)) == 3))

    @property
    def good(self) -> tuple[int, ...]:
        return tuple(status for status in self.statuses if 200 <= status < 300)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its own parameters, and those of its path."""
        found = {}
        for told in (*self.shared, *as_list(self.told.get("parameters"))):
            part = self.document.resolve(told)
            name, place = str(part.get("name")), str(part.get("in"))
            schema = self.document.resolve(part.get("schema"))
            found[name, place] = Parameter(name, place, schema, part.get("required") is True)
        return tuple(found.values())

    def answer(self, status: int) -> tuple[Property, ...]:
        """What an answer of that status holds."""
        responses = as_mapping(self.told.get("responses"))
        told = {str(key): response for key, response in responses.items()}.get(str(status))
        return self.document.list_properties(self.document.find_schema(told))

    @cached_property
    def shown(self) -> tuple[Property, ...]:
        """What its answer of success holds."""
        return self.answer(self.good[0]) if self.good else ()

    def find_parameter(self, name: str, place: str) -> Parameter | None:
        found = (each for each in self.parameters if each.name.lower() == name.lower() and each.place == place)
        return next(found, None)


@dataclass(frozen=True)
class Document:
    """The document as it was parsed. `address` is the URL that it came from, if it came from one."""

    content: Mapping[str, Any]
    address: str = ""

    @property
    def title(self) -> str:
        return str(as_mapping(self.content.get("info")).get("title") or "service")

    @property
    def server(self) -> str:
        """The URL of its first server, each variable with its default value."""
        servers = as_list(self.content.get("servers"))
        first = as_mapping(servers[0]) if servers else {}
        url = str(first.get("url") or "")
        for name, told in as_mapping(first.get("variables")).items():
            url = url.replace(f"{{{name}}}", str(as_mapping(told).get("default", "")))
        return url

    def list_schemes(self, operation: Operation | None = None) -> list[Mapping[str, Any]]:
        """The security schemes that an operation asks for; all of the document if it does not tell."""
        known = as_mapping(as_mapping(self.content.get("components")).get("securitySchemes"))
        told = operation.told.get("security") if operation is not None else None
        told = self.content.get("security") if told is None else told
        if told is None:
            return [self.resolve(scheme) for scheme in known.values()]
        names = dict.fromkeys(name for choice in as_list(told) for name in as_mapping(choice))
        return [self.resolve(known[name]) for name in names if name in known]

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(self.walk_operations())

    def walk_operations(self) -> Iterator[Operation]:
        for path, item in as_mapping(self.content.get("paths")).items():
            parts = self.resolve(item)
            for method, told in parts.items():
                if method in METHODS and str(path).startswith("/"):
                    shared = as_list(parts.get("parameters"))
                    yield Operation(self, method.upper(), str(path), self.resolve(told), shared)

    def find_schema(self, message: Any, kind: str = "json") -> Mapping[str, Any]:
        """The schema of a request's or an answer's JSON, or of its form."""
        content = as_mapping(self.resolve(message).get("content"))
        chosen = next((content[each] for each in content if kind in str(each)), None)
        return self.resolve(as_mapping(chosen).get("schema"))

    def list_properties(self, schema: Mapping[str, Any]) -> tuple[Property, ...]:
        """The first properties, the outer ones first: schemas that refer to themselves have any number."""
        items = self.resolve(schema.get("items"))
        inner, prefix = (items, "[].") if items else (schema, "")
        return tuple(islice(self.walk_properties(inner, prefix, DEPTH_MAX), PROPERTIES_MAX))

    def walk_properties(self, schema: Mapping[str, Any], prefix: str, depth: int) -> Iterator[Property]:
        """Every property, the outer ones first; of a list, those of its entries, under path[]."""
        required = as_list(schema.get("required"))
        found = [
            Property(f"{prefix}{name}", self.resolve(told), name in required)
            for name, told in self.list_parts(schema).items()
        ]
        yield from found
        for each in found if depth > 1 else ():
            items = self.resolve(each.schema.get("items"))
            inner, end = (items, "[]") if items else (each.schema, "")
            yield from self.walk_properties(inner, f"{each.path}{end}.", depth - 1)

    def list_parts(self, schema: Mapping[str, Any], walked: list[Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """The properties by name, also those that come from allOf, anyOf and oneOf, which may lead back to `walked`."""
        walked = [] if walked is None else walked
        if any(schema is other for other in walked):
            return {}
        walked.append(schema)
        parts = dict(as_mapping(schema.get("properties")))
        for key in ("allOf", "anyOf", "oneOf"):
            for other in as_list(schema.get(key)):
                parts = {**self.list_parts(self.resolve(other), walked), **parts}
        return parts

    def resolve(self, told: Any, depth: int = 8) -> Mapping[str, Any]:
        """What a $ref leads to; of "this or null", this; an empty mapping when it leads nowhere."""
        told = as_mapping(told)
        reference = told.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/") and depth:
            found: Any = self.content
            for part in reference[2:].split("/"):
                found = as_mapping(found).get(part.replace("~1", "/").replace("~0", "~"))
            return self.add_beside(self.resolve(found, depth - 1), told)
        choices = self.list_choices(told)
        return self.add_beside(self.resolve(choices[0], depth - 1), told) if len(choices) == 1 and depth else told

    def add_beside(self, found: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
        beside = {key: told[key] for key in BESIDE if told.get(key) is not None}
        return {**found, **beside} if beside else found

    def list_choices(self, told: Mapping[str, Any]) -> Sequence[Any]:
        """The alternatives of a schema that is nothing else, without null."""
        for key in ("allOf", "anyOf", "oneOf"):
            choices = told.get(key)
            if isinstance(choices, list) and "properties" not in told:
                return [choice for choice in choices if as_mapping(choice).get("type") != "null"]
        return ()


def is_within(path: str, shown: Sequence[str]) -> bool:
    """Whether it is one of these properties, or a part of one."""
    return any(path == each or path.startswith((f"{each}.", f"{each}[].")) for each in shown)


def as_mapping(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


def as_list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else []
