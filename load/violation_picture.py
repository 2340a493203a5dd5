"""The last violation as a picture, in the tab of Locust's web UI. For display alone: the verdict is the judge's."""

from typing import Any

import msgspec

from load.script_run import RoundResult
from load.tally import list_violations
from reports.documents.standalone_picture import draw_svg


class Violation(msgspec.Struct, frozen=True):
    """What a round showed to be wrong, and its requests as the report draws them, each in a lane."""

    words: str
    lanes: tuple[dict[str, Any], ...]


def find_violation(result: RoundResult) -> Violation | None:
    """The first violation of a round, if there is one."""
    found = list_violations(result)
    lanes = tuple(
        {
            "id": reply.id,
            "outcome": reply.outcome,
            "status": reply.classified.status,
            "invoked_ns": reply.exchange.invoked_ns,
            "returned_ns": reply.exchange.returned_ns,
        }
        for reply in result.sent
    )
    return Violation(found[0], lanes) if found and lanes else None


def draw_violation(violation: Violation | None) -> str:
    """An SVG: the lanes that the report draws; empty without a violation."""
    return "" if violation is None else draw_svg(violation.lanes, violation.words)
