"""Goal: --target finds the file; the levels behind the proxy are kept where a schedule can have a new workflow.

Method: target files alone.
"""

from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from onewinner.ab import choose_engine
from onewinner.engine_choice import EngineChoice, find_proxy_obstacle, find_target_file
from onewinner.help_layout import Parser
from onewinner.options import add_engine_options, read_engine
from tests.load.stub import SMALL, load_text

CREATE = SMALL[SMALL.index("[create]") : SMALL.index("[read]")]
SERVICE = '[service]\ncommand = ["serve", "{port}"]\nenv = { DATABASE_URL = "{database_url}" }\n'
SERVED = SMALL.replace("http://127.0.0.1:1", "http://127.0.0.1:{port}").replace("[workflow]", SERVICE + "[workflow]", 1)


@pytest.mark.parametrize(
    ("create", "obstacle"),
    [
        (CREATE, None),
        ('[create]\ncommand = ["make", "{port}"]\n', None),
        ('[create]\nids = ["1", "2"]\n', "create: to explore, each schedule needs a new workflow; give a request or a"),
    ],
)
def test_a_command_makes_a_new_workflow_for_each_schedule_too(
    create: str, obstacle: str | None, tmp_path: Path
) -> None:
    target = load_text(tmp_path, SERVED.replace(CREATE, create))
    found = find_proxy_obstacle(EngineChoice(tmp_path / "target.toml", target))
    assert found is None if obstacle is None else (found or "").startswith(obstacle)


def test_a_service_that_gets_no_database_has_no_proxy_before_it(tmp_path: Path) -> None:
    target = load_text(tmp_path, SERVED.replace('env = { DATABASE_URL = "{database_url}" }\n', ""))
    found = find_proxy_obstacle(EngineChoice(tmp_path / "target.toml", target))
    assert (found or "").startswith("service: it is not told its database")


@pytest.mark.parametrize(
    "text", ["orders.toml", "shop/orders.toml", "/shop/orders.toml", "../orders.toml", ".", "a\0b"]
)
def test_a_path_is_a_path_wherever_it_leads(text: str) -> None:
    assert find_target_file(text) == Path(text)


@pytest.mark.parametrize("name", ["outbox", "vouchers", "jobs"])
def test_a_bundled_file_has_a_name_until_a_file_is_called_so(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_target_file(name) == REFERENCE.with_name(f"{name}.toml")
    (tmp_path / name).touch()
    assert find_target_file(name) == Path(name)


def read_options(*words: str) -> EngineChoice:
    parser = Parser("gate", "asks", "onewinner gate")
    add_engine_options(parser)
    return read_engine(parser.parse_args(words))


def test_without_a_name_the_target_file_of_the_folder_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`init` writes it there. Where there is none, the reference engine is meant."""
    monkeypatch.chdir(tmp_path)
    assert read_options().file == REFERENCE
    assert read_options().options == []
    Path("target.toml").write_text(SERVED)
    assert read_options().file == Path("target.toml")
    assert read_options().options == ["--target", "target.toml"]


@pytest.mark.parametrize(
    "words", [("--target", "reference"), ("--defect", "check-then-act"), ("--control", "serializable")]
)
def test_beside_a_target_file_the_reference_engine_has_to_be_named(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("target.toml").write_text(SERVED)
    engine = read_options(*words)
    assert engine.file == REFERENCE
    assert read_options(*engine.options) == engine


@pytest.mark.parametrize(
    ("text", "name"),
    [("reference", "target"), ("control:slow", "target"), ("defect:count-then-insert", "vouchers")],
)
def test_an_engine_in_turns_has_the_target_file_that_it_is_about(text: str, name: str) -> None:
    assert choose_engine(text, "embedded").file.stem == name
