"""A gate while it runs: the parts of its page, and the events that bring those that changed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
from markupsafe import Markup

from onewinner.exits import EXIT_MEANINGS
from onewinner.ui.gate_process import Gate
from onewinner.ui.progress import RUNNING, LevelProgress
from reports.documents.page.document import list_sections
from reports.documents.page.templates import render
from reports.documents.run_folder import UNFINISHED, Run, RunError, read_run
from reports.documents.summary import headline

POLL_S = 0.5


@dataclass(frozen=True)
class GateState:
    """What stands on top: a word with its tone, what happens, and what is known so far."""

    word: str
    tone: str
    told: str
    so_far: str = ""
    has_report: bool = False


def render_parts(base: str, gate: Gate) -> dict[str, Markup]:
    """The parts of the page, each by the id of its place."""
    levels = gate.follow()
    run = read_finished(gate)
    state = describe_end(gate, run) if gate.code is not None else describe_running(gate, levels)
    so_far = gate.preview.sections if gate.preview is not None else ()
    sections = list_sections(run.facts, run.judgement) if run is not None else so_far
    return {
        "state": render("ui/gate_state", base=base, gate=gate, state=state, report=quote(gate.folder.name)),
        "levels": render("ui/gate_levels", levels=levels, is_over=gate.code is not None),
        "sections": render("ui/gate_sections", sections=sections, is_preview=run is None),
        "printed": render("ui/gate_printed", text=gate.read_printed()),
    }


def read_finished(gate: Gate) -> Run | None:
    """The run, once the gate has ended with a verdict."""
    if gate.code is None:
        return None
    try:
        run = read_run(gate.folder)
    except RunError:
        return None
    return None if run.judgement.reason.startswith(UNFINISHED) else run


def describe_running(gate: Gate, levels: Sequence[LevelProgress]) -> GateState:
    running = [level.name for level in levels if level.state == RUNNING]
    if gate.is_asked_to_end:
        told = "It is being ended."
    elif running:
        told = f"The level {running[0]} is running."
    else:
        told = (
            "All levels have ended; the judge is at work." if gate.is_sealed else "The database and the service start."
        )
    if gate.preview is None:
        return GateState("running", "none", told)
    failed, among = gate.preview.failed, f"In the levels that have ended ({', '.join(gate.previewed)})"
    so_far = f"these checks fail: {', '.join(failed)}" if failed else "no check fails so far"
    so_far = f"{among} {so_far}. The verdict comes at the end."
    return GateState("running", "fail" if failed else "none", told, so_far)


def describe_end(gate: Gate, run: Run | None) -> GateState:
    if run is None:
        code = gate.code or 0
        meaning = EXIT_MEANINGS.get(code, "it was killed") if code else "it wrote no verdict"
        ended = "It was ended before it had a verdict." if gate.is_asked_to_end else f"There is no verdict: {meaning}."
        return GateState("unknown", "unknown", ended)
    verdict = str(run.judgement.verdict)
    told = f"{headline(run.facts, run.judgement)}: {run.judgement.reason}."
    return GateState(verdict, verdict, told, has_report=True)


async def stream_parts(base: str, gate: Gate) -> AsyncIterator[bytes]:
    """Server-sent events: each has the parts that changed. The last one says that the gate has ended."""
    sent: dict[str, Markup] = {}
    while True:
        is_over = gate.code is not None
        parts = render_parts(base, gate)
        changed = {name: str(html) for name, html in parts.items() if sent.get(name) != html}
        if changed or is_over:
            yield b"data: " + msgspec.json.encode({"parts": changed, "is_over": is_over}) + b"\n\n"
        if is_over:
            return
        sent = parts
        await asyncio.sleep(POLL_S)
