"""Goal: a move sends its message once for a sink that knows keys, and a move that was not made sends none.

Method: the engine's functions inside of this process on a database of its own, round by round, with a sink that fails
as it is told. Over HTTP only where the mistake would be there.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
import pytest

from engine.provision.database import Database
from engine.reference import outbox, steps
from engine.reference.controls import outbox_by_lease
from engine.reference.defects import send_before_commit, send_twice_on_retry
from engine.reference.errors import DatabaseLost, TransitionConflict
from engine.reference.outbox import WITH_OUTBOX, Message, repeat, send_locked
from engine.reference.part_types import Engine, Parts
from engine.reference.pool import Isolation, Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_pool
from engine.reference.states import STEP_BY_NAME
from engine.reference.variants import choose_parts
from tests.engine.conftest import put
from tests.engine.within import ANN, hold, kill_the_waiting, prepare_another

ICP = STEP_BY_NAME["icp-generate"]
SINK = "http://sink.invalid/"


class Sink:
    """Notes each call, and takes those whose turn is not in `fails`."""

    def __init__(self, *fails: int) -> None:
        self.fails, self.calls = fails, list[Message]()

    def __call__(self, sink: str, message: Message) -> bool:
        assert sink == SINK
        self.calls.append(message)
        return len(self.calls) not in self.fails

    def count(self, note: str) -> tuple[int, int]:
        """How often it was called with a note, and with how many keys."""
        mine = [call for call in self.calls if json.loads(call.payload) == note]
        return len(mine), len({call.key for call in mine})


@pytest.fixture(scope="module")
def url(database: Database) -> str:
    """A database of its own: the senders of other tests would send its messages."""
    return asyncio.run(prepare_another(database, "outbox", defect=None, control="outbox-by-lease"))


def use(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> Sink:
    monkeypatch.setattr(outbox, "call", sink)
    return sink


def run(url: str, parts: Parts, work: Callable[[Engine, UUID], Awaitable[Any]]) -> None:
    async def begin() -> None:
        [workflow] = await put(url, [ICP.pending])
        async with open_pool(url, Isolation.READ_COMMITTED, 4) as pool:
            await work(Engine(parts, pool, sink=SINK), UUID(workflow))

    asyncio.run(begin())


async def claim(engine: Engine, workflow: UUID, note: str) -> bool:
    """Whether the claim won."""
    try:
        await steps.perform(engine, ANN, workflow, ICP, json.dumps(note))
    except TransitionConflict:
        return False
    return True


Send = Callable[[Pool, str], Awaitable[int]]
SENDERS: dict[str, Callable[[], Send]] = {"lock": lambda: send_locked, "lease": lambda: outbox_by_lease.Sender().send}


@pytest.mark.parametrize("name", SENDERS)
def test_a_winner_sends_one_message_and_a_loser_none(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = use(monkeypatch, Sink())

    async def work(engine: Engine, workflow: UUID) -> None:
        won = await asyncio.gather(*(claim(engine, workflow, str(number)) for number in range(4)))
        assert won.count(True) == 1
        send = SENDERS[name]()
        while await send(engine.pool, SINK):
            continue
        assert [sink.count(str(number))[0] for number in range(4)] == [int(each) for each in won]

    run(url, WITH_OUTBOX, work)


@pytest.mark.parametrize("name", SENDERS)
def test_an_answer_that_was_lost_is_asked_for_again_with_the_key(
    url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_by_lease, "LEASE", outbox_by_lease.LEASE.replace("1 second", "0 seconds"))
    sink = use(monkeypatch, Sink(1))

    async def work(engine: Engine, workflow: UUID) -> None:
        assert await claim(engine, workflow, "mine")
        send = SENDERS[name]()
        assert [await send(engine.pool, SINK) for _ in range(3)] == [0, 1, 0]
        assert sink.count("mine") == (2, 1)

    run(url, WITH_OUTBOX, work)


def test_two_senders_do_not_send_one_message(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = use(monkeypatch, Sink())

    async def work(engine: Engine, workflow: UUID) -> None:
        assert await claim(engine, workflow, "locked")
        async with hold(url, outbox.LOCK):
            assert await send_locked(engine.pool, SINK) == 0
        assert await send_locked(engine.pool, SINK) == 1
        assert sink.count("locked") == (1, 1)

    run(url, WITH_OUTBOX, work)


def test_a_move_that_is_rolled_back_leaves_no_message(url: str) -> None:
    async def work(engine: Engine, workflow: UUID) -> None:
        async with hold(url, "LOCK TABLE workflow_payloads IN SHARE MODE") as holder:
            moving = asyncio.create_task(claim(engine, workflow, "gone"))
            await kill_the_waiting(holder)
            with pytest.raises(DatabaseLost):
                await moving
        assert not await fetch(url, "SELECT 1 FROM workflow_messages WHERE workflow_id = $1", workflow)

    run(url, WITH_OUTBOX, work)


def test_send_before_commit_calls_for_a_request_that_lost(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first to call is overtaken while it does."""

    async def work(engine: Engine, workflow: UUID) -> None:
        right = replace(engine, parts=REFERENCE)
        loop = asyncio.get_running_loop()

        class Overtaking(Sink):
            def __call__(self, sink: str, message: Message) -> bool:
                assert asyncio.run_coroutine_threadsafe(claim(right, workflow, "first"), loop).result()
                return super().__call__(sink, message)

        sink = use(monkeypatch, Overtaking())
        assert not await claim(engine, workflow, "second")
        assert sink.count("second") == (1, 1)

    run(url, send_before_commit.PARTS, work)


def test_send_before_commit_calls_again_until_the_sink_has_answered(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_before_commit, "POLL_S", 0)
    sink = use(monkeypatch, Sink(1, 2))

    async def work(engine: Engine, workflow: UUID) -> None:
        assert await claim(engine, workflow, "again")
        assert not await claim(engine, workflow, "late")
        assert (sink.count("again"), sink.count("late")) == ((3, 1), (0, 0))

    run(url, send_before_commit.PARTS, work)


def test_send_twice_on_retry_sends_again_with_another_key(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = use(monkeypatch, Sink(1))

    async def work(engine: Engine, workflow: UUID) -> None:
        assert await claim(engine, workflow, "twice")
        send = send_twice_on_retry.send_unlocked
        assert [await send(engine.pool, SINK) for _ in range(3)] == [0, 1, 0]
        assert sink.count("twice") == (2, 2)

    run(url, send_twice_on_retry.PARTS, work)


def test_a_round_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "POLL_S", 0)
    rounds = Counter[str]()

    async def send() -> int:
        rounds["begun"] += 1
        if rounds["begun"] == 1:
            raise DatabaseLost
        if rounds["begun"] == 3:
            raise asyncio.CancelledError
        return 1

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(repeat(send))
    assert rounds["begun"] == 3


class Handler(BaseHTTPRequestHandler):
    """Answers with the status that stands in the path, or closes the connection."""

    seen: ClassVar[list[tuple[str, Any]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.headers["Idempotency-Key"], body))
        if self.path != "/lost":
            self.send_response(int(self.path.strip("/")))
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Says nothing."""


def test_a_call_tells_workflow_step_payload_and_key() -> None:
    class Seeing(Handler):
        seen: ClassVar[list[tuple[str, Any]]] = []

    message = Message("k", "w", "icp-generate", '{"note": "n"}')
    with ThreadingHTTPServer(("127.0.0.1", 0), Seeing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        assert [outbox.call(f"{place}/{path}", message) for path in ("200", "503", "lost")] == [True, False, False]
        server.shutdown()
    assert Seeing.seen == [("k", {"workflow": "w", "step": "icp-generate", "payload": {"note": "n"}})] * 3
    assert not outbox.call(place, message), "nothing listens any more"


def test_without_a_sink_there_is_no_outbox() -> None:
    assert choose_parts(None).send is None
    assert choose_parts(None, sends=True) is WITH_OUTBOX


async def fetch(url: str, sql: str, *values: object) -> list[asyncpg.Record]:
    session = await asyncpg.connect(url)
    try:
        return await session.fetch(sql, *values)
    finally:
        await session.close()
