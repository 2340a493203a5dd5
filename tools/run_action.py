"""Runs the steps of action.yml on this machine, as GitHub would.

    python -m tools.run_action NAME=VALUE ... [--skip STEP ...]

The names are inputs of the action, and `github.NAME`, such as github.event_name. A step that uses another action is
named and left out. The files that a step writes to are in a folder that is printed.
"""

import argparse
import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

yaml: Any = importlib.import_module("yaml")

ROOT = Path(__file__).parents[1]
EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
FILES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")


def fill(text: object, values: Mapping[str, str]) -> str:
    """The text with its expressions replaced; those that nothing is known of are empty, as on GitHub."""
    return EXPRESSION.sub(lambda found: values.get(found[1], ""), str(text))


def holds(condition: str, values: Mapping[str, str], *, failed: bool) -> bool:
    """Whether a step runs. The conditions of action.yml alone: always(), and comparisons joined by &&."""
    parts = [part.strip() for part in condition.split("&&")] if condition else []
    if failed and "always()" not in parts:
        return False
    for part in parts:
        if part != "always()":
            name, _, wanted = part.partition(" == ")
            if values.get(name) != wanted.strip("'"):
                return False
    return True


def read_values(action: Mapping[str, Any], given: Sequence[str]) -> dict[str, str]:
    """What the action's expressions stand for."""
    named = dict(each.split("=", 1) for each in given)
    values = {name: value for name, value in named.items() if name.startswith("github.")}
    values = {"github.action_path": str(ROOT), **values}
    for name, each in action["inputs"].items():
        values[f"inputs.{name}"] = named.get(name, fill(each.get("default", ""), values))
    return values


def run_action(given: Sequence[str], skipped: Sequence[str], folder: Path) -> int:
    """Runs the steps; the status of the first that failed, else 0. Later steps run where they say always()."""
    action, status = yaml.safe_load((ROOT / "action.yml").read_text()), 0
    values = read_values(action, given)
    environment = {**os.environ, "RUNNER_TEMP": str(folder), **{name: str(folder / name.lower()) for name in FILES}}
    for step in action["runs"]["steps"]:
        if step["name"] in skipped or not holds(step.get("if", ""), values, failed=status != 0):
            continue
        if "run" not in step:
            print(f"left out: {step['name']} ({step['uses']})")
            continue
        own = {name: fill(value, values) for name, value in step.get("env", {}).items()}
        # As GitHub starts `shell: bash`.
        command = ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        ended = subprocess.run(command, env={**environment, **own}, check=False)
        status = status or ended.returncode
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("given", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--skip", action="append", default=[], metavar="STEP")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="onewinner-action-"))
    print(f"the files of the steps: {folder}", flush=True)
    return run_action(options.given, options.skip, folder)


if __name__ == "__main__":
    sys.exit(main())
