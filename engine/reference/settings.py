"""Settings: the configuration of an engine process."""

from dataclasses import dataclass, field

from engine.reference.pool import Isolation

CONNECTIONS_ALL_WORKERS = 256
CONNECTIONS_ONE_WORKER_MAX = 64


def share_connections(workers: int, connections: int) -> int:
    """The pool size of each of `workers` processes, which leaves some of the `connections` to other clients."""
    together = min(CONNECTIONS_ALL_WORKERS, connections * 3 // 4)
    return max(1, min(CONNECTIONS_ONE_WORKER_MAX, together // workers))


@dataclass(frozen=True)
class Settings:
    """`secret` signs the tokens. `defect` or `control` names a variant.

    `pool_size` is in connections. `has_units`: it is the engine of vouchers and jobs. `pooled`: the URL leads to a
    pgbouncer in transaction mode. `sink` is the URL that the outbox is sent to; without it there is no outbox.
    """

    database_url: str
    secret: str = field(repr=False)
    isolation: Isolation = Isolation.READ_COMMITTED
    defect: str | None = None
    pool_size: int = CONNECTIONS_ONE_WORKER_MAX
    control: str | None = None
    pooled: bool = False
    has_units: bool = False
    sink: str | None = None
