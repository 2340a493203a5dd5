"""The options of the levels that pytest runs, read once."""

from dataclasses import dataclass, fields
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Options:
    target: Path | None
    base_url: str | None
    history: Path | None
    seed: int
    batches: int
    plans: int
    plan: Path | None
    no_shrink: bool
    limit_s: float


def add_options(parser: pytest.Parser) -> None:
    add = parser.getgroup("onewinner").addoption
    add("--target", type=Path, default=None, help="the target file (default: the reference engine)")
    add("--base-url", default=None, help="the URL of an engine that runs already")
    add("--history", type=Path, default=None, help="folder of the journals (default: runs/...)")
    add("--seed", type=int, default=1, help="the same seed sends the same requests")
    add("--batches", type=int, default=4, help="how many batches of random sequences")
    add("--plans", type=int, default=40, help="how many plans of parallel branches")
    add("--plan", type=Path, default=None, help="a saved plan, instead of pinned and random ones")
    add("--no-shrink", action="store_true", help="report the first failing sequence as it is")
    add("--limit-s", type=float, default=60.0, help="no batch begins after this many seconds")


def read_options(config: pytest.Config) -> Options:
    return Options(**{field.name: config.getoption(field.name) for field in fields(Options)})
