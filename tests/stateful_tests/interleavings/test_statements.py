"""Goal: what is known of a statement is certain. Method: texts of drivers and frameworks, and deceptive ones."""

import pytest

from stateful_tests.interleavings.statements import commits, commute, is_begin, is_plain_select, is_set_up, shape


@pytest.mark.parametrize(
    "sql",
    [
        "SET application_name = 'x'",
        "SHOW TRANSACTION ISOLATION LEVEL",
        "DISCARD ALL",
        "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",
        "select pg_catalog.version()",
        "SELECT 1",
        "",
        "-- ping",
    ],
)
def test_set_up_passes(sql: str) -> None:
    assert is_set_up(sql)


@pytest.mark.parametrize(
    "sql", ["UPDATE t SET a = 1", "SET a = 1; UPDATE t SET a = 1", "SELECT state FROM t", "COMMIT", "SELECT f()"]
)
def test_what_touches_data_or_ends_a_transaction_does_not_pass(sql: str) -> None:
    assert not is_set_up(sql)


@pytest.mark.parametrize("sql", ["BEGIN", "begin;", "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE"])
def test_a_begin_is_one(sql: str) -> None:
    assert is_begin(sql)
    assert commute(sql, "UPDATE t SET a = 1")


def test_a_begin_with_another_statement_is_none() -> None:
    assert not is_begin("BEGIN; UPDATE t SET a = 1")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT state FROM orders WHERE id = $1::uuid",
        "select count(*), max(a) from t where b in (1, 2) and c = 'for update'",
        "SELECT a FROM t -- FOR UPDATE\n",
    ],
)
def test_a_plain_select(sql: str) -> None:
    assert is_plain_select(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t FOR UPDATE",
        "SELECT a FROM t FOR NO KEY UPDATE SKIP LOCKED",
        "SELECT nextval('s')",
        "SELECT pg_advisory_xact_lock($1)",
        'SELECT "nextval"($1)',
        "SELECT a INTO b FROM t",
        "SELECT 1; DELETE FROM t",
        "WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x",
        "SELECT lock_it (a) FROM t",
        "UPDATE t SET a = 1",
    ],
)
def test_no_other_select_is_plain(sql: str) -> None:
    assert not is_plain_select(sql)
    assert not commute(sql, "SELECT a FROM t")


def test_the_shape_of_a_statement_has_none_of_its_values() -> None:
    first, second = (f"UPDATE t1  SET a = 'x{n}' WHERE id = {n} AND b = $1" for n in (7, 81))
    assert shape(first) == shape(second)
    assert shape(first) != shape("UPDATE t2 SET a = 'x' WHERE id = 7 AND b = $1")
    assert shape("SELECT a FROM t WHERE b = $1") != shape("SELECT a FROM t WHERE b = $2")


@pytest.mark.parametrize(
    ("sql", "alone", "within"),
    [
        ("COMMIT", False, True),
        ("end;", False, True),
        ("UPDATE t SET a = 1", True, False),
        ("WITH m AS (UPDATE t SET a = 1 RETURNING a) SELECT a FROM m", True, False),
        ("SELECT a FROM t", False, False),
        ("BEGIN", False, False),
        ("ROLLBACK", False, False),
        ("SET a = 1", False, False),
    ],
)
def test_which_statements_make_changes_durable(sql: str, alone: bool, within: bool) -> None:
    assert (commits(sql, in_transaction=False), commits(sql, in_transaction=True)) == (alone, within)
