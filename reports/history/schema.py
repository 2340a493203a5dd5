"""The JSON schema of a journal's lines, for other writers: made from the structs of the events, so that neither drifts.

python -m reports.history.schema > docs/history.schema.json
"""

import json
import sys
from typing import Any

import msgspec

from reports.history.events import EVENTS, Detail

ABOUT = (
    "One line of a journal. A reader ignores the fields that it does not know, and keeps the events that it does not "
    "know: a line that no event describes is valid, too."
)


def make_schema() -> dict[str, Any]:
    """One of the known events, or another one."""
    (*lines, detail), parts = msgspec.json.schema_components([*EVENTS.values(), Detail], ref_template="#/$defs/{name}")
    parts["Return"]["properties"]["detail"] = {"anyOf": [detail, {"type": "null"}], "default": None}
    unknown = {"properties": {"event": {"type": "string", "not": {"enum": [*EVENTS]}}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a line of a journal of onewinner, format 2",
        "description": ABOUT,
        "type": "object",
        "required": ["event"],
        "anyOf": [*lines, unknown],
        "$defs": {name: strip(part) for name, part in sorted(parts.items())},
    }


def strip(part: Any) -> Any:
    """Without the titles, which repeat the names of our classes, and with descriptions on one line."""
    if isinstance(part, dict):
        return {
            key: " ".join(value.split()) if key == "description" and isinstance(value, str) else strip(value)
            for key, value in part.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [strip(each) for each in part] if isinstance(part, list) else part


def render_schema() -> str:
    return json.dumps(make_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render_schema())
