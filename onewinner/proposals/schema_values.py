"""Values that a schema accepts: what a request of a proposed target file carries. Pure."""

import math
import re
from collections.abc import Mapping
from typing import Any

from onewinner.proposals.document import Document, as_list

DEPTH_MAX = 5
ITEMS_MAX = 10
LENGTH_MAX = 200
PATTERN_MAX = 200
FORMATS = {
    "uuid": "11111111-1111-4111-8111-111111111111",
    "date-time": "2030-01-31T12:00:00Z",
    "date": "2030-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "dGV4dA==",
    "decimal": "1",
}
# What is tried for a pattern, the shorter ones first.
SAMPLES = ("text", "a", "A", "1", "abc", "ABC", "EUR", "US", "12", "1234", "12345", "AB-1", "AB-123", "a-b", "a1",
           "#1", "1.00", "+491234567", "ABC-12345", "v1", "1.0.0", *FORMATS.values())  # fmt: skip


def make_value(document: Document, told: Any, depth: int = DEPTH_MAX) -> Any:
    """A value that the schema accepts, as far as it is understood; of an object, what it requires."""
    schema = document.resolve(told)
    for found in (schema.get("default"), schema.get("example"), *as_list(schema.get("examples"))[:1]):
        if found is not None and is_small(found):
            return found
    for found in (schema.get("const"), *as_list(schema.get("enum"))):
        if isinstance(found, str | int | float):
            return found
    choices = [choice for key in ("anyOf", "oneOf") for choice in as_list(schema.get(key))]
    if choices and "properties" not in schema and depth:
        return make_value(document, choices[0], depth - 1)
    match find_kind(schema):
        case "object":
            return make_object(document, schema, depth) if depth else {}
        case "array":
            count = min(read_number(schema, "minItems", 0), ITEMS_MAX) if depth else 0
            return [make_value(document, schema.get("items"), depth - 1) for _ in range(int(count))]
        case "integer" | "number" as kind:
            return make_number(schema, whole=kind == "integer")
        case "boolean":
            return True
    return make_text(schema)


def find_kind(schema: Mapping[str, Any]) -> str:
    told = schema.get("type")
    kinds = [kind for kind in (as_list(told) or [told]) if kind != "null"]
    if isinstance(kinds[0] if kinds else None, str):
        return str(kinds[0])
    return "object" if any(key in schema for key in ("properties", "allOf")) else "string"


def make_object(document: Document, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    parts = document.list_parts(schema)
    return {name: make_value(document, parts[name], depth - 1) for name in list_required(document, schema, parts)}


def list_required(document: Document, schema: Mapping[str, Any], parts: Mapping[str, Any]) -> list[str]:
    """The names of properties that a request must have, also those that a part of allOf requires."""
    schemas = [schema, *(document.resolve(each) for each in as_list(schema.get("allOf")))]
    required = {name for each in schemas for name in as_list(each.get("required")) if isinstance(name, str)}
    return [name for name, told in parts.items() if name in required and not document.resolve(told).get("readOnly")]


def make_number(schema: Mapping[str, Any], *, whole: bool) -> int | float:
    """1, or the next number that fits the limits."""
    low = read_number(schema, "minimum", -math.inf)
    above = schema.get("exclusiveMinimum")
    if isinstance(above, int | float) and not isinstance(above, bool):
        low = max(low, above + 1)
    elif above is True:
        low += 1
    step = read_number(schema, "multipleOf", 1)
    value = max(low, step if step > 0 else 1)
    value = min(value, read_number(schema, "maximum", math.inf))
    return int(value) if whole or value == int(value) else value


def make_text(schema: Mapping[str, Any]) -> str:
    text = FORMATS.get(str(schema.get("format")), "text")
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and len(pattern) <= PATTERN_MAX:
        text = find_match(pattern) or text
    shortest, longest = read_number(schema, "minLength", 0), read_number(schema, "maxLength", LENGTH_MAX)
    text = text + "x" * int(max(0, min(shortest, LENGTH_MAX) - len(text)))
    return text[: int(max(1, longest))]


def find_match(pattern: str) -> str | None:
    """A short text that the pattern accepts. For a long one a pattern of a hostile document may take for ever."""
    try:
        expression = re.compile(pattern)
        return next((sample for sample in SAMPLES if expression.search(sample)), None)
    except (re.error, RecursionError, OverflowError):
        return None


def read_number(schema: Mapping[str, Any], key: str, otherwise: float) -> float:
    found = schema.get(key)
    is_number = isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < 2**53
    return float(found) if is_number and found is not None else otherwise


def is_small(value: Any) -> bool:
    """Whether an example of the document can stand in the file as it is."""
    return isinstance(value, str | int | float) or (isinstance(value, list | dict) and len(repr(value)) <= LENGTH_MAX)
