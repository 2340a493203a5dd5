"""Goal: a long statement is cut where it says least; what it reads and writes is told only where it says so."""

import pytest

from reports.judge.levels.sql import CONDITION_MAX, clip, find_condition, find_read_tables, find_written

COLUMNS = ", ".join(f"claim.column_{number}" for number in range(40))


def test_a_short_statement_is_whole() -> None:
    assert clip("SELECT a\n  FROM t") == "SELECT a FROM t"


@pytest.mark.parametrize("start", [f"SELECT {COLUMNS} FROM claim", f"UPDATE claim SET {COLUMNS}"])
def test_a_long_one_keeps_its_condition(start: str) -> None:
    condition = "WHERE claim.id = $1::INTEGER AND claim.version = $2::INTEGER"
    shown = clip(f"{start} {condition}")
    assert shown.endswith(f" ... {condition}")
    assert shown.startswith(start[:20])
    assert len(shown) < len(start)


def test_a_condition_that_is_too_long_keeps_both_its_ends() -> None:
    condition = f"WHERE id = $1 AND kind IN ({', '.join('$2' for _ in range(CONDITION_MAX))}) AND version = $3"
    shown = clip(f"DELETE FROM t {condition}")
    assert shown.startswith("DELETE FROM t WHERE id = $1 AND kind IN (")
    assert shown.endswith("AND version = $3")


def test_without_a_condition_both_ends_are_shown() -> None:
    shown = clip(f"INSERT INTO t ({COLUMNS}) VALUES (1) RETURNING id")
    assert shown.startswith("INSERT INTO t (claim.column_0")
    assert shown.endswith("RETURNING id")


@pytest.mark.parametrize(
    ("sql", "written", "read"),
    [
        ('UPDATE "Claim" SET a = 1', "claim", set()),
        ("insert into app.claim (a) values (1)", "app.claim", set()),
        ("DELETE FROM claim WHERE id = 1", "claim", set()),
        ("SELECT a FROM t JOIN u ON u.id = t.id", None, {"t", "u"}),
        ("ROLLBACK", None, set()),
        ("WITH m AS (UPDATE t SET a = 1) SELECT 1", None, set()),
    ],
)
def test_the_table_that_is_written_and_those_that_are_read(sql: str, written: str | None, read: set[str]) -> None:
    assert (find_written(sql), find_read_tables(sql)) == (written, read)


def test_the_condition_of_a_write() -> None:
    assert find_condition("UPDATE t SET a = 1\n where id = 2") == "where id = 2"
    assert find_condition("UPDATE t SET a = 1") == ""
    assert find_condition("UPDATE t SET a = 1 WHERE id = 2 RETURNING id, a") == "WHERE id = 2"
    named = """WHERE "returning" = 'no returning' AND is_returning"""
    assert find_condition(f"DELETE FROM t {named}\nreturning *") == named
