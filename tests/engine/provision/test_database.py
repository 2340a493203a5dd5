"""Goal: a database of any source, or one clear sentence instead. Method: good, missing and pretended ones."""

import asyncio
import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace

import asyncpg
import pytest

from engine.provision import database as databases
from engine.provision.database import Database, name_source, parse_url, provide_database
from engine.provision.database_probe import compare
from engine.provision.errors import DatabaseUnavailable
from engine.provision.ports import find_free_port


def test_a_url_is_tried_before_it_is_given(database: Database) -> None:
    with provide_database(database.url) as given:
        assert given == database


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://me:hidden@127.0.0.1:{closed}/app", "onnect"),
        ("postgresql://postgres:hidden@127.0.0.1:{port}/postgres", "password"),
        ("postgresql://postgres:{password}@127.0.0.1:{port}/missing", "missing"),
        ("postgresql://me:hidden@127.0.0.1:hidden/app", "cannot be read"),
        ("mysql://me:hidden@127.0.0.1/app", "mysql"),
        ("hidden", "names no database"),
        ("", "names no database"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence(database: Database, url: str, problem: str) -> None:
    closed = find_free_port()
    source = url.format(closed=closed, port=database.port, password=database.password)
    with pytest.raises(DatabaseUnavailable) as caught, provide_database(source):
        raise AssertionError("unreachable")
    sentence = str(caught.value)
    assert problem in sentence
    assert "pass" in sentence, "it names the remedy"
    assert "\n" not in sentence
    if url != "hidden":
        assert "hidden" not in sentence
    assert database.password not in sentence


def test_one_session_that_poses_as_two_is_refused(database: Database) -> None:
    async def run() -> str | None:
        connection = await asyncpg.connect(database.url)
        try:
            return await compare(connection, connection)
        finally:
            await connection.close()

    assert "do not block each other" in (asyncio.run(run()) or "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@h:1/n", Database("h", 1, "u", "p", "n")),
        ("postgres://u:p%40%2F@h/n", Database("h", 5432, "u", "p@/", "n")),
        ("postgresql+asyncpg://u@h/n?sslmode=require", Database("h", 5432, "u", "", "n", "sslmode=require")),
        ("postgresql://u@[::1]:7/n", Database("::1", 7, "u", "", "n")),
        ("postgresql://u@/n?host=/run/pg&port=7", Database("/run/pg", 7, "u", "", "n")),
    ],
)
def test_urls_are_read_and_written(monkeypatch: pytest.MonkeyPatch, url: str, expected: Database) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    assert parse_url(url) == expected
    assert parse_url(expected.url) == expected


def test_a_url_says_how_many_connections_are_left(database: Database) -> None:
    with provide_database(database.url) as given:
        assert 300 < given.connections < 400


@contextlib.contextmanager
def stand_in(database: Database) -> Iterator[Database]:
    """Stands in for a database with a single session, which serves one client at a time."""

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((database.host, database.port)) as server:
                back = threading.Thread(target=pump, args=(server, self.request))
                back.start()
                pump(self.request, server)
                back.join()

    with socketserver.TCPServer(("127.0.0.1", 0), Relay) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        try:
            yield replace(database, port=server.server_address[1])
        finally:
            server.shutdown()
            serving.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def test_a_database_of_one_session_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "CONNECT_LIMIT_S", 4.0)
    with stand_in(database) as alone, pytest.raises(DatabaseUnavailable) as caught, provide_database(alone.url):
        raise AssertionError("unreachable")
    assert "two sessions could not run at the same time within 4 s" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("embedded", "embedded"),
        ("container", "container postgres:18"),
        ("container:postgres:15", "container postgres:15"),
        ("postgresql://me:hidden@h/n", "URL"),
    ],
)
def test_a_source_is_named_without_its_secrets(source: str, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEWINNER_POSTGRES_IMAGE", raising=False)
    assert name_source(source) == named
