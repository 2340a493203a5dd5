"""Goal: a known event that does not fit is one sentence with file and line, in a journal as beside a sealed file.

Method: for every event a line that fits, and for each of its fields values of other types and out of its range.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reports.history import former_names
from reports.history.events import EVENTS, Exploration, Level, Schedule
from reports.history.history import HistoryError, read_history
from reports.history.seal import seal_history
from tests.reports.history.test_history import INVOKE, RETURN, write

SPAN = {"at_ns": 1, "until_ns": 2}
ACTION = {"tenant": "t", "route": "r", "origin": "A", "to": "B"}
GOOD: dict[str, dict[str, Any]] = {
    "header": {"format": 2, "source": "s", "clock_uncertainty_ns": 5},
    "plan": {"operations": -1, "races": 2, "scenario": "s", "withdrawn": "w"},
    "end": {"operations": 1},
    "quota": {"races": 1, "rounds": 2, "shared_by": ["a"]},
    "level": {
        "level": "race",
        "unit": "races",
        "planned": 3,
        "run": 2,
        "ended": "time",
        "restarts": 0,
        "scenarios": [{"scenario": "s", "unit": "races", "planned": 1, "run": 1}],
        "not_applicable": {"tenants": "one tenant"},
        "unscheduled": 3,
    },
    "turn": {"number": 1, "planned": 3, "races": 2, "began_ns": 5, "ended_ns": 9},
    "broken": {"what": "w", "traceback": "t"},
    "reproduced": {"name": "n", "branches": [1], "plan": "p", "failed": 1, "repeats": 10, "kind": "race"},
    "probe": {"check": "contract", "what": "w", "problem": None, "workflow": "w", **SPAN},
    "hidden": {"what": "effects", "workflow": "w", **SPAN},
    "unsent": {"what": "no {etag} yet", "workflow": "w", **SPAN},
    "access_denied": {"what": "the token expired", "tenant": "t", "workflow": "w", "status": 401, **SPAN},
    "fault": {"what": "kill", "workflow": "w", **SPAN},
    "fault_begun": {"at_ns": 1, "what": "kill", "workflow": "w", "workflows": ["v", "w"]},
    "break_met": {**SPAN},
    "restarted": {"fault": "f", "how": "exit 1", **SPAN},
    "unscheduled": {"sql": "select 1", "passed": 3, "why": "background"},
    "workload": {"kinds": {"two": 1}},
    "exploration": {"pairing": 0, "kind": "k", "state": "A", "actions": [ACTION], "pruned": 0, "exhausted": True},
    "statement": {"number": 0, "sql": "select 1"},
    "schedule": {
        "pairing": 0,
        "workflow": "w",
        "order": "AB",
        "steps": [["A", 0, "", None]],
        "answers": ["won"],
        "remarks": [],
        "switches": 1,
    },
    "random_plans": {"examples": 1, "violated": False},
    "skipped": {"fault": "f", "why": "w"},
    "faults_injected": {"statements": 1, "faults": {"delayed": 2}},
    "effects": {"workflow": "w", "read_ns": 1, "markers": ["m", 2], "winners": "any"},
    "sink": {"name": "s", "per": ["A"], "times": "at most once", "by": "marker", "within_s": 0.5},
    "call": {
        "sink": "s",
        "at_ns": 1,
        "subject": "m",
        "key": "k",
        "taken": False,
        "status": 503,
        "fault": "refused",
        "request": "POST /",
    },
    "calls_awaited": {"sources": ["race-0"], "at_ns": 1},
    "audit": {"workflow": "w", "read_ns": 1, "returned_ns": 2, "entries": [{"from": "A", "to": "B", "sequence": 1}]},
}
OUT_OF_RANGE: dict[str, list[dict[str, Any]]] = {
    "header": [{"format": 3}, {"format": 0}, {"clock_uncertainty_ns": -1}, {"clock_uncertainty_ns": 10**30}],
    "plan": [{"operations": 10**30}],
    "end": [{"operations": -1}],
    "quota": [{"races": -1}, {"shared_by": [1]}],
    "level": [{"planned": -1}, {"scenarios": [1]}, {"scenarios": [{"run": "x"}]}],
    "probe": [{"check": "contracts"}, {"at_ns": None}, {"until_ns": 0}],
    "hidden": [{"what": "trail"}, {"until_ns": 0}, {"at_ns": 10**30}],
    "fault": [{"at_ns": None}, {"until_ns": 0}, {"until_ns": 2**63}],
    "workload": [{"kinds": {"two": "x"}}],
    "schedule": [{"steps": [["A"]]}, {"steps": [[0, 0, "", None]]}],
    "faults_injected": [{"faults": {"delayed": -1}}],
    "effects": [{"markers": [None]}, {"winners": "twice"}],
    "sink": [{"times": "twice"}, {"by": "luck"}, {"within_s": -1}],
    "call": [{"at_ns": 10**30}, {"status": -1}],
    "calls_awaited": [{"at_ns": 10**30}],
    "audit": [{"entries": [{"from": "A"}]}, {"entries": [{"to": "A", "sequence": 2**62}]}, {"returned_ns": 0}],
}
OF_OTHER_TYPES: tuple[Any, ...] = ("x", 1.5, True, ["x", 0], {"a": {"b": []}})


def list_bad() -> list[tuple[str, dict[str, Any]]]:
    bad = [(name, GOOD[name] | change) for name, changes in OUT_OF_RANGE.items() for change in changes]
    for name, good in GOOD.items():
        for field, value in good.items():
            others = [one for one in OF_OTHER_TYPES if type(one) is not type(value) and fits_no_number(one, value)]
            bad += [(name, good | {field: one}) for one in others if value is not None or not isinstance(one, str)]
    return bad


def fits_no_number(one: Any, value: Any) -> bool:
    return not (isinstance(one, float) and type(value) is int)


def test_every_event_has_a_line_that_fits() -> None:
    assert {*GOOD, "invoke", "return"} == set(EVENTS)


@pytest.mark.parametrize("name", GOOD)
def test_what_fits_is_kept_with_what_is_not_known(tmp_path: Path, name: str) -> None:
    line = {"event": name, **GOOD[name], "later": [1, {"x": None}]}
    path = write(tmp_path / "s.jsonl", INVOKE, RETURN, line, {"event": "of tomorrow", "at_ns": "soon"})
    history = read_history(path)
    if name != "audit":
        assert history.having(EVENTS[name]) == [msgspec.convert(line, EVENTS[name])]
    seal_history(path)
    kept = [json.loads(each) for each in (tmp_path / "s.events.jsonl").read_text().splitlines()]
    assert kept[-1] == {"event": "of tomorrow", "at_ns": "soon"}
    assert name == "audit" or kept[0] == line


def test_a_unit_does_not_return_before_it_was_taken(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="returns_after_ns") as caught:
        read_history(write(tmp_path / "s.jsonl", INVOKE | {"returns_after_ns": -1}, RETURN))
    assert caught.value.line == 1


@pytest.mark.parametrize(("name", "fields"), list_bad())
def test_what_does_not_fit_is_named_with_its_line(tmp_path: Path, name: str, fields: dict[str, Any]) -> None:
    line = json.dumps({"event": name, **fields})
    path = write(tmp_path / "s.jsonl", INVOKE, line, RETURN)
    with pytest.raises(HistoryError, match="malformed line: ") as caught:
        read_history(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert "\n" not in str(caught.value)
    if name != "audit":
        [sealed] = seal_history(write(path, INVOKE, RETURN))
        events = write(tmp_path / "s.events.jsonl", {"event": "end"}, line)
        with pytest.raises(HistoryError, match="malformed line: ") as caught:
            read_history(sealed)
        assert str(caught.value).startswith(f"{events}:2: ")


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "line",
    [
        f'{{"event":"return","id":1,"outcome":"won","detail":{DEEP}}}',
        f'{{"event":"of tomorrow","x":{DEEP}}}',
        f'{{"event":"header","x":{DEEP}}}',
        '{"event":"return","id":1,"outcome":"won","detail":"text"}',
        '{"event":"return","id":1,"outcome":"won","detail":{"problem":5}}',
        '{"event":"return","id":1,"outcome":"won","detail":{"pr\\u006fblem":5}}',
        f'{{"event":"return","id":1,"outcome":"won","detail":{{"problem":"x","n":{"9" * 6000}}}}}',
        f'{{"event":"invoke","id":{"9" * 6000}}}',
        '{"no":"event"}',
        '{"event":5}',
        "null",
    ],
)
@pytest.mark.parametrize("end", ["\n", ""])
def test_json_that_is_no_line_of_a_history_is_named(tmp_path: Path, line: str, end: str) -> None:
    """The last line too, without its end: it is whole, and so no crash left it."""
    path = write(tmp_path / "s.jsonl", INVOKE)
    path.write_text(path.read_text() + line + end)
    with pytest.raises(HistoryError, match="malformed line: ") as caught:
        read_history(path)
    assert str(caught.value).startswith(f"{path}:2: ")


def test_a_problem_that_is_written_with_escapes_is_read(tmp_path: Path) -> None:
    line = '{"event":"return","id":1,"outcome":"won","detail":{"pr\\u006fblem":"no body"}}'
    history = read_history(write(tmp_path / "s.jsonl", INVOKE, line))
    assert history.encoded["problem"].to_list() == [True]


OLD: dict[str, dict[str, Any]] = {
    "share": {"races": 1},
    "turned_away": {"what": "the token expired"},
    "unheld": {"sql": "select 1", "passed": 3, "why": "background"},
    "agenda": {"kinds": {"two": 1}},
    "exploration": {
        "plan": 7,
        "kind": "k",
        "state": "A",
        "actions": [ACTION],
        "saved": 1,
        "whole": True,
        "apart": True,
    },
    "schedule": {
        "plan": 7,
        "workflow": "w",
        "order": "A",
        "steps": [["A", 0, "", None]],
        "answers": ["won"],
        "remarks": [],
        "switches": 0,
    },
    "mixed": {"examples": 1, "violated": False},
    "left_out": {"fault": "f", "why": "w"},
    "storm": {"statements": 1, "faults": {}},
    "level": {"level": "l", "unit": "meetings", "ended": "share", "unheld": 2},
}


def test_every_former_name_is_read_as_todays(tmp_path: Path) -> None:
    lines = [{"event": name, **fields} for name, fields in OLD.items()]
    history = read_history(write(tmp_path / "s.jsonl", INVOKE, RETURN, *lines))
    assert {*former_names.EVENTS, *former_names.FIELDS} == set(OLD)
    for name in OLD:
        assert len(history.having(EVENTS[former_names.EVENTS.get(name, name)])) == 1
    [exploration], [schedule] = history.having(Exploration), history.having(Schedule)
    assert (exploration.pairing, exploration.pruned, exploration.exhausted, exploration.apart) == (7, 1, True, True)
    assert schedule.pairing == 7
    assert history.having(Level) == [Level(level="l", unit="pairings", ended="complete", unscheduled=2)]
