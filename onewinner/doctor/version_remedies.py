"""What to change when a move with an old version, or without one, is not answered as the file says. Pure."""

from engine.target.answer_rules import SERVER_ERROR, Meanings, Statuses
from onewinner.doctor.remedies import Probe, advise_condition, advise_trouble
from reports.judge.text.finding_text import PRECONDITION_FAILED


def says_old(probe: Probe) -> bool:
    """Whether the answer may say that a carried value is a version, and an old one."""
    return probe.classified.outcome in ("stale", "unknown") or probe.answer.status == PRECONDITION_FAILED


def advise_old(meanings: Meanings, probe: Probe, state: str) -> str | None:
    """A move that is legal in `state`, with a version from before the last move."""
    outcome, status, key = probe.classified.outcome, probe.answer.status, meanings.stale.key
    told = f"a legal move with the version from before the last move was answered {status}"
    if outcome in probe.wanted or outcome == "busy":
        return None
    if outcome == "won":
        return (
            f"{probe.table}.request: {told}, and was made; correct what carries the version, "
            "else the gate will find a lost update"
        )
    if outcome == "conflict":
        return (
            f"{key}: {told}, a conflict, though the workflow is in {state}; write a status under stale, or tell the "
            f"two apart with {{ status = {status}, when = ... }} in both"
        )
    if (advice := advise_unclear(probe)) is not None:
        return advice
    where = "which advance.refused lists" if outcome == "refused" else "which is listed nowhere"
    return f"{key}: {told}, {where}; add {status} to {key} if it says that the version is not current any more"


def advise_none(promised: Statuses, probe: Probe) -> str | None:
    """A legal move without what carries its version."""
    status, key = probe.answer.status, promised.key
    if probe.classified.outcome == "busy" or promised.matches(probe.answer):
        return None
    told = f"a move without a version was answered {status}"
    if (advice := advise_unclear(probe)) is not None:
        return advice
    if not promised:
        return f"{key}: {told}, which is listed nowhere; add {status} to {key} if it says that the version is missing"
    end = f"; add {status} to {key}" if status is not None and status >= 400 else ""
    return f"{key}: {told}, which it does not list{end}, or leave the key out, else the gate will call it a failure"


def is_refusal(probe: Probe) -> bool:
    """Whether the answer is of a client's error, also where the file does not list it: then nothing happened."""
    return probe.answer.status is not None and 400 <= probe.answer.status < SERVER_ERROR


def advise_unclear(probe: Probe) -> str | None:
    """No answer, a redirect, a server error, or a status whose conditions do not decide; None for another answer."""
    status = probe.answer.status
    is_trouble = status is None or status >= SERVER_ERROR or 300 <= status < 400
    return advise_condition(probe) or (advise_trouble(probe) if is_trouble else None)
