"""Goal: one table of the same gate in every configuration, and the exit code of the worst.

Method: the combinations as values with a gate that only says how it ends; and the real command on the reference engine.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from onewinner import gate_matrix
from onewinner.commands.gate import parse
from onewinner.engine_choice import EngineChoice
from onewinner.exits import FAIL, PASS, REGRESSION, UNKNOWN, FailedError, UsageError
from onewinner.gate_matrix import choose_axes, list_configurations, run_matrix
from onewinner.options import RunOptions, drop_options
from reports.comparison.facts import Facts
from reports.documents.run_folder import begin_run
from tests.load.stub import SMALL
from tests.onewinner.running import Command

RACES = ("--level", "race", "--races", "20")


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("needs") is None:
        monkeypatch.setattr(gate_matrix, "find_program", lambda program: program)


def list_arguments(*arguments: str) -> list[tuple[str, tuple[str, ...]]]:
    options = parse(list(arguments))
    found = list_configurations(options.engine, options.axes or ())
    for each in found:
        # What the options say is what the engine is.
        again = parse([*drop_options(arguments, ("--matrix", "--pgbouncer")), *each.arguments])
        assert again.engine == each.engine
    return [(each.name, each.arguments) for each in found]


def test_all_combinations_by_default() -> None:
    cells = list_arguments("--matrix")
    assert len(cells) == 12
    assert cells[0] == ("read-committed-1-direct", ("--isolation", "read-committed", "--workers", "1"))
    assert cells[-1] == ("serializable-2-pgbouncer", ("--isolation", "serializable", "--workers", "2", "--pgbouncer"))


def test_an_option_fixes_its_axis() -> None:
    assert list_arguments("--matrix", "--isolation", "serializable", "--pgbouncer", "/opt/pgbouncer") == [
        ("1", ("--workers", "1", "--pgbouncer", "/opt/pgbouncer")),
        ("2", ("--workers", "2", "--pgbouncer", "/opt/pgbouncer")),
    ]


def test_some_axes() -> None:
    assert list_arguments("--matrix", "pgbouncer", "--pgbouncer", "/opt/pgbouncer") == [
        ("direct", ()),
        ("pgbouncer", ("--pgbouncer", "/opt/pgbouncer")),
    ]
    with pytest.raises(UsageError, match="there is no axis 'luck'; there are: isolation, workers, pgbouncer"):
        parse(["--matrix", "luck"])
    with pytest.raises(UsageError, match="--matrix workers tries every value and --workers names one"):
        list_arguments("--matrix", "workers", "--workers", "3")
    assert choose_axes("workers,isolation") == ("workers", "isolation")


def test_an_axis_that_the_service_does_not_take_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "target.toml"
    target.write_text(SMALL.replace("[tenants.acme]", '[service]\ncommand = ["true"]\n[tenants.acme]'))
    cells = list_arguments("--matrix", "--target", str(target), "--database", "postgresql://u@h/n")
    assert [name for name, _ in cells] == ["direct", "pgbouncer"]
    told = capsys.readouterr().err
    assert "left out of the matrix: --workers: " in told
    assert "left out of the matrix: --isolation: " in told
    target.write_text(SMALL)
    with pytest.raises(UsageError, match=r"--matrix needs a \[service\]"):
        list_arguments("--matrix", "--target", str(target))


def test_options_are_dropped_with_their_values() -> None:
    arguments = ["--seed", "7", "--matrix", "workers", "--out=x", "--pgbouncer", "--races", "3", "--out", "y"]
    assert drop_options(arguments, ("--matrix", "--out", "--pgbouncer")) == ["--seed", "7", "--races", "3"]


Given = list[tuple[int | None, RunOptions]]


def play(folder: Path, ends: list[int | UsageError], *more: str) -> tuple[Callable[[], int], Given]:
    """A matrix of two configurations whose gate ends as told, and what it is given."""
    given: Given = []

    def run(engine: EngineChoice, options: RunOptions) -> int:
        given.append((engine.workers, options))
        end = ends[len(given) - 1]
        if isinstance(end, UsageError):
            raise end
        begin_run(options.folder, engine.file, Facts())
        return end

    options = parse(["--matrix", "workers", "--out", str(folder), "--seed", "3", *more])
    return lambda: run_matrix(options.engine, options.run, options.axes or (), run), given


@pytest.mark.parametrize(
    ("ends", "worst"),
    [
        ([PASS, PASS], PASS),
        ([PASS, REGRESSION], REGRESSION),
        ([UNKNOWN, REGRESSION], UNKNOWN),
        ([FAIL, UNKNOWN], FAIL),
        ([PASS, UsageError("no second one")], UNKNOWN),
    ],
)
def test_the_exit_code_is_the_worst(ends: list[int | UsageError], worst: int, tmp_path: Path) -> None:
    run, given = play(tmp_path, ends)
    assert run() == worst
    workers, options = given[1]
    assert (workers, options.folder) == (2, tmp_path / "2")
    assert options.arguments == ("--seed", "3", "--workers", "2")
    cells = json.loads((tmp_path / "matrix.json").read_text())["cells"]
    assert [cell["facts"] for cell in cells] == [{"workers": 1}, {"workers": 2}]
    assert (tmp_path / "summary.md").read_text().count("\n") == 4


def test_a_first_cell_that_cannot_be_set_up_is_the_users_mistake(tmp_path: Path) -> None:
    run, _ = play(tmp_path / "out", [UsageError("no database")])
    with pytest.raises(UsageError, match="no database"):
        run()
    assert not (tmp_path / "out").exists()


def test_a_baseline_that_cannot_be_read_is_told_before_the_first_cell(tmp_path: Path) -> None:
    run, given = play(tmp_path / "out", [UNKNOWN], "--baseline", str(tmp_path))
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(FailedError, match="--baseline: "):
        run()
    assert given == []


def run_command(folder: Path, *arguments: str) -> tuple[int, str, dict[tuple[str, ...], tuple[str, list[str]]]]:
    command = Command(("gate", *arguments, "--out", "out"), folder)
    ended = command.run()
    assert command.find_left() == []
    cells = json.loads((folder / "out" / "matrix.json").read_text())["cells"]
    found = {tuple(cell["facts"].values()): (cell["verdict"], cell["checks"]) for cell in cells}
    assert all((folder / "out" / cell["run"] / "run.json").exists() for cell in cells)
    return ended.returncode, ended.stdout, found


@pytest.mark.needs("pgbouncer")
def test_the_reference_engine_passes_in_every_configuration(tmp_path: Path) -> None:
    code, told, cells = run_command(tmp_path, "--matrix", *RACES)
    assert code == 0, told
    assert len(cells) == 12
    assert set(map(str, cells.values())) == {"('pass', [])"}
    assert re.search(r"serializable +2 +yes +pass +- +serializable-2-pgbouncer", told)
    assert "12 of 12 pass" in told
    record = json.loads((tmp_path / "out" / "serializable-1-pgbouncer" / "run.json").read_text())
    assert (record["isolation"], record["workers"], record["pgbouncer"]) == ("serializable", 1, True)
    told = " ".join(RACES)
    assert record["command"] == f"onewinner gate {told} --isolation serializable --workers 1 --pgbouncer --seed 1"


@pytest.mark.needs("pgbouncer")
def test_an_unhandled_serialization_failure_fails_only_where_there_are_any(tmp_path: Path) -> None:
    code, told, cells = run_command(
        tmp_path, "--matrix", "isolation", *RACES, "--defect", "serialization-failure-as-500"
    )
    assert code == 1, told
    for (isolation, *_), outcome in cells.items():
        assert outcome == (("pass", []) if isolation == "read-committed" else ("fail", ["no-5xx"]))
    assert "1 of 3 pass" in told
