"""The JSON schemas of docs/, made from the structs that onewinner reads and writes with, so that neither drifts.

python -m tools.json_schemas writes them: target.schema.json for editors, history.schema.json for other writers of
journals, run.schema.json for readers of run.json.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from engine.target.file_tables import File
from reports.comparison.facts import Facts
from reports.documents.run_folder import Decided
from reports.history.events import EVENTS, Detail

DOCS = Path(__file__).parents[1] / "docs"
DRAFT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
REF = "#/$defs/{name}"
ABOUT_LINES = (
    "One line of a journal. A reader ignores the fields that it does not know, and keeps the events that it does not "
    "know: a line that no event describes is valid, too."
)
ABOUT_RUN = (
    "What ran, what was decided, what was measured. Readers ignore keys that they do not know. The format number rises "
    "when a known key changes its meaning."
)


def make_target_schema() -> dict[str, Any]:
    """The schema of target files, with the rules that types cannot express: which keys go together."""
    [root], parts = msgspec.json.schema_components([File], ref_template=REF)
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
        **DRAFT,
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


def make_history_schema() -> dict[str, Any]:
    """The schema of a journal's lines: one of the known events, or another one."""
    (*lines, detail), parts = msgspec.json.schema_components([*EVENTS.values(), Detail], ref_template=REF)
    parts["Return"]["properties"]["detail"] = {"anyOf": [detail, {"type": "null"}], "default": None}
    unknown = {"properties": {"event": {"type": "string", "not": {"enum": [*EVENTS]}}}}
    return {
        **DRAFT,
        "title": "a line of a journal of onewinner, format 2",
        "description": ABOUT_LINES,
        "type": "object",
        "required": ["event"],
        "anyOf": [*lines, unknown],
        "$defs": {name: strip(part) for name, part in sorted(parts.items())},
    }


def make_run_schema() -> dict[str, Any]:
    """The schema of run.json: the keys of both structs stand in one object."""
    _, parts = msgspec.json.schema_components([Decided, Facts], ref_template=REF)
    decided, facts = strip(parts.pop("Decided")), strip(parts.pop("Facts"))
    return {
        **DRAFT,
        "title": "run.json of onewinner, format 2",
        "description": f"{ABOUT_RUN} {decided['description']} {facts['description']}",
        "type": "object",
        "required": decided["required"],
        "properties": decided["properties"] | facts["properties"],
        "$defs": {name: strip(part) for name, part in sorted(parts.items())},
    }


def strip(part: Any) -> Any:
    """Without the titles and the endings, which repeat the names of our classes, and with descriptions on one line."""
    if isinstance(part, dict):
        return {
            key: strip_text(key, value) if isinstance(value, str) else strip(value)
            for key, value in part.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [strip(each) for each in part] if isinstance(part, list) else part


def strip_text(key: str, text: str) -> str:
    if key == "$ref":
        return text.removesuffix("Table")
    return " ".join(text.split()) if key == "description" else text


SCHEMAS = {"target": make_target_schema, "history": make_history_schema, "run": make_run_schema}


def render_schema(name: str) -> str:
    return json.dumps(SCHEMAS[name](), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in SCHEMAS:
        (DOCS / f"{each}.schema.json").write_text(render_schema(each))
