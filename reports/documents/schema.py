"""The JSON schema of run.json, for its readers: made from the structs that it is written with, so that neither drifts.

python -m reports.documents.schema > docs/run.schema.json
"""

import json
import sys
from typing import Any

import msgspec

from reports.comparison.facts import Facts
from reports.documents.run_folder import Decided
from reports.history.schema import strip

ABOUT = (
    "What ran, what was decided, what was measured. Readers ignore keys that they do not know. The format number rises "
    "when a known key changes its meaning."
)


def make_schema() -> dict[str, Any]:
    """The keys of both structs stand in one object."""
    _, parts = msgspec.json.schema_components([Decided, Facts], ref_template="#/$defs/{name}")
    decided, facts = strip(parts.pop("Decided")), strip(parts.pop("Facts"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "run.json of onewinner, format 2",
        "description": f"{ABOUT} {decided['description']} {facts['description']}",
        "type": "object",
        "required": decided["required"],
        "properties": decided["properties"] | facts["properties"],
        "$defs": {name: strip(part) for name, part in sorted(parts.items())},
    }


def render_schema() -> str:
    return json.dumps(make_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render_schema())
