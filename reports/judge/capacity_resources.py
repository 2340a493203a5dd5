"""Resources that are given out unit by unit: the operations of each, and what may have happened without a request."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import polars as pl

from reports.judge.context import CheckContext
from reports.judge.models.capacity import KINDS, UnitOperation
from reports.judge.models.named_units import count_unnamed, is_move
from reports.judge.models.workflow import NEVER

# So many readings of which give-back was of which take are tried.
READINGS_MAX = 16
TOLD = ("units", "left", "unit", "returns_after_ns", "id", "of")


@dataclass
class Resource:
    """The operations of one resource, by invoke. `is_created`: a create is among the requests, so no unit was taken
    before. `units` is how many it had, where its create told; `returns_after` how long after a take its unit may come
    back by itself, in nanoseconds. `again` are give-backs of a unit for which another give-back of it stands: they give
    back nothing. `refused` are the owner's give-backs that were refused, but for those that a fault met.
    """

    name: str
    is_created: bool = False
    units: int | None = None
    returns_after: int | None = None
    operations: list[UnitOperation] = field(default_factory=list)
    again: list[UnitOperation] = field(default_factory=list)
    refused: list[UnitOperation] = field(default_factory=list)

    @cached_property
    def moves(self) -> list[UnitOperation]:
        """Those that took effect, or may have."""
        return [each for each in self.operations if is_move(each)]

    @cached_property
    def untold(self) -> list[UnitOperation]:
        """Those about a unit whose name they did not tell, as operations on any one unit: each may have taken it, or
        given it back.
        """
        untold = [each for each in self.moves if count_unnamed(each) > 0]
        return [replace(each, units=1, left=None, outcome="unknown") for each in untold]

    @cached_property
    def begins(self) -> list[int]:
        """When the takes that won, or may have, were invoked; ascending."""
        return sorted(each.invoked for each in self.moves)

    @cached_property
    def ends(self) -> list[int]:
        """When the takes that won returned; ascending."""
        return sorted(each.returned for each in self.moves if each.outcome == "won")

    @property
    def is_used_up(self) -> bool:
        """Whether there was a moment at which none was left: before it, no take can be one too many."""
        if any(each.kind == "take" and each.outcome == "conflict" for each in self.operations):
            return True
        return self.units is not None and sum(each.kind == "take" for each in self.moves) >= self.units

    @property
    def only_falls(self) -> bool:
        """Whether the number that is left only falls, by one at a time."""
        return all(each.kind == "take" for each in self.moves) and all(each.units == 1 for each in self.operations)


def gather_resources(context: CheckContext) -> list[Resource]:
    """The resources of the history. Busy operations say nothing, and refused ones say nothing of what is left; of other
    tenants only what they were told that they took: an unknown request of theirs must take nothing.
    """
    told = context.evidence.history.frame.with_row_index("row").select("row", "kind", *TOLD)
    says = pl.any_horizontal(pl.col("left", "returns_after_ns").is_not_null())
    asked = told.filter(pl.col("kind").is_in([*KINDS, "create"]) | says).drop("kind").collect()
    outcome, mine = pl.col("outcome"), pl.col("mine")
    refused = (outcome == "refused") & (pl.col("kind") == "give_back") & ~context.touched_by_fault
    ops = context.ops.filter((outcome == "won") | (outcome.is_in(["ok", "conflict", "unknown"]) | refused) & mine)
    ops = ops.join(context.elsewhere, on="row", how="anti", maintain_order="left")
    ops = ops.join(asked, on="row", maintain_order="left")
    ops = ops.filter(pl.col("kind").is_in(KINDS).any().over("w"))
    columns = ["w", "kind", "outcome", "row", "invoked", "returned", "repeated", *TOLD]
    found: dict[int, Resource] = {}
    takes: dict[tuple[int, str], int] = {}
    for w, kind, outcome_, row, invoked, returned, repeated, *told_ in ops.select(columns).iter_rows():
        units, left, unit, returns_after, id_, of = told_
        if kind == "take":
            takes[w, id_] = row
        resource = found.get(w) or found.setdefault(w, Resource(context.evidence.name_workflow(w)))
        is_unknown = outcome_ == "unknown"
        if kind == "create":
            resource.is_created |= outcome_ == "ok"
            if outcome_ == "ok" and (left is not None or returns_after is not None):
                resource.units, resource.returns_after = left, returns_after
        elif kind in KINDS or not is_unknown:
            ends = NEVER if is_unknown else returned
            asked_for = 1 if units is None else units
            place = resource.again if repeated else resource.operations
            place = resource.refused if outcome_ == "refused" else place
            place.append(UnitOperation(row, kind, outcome_, invoked, ends, asked_for, left, unit, takes.get((w, of))))
    return [admit_again(resource) for resource in found.values()]


def admit_again(resource: Resource) -> Resource:
    """The resource with the give-backs that were sent again and may have taken effect again: their unit has a name, and
    may have been taken once more before. A service may know no more than that name.
    """
    takes = [each for each in resource.operations if each.kind == "take" and each.outcome in ("won", "unknown")]
    admitted = [
        replace(each, again=True)
        for each in resource.again
        if each.kind == "give_back" and each.unit is not None and count_takes(takes, each) > 1
    ]
    if not admitted:
        return resource
    rows = {each.row for each in admitted}
    operations = sorted([*resource.operations, *admitted], key=lambda each: each.invoked)
    return replace(resource, operations=operations, again=[each for each in resource.again if each.row not in rows])


def list_with_returns(resource: Resource) -> list[Resource] | None:
    """The resource with what may have happened without a request: the unit of a take comes back by itself.

    A give-back that was answered before that could happen stands for the return of a take. Of which one may be open,
    where it tells another name than they do, or none: then there is one resource for each reading; None for too many.
    A later give-back may have given back nothing. If it can only be of one take, it makes the return of that one, or
    comes behind it: together they return the units once.
    """
    after = resource.returns_after
    takes = [each for each in resource.operations if each.kind == "take" and each.outcome in ("won", "unknown")]
    if after is None or not takes:
        return [resource]
    readings, late, gone, ended = [takes], set[int](), set[int](), dict[int, UnitOperation]()
    for each in resource.operations:
        if each.kind != "give_back" or each.outcome != "won":
            continue
        own = [one for one in takes if may_be_of(each, one)]
        if any(may_return(one, after, each.returned) for one in own):
            if len(own) == 1 and each.left is None:
                ended.setdefault(own[0].row, each)
                gone.add(each.row)
            else:
                late.add(each.row)
        else:
            readings = list_distinct(left for takes in readings for left in list_without_one(takes, each))
        if len(readings) > READINGS_MAX:
            return None
    end = max(each.invoked if each.returned == NEVER else each.returned for each in resource.operations)
    operations = [
        replace(each, again=True) if each.row in late else each for each in resource.operations if each.row not in gone
    ]
    found: list[Resource] = []
    for takes in readings:
        returns = [come_back(each, after, ended.get(each.row)) for each in takes if may_return(each, after, end)]
        with_returns = sorted([*operations, *returns], key=lambda each: each.invoked)
        found.append(replace(resource, operations=with_returns))
    return found


def list_lost_give_backs(resource: Resource) -> list[tuple[UnitOperation, UnitOperation]]:
    """The give-backs that did not win though what their take got was certainly held, each with that take."""
    won = [each for each in resource.operations if each.kind == "take" and each.outcome == "won"]
    takes: dict[int | None, UnitOperation] = {each.row: each for each in won}
    lost = [each for each in resource.operations if each.kind == "give_back" and each.outcome == "conflict"]
    asked = [(each, takes[each.of]) for each in [*lost, *resource.refused] if each.of in takes]
    asked = [(each, take) for each, take in asked if take.returned < each.invoked]
    if not asked:
        return []
    moves = [each for each in [*resource.operations, *resource.again] if each.kind == "give_back"]
    moves = [each for each in moves if each.outcome in ("won", "unknown")]
    stray = list_stray(moves, takes, resource.returns_after)
    own: dict[int | None, list[UnitOperation]] = {}
    for each in moves:
        own.setdefault(each.of, []).append(each)

    def is_held(take: UnitOperation, lost: UnitOperation) -> bool:
        return not may_return(take, resource.returns_after, lost.returned) and not any(
            each.invoked <= lost.returned and may_share_name(take, each) for each in (*own.get(take.row, ()), *stray)
        )

    return [(each, take) for each, take in asked if is_held(take, each)]


def list_stray(
    give_backs: Sequence[UnitOperation], takes: Mapping[int | None, UnitOperation], after: int | None
) -> list[UnitOperation]:
    """Those that may have given back what another take got: a service may know a unit by its name or number alone. Of
    which take they are is not told, or its unit was given back before, or may have come back by itself.
    """
    times = Counter(each.of for each in give_backs)
    return [
        each
        for each in give_backs
        if each.of not in takes or times[each.of] > 1 or may_return(takes[each.of], after, each.returned)
    ]


def may_return(take: UnitOperation, after: int | None, by: int) -> bool:
    """Whether its unit may come back by itself by that moment."""
    return after is not None and take.invoked + after <= by


def list_without_one(takes: list[UnitOperation], give_back: UnitOperation) -> list[list[UnitOperation]]:
    """The takes, by invoke, without the one that this give-back was of: a list for each name that it may have had. Of
    those of one name the last goes, so that those that may return first stay.
    """
    last_of_name = {each.unit: each for each in takes if is_given_back(each, give_back)}
    return [[each for each in takes if each is not gone] for gone in last_of_name.values()] or [takes]


def list_distinct(readings: Iterable[list[UnitOperation]]) -> list[list[UnitOperation]]:
    return list({tuple(each.row for each in takes): takes for takes in readings}.values())


def is_given_back(take: UnitOperation, give_back: UnitOperation) -> bool:
    """Whether the give-back may be of what this take got: as many units, and not before the take."""
    return take.units == give_back.units and may_be_of(give_back, take)


def may_be_of(give_back: UnitOperation, take: UnitOperation) -> bool:
    """Whether it may be of this take by what is told of both. Another client than the one that took it may know it."""
    if give_back.of is not None:
        return give_back.of == take.row
    return may_share_name(take, give_back) and take.invoked <= give_back.returned


def may_share_name(take: UnitOperation, give_back: UnitOperation) -> bool:
    return None in (take.unit, give_back.unit) or take.unit == give_back.unit


def come_back(take: UnitOperation, after: int, given_back: UnitOperation | None) -> UnitOperation:
    """The return of its unit, which may come so long after it, or with that give-back, or never."""
    begins = take.invoked + after if given_back is None else min(take.invoked + after, given_back.invoked)
    return replace(take, kind="give_back", outcome="unknown", invoked=begins, returned=NEVER, left=None, by_itself=True)


def count_takes(takes: Iterable[UnitOperation], give_back: UnitOperation) -> int:
    """How many of these takes may have got its unit before it returned."""
    return sum(each.unit in (None, give_back.unit) and each.invoked <= give_back.returned for each in takes)
