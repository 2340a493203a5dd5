"""run.json of format 1, read as format 2. Such runs are reported and compared for ever."""

from collections.abc import Mapping
from typing import Any

FACTS = {"meetings": "pairings", "orders": "schedules", "exhibits": "samples", "storm": "fault_injector"}
PLAN = {"shares": "quotas", "crews": "worker_groups"}
PAIRING = {"meetings": "pairings", "whole": "exhausted", "saved": "pruned"}
UNITS = {"meetings": "pairings"}
SCHEDULE = {"order": "schedule"}
SAMPLES = {"coverage": "state_pairs"}
MEASURES = {"unheld": "unscheduled"}

Record = dict[str, Any]


def upgrade(record: Mapping[str, Any]) -> Record:
    """The record with the names of format 2, and an `errors` where {error} stood in the place of a value."""
    new = rename(record, FACTS)
    new["checks"] = {name: {**check, "check": name} for name, check in new["checks"].items()}
    new["plan"] = rename(new.get("plan") or {}, PLAN)
    new["levels"] = [{**each, "unit": UNITS.get(each["unit"], each["unit"])} for each in new.get("levels") or ()]
    new["pairings"] = [rename(each, PAIRING) for each in new.get("pairings") or ()]
    new["schedules"] = [rename(each, SCHEDULE) for each in new.get("schedules") or ()]
    new["measures"] = gather_errors(rename(new.get("measures") or {}, MEASURES))
    if "samples" in new:
        new["samples"] = gather_errors(rename(new["samples"], SAMPLES))
    return new


def rename(record: Mapping[str, Any], names: Mapping[str, str]) -> Record:
    """With new names, and without what was null: that is what is not known."""
    return {names.get(name, name): value for name, value in record.items() if value is not None}


def gather_errors(record: Mapping[str, Any]) -> Record:
    errors = {name: value["error"] for name, value in record.items() if isinstance(value, dict) and "error" in value}
    return {**{name: value for name, value in record.items() if name not in errors}, "errors": errors}
