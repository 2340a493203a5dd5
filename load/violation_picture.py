"""The last violation as a picture, in the tab of Locust's web UI. For display alone: the verdict is the judge's."""

import msgspec

from load.client.ask import Reply
from load.script_run import RoundResult
from load.tally import list_violations
from reports.documents.standalone_picture import draw_svg


class Lane(msgspec.Struct, frozen=True):
    """One request of the round."""

    id: str
    outcome: str
    status: int | None
    invoked_ns: int
    returned_ns: int | None


class Violation(msgspec.Struct, frozen=True):
    """What a round showed to be wrong, and its requests."""

    words: str
    lanes: tuple[Lane, ...]


def find_violation(result: RoundResult) -> Violation | None:
    """The first violation of a round, if there is one."""
    found = list_violations(result)
    lanes = tuple(make_lane(reply) for reply in result.sent)
    return Violation(found[0], lanes) if found and lanes else None


def make_lane(reply: Reply) -> Lane:
    exchange, classified = reply.exchange, reply.classified
    return Lane(reply.id, reply.outcome, classified.status, exchange.invoked_ns, exchange.returned_ns)


def draw_violation(violation: Violation | None) -> str:
    """An SVG: the lanes that the report draws; empty without a violation."""
    if violation is None:
        return ""
    return draw_svg([msgspec.structs.asdict(lane) for lane in violation.lanes], violation.words)
