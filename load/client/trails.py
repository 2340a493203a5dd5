"""TrailReader: what is read at the end of a workflow, its audit trail and the markers that it stored.

These reads are no operations. One that shows nothing is in the history too, with the time it took: a fault may explain
it. An unknown answer accuses no service.

Where a move or a marker may be missing for `within_s` after its answer, the read is put off until the source ends and
all of them must be there. What it shows is what was so at some moment since `within_s` before the read.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from engine.target.answer_rules import SERVER_ERROR
from engine.target.classified_answer import is_busy, read_markers, read_trail, tell_state
from engine.target.graph import NS_PER_S
from engine.target.http_answer import Answer
from engine.target.target import NotBuiltError, Target
from engine.target.template import Request, Values
from load.client.clock import Clock
from load.client.denials import Denials
from load.client.logins_and_setup import UNAUTHORIZED, Preparation
from load.client.read_retry import Retry
from load.client.release import now_ns
from reports.history import events
from reports.history.journal import Journal

TRAIL: events.Evidence = "audit trail"
EFFECTS: events.Evidence = "effects"


@dataclass(frozen=True)
class LateRead:
    """A read that was put off: what it shows must be there at `due_ns`. `values` are those of the workflow."""

    what: events.Evidence
    workflow: str
    server_id: str
    tenant: str
    values: Values
    due_ns: int


@dataclass
class TrailReader:
    """Reads into the journal of one source. Times are this process's, and written in the run's."""

    target: Target
    journal: Journal
    denials: Denials
    clock: Clock
    retry: Retry
    preparation: Preparation
    _late: dict[tuple[str, events.Evidence], LateRead] = field(default_factory=dict)

    def read(self, what: events.Evidence, workflow: str, server_id: str, tenant: str) -> list[dict[str, Any]] | None:
        """Reads the trail or the effects, now or later. Returns the transitions of a trail that was shown now."""
        if self.put_off(what, workflow, server_id, tenant):
            return None
        return self._show(what, workflow, server_id, tenant)

    def _show(self, what: events.Evidence, workflow: str, server_id: str, tenant: str) -> list[dict[str, Any]] | None:
        name, build = ("trail", self.target.build_trail) if what == TRAIL else ("effects", self.target.build_effects)
        request_id = f"{self.journal.path.stem}.{name}.{workflow}"
        shown = self._read(what, workflow, tenant, partial(build, tenant, server_id, request_id))
        if shown is not None and what == TRAIL:
            return self.take_trail(workflow, *shown, tenant)
        if shown is not None:
            self.take_effects(workflow, *shown, tenant)
        return None

    def take_trail(self, workflow: str, read_ns: int, answer: Answer, tenant: str) -> list[dict[str, Any]] | None:
        """Takes the transitions of an answer, read at `read_ns`, into the history."""
        shown = read_trail(self.target, answer)
        if shown is None:
            self._note_hidden(TRAIL, workflow, tenant, read_ns, answer)
            return None
        entries = [entry for entry in shown if entry["to"] is not None]
        rows = [
            events.Entry(origin=entry["from"], to=entry["to"], request_id=entry.get("request_id")) for entry in entries
        ]
        ended_ns = now_ns() + self.clock.offset_ns
        begun_ns = max(0, read_ns + self.clock.offset_ns - self.find_delay(TRAIL))
        self.journal.write(events.Audit(workflow=workflow, read_ns=begun_ns, returned_ns=ended_ns, entries=rows))
        return entries

    def take_effects(self, workflow: str, read_ns: int, answer: Answer, tenant: str) -> None:
        """Takes the markers of an answer, read at `read_ns`, into the history, each as often as it was shown."""
        assert self.target.effects is not None
        markers = read_markers(self.target, answer)
        if markers is None:
            self._note_hidden(EFFECTS, workflow, tenant, read_ns, answer)
            return
        asked_ns = max(0, read_ns + self.clock.offset_ns - self.find_delay(EFFECTS))
        winners = cast("events.Winners", self.target.effects.winners)
        self.journal.write(events.Effects(workflow=workflow, read_ns=asked_ns, markers=[*markers], winners=winners))

    def find_delay(self, what: events.Evidence) -> int:
        """For how many nanoseconds after an answer it may be missing."""
        shown = self.target.trail if what == TRAIL else self.target.effects
        return 0 if shown is None else int(shown.within_s * NS_PER_S)

    def put_off(self, what: events.Evidence, workflow: str, server_id: str, tenant: str) -> bool:
        """Whether it may be incomplete now. Then `read_late` reads it, counted from the last time it was put off."""
        if not (delay_ns := self.find_delay(what)):
            return False
        values = dict(self.preparation.values.workflows.get(workflow, {}))
        self._late[workflow, what] = LateRead(what, workflow, server_id, tenant, values, now_ns() + delay_ns)
        return True

    def read_late(self) -> None:
        """Reads what was put off, and waits until it is due. Blocks. A service that answers no more shows nothing: then
        the rest is not asked for, and the history says that it was hidden.
        """
        late, self._late = sorted(self._late.values(), key=lambda read: read.due_ns), {}
        silence = self.retry.silence
        for read in late:
            if silence.is_certain or silence.requests.is_long(silence.timeout_s):
                at_ns = now_ns() + self.clock.offset_ns
                self.journal.write(events.Hidden(what=read.what, workflow=read.workflow, at_ns=at_ns, until_ns=at_ns))
                continue
            time.sleep(max(0, read.due_ns - now_ns()) / NS_PER_S)
            self.preparation.values.workflows[read.workflow] = dict(read.values)
            self.denials.owners[read.workflow] = read.tenant
            self._show(read.what, read.workflow, read.server_id, read.tenant)
            self.preparation.values.forget(read.workflow)
            self.denials.owners.pop(read.workflow, None)

    def note_unsent(self, workflow: str, error: NotBuiltError) -> None:
        """The history says which request about the workflow was not sent, and why."""
        at_ns = now_ns() + self.clock.offset_ns
        self.journal.write(events.Unsent(what=str(error), workflow=workflow, value=error.value, at_ns=at_ns))

    def is_denied(
        self, tenant: str, workflow: str, status: int | None, asked_ns: int, question: str | None = None
    ) -> bool:
        """Whether the workflow's own tenant is not let in any more. The history has it, and which read it was."""
        reason = self.denials.describe_denial(tenant, status) if self.denials.owns(workflow, tenant) else None
        if reason is not None:
            self.note_denied(tenant, workflow, status, reason, asked_ns, question)
        return reason is not None

    def note_denied(
        self, tenant: str, workflow: str, status: int | None, reason: str, asked_ns: int, question: str | None = None
    ) -> None:
        at_ns, until_ns = self._interval(asked_ns)
        denied = events.AccessDenied(
            tenant=tenant,
            workflow=workflow,
            status=status,
            what=reason,
            question=question,
            at_ns=at_ns,
            until_ns=until_ns,
        )
        self.journal.write(denied)

    def _read(
        self, what: events.Evidence, workflow: str, tenant: str, build: Callable[[Values], Request | None]
    ) -> tuple[int, Answer] | None:
        """When the last read was sent, and its answer; None if nothing can be read. A login that is over is renewed."""

        def note(asked_ns: int, answer: Answer) -> None:
            self._note_hidden(what, workflow, tenant, asked_ns, answer)

        shown = None
        for _ in range(2):
            self.preparation.prepare([(tenant, "")])
            try:
                request = build(self.preparation.values.list(tenant, "", workflow))
            except NotBuiltError as error:
                self.note_unsent(workflow, error)
                return None
            shown = self.retry.ask(request, note) if request is not None else None
            if shown is None or not self.is_login_over(tenant, shown[1]):
                break
        return shown

    def is_login_over(self, tenant: str, answer: Answer) -> bool:
        """Whether the answer to a read says so: then it is asked again, after a login."""
        return answer.status == UNAUTHORIZED and self.preparation.note_denied((tenant, ""))

    def _note_hidden(self, what: events.Evidence, workflow: str, tenant: str, asked_ns: int, answer: Answer) -> None:
        at_ns, until_ns = self._interval(asked_ns)
        state = tell_state(self.target, answer)
        is_denied = self.is_denied(tenant, workflow, answer.status, asked_ns, what)
        if is_denied or state is not None or self._is_silent(what, answer):
            hidden = events.Hidden(what=what, workflow=workflow, state=state, at_ns=at_ns, until_ns=until_ns)
            self.journal.write(hidden)
            return
        status, name = answer.status or 0, f"{what} of {workflow}"
        check: events.ProbeCheck = "no-5xx" if status >= SERVER_ERROR else "contract"
        problem = f"the {name} was not shown: status {status}"
        probe = events.Probe(check=check, what=name, problem=problem, at_ns=at_ns, until_ns=until_ns)
        self.journal.write(probe)

    def _is_silent(self, what: events.Evidence, answer: Answer) -> bool:
        """Whether an answer that shows nothing is no failure of the service."""
        shown = self.target.trail if what == TRAIL else self.target.effects
        is_known = (shown is not None and shown.ok.matches(answer)) or self.target.meanings.refused.matches(answer)
        return is_busy(self.target, answer) or ((answer.status or 0) < SERVER_ERROR and not is_known)

    def _interval(self, asked_ns: int) -> tuple[int, int]:
        """From the sending of a read until now, in the run's time."""
        return asked_ns + self.clock.offset_ns, now_ns() + self.clock.offset_ns
