"""Idempotency: the key by which a service knows a request that is sent again, and what answers to it mean. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
from msgspec import structs

from engine.target.answer_rules import Statuses, read_statuses, refuse_second_meaning
from engine.target.file_tables import File, IdempotencyTable, RequestTable
from engine.target.http_answer import Answer
from engine.target.routes import Route
from engine.target.template import find_placeholders
from engine.target.value_checks import Mistake, check_header_name

KEY = "key"
# In `volatile`: the status of a repeated answer may be another one, such as 200 after 201.
STATUS = ":status"


@dataclass(frozen=True)
class Idempotency:
    """`in_progress`: the first request with the key is not answered yet. `mismatch`: the key is of another request.

    `volatile` are the names of an answer's values that may differ from the first answer with the key.
    """

    in_progress: Statuses
    mismatch: Statuses
    volatile: frozenset[str] = frozenset()

    def digest(self, answer: Answer, server_id: str = "") -> str:
        """Equal for two answers with the same status and body, but for the volatile values. `server_id` is the id that
        the answer to a create tells, perhaps in a header.
        """
        document = answer.json()
        body = answer.body if document is None else msgspec.json.encode(self._settle(document), order="deterministic")
        status = None if STATUS in self.volatile else answer.status
        return hashlib.sha256(f"{status}\n{server_id}".encode() + body).hexdigest()[:16]

    def _settle(self, document: Any) -> Any:
        if isinstance(document, dict):
            return {name: self._settle(part) for name, part in document.items() if name not in self.volatile}
        return [self._settle(part) for part in document] if isinstance(document, list) else document


def name_key(server_id: str, name: str) -> str:
    """The key of this name for a workflow: the same in every process of a run, and another one in every other run."""
    return str(uuid5(NAMESPACE_URL, f"onewinner:{server_id}/{name}"))


def add_key(file: File) -> File:
    """The file with the key in the header of every advance, if [idempotency] names a header."""
    table, advance = file.idempotency, file.advance
    if table is None or table.header is None or advance is None:
        return file
    check_header_name("idempotency.header", table.header)
    request = None if advance.request is None else add_header(advance.request, table.header)
    edges = [structs.replace(edge, request=add_header(edge.request, table.header)) for edge in advance.edges]
    return structs.replace(file, advance=structs.replace(advance, request=request, edges=edges))


def add_header(request: RequestTable, name: str) -> RequestTable:
    if name.lower() in {each.lower() for each in request.headers}:
        return request
    return structs.replace(request, headers={**request.headers, name: f"{{{KEY}}}"})


def read_idempotency(table: IdempotencyTable, routes: Iterable[Route], create: RequestTable | None) -> Idempotency:
    """`routes` are all that there are, `create` is the request that creates a workflow. Raises Mistake."""
    creates = create is not None and KEY in find_placeholders(structs.asdict(create))
    if not creates and not any(route.carries_key for route in routes):
        raise Mistake(
            "idempotency",
            'no request of [advance] carries the key; write header = "Idempotency-Key", or put {key} there, or into '
            "create.request",
        )
    return Idempotency(
        read_statuses("idempotency.in_progress", table.in_progress, may_be_empty=True),
        read_statuses("idempotency.mismatch", table.mismatch, may_be_empty=True),
        frozenset(table.volatile),
    )


def refuse_other_meanings(idempotency: Idempotency, won: Statuses) -> None:
    """Raises Mistake if an answer that a key may get means "created", too."""
    for mine in (idempotency.in_progress, idempotency.mismatch):
        refuse_second_meaning(mine, won)


def add_meanings(route: Route, idempotency: Idempotency | None) -> Route:
    """The route with the answers that its key may get. Raises Mistake if one of them means something else, too."""
    if idempotency is None or not route.carries_key:
        return route
    meanings = route.meanings
    for mine in (idempotency.in_progress, idempotency.mismatch):
        for _, other in meanings.walk():
            # A mismatch is one of several reasons to refuse.
            if other is not meanings.refused or mine is not idempotency.mismatch:
                refuse_second_meaning(mine, other)
    return replace(
        route, meanings=replace(meanings, in_progress=idempotency.in_progress, mismatch=idempotency.mismatch)
    )
