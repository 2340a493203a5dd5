"""Parts: the functions of which the engine of units is made. A defect or a control replaces one of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from engine.reference.pool import Pool
from engine.reference.variant_tables import Addition

# (the voucher or nothing, the organization, the new redemption): whether it was redeemed.
Redeem = Callable[[Pool, UUID, str, UUID], Awaitable[bool]]
# (the redemption, the organization): whether it was there, and is restored now.
Restore = Callable[[Pool, UUID, str], Awaitable[bool]]
# (the organization): the job that was claimed; None if none is left.
Claim = Callable[[Pool, str], Awaitable[int | None]]


@dataclass(frozen=True)
class UnitParts:
    """The parts of an engine of units. `left` is an SQL expression over a row of vouchers."""

    redeem: Redeem
    restore: Restore
    claim: Claim
    left: str = "uses_left"
    additions: tuple[Addition, ...] = ()


@dataclass(frozen=True)
class UnitEngine:
    """A running engine: its parts, its connections, and the attempts that contention may cost one request."""

    parts: UnitParts
    pool: Pool
    attempts_max: int = 10
