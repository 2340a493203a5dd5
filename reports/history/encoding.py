"""Operations, encoded: words become small integers once, so that every check runs on numbers.

The strings of a history are few and repeated. Casting them to categoricals while the file streams in keeps
ten million operations within a few hundred megabytes, and makes every comparison one of integers.
"""

import re
from dataclasses import dataclass

import msgspec
import polars as pl

from reports.history.events import Detail

KINDS = ("create", "read", "advance", "set", "write", "take", "give_back")
OUTCOMES = ("won", "conflict", "stale", "ok", "refused", "busy", "unknown")
PROBLEM = '"problem"'
SET_SEPARATOR = "\x1f"
ESCAPE = "\\"
UNESCAPE = re.compile(r"\\[s\\]")


@dataclass(frozen=True)
class Malformed:
    """An operation that cannot be: its row, and what is wrong with it."""

    row: int
    what: str


def encode(frame: pl.LazyFrame) -> pl.DataFrame:
    """One lean row per operation, in the order of `frame`.

    Columns: row; id_hash and race (64-bit hashes: there are too many of them for a dictionary); workflow, tenant,
    want (the first expected state), set (the joined list when there are several), next, observed (categoricals;
    states share one dictionary); wants (how many expected states); kind and outcome (enums; null when the word is
    not known); status; repeats; abandoned; invoked, returned (ns; null: never); problem (whether the detail may carry
    one); key (a hash of idempotency key and payload; null without a key).
    """
    workflows, tenants, states = (pl.Categorical(pl.Categories.random()) for _ in range(3))
    expected = pl.col("expected")
    lean = frame.select(
        pl.col("id").hash().alias("id_hash"),
        pl.col("workflow").cast(workflows),
        pl.col("tenant").cast(tenants),
        pl.when(pl.col("race").is_not_null()).then(pl.col("race").hash()).alias("race"),
        pl.col("kind").cast(pl.Enum(KINDS), strict=False),
        pl.col("outcome").cast(pl.Enum(OUTCOMES), strict=False),
        expected.list.first().cast(states).alias("want"),
        expected.list.len().fill_null(0).cast(pl.UInt32).alias("wants"),
        pl.col("next").cast(states),
        pl.col("observed").cast(states),
        pl.col("status").cast(pl.Int32),
        pl.col("invoked_ns").alias("invoked"),
        pl.col("returned_ns").alias("returned"),
        pl.col("repeats").fill_null(value=False),
        pl.col("abandoned").fill_null(value=False),
        pl.col("detail").str.contains(PROBLEM, literal=True).fill_null(value=False).alias("problem"),
        pl.when(pl.col("key").is_not_null()).then(pl.struct("key", "payload").hash()).alias("key"),
    )
    encoded = lean.collect().with_row_index("row")
    return encoded.with_columns(collect_sets(frame, encoded))


def collect_sets(frame: pl.LazyFrame, encoded: pl.DataFrame) -> pl.Series:
    """The joined expected list of the operations that have several expected states; null for all others."""
    kind = pl.Categorical(pl.Categories.random())
    if not (encoded["wants"] > 1).any():
        return pl.Series("set", [None], dtype=kind).new_from_index(0, encoded.height)
    several = frame.select("expected").with_row_index("row").filter(pl.col("expected").list.len() > 1)
    joined = several.select("row", join_list(pl.col("expected")).alias("set")).collect()
    every = encoded.select("row").join(joined, on="row", how="left", maintain_order="left")
    return every["set"].cast(kind)


def join_list(states: pl.Expr) -> pl.Expr:
    """A list of states as one text, which no other list has."""
    return states.list.eval(escape(pl.element())).list.join(SET_SEPARATOR)


def escape(state: pl.Expr) -> pl.Expr:
    doubled = state.str.replace_all(ESCAPE, ESCAPE * 2, literal=True)
    return doubled.str.replace_all(SET_SEPARATOR, f"{ESCAPE}s", literal=True)


def split_list(text: str) -> tuple[str, ...]:
    """The states of a list that was joined."""
    parts = text.split(SET_SEPARATOR)
    return tuple(
        part if ESCAPE not in part else UNESCAPE.sub(lambda found: SET_SEPARATOR if found[0] == r"\s" else ESCAPE, part)
        for part in parts
    )


def find_malformed(frame: pl.LazyFrame, encoded: pl.DataFrame) -> Malformed | None:
    """The first operation that breaks the format, or None."""
    kind, outcome = pl.col("kind"), pl.col("outcome")
    answered = kind.is_in(["create", "read", "write"])
    needs_next = (kind == "advance") | (kind == "set")
    counts_units = (kind == "take") | (kind == "give_back")
    wrong = {
        "is of no known kind": kind.is_null(),
        "has no known outcome": outcome.is_null(),
        "has no workflow": pl.col("workflow").is_null(),
        "has no time of its invoke": pl.col("invoked").is_null(),
        "returned before it was invoked": pl.col("returned") < pl.col("invoked"),
        "is a create, a read or a write that won, or another operation that is ok": (
            (answered & (outcome == "won")) | ((needs_next | counts_units) & (outcome == "ok"))
        ),
        "is a create or a read that is stale": kind.is_in(["create", "read"]) & (outcome == "stale"),
        "is an advance or a set without a next state": needs_next & pl.col("next").is_null(),
        "is an advance without an expected state": (kind == "advance") & (pl.col("wants") == 0),
    }
    broken = find_broken_detail(frame) if encoded["problem"].any() else None
    if broken is not None:
        return broken
    bad = encoded.select(expr.fill_null(value=False).any().alias(what) for what, expr in wrong.items()).row(
        0, named=True
    )
    for what, found in bad.items():
        if found:
            row = encoded.filter(wrong[what].fill_null(value=False))["row"][0]
            identity = frame.slice(row, 1).select("id", "kind", "outcome").collect().row(0)
            return Malformed(row, f"operation {identity[0]} ({identity[1]}, {identity[2]}) {what}")
    if encoded["id_hash"].n_unique() == encoded.height:
        return None
    return find_duplicate(frame)


def find_broken_detail(frame: pl.LazyFrame) -> Malformed | None:
    """The first operation whose detail seems to say what is wrong with its answer, and cannot be read."""
    noted = (
        frame.select("id", "detail").with_row_index("row").filter(pl.col("detail").str.contains(PROBLEM, literal=True))
    )
    for row, identity, detail in noted.collect().iter_rows():
        try:
            msgspec.convert(msgspec.json.decode(detail), Detail)
        except (msgspec.DecodeError, RecursionError) as error:
            return Malformed(row, f"operation {identity} has a detail that cannot be read: {error}")
    return None


def find_duplicate(frame: pl.LazyFrame) -> Malformed | None:
    """The first id that an earlier operation has already; None when only the hashes met."""
    ids = frame.select("id").with_row_index("row").collect()
    again = ids.filter(pl.col("id").is_first_distinct().not_())
    return Malformed(again["row"][0], f"duplicate id {again['id'][0]}") if again.height else None
