"""Makes the JSON schema of target files, for editors, from the tables that the loader reads.

python -m engine.target.schema > docs/target.schema.json
"""

import json
import sys
from typing import Any

import msgspec

from engine.target.tables import File


def make_schema() -> dict[str, Any]:
    """The schema, with the rules that types cannot express: which keys go together."""
    [root], parts = msgspec.json.schema_components([File], ref_template="#/$defs/{name}")
    tables = {name.removesuffix("Table"): strip(part) for name, part in parts.items()}
    root_table = tables.pop("File")
    tables["Create"]["oneOf"] = [
        keep(["request", "id"], without=["command", "ids"]),
        keep(["command"], without=["request", "id", "ids"]),
        keep(["ids"], without=["request", "id", "command"]),
    ]
    tables["Audit"]["oneOf"] = [
        keep(["entries", "from", "to"], without=["states"]),
        keep(["states"], without=["entries", "from", "to", "request_id"]),
    ]
    tables["Advance"]["anyOf"] = [{"required": ["request"]}, {"required": ["edges"]}]
    assert root == {"$ref": "#/$defs/File"}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root_table,
        "anyOf": [
            {"required": ["workflow", "create", "advance"]},
            {"required": ["capacity", "create"]},
            {"required": ["capacity"], "properties": {"capacity": {"required": ["put"]}}},
        ],
        "title": "a target file of onewinner",
    }
    return {**head, "$defs": dict(sorted(tables.items()))}


def keep(keys: list[str], *, without: list[str]) -> dict[str, Any]:
    """Requires the `keys`, and forbids those of `without`."""
    return {"required": keys, "not": {"anyOf": [{"required": [key]} for key in without]}}


def strip(part: Any) -> Any:
    """Removes the titles, which repeat the names of our classes."""
    if isinstance(part, dict):
        return {
            key: value.replace("Table", "") if key == "$ref" else strip(value)
            for key, value in part.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [strip(each) for each in part] if isinstance(part, list) else part


def render_schema() -> str:
    return json.dumps(make_schema(), indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render_schema())
