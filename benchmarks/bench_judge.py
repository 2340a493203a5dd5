"""How fast is the judge? For users who judge long load runs. Prints one table; the ratios are within one run.

`python -m benchmarks.bench_judge` takes a few minutes; `--small` leaves out the ten million operations. It gates
nothing: machines differ; ratios differ less.
"""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from rich.console import Console
from rich.table import Table

from engine.target.graph import TransitionGraph
from reports.history.history import read_history, take_frame
from reports.history.journal_lines import OPERATION_SCHEMA
from reports.judge.context import CheckContext
from reports.judge.evidence.evidence import Evidence
from reports.judge.judge import judge
from reports.judge.verdict import Verdict

T = TypeVar("T")
TRANSITIONS = 10
CONTENDERS = 10
GRAPH = TransitionGraph.of("S0", {f"S{number}": [f"S{number + 1}"] for number in range(TRANSITIONS)})
MEBIBYTE = 1024 * 1024
CHANGES = ("a conflict made a win", "a read of another time's state", "a told state that never was")


def build_operations(workflows: int) -> pl.LazyFrame:
    """Races as a load run records them: each workflow makes all transitions, each in a race."""
    per_workflow = TRANSITIONS * CONTENDERS
    number = pl.col("number")
    frame = pl.LazyFrame({"number": pl.int_range(workflows * per_workflow, eager=True)}).with_columns(
        workflow=number // per_workflow, step=number // CONTENDERS % TRANSITIONS, contender=number % CONTENDERS
    )
    won = pl.col("contender") == (pl.col("step") * 7 + pl.col("workflow")) % CONTENDERS
    begin = pl.col("workflow") * 1_000_000 + pl.col("step") * 80_000
    next_state = pl.format("S{}", pl.col("step") + 1)
    return frame.select(
        id=pl.format("race-0.{}", "number"),
        process=(number % 64).cast(pl.String),
        scenario=pl.lit("race"),
        race=pl.format("race-{}-{}", "workflow", "step"),
        tenant=pl.lit("acme"),
        workflow=pl.format("workflow-{}", "workflow"),
        kind=pl.lit("advance"),
        expected=pl.concat_list(pl.format("S{}", "step")),
        next=next_state,
        outcome=pl.when(won).then(pl.lit("won")).otherwise(pl.lit("conflict")),
        status=pl.when(won).then(200).otherwise(409).cast(pl.Int64),
        observed=pl.when(~won).then(next_state),
        invoked_ns=begin + pl.col("contender") * 10,
        returned_ns=begin + 30_000 + pl.col("contender") * 1_000,
        detail=pl.concat_str(pl.lit('{"request_id":"race-0.'), number.cast(pl.String), pl.lit('"}')),
    )


def build_trails(operations: pl.LazyFrame) -> pl.LazyFrame:
    """The audit trail of each workflow, read once at the end: a row per win."""
    wins = operations.filter(pl.col("outcome") == "won")
    return wins.select(
        "workflow",
        read_ns=pl.lit(1 << 60),
        trail=pl.col("workflow").str.slice(len("workflow-")).cast(pl.Int64),
        position=pl.int_range(pl.len()) % TRANSITIONS,
        **{"from": pl.col("expected").list.first()},
        to=pl.col("next"),
        sequence=pl.int_range(pl.len()),
        actor=pl.lit("acme"),
        request_id=pl.col("id"),
        at=pl.lit(None, dtype=pl.String),
    )


def generate(path: Path, workflows: int) -> None:
    operations = build_operations(workflows)
    operations.sink_parquet(path, row_group_size=131_072)
    build_trails(operations).sink_parquet(path.with_name(path.stem + ".audit.parquet"))


def take_seconds(action: Callable[[], Any], times: int = 3) -> float:
    """The shortest of a few runs."""
    best = float("inf")
    for _ in range(times):
        begin = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - begin)
    return best


def judge_file(path: Path) -> None:
    judgement = judge(read_history(path), GRAPH)
    if judgement.verdict.value != "pass":
        raise SystemExit(f"{path}: {judgement.verdict.value}, {judgement.reason}")


def measure(path: Path, times: int) -> dict[str, float]:
    """Seconds for the plain read, for all checks, and for linearizable alone."""

    def read_plainly() -> None:
        pl.read_parquet(path).group_by("workflow", "outcome").len()

    def decide_alone(history: Any) -> float:
        evidence = Evidence(history, GRAPH)
        _ = evidence.ops  # encoded and sorted once, for all checks
        begin = time.perf_counter()
        failed = CheckContext(evidence).decision.failed
        return float("inf") if failed else time.perf_counter() - begin

    # In turns, and their medians: so other load on the machine affects both.
    pairs = [(take_seconds(read_plainly, 1), take_seconds(lambda: judge_file(path), 1)) for _ in range(2 * times + 1)]
    plain, full = (statistics.median(column) for column in zip(*pairs, strict=True))
    history = read_history(path)
    alone = min(decide_alone(history) for _ in range(times))
    return {"operations": history.encoded.height, "plain_s": plain, "judge_s": full, "linearizable_s": alone}


def measure_memory(path: Path) -> dict[str, float]:
    """Peak memory of a process that judges once and does nothing else."""
    begin = time.perf_counter()
    judge_file(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"peak_bytes": peak, "cold_s": time.perf_counter() - begin}


def call(task: Callable[..., T], *arguments: object) -> T:
    """Runs one task in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(task, *arguments).result()


def measure_memory_twice(path: Path) -> dict[str, float]:
    """The faster of two runs: a single one may show only other load on the machine."""
    return min((call(measure_memory, path) for _ in range(2)), key=lambda measured: measured["cold_s"])


def build_two_winners(contenders: int, unknown: int) -> pl.DataFrame:
    """One race with two winners, and some requests whose answers were lost."""
    winners = (3, contenders // 2)
    blank: dict[str, Any] = dict.fromkeys(OPERATION_SCHEMA)
    blank |= {
        "scenario": "race",
        "race": "r",
        "tenant": "acme",
        "workflow": "w",
        "kind": "advance",
        "expected": ["S0"],
        "next": "S1",
    }
    rows = []
    for number in range(contenders + unknown):
        row = blank | {"id": f"race-0.{number}", "process": str(number), "invoked_ns": number, "outcome": "unknown"}
        if number < contenders:
            won = number in winners
            row |= {
                "outcome": "won" if won else "conflict",
                "status": 200 if won else 409,
                "observed": None if won else "S1",
            }
            row["returned_ns"] = contenders + number * 3
        rows.append(row)
    return pl.DataFrame(rows, schema=OPERATION_SCHEMA)


def measure_two_winners(contenders: int, unknown: int) -> float:
    """Seconds to read, decide, explain and describe one race with two winners."""
    frame = build_two_winners(contenders, unknown)

    def find() -> None:
        judgement = judge(take_frame(frame), GRAPH, only=["linearizable"])
        named = {finding.operations for finding in judgement.findings}
        if named != {("race-0.3", f"race-0.{contenders // 2}")}:
            raise SystemExit(f"the two winners among {contenders} were not named, but {named}")

    return take_seconds(find)


def measure_takes(takes: int) -> float:
    """Seconds to judge that many takes, of which up to ten run at once, of a resource with units for half of them."""
    number, units = pl.col("number"), takes // 2
    frame = pl.LazyFrame({"number": pl.int_range(takes, eager=True)}).select(
        id=pl.format("race-0.{}", "number"),
        kind=pl.lit("take"),
        outcome=pl.when(number < units).then(pl.lit("won")).otherwise(pl.lit("conflict")),
        invoked_ns=number * 10 + 10,
        returned_ns=number * 10 + 15 + number * 7 % 90,
    )
    made = {"id": "race-0.create", "kind": "create", "outcome": "ok", "invoked_ns": 0, "returned_ns": 1, "left": units}
    told = pl.concat([pl.LazyFrame([made]), frame], how="diagonal_relaxed").with_columns(
        process=pl.lit("0"), scenario=pl.lit("race"), tenant=pl.lit("acme"), workflow=pl.lit("w")
    )
    missing = {name: pl.lit(None, kind) for name, kind in OPERATION_SCHEMA.items() if name not in told.collect_schema()}
    history = told.with_columns(**missing).select(list(OPERATION_SCHEMA)).cast(pl.Schema(OPERATION_SCHEMA)).collect()

    def find() -> None:
        judged = judge(take_frame(history), GRAPH, only=["capacity"]).checks[0]
        if (judged.verdict, judged.judged) != (Verdict.PASS, takes):
            raise SystemExit(f"{judged.judged} of {takes} takes were judged: {judged.verdict}")

    return take_seconds(find)


def change(operations: pl.DataFrame, what: str) -> tuple[pl.DataFrame, str]:
    """The history with one operation changed so that no order explains it, and that operation's id."""
    row = operations.height // 2 + 1
    while operations["outcome"][row] != "conflict":
        row += 1
    fields: dict[str, Any] = {"outcome": "won", "status": 200, "observed": None}
    if what == CHANGES[1]:
        fields = {"kind": "read", "race": None, "expected": None, "next": None, "outcome": "ok", "observed": "S9"}
    if what == CHANGES[2]:
        fields = {"observed": "NOWHERE"}
    chosen = operations.slice(row, 1).to_dicts()[0]
    changed = pl.DataFrame([chosen | fields], schema=operations.schema)
    return pl.concat([operations.slice(0, row), changed, operations.slice(row + 1)]), chosen["id"]


def find_change(path: Path, what: str) -> dict[str, Any]:
    """Whether linearizable finds the changed operation among the at most three that it names, and how long it took."""
    changed, identity = change(pl.read_parquet(path), what)
    other = path.with_name("changed.parquet")
    changed.write_parquet(other, row_group_size=131_072)
    begin = time.perf_counter()
    judgement = judge(read_history(other), GRAPH, only=["linearizable"])
    named = [finding.operations for finding in judgement.findings]
    found = len(named) == 1 and identity in named[0] and len(named[0]) <= 3
    return {"found": found, "named": len(named[0]) if named else 0, "seconds": time.perf_counter() - begin}


def show(rows: list[tuple[str, str, str, str]]) -> None:
    table = Table("what", "measured", "ratio", "wanted", title="The judge")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)


def run(folder: Path, *, small: bool) -> None:
    rows = []
    path = folder / "million.parquet"
    call(generate, path, 10_000)
    million = call(measure, path, 5)
    memory = measure_memory_twice(path)
    rate = million["operations"] / million["linearizable_s"] / 1e6
    rows.append(("1 M operations, read plainly", f"{million['plain_s']:.2f} s", "1", ""))
    ratio = million["judge_s"] / million["plain_s"]
    rows.append(
        ("1 M operations, all checks", f"{million['judge_s']:.2f} s", f"{ratio:.1f} x the plain read", "<= 6 x")
    )
    rows.append(("1 M operations, linearizable alone", f"{rate:.1f} M operations/s", "", ">= 5 M/s"))
    rows.append(("1 M operations, peak memory", f"{memory['peak_bytes'] / MEBIBYTE:.0f} MiB", "", ""))
    for what in CHANGES:
        found = call(find_change, path, what)
        rows.append(
            (
                f"1 M operations, {what}",
                f"{found['seconds']:.2f} s",
                f"found: {found['found']}, names {found['named']}",
                "found, <= 3",
            )
        )
    if not small:
        path = folder / "ten.parquet"
        call(generate, path, 100_000)
        ten = measure_memory_twice(path)
        ratio = ten["cold_s"] / memory["cold_s"]
        rows.append(("10 M operations, all checks", f"{ten['cold_s']:.1f} s", f"{ratio:.1f} x the 1 M", "<= 12 x"))
        rows.append(("10 M operations, peak memory", f"{ten['peak_bytes'] / MEBIBYTE:.0f} MiB", "", "<= 4096 MiB"))
    before = None
    for contenders in (1_000, 10_000, 100_000):
        alone, noisy = (measure_two_winners(contenders, unknown) for unknown in (0, 5))
        growth = "" if before is None else f"{alone / before:.1f} x for 10 x as many"
        wanted = "<= 50 ms" if contenders == 1_000 else "<= about 12 x"
        rows.append((f"two winners among {contenders}", f"{alone * 1000:.0f} ms", growth, wanted))
        rows.append(("  with 5 unknown thrown in", f"{noisy * 1000:.0f} ms", f"{noisy / alone:.1f} x", "<= 10 x"))
        before = alone
    thousand = measure_takes(1_000)
    rows.append(("1,000 takes of 500 units", f"{thousand * 1000:.0f} ms", "", "<= 50 ms"))
    many = measure_takes(100_000)
    rows.append(("100,000 takes of 50,000 units", f"{many * 1000:.0f} ms", f"{many / thousand:.1f} x", "<= 1 s"))
    show(rows)


def main(arguments: list[str] | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), small="--small" in (arguments or []))


if __name__ == "__main__":
    main(sys.argv[1:])
