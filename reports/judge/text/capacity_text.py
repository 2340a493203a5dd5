"""The text of findings about resources with a number of units. Data in, text out; nothing here decides anything."""

from collections.abc import Sequence

from reports.history.history import Record
from reports.judge.text.finding_text import Text, name, tabulate
from reports.judge.text.short_forms import capital, count, join

NAMED_MAX = 3
BY_ITSELF = (
    " If units come back by themselves after a while (a lease, a hold that expires), say after how long: "
    "capacity.returns_after_s."
)


def hint_return(records: Sequence[Record], *, returns: bool) -> str:
    """What else may be the reason where a take began after the answer to another one. `returns`: it is known that units
    come back by themselves.
    """
    if returns:
        return ""
    answered = min((each.returned_ns for each in records if each.returned_ns is not None), default=None)
    is_later = answered is not None and any(each.invoked_ns > answered for each in records)
    return BY_ITSELF if is_later else ""


def describe_excess(resource: str, units: int, total: int, returns: bool, winners: Sequence[Record]) -> Text:
    """`winners`: the last few of the `total` requests that won."""
    title = f"{total} requests won a unit of {resource}, which had {count(units, 'unit')}."
    words = (
        f"{resource} had {count(units, 'unit')}, none was given back, and {total} requests were answered that they won "
        f"one. Among them: {join([name(each) for each in winners[:NAMED_MAX]])}."
    )
    return title, tabulate(f"{words}{hint_return(winners, returns=returns)}", winners)


def describe_left(units: int, taken: int, records: Sequence[Record]) -> Text:
    """A take that lost though at most `taken` of `units` units were taken, and some of those that took them."""
    record = records[0]
    title = f"{capital(name(record))} got no unit of {record.workflow} while {units - taken} of {units} were left."
    words = (
        f"{title} Until its answer at most {count(taken, 'unit')} of {units} can have been taken: only so many "
        "requests that won, or may have, had begun. A request for a unit may only lose when none is left."
    )
    return title, tabulate(words, records)


def describe_wrong_number(least: int, most: int, records: Sequence[Record]) -> Text:
    """An answer with a number of units left that was never from `least` to `most`, and some takes before it."""
    record = records[0]
    right = f"{least}" if least == most else f"{least} to {most}"
    title = f"{capital(name(record))} told that {record.left} of {record.workflow} were left; right is {right}."
    words = f"{title} By the requests that won before it, and those that had begun by its end, no other is possible."
    words += BY_ITSELF if record.left is not None and record.left > most else ""
    return title, tabulate(words, records)


def describe_given_twice(unit: str, returns: bool, records: Sequence[Record]) -> Text:
    """`records`: takes that were answered with the same unit. `returns`: units come back by themselves."""
    title = f"Unit {unit} of {records[0].workflow} was given to {count(len(records), 'request')}."
    back = (
        "by the times, it cannot have come back by itself before each of them" if returns else "it was not given back"
    )
    words = f"{capital(join([name(each) for each in records[:NAMED_MAX]]))} each got unit {unit}; {back}."
    return title, tabulate(f"{words}{hint_return(records, returns=returns)}", records)


def describe_given_back_twice(unit: str, records: Sequence[Record]) -> Text:
    """`records`: takes and give-backs of one unit that do not alternate in any order."""
    title = f"Unit {unit} of {records[0].workflow} was given out or given back twice in a row."
    words = f"{title} In no order that respects the times do the requests that won take it and give it back in turn."
    return title, tabulate(words, records)


def describe_never_taken(unit: str, records: Sequence[Record]) -> Text:
    """`records`: give-backs of a unit that no request took."""
    title = f"Unit {unit} of {records[0].workflow} was given back, and no request had taken it."
    words = f"{capital(name(records[0]))} was told that it gave back unit {unit}. No take got it, or may have got it."
    return title, tabulate(words, records)


def describe_no_names(resource: str, records: Sequence[Record]) -> Text:
    """`records`: the requests about a resource whose units have names."""
    title = f"No order of the requests explains which units of {resource} were given out."
    words = (
        f"{title} Some order explains each unit alone, and some order explains how many were left. No order that "
        "respects the times explains both, whichever units the requests took or gave back that tell no unit."
    )
    return title, tabulate(words, records)


def describe_lost_give_back(returns: bool, records: Sequence[Record]) -> Text:
    """`records`: a give-back that did not win, and its take. `returns`: units come back by themselves."""
    lost, take = records
    is_refused = lost.outcome == "refused"
    what = f"was refused ({lost.status})" if is_refused else "lost"
    title = f"{capital(name(lost))} {what}, though nothing gave back before what {name(take)} got."
    words = f"{title} Until its answer no other give-back of it had begun, nor one that could have freed it by mistake."
    words += " By the times it cannot have come back by itself." if returns else BY_ITSELF
    words += (
        " A refusal does not say whether it is still held, so this one proves nothing. If it asks the client to try "
        f"again, add {lost.status} to capacity.busy in the target file."
        if is_refused
        else ""
    )
    return title, tabulate(words, records)


def describe_given_back_again(resource: str, units: int, counts: tuple[int, int], records: Sequence[Record]) -> Text:
    """`records`: so many give-backs of units that were given back before, so many answers that show it, and others."""
    repeats, shown = records[: counts[0]], records[counts[0] : sum(counts)]
    title = f"A unit of {resource} was given back twice: {name(repeats[0])} gave it back once more."
    told = join([f"{name(each)} ({describe_told(each)})" for each in shown])
    words = (
        f"{resource} had {count(units, 'unit')}. {capital(join([name(each) for each in repeats[:NAMED_MAX]]))} gave "
        f"back a unit that was given back before, and the number left rose once more. It shows in the answer to {told}."
    )
    return title, tabulate(words, list({each.row: each for each in records}.values()))


def describe_told(record: Record) -> str:
    return f"{record.left} left" if record.left is not None else str(record.outcome)


def describe_no_order(resource: str, units: int, records: Sequence[Record]) -> Text:
    """`records`: answers that contradict each other."""
    title = f"No order of the requests explains the answers about {resource}, which had {count(units, 'unit')}."
    words = f"{title} Each of these answers is possible, but not all: no order that respects the times explains them."
    return title, tabulate(words, records)


def describe_refused_takes(records: Sequence[Record], total: int, statuses: Sequence[int]) -> Text:
    """`records`: some of the owner's takes that were refused."""
    told, were = join([str(each) for each in statuses]), "was" if total == 1 else "were"
    title = f"{count(total, 'take')} of the owner {were} refused ({told})."
    words = (
        f"{title} A refusal says neither that a unit was given nor that none is left, so these takes prove nothing. If "
        f"it means that none is left, add {told} to capacity.conflict in the target file."
    )
    return title, tabulate(words, records)


def describe_many_readings(name: str, most: int) -> Text:
    """Give-backs that may each be of several takes, in more ways than are tried."""
    title = f"The give-backs of {name} could not be decided."
    words = (
        f"Units of {name} come back by themselves, unless they were given back before. Which take a give-back was of "
        f"is open in more than {most} ways, as give-backs or takes tell no name of a unit. Let them tell it."
    )
    return title, words


def describe_never_used_up(resources: int) -> Text:
    """No resource was used up, of so many."""
    title = f"No resource was ever used up, of {resources}, so no take could be one too many."
    words = (
        "What the run is to show, that no more units are given than there are, needs takes when none is left. Let the "
        "create make resources with fewer units, or let more clients take (--contenders)."
    )
    return title, words
