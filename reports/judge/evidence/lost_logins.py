"""Lost logins: what a service answers 401 after onewinner started it again, because it kept its logins in memory."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass

import polars as pl

from reports.history import events
from reports.history.history import History

UNAUTHORIZED = 401


@dataclass(frozen=True)
class LostLogins:
    """When the service was started again, and when each source asked what was served, by source and tenant; sorted."""

    restarts: list[int]
    served: dict[tuple[str, str | None], list[int]]

    def explain(self, source: str, tenant: str | None, status: int | None, until: int | None) -> bool:
        """Whether a restart explains an answer that came at `until`: the source was served as that tenant before the
        last restart, and not since.
        """
        if status != UNAUTHORIZED or until is None:
            return False
        served = self.served.get((source, tenant), [])
        restarts, before = bisect_right(self.restarts, until), bisect_right(served, until)
        return restarts > 0 and before > 0 and served[before - 1] < self.restarts[restarts - 1]

    def explain_event(self, source: str, event: events.AccessDenied) -> bool:
        return self.explain(source, event.tenant, event.status, event.until_ns)


def take_lost_logins(history: History, ops: pl.DataFrame, sources: pl.Series) -> LostLogins:
    """Those of a history; `sources` has the number of the source of each of `ops`."""
    restarts = sorted(event.at_ns for event in history.having(events.Restarted) if event.at_ns is not None)
    served: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    if restarts:
        is_served = pl.col("mine") & pl.col("outcome").is_in(["won", "ok", "conflict", "stale"])
        names = history.encoded["tenant"].cast(pl.String).gather(ops["row"])
        asked = ops.with_columns(source=sources, tenant=names).filter(is_served).sort("invoked")
        for source, tenant, invoked in asked.select("source", "tenant", "invoked").iter_rows():
            served[history.sources[source].name, tenant].append(invoked)
    return LostLogins(restarts, served)
