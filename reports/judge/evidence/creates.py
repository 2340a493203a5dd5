"""Creates: answers that came before their workflow's create, second creates, and ids that several workflows got."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from reports.history.events import Exploration, Fault, Level, Restarted
from reports.history.history import History
from reports.judge.evidence.evidence import Evidence

OWN_SERVICE = {"interleavings", "faults"}


@dataclass(frozen=True)
class CreateContradiction:
    """The known create of a workflow, and a row that contradicts it: an answer that had been given before the create
    was asked for, or a second create that was carried out too.
    """

    w: int
    create: int
    other: int


def find_create_contradictions(evidence: Evidence) -> list[CreateContradiction]:
    """The first contradiction of each workflow."""
    rows = find_early(evidence).select("w", "row", pl.lit(value=True).alias("early"))
    creates = evidence.ops.filter(pl.col("known") & (pl.col("kind") == "create"))
    second = creates.filter(~pl.col("w").is_first_distinct()).select("w", "row", pl.lit(value=False).alias("early"))
    others = pl.concat([rows, second]).unique("w", keep="first", maintain_order=True).sort("w")
    first = creates.unique("w", keep="first", maintain_order=True).select("w", create="row")
    found = others.join(first, on="w", how="left", maintain_order="left")
    return [CreateContradiction(*row) for row in found.select("w", "create", "row").iter_rows()]


def find_early(evidence: Evidence) -> pl.DataFrame:
    """The operations that took effect or were answered, and had returned before their workflow's create was invoked."""
    ops = evidence.ops
    creates = ops.filter(pl.col("known") & (pl.col("kind") == "create"))
    if creates.is_empty():
        return ops.clear()
    born = creates.group_by("w").agg(pl.col("begins").min().alias("born"))
    every = pl.DataFrame({"w": pl.int_range(evidence.workflows, dtype=pl.UInt32, eager=True)})
    moments = every.join(born, on="w", how="left", maintain_order="left")["born"]
    units = pl.col("kind").is_in(["take", "give_back"]) & pl.col("outcome").is_in(["won", "conflict"]) & pl.col("mine")
    answered = pl.col("known") | pl.col("pure") | units
    return ops.filter(answered & (pl.col("ends") < moments.gather(ops["w"])))


def find_shared_ids(history: History) -> list[list[int]]:
    """The rows of the creates, by invoke, that gave several workflows of one tenant one id; a list for each such id."""
    shared = (
        take_told_ids(history)
        .group_by("tenant", "id", "scope", "service", "started", maintain_order=True)
        .agg(pl.col("row"), pl.col("workflow").n_unique().alias("workflows"))
        .filter(pl.col("workflows") > 1)
    )
    return shared.collect()["row"].to_list()


def find_ids_of_tenants(history: History) -> list[list[int]]:
    """The rows of the creates that gave several tenants one id, the first of each tenant; a list for each such id.

    Creates that carried the idempotency key of another tenant's are left out: they may be told what that one was.
    """
    same = ("id", "scope", "service", "started", "faults")
    moments = sorted(event.at_ns for event in history.having(Fault))
    alone = pl.col("key").is_null() | (pl.col("tenant").n_unique().over("key") == 1)
    first = take_told_ids(history).filter(alone).with_columns(faults=count_before(moments))
    shared = (
        first.unique(["tenant", *same], keep="first", maintain_order=True)
        .group_by(same, maintain_order=True)
        .agg(pl.col("row"))
        .filter(pl.col("row").list.len() > 1)
    )
    return shared.collect()["row"].to_list()


def take_told_ids(history: History) -> pl.LazyFrame:
    """The creates that were told an id, by invoke: row, tenant, workflow, key, invoked_ns, id; scope (within which the
    id is unique), service and started.

    Only creates that a request made count: what a command or a list gives is no answer of the server. A service that
    keeps its workflows in memory counts from the beginning again when it is started again; so only the creates between
    two starts are compared.
    """
    creates = history.frame.select("kind", "outcome", "status", "tenant", "workflow", "key", "invoked_ns", "detail")
    made = (pl.col("kind") == "create") & (pl.col("outcome") == "ok") & pl.col("status").is_not_null()
    told = (
        creates.with_row_index("row")
        .filter(made)
        .with_columns(
            id=pl.col("detail").str.json_path_match("$.server_id"),
            scope=pl.col("detail").str.json_path_match("$.scope").fill_null(""),
        )
    )
    return (
        told.filter(pl.col("id").is_not_null())
        .with_columns(service=number_services(history), started=number_starts(history))
        .sort("invoked_ns")
    )


def number_services(history: History) -> pl.Expr:
    """By row: which service the source asked. The levels behind the proxy start their own, all others share one."""
    service, first = pl.lit(0), 0
    for number, source in enumerate(history.sources):
        levels = {event.level for event in history.having(Level, source.name)}
        if levels & OWN_SERVICE or history.having(Exploration, source.name):
            is_its = pl.col("row").is_between(first, first + source.operations, closed="left")
            service = pl.when(is_its).then(number + 1).otherwise(service)
        first += source.operations
    return service


def number_starts(history: History) -> pl.Expr:
    """By row: how often onewinner had started the service again when the request was sent."""
    return count_before(sorted(event.at_ns for event in history.having(Restarted) if event.at_ns is not None))


def count_before(moments: Sequence[int]) -> pl.Expr:
    """By row: how many of these moments, in their order, had come when the request was sent."""
    return pl.lit(pl.Series(moments, dtype=pl.Int64)).search_sorted(pl.col("invoked_ns"), side="right")
