"""Goal: additional and missing columns are detected. Method: real tables, as designed and not."""

import asyncio

import pytest

from engine.provision.database import Database
from engine.reference.api import prepare
from engine.reference.errors import SchemaUnavailable
from engine.reference.schema import WORKFLOWS
from engine.reference.schema_check import compare, find_drift

DESIGNED = [column.name for column in WORKFLOWS.columns]


def test_a_table_as_designed_has_no_drift(database: Database) -> None:
    asyncio.run(prepare(database.url))
    assert asyncio.run(find_drift(database.url)) is None


def test_more_and_fewer_columns_are_named() -> None:
    assert compare([*DESIGNED, "current_step"]) == "the table intent_workflows also has the column current_step"
    assert compare(DESIGNED[:-1]) == f"the table intent_workflows lacks the column {DESIGNED[-1]}"
    assert compare([]) is not None, "no table at all"


def test_a_database_that_is_not_there_is_not_taken_for_a_good_one() -> None:
    with pytest.raises(SchemaUnavailable, match="columns of intent_workflows could not be read"):
        asyncio.run(find_drift("postgresql://user:secret@127.0.0.1:1/none"))
