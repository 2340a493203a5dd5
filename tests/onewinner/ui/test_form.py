"""Goal: a gate is started with what the form offers and nothing else. Method: forms of a browser, and of others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

import pytest

from onewinner.commands.gate import build_parser
from onewinner.exits import UsageError
from onewinner.ui.form import choose_arguments, choose_run_folder, read_form
from onewinner.ui.targets import Engine, find_target_files, list_engines

ENGINES = [Engine("orders.toml", "target files", ("--target", "orders.toml")), Engine("reference", "the engine", ())]
ORDERS = ENGINES[0].key
TARGET = 'base_url = "http://127.0.0.1:1"\n[workflow]\ninitial = "A"\n'


def choose(form: Mapping[str, str | Sequence[str]]) -> list[str]:
    return choose_arguments(read_form(urlencode(form, doseq=True).encode()), ENGINES)[1]


def test_what_is_chosen_is_what_the_gate_is_asked_for() -> None:
    form = {"engine": ORDERS, "profile": "full", "level": ["faults", "race"]}
    assert choose(form) == ["--target", "orders.toml", "--profile", "full", "--level", "race", "--level", "faults"]
    assert choose({"engine": "the engine: reference"}) == ["--profile", "quick"]


def test_the_reference_engine_is_named_also_where_a_target_file_is(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text(TARGET)
    options = {each.key: each.options for each in list_engines(tmp_path, tmp_path / "runs")}
    assert options["target files: target.toml"] == ("--target", "target.toml")
    assert options["reference engine: reference"] == ("--target", "reference")


def test_the_gate_takes_what_each_engine_of_the_form_says() -> None:
    for engine in list_engines(Path(__file__).parent, Path("nowhere")):
        given = build_parser().parse_args(choose_arguments({"engine": [engine.key]}, [engine])[1])
        assert given.profile == "quick"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"engine": "../../etc/passwd"},
        {"engine": "--defect"},
        {"engine": ORDERS, "profile": "--help"},
        {"engine": ORDERS, "profile": "nope"},
        {"engine": ORDERS, "level": ["race", "--out=/tmp"]},
        {"engine": ORDERS, "level": "RACE"},
    ],
)
def test_what_the_form_does_not_offer_is_refused(form: Mapping[str, str | Sequence[str]]) -> None:
    with pytest.raises(UsageError, match="Choose"):
        choose(form)


@pytest.mark.parametrize("body", [b"\xff", b"a=1&" * 1000])
def test_a_form_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_form(body)


def test_the_run_is_named_after_the_moment_and_the_engine(tmp_path: Path) -> None:
    folder = choose_run_folder(tmp_path, Engine("deep/../or ders.toml", "", ()))
    assert folder.parent == tmp_path
    assert folder.name.endswith("Z-or-ders")


def test_target_files_are_found_near_the_top_and_not_in_runs_or_hidden_folders(tmp_path: Path) -> None:
    within = ["b.toml", "a/c.toml", "a/b/c/d.toml"]
    beyond = ["a/b/c/d/e.toml", ".hidden/x.toml", "node_modules/x.toml", "runs/r/target.toml", "out/x.toml"]
    for name in (*within, *beyond):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(TARGET)
    (tmp_path / "elsewhere").mkdir()
    for name in ("run.json", "target.toml"):
        (tmp_path / "elsewhere" / name).write_text(TARGET)
    (tmp_path / "link").symlink_to(tmp_path / "out", target_is_directory=True)
    (tmp_path / "out" / "x.toml").unlink()
    for name, text in {"no": "a = 1", "broken": "a =", "empty": "", "url": 'base_url = "x"'}.items():
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "binary.toml").write_bytes(b"\xff\x00")
    assert [str(file) for file in find_target_files(tmp_path, tmp_path / "runs")] == within
