"""Testimony: what the readings of a trail say of a workflow, as operations that an order must explain with all others.

A reading tells the state in which its rows end; and, where rows tell request ids, which of the requests that nobody
heard of again had taken effect by then. Pure; one workflow at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from engine.graph import TransitionGraph
from reports.model import Operation
from reports.readings import UNTIL, Reading
from reports.search import Searched, search
from reports.trails import Move, Row
from reports.verdict import Verdict


@dataclass(frozen=True)
class Testimony:
    """A workflow's operations and the states that it may begin in, and the readings of its trail in the order of time.
    `wide` is the uncertainty of the clocks, in ns; `deadline_s` is of the monotonic clock.
    """

    operations: Sequence[Operation]
    starts: Sequence[str | None]
    graph: TransitionGraph | None
    readings: Sequence[Reading]
    wide: int
    deadline_s: float

    def examine(self, count: int | None = None) -> Searched:
        """Whether some order explains the operations and the first `count` readings, or all."""
        readings = self.readings[:count]
        looks = [self.look(-1 - number, reading) for number, reading in enumerate(readings)]
        operations = narrow(self.operations, readings, self.wide)
        return search([*operations, *(look for look in looks if look)], self.starts, self.graph, self.deadline_s)

    def find_contradiction(self) -> tuple[Reading, Searched] | None:
        """The first reading that no order explains, and why; None when all are explained, or nobody knows."""
        for count, reading in enumerate(self.readings, start=1):
            searched = self.examine(count)
            if searched.verdict is Verdict.FAIL:
                return reading, searched
        return None

    def look(self, row: int, reading: Reading) -> Operation | None:
        """A reading as a read of the state that its rows end in; None where there are none, and no known start."""
        told = find_end(reading)
        if told is None:
            return None
        return Operation(row, "read", "ok", (), None, told, reading.read_ns - self.wide, reading.until_ns + self.wide)


def find_end(reading: Reading) -> str | None:
    return reading.rows[-1].to if reading.rows else reading.start


def narrow(operations: Sequence[Operation], readings: Sequence[Reading], wide: int) -> list[Operation]:
    """The operations; those without an answer that a reading names took effect before it was over, those that it does
    not name, though it names all others, have not when it began.
    """
    found = {operation.row: operation for operation in operations}
    for reading in readings:
        ids = {row.request_id for row in reading.rows}
        if None in ids:
            continue
        for move in reading.moves:
            operation = found[move.operation.row]
            if operation.outcome != "unknown" or move.request_id is None:
                continue
            if move.request_id in ids:
                found[operation.row] = replace(operation, outcome="won", returned=reading.until_ns + wide)
            else:
                began = reading.read_ns - wide
                found[operation.row] = replace(operation, invoked=max(operation.invoked, began))
    return list(found.values())


def find_disorder(rows: Sequence[Row], moves: Sequence[Move]) -> tuple[int, int] | None:
    """Two rows, by number, the first of which is of a request that was asked for when the other had been answered."""
    named: dict[str, list[Operation]] = {}
    for move in moves:
        if move.request_id is not None:
            named.setdefault(move.request_id, []).append(move.operation)
    latest: tuple[int, int] | None = None
    for number, row in enumerate(rows):
        known = named.get(row.request_id or "", [])
        if len(known) != 1:
            continue
        [operation] = known
        if latest is not None and operation.returned < latest[0]:
            return latest[1], number
        latest = max(latest or (operation.invoked, number), (operation.invoked, number))
    return None


def find_rewritten(trails: pl.DataFrame) -> pl.DataFrame:
    """The first row of each reading that the next one, begun when it was over, does not have in the same place: w,
    from, to, and from_later, to_later of what stands there instead, if anything. `trails` is Evidence.trails.
    """
    readings = (
        trails.filter(pl.col("w").is_not_null())
        .group_by("trail", maintain_order=True)
        .agg(pl.col("w", "read_ns").first(), until=UNTIL.first())
        .filter(pl.len().over("w") > 1)
        .sort("w", "read_ns", "trail")
    )
    following = {"later": pl.col("trail").shift(-1).over("w"), "begun": pl.col("read_ns").shift(-1).over("w")}
    pairs = readings.with_columns(**following).filter(pl.col("until") < pl.col("begun")).select("w", "trail", "later")
    held = trails.filter(pl.col("position") >= 0).select("trail", "position", "from", "to", "request_id")
    after = held.rename({"trail": "later"})
    both = pairs.join(held, on="trail").join(after, on=["later", "position"], how="left", suffix="_later")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_later")) for name in ("from", "to", "request_id"))
    return both.filter(~same).sort("w", "trail", "position").unique("trail", keep="first", maintain_order=True)
