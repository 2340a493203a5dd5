"""effects: no loser left a trace, where the engine shows which operations' markers it has stored."""

from functools import partial

import polars as pl

from reports.case import Case, Record, Suspicion, conclude, fail, not_applicable
from reports.verdict import CheckResult, Finding, Verdict
from reports.words import say_foreign_trace, say_trace

CHECK = "effects"
LOST = ("conflict", "refused")


def check_effects(case: Case) -> CheckResult:
    """Judges every marker that was shown: of the same workflow, of its owner's, and of an operation that did not lose.

    A marker is an operation's id. A winner's need not be there: a later winner may rightly have replaced it. One that
    was not sent in this history says nothing: it may be the engine's own. The owner's unknown operations may have left
    theirs; another tenant's call must leave none, whatever became of it.
    """
    shown = pl.DataFrame(
        [
            (str(event["workflow"]), str(marker))
            for event in case.evidence.history.having("effects")
            for marker in event["markers"]
        ],
        schema={"where": pl.String, "id": pl.String},
        orient="row",
    ).unique(maintain_order=True)
    looked = {str(event["workflow"]) for event in case.evidence.history.having("effects")}
    if not looked:
        return not_applicable(CHECK, "nobody asked the engine which operations left a trace", "workflows")
    sent = case.evidence.history.frame.select(pl.col("id").cast(pl.String), "workflow", "outcome").with_row_index("row")
    found = sent.join(shown.lazy(), on="id").collect().sort("row", "where")
    foreign = pl.col("row").is_in(find_foreign(case, found["row"]).implode())
    elsewhere = pl.col("workflow") != pl.col("where")
    wrong = found.with_columns(foreign=foreign).filter(pl.col("outcome").is_in(LOST) | elsewhere | foreign)
    suspicions: list[Suspicion] = [
        fail(partial(word_trace, case, row, where, foreign=foreign))
        for row, where, foreign in wrong.select("row", "where", "foreign").iter_rows()
    ]
    return conclude(case, CHECK, judged=len(looked), unit="workflows", suspicions=suspicions)


def find_foreign(case: Case, rows: pl.Series) -> pl.Series:
    """Those of the rows that another tenant asked than the workflow's owner, whom an answer must have shown."""
    suspects = case.ops.filter(pl.col("row").is_in(rows.implode()) & ~pl.col("mine"))
    owners = case.ops.filter(pl.col("w").is_in(suspects["w"].unique().implode()) & pl.col("mine"))
    answered = owners.filter(pl.col("outcome").is_in(["won", "ok"]))["w"].unique()
    return suspects.filter(pl.col("w").is_in(answered.implode()))["row"]


def word_trace(case: Case, row: int, where: str, *, foreign: bool) -> Finding:
    record: Record = case.records([row])[0]
    title, words = say_foreign_trace(record) if foreign and record["workflow"] == where else say_trace(record, where)
    # Of two workflows neither shows it alone.
    workflow = where if record["workflow"] == where else None
    return Finding(CHECK, Verdict.FAIL, title, words, (record["id"],), workflow, record["race"])
