"""Goal: a replay that did not follow its race file shows nothing, and the command that is printed replays it.

Method: journals with schedules, as replays write them; the printed command is parsed.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.target.graph import TransitionGraph
from onewinner.commands import explore, gate
from onewinner.race_files import describe_replay, find_strayed, find_undecided, find_violated
from reports.comparison.facts import Facts
from reports.documents.run_folder import begin_run
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.levels.race_file_format import RACE_FORMAT, Race, RaceRequest, write_race
from reports.judge.levels.schedules import LEFT
from reports.judge.verdict import Verdict
from tests.reports.building import advance, build_history, create

EXAMPLE = Path(__file__).parents[2] / "examples" / "route_per_edge" / "target.toml"
GRAPH = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
REQUEST = RaceRequest("A", "acme", "advance", "A", "B")


def write_schedules(folder: Path, remarks: Sequence[Sequence[str]], pairings: Sequence[int]) -> None:
    """A journal with a schedule for each of the remarks; they have one order."""
    with Journal(folder / "interleavings-0.jsonl") as journal:
        for number, (each, pairing) in enumerate(zip(remarks, pairings, strict=True)):
            schedule = events.Schedule(
                pairing=pairing, workflow=f"w{number}", order="AB", steps=[], answers=[], remarks=[*each], switches=0
            )
            journal.write(schedule)


@pytest.mark.parametrize(
    ("remarks", "told"),
    [
        ([], None),
        ([()], None),
        ([(LEFT,), ()], None),
        ([(LEFT,)], "the replay left the recorded order, so nothing shows what the race file recorded"),
        ([(LEFT,)] * 3, "each of the 3 replays left the recorded order, so nothing shows what the race file recorded"),
    ],
)
def test_replays_that_all_left_the_recorded_order_are_told(
    remarks: Sequence[Sequence[str]], told: str | None, tmp_path: Path
) -> None:
    write_schedules(tmp_path, remarks, range(len(remarks)))
    assert find_strayed(read_history(tmp_path)) == told


@pytest.mark.parametrize(
    ("remarks", "told"),
    [
        ([()], None),
        ([("unknown",), ()], None),  # the same order ran again, to its end
        (
            [("unknown",)],
            "1 schedule is not known: of 1, since a statement may have come from two requests, or from the service's",
        ),
        ([("unknown", "hung")], "1 schedule is not known: of 1, since no request went on for as long as one may take"),
        ([("diverged",)], "1 schedule is not known: of 1, since the same choices led to other statements than before"),
    ],
)
def test_why_an_outcome_is_not_known_is_told(
    remarks: Sequence[Sequence[str]], told: str | None, tmp_path: Path
) -> None:
    write_schedules(tmp_path, remarks, [0] * len(remarks))
    found = find_undecided(read_history(tmp_path))
    assert found is None if told is None else told in str(found)


@pytest.mark.parametrize("has_target", [False, True], ids=["nothing there", "a target.toml there"])
@pytest.mark.parametrize(
    "chosen",
    [
        [],
        ["--target", "jobs"],
        *(["--defect", name] for name in ("check-then-act", "count-then-insert", "claim-without-lock", "stale-read")),
        *(["--control", name] for name in ("version-column", "capacity-by-constraint", "outbox-by-lease")),
    ],
    ids=" ".join,
)
def test_the_command_that_replays_a_race_asks_the_same_engine(
    chosen: list[str], has_target: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = gate.parse([*chosen, *([] if chosen else ["--target", "reference"])]).engine
    (tmp_path / "target.toml").write_text(EXAMPLE.read_text())
    if not has_target:
        (tmp_path / "target.toml").unlink()
    run = begin_run(tmp_path / "run", found.file, Facts())
    race = Race(RACE_FORMAT, "t", "found", "A", (REQUEST,), "A", (), arguments=found.service_arguments)
    write_race(tmp_path / "run" / "race.json", race)
    again = explore.parse(shlex.split(describe_replay(run, "race.json", found))[2:]).engine
    assert (again.file, again.service_arguments) == (found.file, found.service_arguments)


@pytest.mark.parametrize(
    ("began_ns", "lost", "violated"),
    [(20, "moved", True), (20, "prepared", False), (None, "prepared", True), (20, "nothing", False)],
)
def test_what_went_wrong_while_a_workflow_was_prepared_shows_nothing_of_its_schedule(
    began_ns: int | None, lost: str, violated: bool, tmp_path: Path
) -> None:
    schedule = {"event": "schedule", "pairing": 0, "workflow": "w", "order": "A", "steps": [], "answers": ["won"]}
    schedule |= {"remarks": [], "switches": 0, "began_ns": began_ns}
    markers = [marker for marker in ("prepared", "moved") if marker != lost]
    effects = {"event": "effects", "workflow": "w", "read_ns": 40, "markers": markers}
    moves = [advance("1", "A-B", 10, 11, marker="prepared"), advance("2", "B-C", 21, 22, marker="moved")]
    history = build_history([create("c", 0, 1), *moves], schedule, effects)
    judgement = judge(history, GRAPH)
    assert judgement.verdict is (Verdict.PASS if lost == "nothing" else Verdict.FAIL)
    assert set(find_violated(judgement, history, GRAPH)) == ({"w"} if violated else set())
