"""Goal: one gate at a time is started, followed to its end and ended; what is shown before its end is no verdict.

Method: a program that the test controls stands for the gate, beside a run directory as a gate writes it.
"""

import asyncio
import json
import shutil
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest
from markupsafe import Markup
from starlette.types import ASGIApp

from engine.provision.service import REFERENCE
from onewinner.exits import UsageError
from onewinner.ui import gate_process as gates_module
from onewinner.ui.gate_page import render_parts, stream_parts
from onewinner.ui.gate_process import Gate, Gates
from onewinner.ui.preview import AT_THE_END, Preview, make_preview
from onewinner.ui.progress import ENDED, RUNNING, WAITING, Progress
from onewinner.ui.site import create_site
from reports.comparison.facts import Facts
from reports.documents.page.templates import Section
from reports.documents.run_folder import Run, begin_run, finish_run
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import Verdict
from tests.onewinner.ui.asking import PORT, TOKEN, ask
from tests.reports.pages import build_run

SOURCES = ("sequential-0", "race-0.0", "faults-0", "schema-0")
HISTORIES = Path(__file__).parents[2] / "reports" / "data" / "old_histories" / "faults"
BASE = f"/{TOKEN}"
SECTION = Section("checks", "Checks", Markup("<p>so far</p>"))


class FakeProgram:
    """Stands for a process: the test says what it prints and when it ends."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.module, self.arguments = module, arguments
        self.code: int | None = None
        self.printed, self.asked, self.closed = b"", False, False

    def read(self, bytes_max: int) -> bytes:
        return self.printed[-bytes_max:]

    def ask_to_end(self) -> None:
        self.asked = True

    def close(self) -> None:
        self.closed, self.code = True, 3 if self.code is None else self.code


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> list[FakeProgram]:
    """The programs that were started, in their order."""
    started: list[FakeProgram] = []

    def start(module: str, *arguments: str) -> FakeProgram:
        started.append(FakeProgram(module, *arguments))
        return started[-1]

    monkeypatch.setattr(gates_module, "Program", start)
    return started


def begin(folder: Path) -> Run:
    """The run directory as the gate writes it first."""
    return begin_run(folder, REFERENCE, Facts(name="orders", plan=RunPlan(sources=SOURCES)))


def run_level(folder: Path, name: str, source: str, answers: int = 3) -> None:
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "logs" / f"{name}.log").touch()
    (folder / "history" / f"{source}.jsonl").write_bytes(b'{"event":"return"}\n' * answers + b'{"event":"ret')


def test_the_levels_are_told_from_the_files_of_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    progress = Progress(folder)
    assert progress.list_levels() == []
    begin(folder)
    assert [(level.name, level.state) for level in progress.list_levels()] == [
        ("sequential", WAITING),
        ("race", WAITING),
        ("faults", WAITING),
    ]
    run_level(folder, "sequential", "sequential-0")
    assert [level.state for level in progress.list_levels()] == [RUNNING, WAITING, WAITING]
    assert progress.list_levels()[0].told == "3 operations answered"
    run_level(folder, "race", "race-0.0")
    tally = {"races": 4, "rounds": 4, "seconds": 2, "spread_p50_ms": None}
    tally |= {"winners": 5, "conflicts": 6, "unknowns": 0, "violations": 1}
    (folder / "logs" / "live.json").write_text(json.dumps(tally))
    levels = progress.list_levels()
    assert [level.state for level in levels] == [ENDED, RUNNING, WAITING]
    assert levels[1].told == "4 races (2/s): 5 requests won, 6 conflicts, 0 unknown, 1 violations"
    (folder / "history" / "race-0.0.events.jsonl").touch()
    assert [level.state for level in progress.list_levels()] == [ENDED, ENDED, WAITING]


def test_the_judge_is_asked_when_a_level_has_ended_and_its_answer_is_no_verdict(
    tmp_path: Path, programs: list[FakeProgram]
) -> None:
    folder = tmp_path / "run"
    gate = Gate("orders", folder, ["--profile", "quick"])
    assert "The database and the service start." in render_parts(BASE, gate)["state"]
    begin(folder)
    run_level(folder, "sequential", "sequential-0")
    assert "The level sequential is running." in render_parts(BASE, gate)["state"]
    assert len(programs) == 1
    run_level(folder, "race", "race-0.0")
    render_parts(BASE, gate)
    assert [each.module for each in programs] == ["onewinner", "onewinner.ui.preview"]
    assert programs[1].arguments == (str(folder), "race-0.0", "faults-0")
    programs[1].printed, programs[1].code = msgspec.json.encode(Preview(("one-winner",), (SECTION,)), enc_hook=str), 0
    parts = render_parts(BASE, gate)
    assert 'class="verdict fail"' in parts["state"]
    assert "In the levels that have ended (sequential) these checks fail: one-winner." in parts["state"]
    assert "The verdict comes at the end." in parts["state"]
    assert '<div class="so-far">' in parts["sections"]
    assert "<p>so far</p>" in parts["sections"]
    assert len(programs) == 2


def test_nothing_is_green_before_the_verdict(tmp_path: Path) -> None:
    gate = Gate("orders", tmp_path / "run", [])
    gate.preview, gate.previewed = Preview((), ()), ("sequential",)
    state = render_parts(BASE, gate)["state"]
    assert "no check fails so far" in state
    assert 'class="verdict none"' in state
    assert "pass" not in state


def test_a_preview_that_failed_is_none(tmp_path: Path, programs: list[FakeProgram]) -> None:
    folder = tmp_path / "run"
    gate = Gate("orders", folder, [])
    begin(folder)
    run_level(folder, "sequential", "sequential-0")
    run_level(folder, "race", "race-0.0")
    gate.follow()
    programs[1].printed, programs[1].code = b"no JSON", 1
    gate.follow()
    assert (gate.preview, programs[1].closed, len(programs)) == (None, True, 2)


@pytest.mark.parametrize("failing", [True, False])
def test_at_the_end_the_verdict_file_decides(failing: bool, tmp_path: Path, programs: list[FakeProgram]) -> None:
    gate = Gate("orders", tmp_path / "run", [])
    run, (facts, judgement) = begin(tmp_path / "run"), build_run(failing=failing)
    finish_run(Run(run.folder, facts, judgement))
    programs[0].code = 0
    parts = render_parts(BASE, gate)
    assert f'class="verdict {"fail" if failing else "pass"}"' in parts["state"]
    assert f'href="{BASE}/runs/run"' in parts["state"]
    assert 'id="checks"' in parts["sections"]
    assert "so-far" not in parts["sections"]
    assert judgement.verdict is (Verdict.FAIL if failing else Verdict.PASS)


@pytest.mark.parametrize(
    ("code", "begun", "told"),
    [
        (2, False, "There is no verdict: usage: a bad option, file or target"),
        (3, True, "There is no verdict: unknown: inconclusive"),
        (0, True, "There is no verdict: it wrote no verdict."),
        (137, True, "There is no verdict: it was killed."),
    ],
)
def test_a_gate_without_a_verdict_is_unknown(
    code: int, begun: bool, told: str, tmp_path: Path, programs: list[FakeProgram]
) -> None:
    gate = Gate("orders", tmp_path / "run", [])
    if begun:
        begin(tmp_path / "run")
        run_level(tmp_path / "run", "sequential", "sequential-0")
    programs[0].code, programs[0].printed = code, b"orders.toml: <advance> is missing"
    parts = render_parts(BASE, gate)
    assert told in parts["state"]
    assert 'class="verdict unknown"' in parts["state"]
    assert "&lt;advance&gt; is missing" in parts["printed"]
    assert ("stopped" in parts["levels"]) == begun


def test_the_events_bring_what_changed_and_end_with_the_gate(tmp_path: Path, programs: list[FakeProgram]) -> None:
    gate = Gate("orders", tmp_path / "run", [])

    async def collect() -> list[dict[str, object]]:
        events = []
        async for event in stream_parts(BASE, gate):
            head, _, told = event.partition(b"data: ")
            assert (head, told[-2:], told.count(b"\n")) == (b"", b"\n\n", 2)
            events.append(json.loads(told))
            programs[0].code = 3
        return events

    first, last = asyncio.run(collect())
    assert (first["is_over"], last["is_over"]) == (False, True)
    assert set(first["parts"]) == {"state", "levels", "sections", "printed"}  # type: ignore[call-overload]
    assert "printed" not in last["parts"]  # type: ignore[operator]


def test_only_one_gate_runs_at_a_time_and_the_last_is_closed(tmp_path: Path, programs: list[FakeProgram]) -> None:
    gates = Gates()
    gates.start("one", tmp_path / "one", [])
    with pytest.raises(UsageError, match="A gate is running"):
        gates.start("two", tmp_path / "two", [])
    programs[0].code = 0
    assert (gates.running, gates.last is not None) == (None, True)
    gates.start("two", tmp_path / "two", [])
    assert [each.closed for each in programs] == [True, False]
    gates.close()
    assert programs[1].closed


def post(site: ASGIApp, path: str, **fields: str) -> tuple[int, str]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = ask(site, path, "POST", content=urlencode(fields), headers=headers)
    return answer.status_code, answer.headers.get("location", "") or answer.text


def test_a_form_starts_the_gate_a_button_ends_it(tmp_path: Path, programs: list[FakeProgram]) -> None:
    site = create_site(tmp_path, TOKEN, PORT, Gates())
    assert "No gate was started here yet" in ask(site, "/gate").text
    assert ask(site, "/gate/events").status_code == 204
    assert post(site, "/gate/end") == (303, f"{BASE}/gate")
    started = post(site, "/gate/start", engine="reference engine: reference", profile="quick", level="race")
    assert started == (303, f"{BASE}/gate")
    (program,) = programs
    assert program.arguments[:7] == ("gate", "--target", "reference", "--profile", "quick", "--level", "race")
    folder = Path(program.arguments[-1])
    assert (program.arguments[-2], folder.parent) == ("--out", tmp_path)
    again = post(site, "/gate/start", engine="reference engine: reference")
    assert (again[0], "A gate is running" in again[1], len(programs)) == (409, True, 1)
    begin(folder)
    assert f'href="{BASE}/gate">{folder.name}' in ask(site, "/").text
    assert "Watch it" in ask(site, "/").text
    assert post(site, "/gate/end") == (303, f"{BASE}/gate")
    assert program.asked
    assert "It is being ended." in ask(site, "/gate").text


@pytest.mark.parametrize("path", ["/gate/start", "/gate/end"])
def test_no_link_starts_or_ends_a_gate(path: str, tmp_path: Path, programs: list[FakeProgram]) -> None:
    assert ask(tmp_path, path).status_code == 405
    assert ask(tmp_path, path, "POST", headers={"Origin": "http://127.0.0.1:1"}).status_code == 403
    assert ask(tmp_path, path, "POST", prefix="/other").status_code == 403
    assert programs == []


def test_a_form_of_another_maker_is_refused(tmp_path: Path, programs: list[FakeProgram]) -> None:
    site = create_site(tmp_path, TOKEN, PORT, Gates())
    assert post(site, "/gate/start", engine="nope")[0] == 409
    assert post(site, "/gate/start", engine="x" * 100_000)[0] == 409
    assert programs == []


def test_a_preview_judges_the_levels_that_have_ended(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    shutil.copyfile(HISTORIES / "race-0.0.jsonl", run.history / "race-0.0.jsonl")
    (run.history / "faults-0.jsonl").write_text("a journal that is still written")
    preview = make_preview(run.folder, ["faults-0"])
    checks = next(each for each in preview.sections if each.anchor == "checks")
    assert "linearizable" in checks.body
    assert "no verdict" in checks.note
    assert [check for check in AT_THE_END if f'">{check} <' in checks.body] == []
    assert {"accounting", "strength"} <= {each.anchor for each in preview.sections}
