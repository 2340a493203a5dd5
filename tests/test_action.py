"""Goal: the action ends as the gate ended, and shows what it found.

Method: the steps of action.yml by tools/run_action.py, with an onewinner and a gh that note how they are called.
"""

import importlib
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.run_action import run_action

yaml: Any = importlib.import_module("yaml")
ROOT = Path(__file__).parents[1]
GATE = """#!/bin/bash
printf '%s|' "$@" > "$RUNNER_TEMP/asked"
[ "$2" = --target ] && mkdir -p "$5" && echo 'two won' > "$5/summary.md"
exit {code}
"""
GH = """#!/bin/bash
printf '%s ' "$@" >> "$RUNNER_TEMP/gh"; echo >> "$RUNNER_TEMP/gh"
case "$*" in *--paginate*) echo "{ids}";; esac
"""


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *given: str, code: int = 0, ids: str = "") -> int:
    write_program(folder / "onewinner" / "bin" / "onewinner", GATE.format(code=code))
    write_program(folder / "programs" / "gh", GH.format(ids=ids))
    monkeypatch.setenv("PATH", f"{folder / 'programs'}:/usr/bin:/bin")
    monkeypatch.chdir(folder)
    return run_action(["target=my orders.toml", *given], ["Install"], folder)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_it_ends_as_the_gate_ended(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, monkeypatch, "options=--profile full", code=code) == code
    assert (tmp_path / "asked").read_text() == "gate|--target|my orders.toml|--out|runs/ci|--profile|full|"
    assert (tmp_path / "github_output").read_text() == f"exit-code={code}\n"
    assert (tmp_path / "github_step_summary").read_text() == "two won\n", "also of a gate that failed"
    assert not (tmp_path / "gh").exists(), "a push has no comment"


@pytest.mark.parametrize(("ids", "method"), [("", "POST"), ("41\n42", "PATCH")])
def test_a_pull_request_has_one_comment(ids: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = ("github.event_name=pull_request", "github.event.number=7", "github.repository=me/shop")
    assert run(tmp_path, monkeypatch, *about, code=1, ids=ids) == 1
    looked, wrote = (tmp_path / "gh").read_text().splitlines()
    assert "repos/me/shop/issues/7/comments" in looked
    place = "repos/me/shop/issues/comments/41" if ids else "repos/me/shop/issues/7/comments"
    assert f"--method {method} {place} --field body=@" in wrote
    assert (tmp_path / "comment.md").read_text() == "<!-- onewinner -->\ntwo won\n"


def test_no_comment_where_none_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, monkeypatch, "github.event_name=pull_request", "comment=false") == 0
    assert not (tmp_path / "gh").exists()


def test_a_gate_that_wrote_nothing_is_no_further_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path / "onewinner" / "bin" / "onewinner", "#!/bin/bash\nexit 2\n")
    monkeypatch.chdir(tmp_path)
    given = ["target=a.toml", "github.event_name=pull_request"]
    assert run_action(given, ["Install"], tmp_path) == 2


@pytest.mark.parametrize("file", ["action.yml", *(f".github/workflows/{name}.yml" for name in ("ci", "release"))])
def test_what_comes_from_outside_is_never_part_of_a_script(file: str) -> None:
    """An expression inside of `run` would be a way to run anything; it goes through the environment."""
    text = (ROOT / file).read_text()
    parsed = yaml.safe_load(text)
    groups = [parsed["runs"]] if "runs" in parsed else list(parsed["jobs"].values())
    scripts = [step["run"] for group in groups for step in group["steps"] if "run" in step]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


@pytest.mark.parametrize("name", ["ci", "release"])
def test_the_workflows_call_what_the_makefile_has(name: str) -> None:
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text()
    targets = re.findall(r"run: make ([\w-]+)", text)
    assert targets
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_the_script_says_where_its_files_are() -> None:
    command = [sys.executable, "-m", "tools.run_action", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "NAME=VALUE" in told.stdout
