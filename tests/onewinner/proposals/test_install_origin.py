"""Goal: CI installs the onewinner that wrote its workflow. Method: what pip notes about each kind of installation."""

import importlib
from typing import Any

import pytest

from onewinner import __version__
from onewinner.proposals.github_workflow import draft_workflow
from onewinner.proposals.install_origin import LOCAL_NOTE, PLACEHOLDER, describe_requirement, find_action

yaml: Any = importlib.import_module("yaml")

ORIGINS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "an index": (None, f"onewinner=={__version__}"),
    "git": (
        {"url": "https://host.example/me/onewinner", "vcs_info": {"vcs": "git", "commit_id": "abc123"}},
        "onewinner @ git+https://host.example/me/onewinner@abc123",
    ),
    "a wheel elsewhere": (
        {"url": "https://host.example/onewinner-0.1.0-py3-none-any.whl", "archive_info": {}},
        "onewinner @ https://host.example/onewinner-0.1.0-py3-none-any.whl",
    ),
    "a clone": ({"url": "file:///home/me/onewinner", "dir_info": {"editable": True}}, f"onewinner @ {PLACEHOLDER}"),
    "a wheel here": ({"url": "file:///tmp/onewinner-0.1.0-py3-none-any.whl"}, f"onewinner @ {PLACEHOLDER}"),
}


@pytest.mark.parametrize("kind", ORIGINS)
def test_ci_installs_from_where_it_was_installed(kind: str) -> None:
    origin, wanted = ORIGINS[kind]
    requirement, note = describe_requirement(origin)
    assert requirement == wanted
    assert (note == LOCAL_NOTE) == (origin is not None and origin["url"].startswith("file:"))
    workflow = draft_workflow("orders.toml", "", origin)
    assert f'{note}      - run: python -m pip install "{wanted}"\n' in workflow
    assert "file:" not in workflow, "no path of this machine"


def test_from_github_the_workflow_uses_the_action() -> None:
    origin = {"url": "https://github.com/me/one-winner.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}
    workflow = draft_workflow("'ci/my orders.toml'", 'token = "${ACME_TOKEN}"', origin)
    job = yaml.safe_load(workflow)["jobs"]["gate"]
    assert job["steps"][-1] == {"uses": "me/one-winner@abc123", "with": {"target": "ci/my orders.toml"}}
    assert job["env"] == {"ACME_TOKEN": "${{ secrets.ACME_TOKEN }}"}
    assert find_action({"url": "https://github.example/me/onewinner", "vcs_info": {"commit_id": "abc123"}}) is None
