"""The pairings of takes and give-backs: what can go wrong with the last unit of a resource. Pure.

They begin when so many units are left, which stands in the place of a state: "1 left".
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from engine.target.call import GIVE_BACK, TAKE, Call, spread
from engine.target.target import Target
from engine.target.workflow_source import IdPool
from stateful_tests.interleavings.schedule import Pairing

LEFT = re.compile(r"([0-9]+) left")


def read_left(target: Target, state: str) -> int | None:
    """How many units are left in such a state; None in a state of a workflow."""
    found = LEFT.fullmatch(state)
    return int(found[1]) if found and target.capacity is not None and state not in target.graph.states else None


def list_unit_pairings(target: Target, contenders: int = 2) -> list[Pairing]:
    """Every pairing on one resource; with more than two contenders, that many takes of the last unit."""
    if target.capacity is None:
        return []
    take, give_back = (replace(each, tenant=target.owner) for each in (TAKE, GIVE_BACK))
    if contenders > 2:
        return [make_pairing(target, 1, (take,) * contenders, "takes of the last unit")]
    return list(walk_pairings(target, take, give_back))


def walk_pairings(target: Target, take: Call, give_back: Call) -> Iterator[Pairing]:
    assert target.capacity is not None
    yield make_pairing(target, 1, (take, take), "take / take, the last unit")
    if target.capacity.units != 1:
        # Both must win: a service that lets one lose hides a unit.
        yield make_pairing(target, 2, (take, take), "take / take, two left")
    if target.capacity.give_back is not None:
        yield make_pairing(target, 0, (take, give_back), "take / give back, none left")
        again = replace(give_back, key="a")
        yield make_pairing(target, 0, (again, again), "give back / give back, the same unit")
        if target.capacity.units != 1:
            yield make_pairing(target, 1, (take, give_back), "take / give back, the last unit")
            yield make_pairing(target, 0, (give_back, give_back), "give back / give back")
    for stranger in target.strangers[:1] if not target.capacity.is_shared else ():
        yield make_pairing(target, 1, (take, replace(take, tenant=stranger)), "take / another tenant's take")


def list_units_apart(target: Target) -> list[Pairing]:
    """Two takes on two resources, each of its last unit: both must win."""
    if target.capacity is None or target.capacity.is_shared or isinstance(target.create, IdPool):
        return []
    take = replace(TAKE, tenant=target.owner)
    calls = spread(target, (take, take))
    found = [Pairing("1 left", calls, "take / take, of two resources", apart=True)]
    others = [replace(take, tenant=tenant) for tenant in target.creators[1:2]]
    return found + [
        Pairing("1 left", (take, other), "take / take, of two tenants' resources", apart=True) for other in others
    ]


def make_pairing(target: Target, left: int, calls: tuple[Call, ...], kind: str) -> Pairing:
    return Pairing(f"{left} left", spread(target, calls), kind)
