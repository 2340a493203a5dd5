"""Goal: docs/target.schema.json and the loader cannot drift apart.

Method: the schema is made from the loader's tables, and compared with the file; every key has a description; the files
that the loader takes are valid, and each key of each table can be told to the loader.
"""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from engine.provision.service import REFERENCE
from engine.target.file_tables import File
from tests.engine.target.test_target_file import ORDERS
from tests.load.stub import RICH, SMALL
from tests.onewinner.orders import TARGET
from tools.json_schemas import make_target_schema, render_schema

ROOT = Path(__file__).parents[3]
WRITTEN = ROOT / "docs" / "target.schema.json"
EXAMPLES = sorted((ROOT / "examples").rglob("target*.toml"))
TEXTS = {
    "reference": REFERENCE.read_text(),
    "orders": ORDERS,
    "small": SMALL,
    "rich": RICH,
    "stub": TARGET,
    **{str(file.relative_to(ROOT)): file.read_text() for file in EXAMPLES},
}


def walk_tables(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every (name, table) of the schema; the whole file is ""."""
    yield "", schema
    yield from schema["$defs"].items()


def test_the_written_schema_is_the_loaders() -> None:
    assert WRITTEN.read_text() == render_schema("target"), "python -m tools.json_schemas"


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_that_the_loader_takes_is_valid(name: str) -> None:
    document = tomllib.loads(TEXTS[name])
    msgspec.convert(document, File)
    assert [error.message for error in jsonschema_rs.validator_for(make_target_schema()).iter_errors(document)] == []


def test_no_table_of_the_schema_takes_a_key_that_it_does_not_have() -> None:
    for name, table in walk_tables(make_target_schema()):
        assert table["additionalProperties"] is False, name


def test_every_key_is_described() -> None:
    for name, table in walk_tables(make_target_schema()):
        assert table["description"], name
        for key, told in table["properties"].items():
            refers = "$ref" in told or any("$ref" in each for each in told.get("anyOf", ()))
            assert told.get("description") or refers, f"{name}.{key}"


def test_it_refuses_what_is_none(tmp_path: Path) -> None:
    document = json.loads(json.dumps(tomllib.loads(ORDERS)))
    validator = jsonschema_rs.validator_for(make_target_schema())
    assert validator.is_valid(document)
    for table in ("", "read", "advance", "workflow", "create", "audit"):
        changed = json.loads(json.dumps(document))
        (changed[table] if table else changed)["nonsense"] = 1
        assert not validator.is_valid(changed), table
