"""Where this onewinner was installed from (PEP 610), so that CI installs the same one."""

import json
import re
from importlib import metadata
from typing import Any

from onewinner import __version__

# A folder or a file of this machine is not there in CI.
LOCAL_NOTE = """\
      # onewinner was installed from a folder of one machine. Name the place where CI finds it.
"""
GITHUB_REPOSITORY = re.compile(r"https://github\.com/([\w.-]+/[\w-]+?)(?:\.git)?/?")
PLACEHOLDER = f"git+https://HOST/OWNER/onewinner@v{__version__}"


def read_origin() -> dict[str, Any] | None:
    """What pip noted about a direct installation; None for one from a package index."""
    try:
        noted = metadata.distribution("onewinner").read_text("direct_url.json")
        origin = json.loads(noted) if noted else None
    except (metadata.PackageNotFoundError, ValueError):
        # Run from a clone that was not installed.
        return {"url": "file:", "dir_info": {}}
    return origin if isinstance(origin, dict) else None


def find_action(origin: dict[str, Any] | None) -> str | None:
    """The composite action of the repository on GitHub that onewinner was installed from, at the same commit."""
    match = GITHUB_REPOSITORY.fullmatch(str((origin or {}).get("url", "")))
    commit = (origin or {}).get("vcs_info", {}).get("commit_id")
    return f"{match[1]}@{commit}" if match and commit else None


def describe_requirement(origin: dict[str, Any] | None) -> tuple[str, str]:
    """What `pip install` is to be given, and a comment above it, empty where nothing is to be said."""
    if origin is None:
        return f"onewinner=={__version__}", ""
    url, version = str(origin.get("url", "")), origin.get("vcs_info")
    if not url.startswith(("https://", "http://", "ssh://")):
        return f"onewinner @ {PLACEHOLDER}", LOCAL_NOTE
    if isinstance(version, dict):
        return f"onewinner @ {version.get('vcs', 'git')}+{url}@{version.get('commit_id', 'HEAD')}", ""
    return f"onewinner @ {url}", ""
