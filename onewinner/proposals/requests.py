"""The requests of a proposal: an operation of the document with all that it requires filled in. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from engine.target.template import Template
from onewinner.proposals.document import Document, Operation, Property, as_mapping
from onewinner.proposals.resources import PARAMETER, Resource, find_end
from onewinner.proposals.schema_values import make_value
from onewinner.proposals.words import names_expected, names_version, split_words

NAMED = {"x-request-id": "{request_id}", "x-correlation-id": "{request_id}", "idempotency-key": "{request_id}"}
# These the tenant's headers or the request itself carry.
NOT_FILLED = ("authorization", "content-type", "accept", "if-match", "if-none-match")


def build_call(resource: Resource, operation: Operation) -> Template:
    """The operation with what it requires."""
    document = operation.document
    query, headers = {}, {}
    for part in operation.parameters:
        value = make_text(document, part.schema)
        if part.place == "query" and part.required:
            query[part.name] = value
        elif part.place == "header" and part.required and part.name.lower() not in NOT_FILLED:
            headers[part.name] = NAMED.get(part.name.lower(), value)
    body = neutralise(make_value(document, operation.body_schema)) if operation.body_schema else None
    body = name_references(operation, body) if isinstance(body, dict) else body
    form = make_form(document, operation) if body is None and operation.form_schema else None
    path = shorten(resource, operation)
    return Template(operation.method, path, body if isinstance(body, dict) else None, headers, query, form)


def name_references(operation: Operation, body: dict[str, Any]) -> dict[str, Any]:
    """The body with a variable for each id of something else that it requires: { vendor_id = "${VENDOR_ID}" }."""
    for each in list_inner(operation):
        words = split_words(each.name)
        is_told = any(key in each.schema for key in ("default", "example", "examples", "enum", "const"))
        if words[-1:] == ["id"] and len(words) > 1 and each.name in body and each.is_text and not is_told:
            body = put(body, each.path, f"${{{name_variable(each.name)}}}")
    return body


def make_form(document: Document, operation: Operation) -> dict[str, str]:
    found = make_value(document, operation.form_schema)
    return {name: str(neutralise(value)) for name, value in as_mapping(found).items()}


def make_text(document: Document, schema: Mapping[str, Any]) -> str:
    value = make_value(document, schema)
    return str(value).lower() if isinstance(value, bool) else str(neutralise(value))


def neutralise(value: Any) -> Any:
    """The value without what would be a placeholder or a variable in a target file."""
    if isinstance(value, str):
        return re.sub(r"[{}$]", "", value)
    if isinstance(value, list):
        return [neutralise(part) for part in value]
    return {str(name): neutralise(part) for name, part in value.items()} if isinstance(value, Mapping) else value


def shorten(resource: Resource, operation: Operation) -> str:
    """The operation's path, with the item's parameter as {id}, and those before it as variables."""
    count = len(resource.outer)
    end = find_end(operation.path, count + 1) if operation.path.count("{") > count else len(operation.path)
    item, rest = operation.path[:end], operation.path[end:]
    outer = iter(name_outer(resource))
    return PARAMETER.sub(lambda _: next(outer, "{id}"), item) + rest


def name_outer(resource: Resource) -> list[str]:
    """A variable for each parameter before the item's own; of /teams/{id}, ${TEAM_ID}."""
    named = []
    for before, name in re.findall(r"([^/{}]*)/\{([^{}]+)\}", resource.collection):
        words = split_words(name)
        plain = len(words) == 1 and words[0] in ("id", "uuid", "ref", "key")
        named.append(f"${{{name_variable(before.removesuffix('s') + '_' + name if plain else name)}}}")
    return named


def name_variable(parameter: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "", "_".join(split_words(parameter)).upper()) or "OUTER_ID"


def put(body: dict[str, Any] | None, path: str, value: Any) -> dict[str, Any]:
    """The body with a value at a path ("state.type")."""
    name, _, rest = path.partition(".")
    body = dict(body or {})
    inner = body.get(name)
    body[name] = put(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    return body


def list_inner(operation: Operation) -> list[Property]:
    """The properties of its body that are in no list."""
    return [each for each in operation.body if "[]" not in each.path]


def fill_move(call: Template, operation: Operation, following: Property | None, version: str | None) -> Template:
    """The call of a move: {next} and {expected} where they belong; {version} where the service wants one."""
    body = call.json
    for each in list_inner(operation):
        if following is not None and each.path == following.path:
            body = put(body, each.path, "{next}")
        elif following is not None and names_expected(each.name) and each.is_text:
            body = put(body, each.path, "{expected}")
        elif version is not None and names_version(each.name) and "." not in each.path:
            body = put(body, each.path, "{version}")
    headers = dict(call.headers)
    if version is not None and operation.find_parameter("If-Match", "header") is not None:
        headers["If-Match"] = "{version}"
    return Template(call.method, call.path, body, headers, call.query, call.form)
