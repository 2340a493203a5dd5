"""What a run was made on: versions and machine, for the report."""

import os
import platform
from importlib import metadata

PACKAGES = ("onewinner", "sqlalchemy", "asyncpg", "starlette", "uvicorn", "hypothesis", "locust", "polars")


def list_versions() -> dict[str, str]:
    """python and the packages that matter, by name."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def describe_machine() -> dict[str, str | int]:
    return {"system": platform.system(), "release": platform.release(), "cpus": os.cpu_count() or 0}
