"""Goal: doctor finds nothing to change in the examples' target files, nor in the broken ones': to one caller at a time
they are right. Method: the real command on each file.
"""

from pathlib import Path

import pytest

from tests.examples.test_targets import EXAMPLES, NEEDS
from tests.onewinner.running import Command

FILES = sorted(EXAMPLES.rglob("target*.toml"))


def name(file: Path) -> str:
    return str(file.relative_to(EXAMPLES))


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=() if file.parent.name == "route_per_edge" else NEEDS, id=name(file)) for file in FILES],
)
def test_an_example_needs_no_change(file: Path, tmp_path: Path) -> None:
    command = Command(("doctor", "--target", str(file)), tmp_path)
    ended = command.run_here()
    assert ended.returncode == 0, ended
    assert "answers look right; next: onewinner gate" in ended.stdout
    assert command.find_left() == []
