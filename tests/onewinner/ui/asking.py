"""Asks the site as a browser would, in the test's own process, and makes the runs that it shows."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from msgspec import structs
from starlette.types import ASGIApp

from engine.provision.service import REFERENCE
from onewinner.ui.gate_process import Gates
from onewinner.ui.site import create_site
from reports.comparison.facts import Facts
from reports.documents.run_folder import Run, begin_run, finish_run
from tests.reports.pages import build_run

TOKEN, PORT = "token-of-the-test", 8123
HOST = f"127.0.0.1:{PORT}"


def ask(
    site: ASGIApp | Path,
    path: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    prefix: str = f"/{TOKEN}",
    **more: Any,
) -> httpx.Response:
    """One answer of a site, or of one that shows this folder."""
    app = create_site(site, TOKEN, PORT, Gates()) if isinstance(site, Path) else site

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            return await client.request(method, prefix + path, headers=headers, **more)

    return asyncio.run(send())


def make_run(folder: Path, *, failing: bool = False, finished: bool = True, **facts: Any) -> Run:
    """A run directory: finished, or as a killed run leaves it."""
    known, judgement = build_run(failing=failing)
    known = Facts(**{**structs.asdict(known), "comparison": None, **facts})
    begun = begin_run(folder, REFERENCE, known)
    run = Run(folder, known, judgement)
    if finished:
        finish_run(run)
    return run if finished else begun
