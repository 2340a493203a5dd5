"""effects: no loser left a trace, where the engine shows which operations' markers it has stored."""

from functools import partial

import polars as pl

from reports.case import Case, Record, Suspicion, conclude, fail, not_applicable
from reports.verdict import CheckResult, Finding, Verdict
from reports.words import say_trace

CHECK = "effects"
LOST = ("conflict", "refused")


def check_effects(case: Case) -> CheckResult:
    """Judges every marker that was shown: of the same workflow, and of an operation that did not lose.

    A marker is an operation's id. A winner's need not be there: a later winner may rightly have replaced it. One that
    was not sent in this history says nothing: it may be the engine's own. Unknown operations may have left theirs.
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
    wrong = found.filter(pl.col("outcome").is_in(LOST) | (pl.col("workflow") != pl.col("where")))
    suspicions: list[Suspicion] = [
        fail(partial(word_trace, case, row, where)) for row, where in wrong.select("row", "where").iter_rows()
    ]
    return conclude(case, CHECK, judged=len(looked), unit="workflows", suspicions=suspicions)


def word_trace(case: Case, row: int, where: str) -> Finding:
    record: Record = case.records([row])[0]
    title, words = say_trace(record, where)
    # Of two workflows neither shows it alone.
    workflow = where if record["workflow"] == where else None
    return Finding(CHECK, Verdict.FAIL, title, words, (record["id"],), workflow, record["race"])
