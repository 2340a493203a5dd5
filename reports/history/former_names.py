"""Former names: how older files call events, fields and values, and what they are called now. The reader's only place.

A file of November 2026 or before has the names on the left.
"""

from collections.abc import Mapping
from typing import Any

EVENTS = {
    "agenda": "workload",
    "left_out": "skipped",
    "mixed": "random_plans",
    "share": "quota",
    "storm": "faults_injected",
    "turned_away": "access_denied",
    "unheld": "unscheduled",
}
# Of an event, by its name now: field -> field.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "exploration": {"plan": "pairing", "saved": "pruned", "whole": "exhausted"},
    "level": {"unheld": "unscheduled"},
    "schedule": {"plan": "pairing"},
}
# Of an event and a field, by their names now: value -> value.
VALUES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("level", "ended"): {"share": "complete"},
    ("level", "unit"): {"meetings": "pairings"},
}
MAY_BE_OLD = frozenset({*EVENTS, *FIELDS})


def rename(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with the names of today."""
    kind = EVENTS.get(event["event"], event["event"])
    fields = FIELDS.get(kind, {})
    renamed = {fields.get(name, name): value for name, value in event.items()} | {"event": kind}
    for (owner, field), values in VALUES.items():
        if owner == kind and isinstance(renamed.get(field), str):
            renamed[field] = values.get(renamed[field], renamed[field])
    return renamed
