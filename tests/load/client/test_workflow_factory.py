"""Goal: workflows that no request creates are each used once, looked at first, and accounted for honestly.

Method: the stub engine of tests/load/stub.py, whose workflows are made behind the target's back.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.target.target import Target
from engine.target.workflow_source import CreateCommand, IdPool, pack, unpack
from load.client.value_store import ValueStore
from load.client.workflow_factory import IDS_VARIABLE, FactoryError, WorkflowFactory, read_partition, run_command
from load.source import Source
from reports.history import events
from reports.history.history import read_history
from reports.judge.verdict import Verdict
from tests.load.stub import RICH, Engine, StubRelease, judge_folder, load_text, make_source

CREATE = RICH[RICH.index("[create]") : RICH.index("[read]")]


def stock(folder: Path, count: int, text: str = RICH) -> tuple[Target, Engine]:
    """An engine with so many workflows of acme, and the target that lists them."""
    ids = [str(number) for number in range(count)]
    target = load_text(folder, text.replace(CREATE, f"[create]\nids = {ids}\n"))
    engine = Engine(target.graph)
    for name in ids:
        engine.states[name], engine.owners[name], engine.trails[name] = target.graph.initial, "acme", []
    return target, engine


def make_factory(target: Target, engine: Engine, folder: Path) -> WorkflowFactory:
    release: Any = StubRelease(engine)
    return WorkflowFactory(target, release, folder, ValueStore(target))


def play(source: Source) -> Source:
    for _ in source.run():
        pass
    source.finish()
    return source


def test_each_id_is_used_once(tmp_path: Path) -> None:
    target, engine = stock(tmp_path / "target", 50)
    factories = [make_factory(target, engine, tmp_path / "ids") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda turn: factories[turn % 4].take("acme"), range(60)))
    assert sorted(filter(None, taken), key=int) == [str(number) for number in range(50)]
    assert taken.count(None) == 10
    assert factories[0].take("globex") is None, "the list is the owner's"


def test_levels_share_the_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, engine = stock(tmp_path / "target", 7)
    found = []
    for turn in range(3):
        monkeypatch.setenv(IDS_VARIABLE, f"{turn}/3")
        factory = make_factory(target, engine, tmp_path / "ids")
        found.append([taken for _ in range(4) if (taken := factory.take("acme")) is not None])
    assert found == [["0", "3", "6"], ["1", "4"], ["2", "5"]]
    assert read_partition("") == (0, 1)


def test_a_run_ends_in_good_order_when_the_ids_are_used_up(tmp_path: Path) -> None:
    target, engine = stock(tmp_path / "target", 3)
    source = play(make_source(tmp_path / "history", target, engine, {"same-transition": 100}))
    assert source.ended == "out of ids"
    judgement = judge_folder(tmp_path / "history", target, accept_partial=True)
    assert judgement.verdict is Verdict.PASS, judgement
    short = judge_folder(tmp_path / "history", target)
    assert (short.verdict, "(race: no id was left)" in short.reason) == (Verdict.UNKNOWN, True)
    history = read_history(tmp_path / "history")
    creates = history.operations.filter(history.operations["kind"] == "create")
    assert creates["outcome"].to_list() == ["ok"] * 3
    assert creates["status"].to_list() == [None] * 3
    [level] = history.having(events.Level)
    assert 0 < (level.run or 0) < (level.planned or 0) == 100


def test_a_run_that_got_no_id_at_all_proves_nothing(tmp_path: Path) -> None:
    target, engine = stock(tmp_path / "target", 1)
    assert make_factory(target, engine, tmp_path / "history" / "ids").take("acme") == "0"
    play(make_source(tmp_path / "history", target, engine, {"same-transition": 100}))
    judgement = judge_folder(tmp_path / "history", target)
    assert judgement.verdict is Verdict.UNKNOWN
    accounting = next(check for check in judgement.checks if check.check == "accounting")
    assert "ended with 0 of its 100 races: no id was left" in accounting.findings[0].words


def test_an_id_that_was_moved_before_accuses_no_service(tmp_path: Path) -> None:
    target, engine = stock(tmp_path / "target", 40)
    for number in range(30):
        engine.states[str(number)] = "B"
    play(make_source(tmp_path / "history", target, engine, {"same-transition": 8}))
    judgement = judge_folder(tmp_path / "history", target)
    assert judgement.verdict is Verdict.UNKNOWN, "too many creates are unknown"
    assert not [check for check in judgement.checks if check.verdict is Verdict.FAIL]
    told = [text for text in read_history(tmp_path / "history").operations["detail"] if text and "message" in text]
    assert "the workflow 0 is in B, not in A; create.ids must name workflows in their initial state" in told[0]


def command(target: Target, *words: str, timeout_s: float = 20.0) -> Target:
    return replace(target, create=CreateCommand((sys.executable, "-c", *words), timeout_s=timeout_s))


def test_a_command_prints_the_id_last(tmp_path: Path) -> None:
    target, _ = stock(tmp_path, 1)
    told = "import sys; print('making one for', sys.argv[1]); print(sys.argv[1] + '-' + sys.argv[2]); print()"
    assert run_command(command(target, told, "{tenant}", "{request_id}"), "acme", "r1") == "acme-r1"


def test_a_command_that_takes_too_long_ends_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, script = tmp_path / "started", 'sleep 600 & echo $! > "$0.new"; mv "$0.new" "$0"; wait'

    def time_out(process: subprocess.Popen[bytes], timeout: float) -> None:
        while not started.exists():
            assert process.poll() is None
        raise subprocess.TimeoutExpired(process.args, timeout)

    monkeypatch.setattr(subprocess.Popen, "communicate", time_out)
    target = replace(load_text(tmp_path, RICH), create=CreateCommand(("sh", "-c", script, str(started))))
    with pytest.raises(FactoryError, match="took more than"):
        run_command(target, "acme", "1")
    assert not psutil.pid_exists(int(started.read_text()))


@pytest.mark.parametrize(
    ("words", "timeout_s", "sentence"),
    [
        (("print()",), 20.0, "printed nothing; its last line must be the id"),
        (("import sys; sys.exit('no')",), 20.0, "ended with status 1"),
        (("import signal; signal.pause()",), 0.2, "took more than create.timeout_s = 0.2"),
    ],
)
def test_a_command_that_fails_says_why(words: tuple[str, ...], timeout_s: float, sentence: str, tmp_path: Path) -> None:
    target, engine = stock(tmp_path, 1)
    broken = command(target, *words, timeout_s=timeout_s)
    with pytest.raises(FactoryError, match=f"create.command: .* {sentence}"):
        run_command(broken, "acme", "r1")
    exchange, classified = make_factory(broken, engine, tmp_path).make("", "acme", "r1")
    assert (classified.outcome, classified.status, exchange.answer.status) == ("unknown", None, None)
    assert sentence in (classified.message or "")


def test_a_command_that_is_not_there_says_so(tmp_path: Path) -> None:
    target, _ = stock(tmp_path, 1)
    with pytest.raises(FactoryError, match="'no-such-program' cannot be run: No such file"):
        run_command(replace(target, create=CreateCommand(("no-such-program",))), "acme", "r1")


def test_a_command_of_the_owner_alone(tmp_path: Path) -> None:
    target, _ = stock(tmp_path, 1)
    assert command(target, "print(1)").creators == ("acme",)
    assert command(target, "print(1)", "{tenant}").creators == ("acme", "globex")


def test_a_command_runs_in_the_environment_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, _ = stock(tmp_path, 1)
    (tmp_path / "python").write_text('#!/bin/sh\necho "the python of $1, PYTHONPATH $PYTHONPATH"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    made = replace(target, create=CreateCommand(("python", "{tenant}")))
    assert run_command(made, "acme", "r1") == "the python of acme, PYTHONPATH"


def test_a_command_travels_as_text() -> None:
    made = CreateCommand(("a", "{tenant}", "ü"), "/here", 3.5)
    assert unpack(pack(made)) == made
    assert made.fill({"port": "1"}) == made
    assert CreateCommand(("{port}",)).fill({"port": "1"}).words == ("1",)


def test_a_list_for_each_tenant(tmp_path: Path) -> None:
    target, _ = stock(tmp_path, 1)
    assert target.creators == ("acme",)
    assert replace(target, create=IdPool({"globex": ("9",), "acme": ("1",)})).creators == ("acme", "globex")
