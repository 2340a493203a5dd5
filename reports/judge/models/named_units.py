"""The specification of a resource whose units have names: which of them are held, and how many others.

One order explains names and numbers together. A request that tells no name takes any unit that is free, or gives back
any that is held. Only names that an order can contradict are followed; the other units are counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, pairwise

from reports.judge.models import capacity
from reports.judge.models.capacity import KINDS, UnitOperation
from reports.judge.models.workflow import IMPOSSIBLE, Impossible, Operation
from reports.judge.searches.linearizability_search import Rules, never_past, search
from reports.judge.verdict import Verdict

# A request that tells no name for more units than this has too many meanings to try.
UNNAMED_MAX = 3
# The names that are held, of those that are followed; and how many other units are.
Held = tuple[frozenset[str], int]


@dataclass(frozen=True)
class NamedUnits:
    """A resource with `units` units. `given_back`: the names that a give-back tells. A take that tells no name may have
    got one of them; where it got another one, the name says nothing.
    """

    units: int
    given_back: frozenset[str]


def explain_names(
    units: int, operations: Sequence[UnitOperation], deadline_s: float = float("inf"), held: int = 0
) -> Verdict:
    """Whether one order explains the names and the numbers of a resource that had `units` units, of which `held` were
    held by others before the operations; UNKNOWN past the deadline.
    """
    names = find_names(operations)
    moves = [each for each in operations if is_move(each)]
    if any(count_unnamed(each) > UNNAMED_MAX for each in moves):
        return Verdict.UNKNOWN
    given_back = names & {each.unit for each in moves if each.kind == "give_back" and each.unit is not None}
    resource = NamedUnits(units, given_back)
    rules = Rules(partial(take_step, resource), never_past, branch=partial(list_after, resource))
    laid_out = [lay_out(each, names) for each in operations]
    return search(laid_out, [(frozenset(), held)], None, deadline_s, rules).verdict


def is_move(each: UnitOperation) -> bool:
    """Whether it took effect, or may have."""
    return each.kind in KINDS and each.outcome in ("won", "unknown")


def find_names(operations: Iterable[UnitOperation]) -> frozenset[str]:
    """The names that an order can contradict: not those of one take alone; nor, if each give-back tells its units,
    those that one request after the other took and gave back.
    """
    by_name, is_told = defaultdict[str, list[UnitOperation]](list), True
    for each in operations:
        if is_move(each):
            is_told &= each.kind == "take" or count_unnamed(each) == 0
            if each.unit is not None:
                by_name[each.unit].append(each)
    return frozenset(
        name for name, several in by_name.items() if not (is_one_take(several) or (is_told and is_one_by_one(several)))
    )


def count_unnamed(each: UnitOperation) -> int:
    """How many units it is about whose names it does not tell."""
    return each.units - (each.unit is not None)


def is_one_take(several: Sequence[UnitOperation]) -> bool:
    return len(several) == 1 and several[0].kind == "take"


def is_one_by_one(several: Sequence[UnitOperation]) -> bool:
    """Whether these, of one name, are known takes and give-backs in turn, each after the answer to the one before."""
    in_turn = all(each.kind == KINDS[number % 2] for number, each in enumerate(several))
    known = all(each.outcome == "won" and not each.again for each in several)
    return in_turn and known and all(one.returned < other.invoked for one, other in pairwise(several))


def lay_out(each: UnitOperation, names: frozenset[str]) -> Operation:
    """As without names, and `told` of how many units it tells no name, `carried` the name if it is followed."""
    carried = each.unit if each.unit in names else None
    return replace(capacity.lay_out(each), carried=carried, told=str(count_unnamed(each)))


def take_step(resource: NamedUnits, state: Held, operation: Operation) -> Held | Impossible:
    """The state after an answer that changes nothing, or IMPOSSIBLE."""
    left = count_left(resource, state)
    refused = operation.kind == "take" and left >= int(operation.mark or 1)
    return IMPOSSIBLE if (refused and operation.outcome == "conflict") or not tells(operation, left) else state


def list_after(resource: NamedUnits, state: Held, operation: Operation) -> list[Held]:
    """What may be held after an operation that takes units or gives them back; the last is the likeliest. A give-back
    that was sent again may have given back nothing, and told the number of the first answer.
    """
    is_take = operation.kind == "take"
    found = list_taken(resource, state, operation) if is_take else list_given_back(state, operation)
    right = [after for after in found if after[1] >= 0 and count_left(resource, after) >= 0]
    told = [after for after in right if tells(operation, count_left(resource, after))]
    return [*([state] if operation.repeats else []), *told]


def list_taken(resource: NamedUnits, state: Held, operation: Operation) -> list[Held]:
    held, others = state
    name, unnamed, rest = read_asked(operation)
    if name & held:
        return []
    chosen = choose(resource.given_back - held - name, unnamed)
    return [(held | name | some, others + rest + unnamed - len(some)) for some in reversed(chosen)]


def list_given_back(state: Held, operation: Operation) -> list[Held]:
    held, others = state
    name, unnamed, rest = read_asked(operation)
    if name - held:
        return []
    return [(held - name - some, others - rest - unnamed + len(some)) for some in choose(held - name, unnamed)]


def read_asked(operation: Operation) -> tuple[frozenset[str], int, int]:
    """The name that is followed, if any; how many units have no name; and how many have one that is not followed."""
    name = frozenset({operation.carried} if operation.carried is not None else ())
    unnamed = int(operation.told or 0)
    return name, unnamed, int(operation.mark or 1) - unnamed - len(name)


def choose(names: frozenset[str], most: int) -> list[frozenset[str]]:
    """The choices of up to so many of the names, the fewest first."""
    return [frozenset(some) for many in range(most + 1) for some in combinations(sorted(names), many)]


def count_left(resource: NamedUnits, state: Held) -> int:
    return resource.units - len(state[0]) - state[1]


def tells(operation: Operation, left: int) -> bool:
    """Whether its answer may tell so many units."""
    return operation.observed in (None, str(left))
