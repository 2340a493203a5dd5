"""Goal: the published document is true. Method: schemathesis asks what it allows, and what it does not."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from engine.reference.openapi import OPERATIONS, SEEDS, describe_api
from engine.reference.routes import ROUTES
from tests.engine.asking import ACME, open_client
from tests.engine.serving import Served

EXAMPLES_MAX = 10


def test_it_describes_the_routes_that_there_are() -> None:
    described = {(method, path.replace(SEEDS, "{step}")) for method, path in OPERATIONS}
    assert described == {(method, path) for path, handlers in ROUTES.items() for method in handlers}
    names = [operation.name for operation in OPERATIONS.values()]
    assert len(names) == len(set(names))


def test_it_is_published(served: Served) -> None:
    async def run() -> None:
        async with open_client(served) as client:
            answer = await client.ask("GET", "!/openapi.json", token=None)
            assert (answer.status, answer.body) == (200, describe_api())

    asyncio.run(run())


@pytest.mark.exhaustive
def test_schemathesis_finds_nothing(served: Served, tmp_path: Path) -> None:
    """No 5xx, and no answer that the document does not describe; the same requests in each run."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json", "--no-color"]
    command += ["--header", f"Authorization: Bearer {ACME}", "--request-timeout", "10"]
    command += ["--generation-deterministic", "--max-examples", str(EXAMPLES_MAX), "--no-shrink"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"Tested: {len(OPERATIONS) + 1}" in run.stdout
