"""Targets that several tests of this folder share."""

from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from engine.target.target import Target
from engine.target.target_file import load_target
from tests.engine.target.test_target_file import ENVIRONMENT, ORDERS


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Target:
    file: Path = tmp_path_factory.mktemp("target") / "orders.toml"
    file.write_text(ORDERS)
    return load_target(file, ENVIRONMENT)


@pytest.fixture(scope="module")
def reference() -> Target:
    return load_target(REFERENCE, None)


def load(folder: Path, text: str) -> Target:
    (folder / "target.toml").write_text(text)
    return load_target(folder / "target.toml", ENVIRONMENT)


@pytest.fixture
def spelled(tmp_path: Path) -> Target:
    file = tmp_path / "spelled.toml"
    spelling = 'initial = "DRAFT"\nspelling = { DRAFT = 1, SUBMITTED = "sent!", CANCELLED = "off" }\n'
    file.write_text(ORDERS.replace('initial = "DRAFT"\n', spelling).replace('pick" }', 'pick?s={expected}" }'))
    return load_target(file, ENVIRONMENT)
