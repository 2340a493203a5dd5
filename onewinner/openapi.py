"""An OpenAPI 3 document, read leniently: operations, and the properties of what is sent and answered. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
DEPTH_MAX = 3
PROPERTIES_MAX = 2_000


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
        return tuple(value for value in found if isinstance(value, str))


@dataclass(frozen=True)
class Operation:
    """One route of the document."""

    method: str
    path: str
    body: tuple[Property, ...]
    answers: Mapping[int, tuple[Property, ...]]

    @property
    def good(self) -> tuple[int, ...]:
        return tuple(status for status in sorted(self.answers) if 200 <= status < 300)

    def shown(self) -> tuple[Property, ...]:
        """What its answer of success holds."""
        return next((self.answers[status] for status in self.good), ())


@dataclass(frozen=True)
class Document:
    """The document as it was parsed."""

    content: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(as_mapping(self.content.get("info")).get("title") or "service")

    @property
    def server(self) -> str:
        servers = self.content.get("servers")
        first = servers[0] if isinstance(servers, list) and servers else {}
        return str(as_mapping(first).get("url") or "")

    def list_schemes(self) -> list[Mapping[str, Any]]:
        """The security schemes: those that the document asks for everywhere, else all."""
        schemes = as_mapping(as_mapping(self.content.get("components")).get("securitySchemes"))
        return [self.resolve(scheme) for scheme in schemes.values()]

    def list_operations(self) -> list[Operation]:
        return list(self.walk_operations())

    def walk_operations(self) -> Iterator[Operation]:
        for path, item in as_mapping(self.content.get("paths")).items():
            for method, told in self.resolve(item).items():
                if method in METHODS and str(path).startswith("/"):
                    operation = self.resolve(told)
                    body = self.find_schema(operation.get("requestBody"))
                    answers = {
                        int(status): self.list_properties(self.find_schema(answer))
                        for status, answer in as_mapping(operation.get("responses")).items()
                        if str(status).isdigit()
                    }
                    yield Operation(method.upper(), str(path), self.list_properties(body, depth=1), answers)

    def find_schema(self, message: Any) -> Mapping[str, Any]:
        """The schema of a request's or an answer's JSON."""
        content = as_mapping(self.resolve(message).get("content"))
        chosen = next((content[kind] for kind in content if "json" in str(kind)), None)
        return self.resolve(as_mapping(chosen).get("schema"))

    def list_properties(self, schema: Mapping[str, Any], depth: int = DEPTH_MAX) -> tuple[Property, ...]:
        """The first properties, the outer ones first: schemas that refer to themselves have any number."""
        return tuple(islice(self.walk_properties(schema, depth=depth), PROPERTIES_MAX))

    def walk_properties(
        self, schema: Mapping[str, Any], prefix: str = "", depth: int = DEPTH_MAX
    ) -> Iterator[Property]:
        """Every property, the outer ones first; of a list, those of its entries, under path[]."""
        required = schema.get("required") if isinstance(schema.get("required"), list) else []
        found = [
            Property(f"{prefix}{name}", self.resolve(told), name in (required or ()))
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
            return self.resolve(found, depth - 1)
        choices = self.list_choices(told)
        return self.resolve(choices[0], depth - 1) if len(choices) == 1 and depth else told

    def list_choices(self, told: Mapping[str, Any]) -> Sequence[Any]:
        """The alternatives of a schema that is nothing else, without null."""
        for key in ("allOf", "anyOf", "oneOf"):
            choices = told.get(key)
            if isinstance(choices, list) and "properties" not in told:
                return [choice for choice in choices if as_mapping(choice).get("type") != "null"]
        return ()


def as_mapping(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


def as_list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else []
