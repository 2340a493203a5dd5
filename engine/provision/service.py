"""Starts the service of a target as a process group, waits until it is ready, keeps its log, and ends it."""

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from engine.provision.child import ChildError, Messages, name_module
from engine.provision.ports import is_port_free
from engine.provision.processes import SERVICE as ORPHANED_SERVICE
from engine.provision.processes import Process, end_process, hold_signals, run_process, start_leash
from engine.target.child_environment import clean_environment, find_own
from engine.target.credentials import find_secrets
from engine.target.environment_variables import fill_variables
from engine.target.file_tables import ServiceTable
from engine.target.login_and_setup_steps import VARIABLE as SAVED
from engine.target.login_and_setup_steps import pack_saved, unpack_saved
from engine.target.secrets import know, read_secrets
from engine.target.sinks import VARIABLE as SINKS
from engine.target.sinks import pack_urls, unpack_urls
from engine.target.target import Target
from engine.target.target_file import load_target
from engine.target.template import substitute
from engine.target.workflow_source import VARIABLE, CreateCommand, pack, unpack

REFERENCE = Path(__file__).parents[1] / "reference" / "target.toml"

POLL_S = 0.02
# A question that is not answered in this time is asked again.
QUESTION_LIMIT_S = 2.0
SWITCHING_PROTOCOLS = 101
CHUNK_BYTES = HEAD_BYTES_MAX = 65536
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)\b")
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
LOG_TAIL_BYTES = 4000
LOG_FOLDER_PREFIX = "onewinner-log-"
NO_ANSWER, ANSWERED = "it did not answer in time", "the answer was"


class ServiceError(Exception):
    """The service did not start, or has ended. The message ends with the last lines of its log."""


class PrepareError(Exception):
    """A command of service.prepare failed. The message ends with the last lines of its output."""


@contextlib.contextmanager
def run_service(
    service: ServiceTable,
    base_url: str,
    values: Mapping[str, str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[Process]:
    """The ready service until the block is left; then its process group is ended.

    `values` fill placeholders such as {port} and {database_url} in its command and env. `arguments` are appended to
    its command. Raises ServiceError if it cannot be started, ends, or is not ready in time.
    """
    refuse_taken_port(base_url)
    process = None
    try:
        with hold_signals():
            process = start_service(service, values, log, environment or os.environ, arguments)
        wait_until_ready(process, service, base_url, log)
        yield process
    finally:
        if process is not None:
            end_process(process)


def refuse_taken_port(base_url: str) -> None:
    """Another process that listens there would be taken for the service. Raises ServiceError."""
    url = urlsplit(base_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    if url.hostname in ("127.0.0.1", "localhost") and not is_port_free(port):
        raise ServiceError(
            f"base_url: {port} is in use on 127.0.0.1 before the service is started; "
            "end what listens there, or write {port} in base_url and service.command"
        )


class RestartableService:
    """A running service that can be started again with the same command, port and log."""

    def __init__(self, start: Callable[[], contextlib.AbstractContextManager[Process]], log: Path) -> None:
        self._start, self._log = start, log
        self._running = contextlib.ExitStack()
        self._process: Process | None = None

    def start(self) -> None:
        """Returns when the service is ready. Raises ServiceError."""
        self.end()
        self._process = self._running.enter_context(self._start())

    def end(self) -> None:
        self._running.close()

    def describe_end(self, limit_s: float) -> str | None:
        """Says that the service ended by itself, or ends within `limit_s`; None if it still runs."""
        assert self._process is not None, "the service was not started"
        try:
            return f"the service ended by itself with status {self._process.wait(limit_s)}; see {self._log}"
        except subprocess.TimeoutExpired:
            return None


@contextlib.contextmanager
def reach_engine(file: Path | None, base_url: str | None) -> Iterator[Target]:
    """The target of a service that runs at base_url, or else is started for this block by `onewinner serve`.

    For pytest and Locust, which onewinner did not start. Without a file it is the reference engine. As long, this
    process hides the secrets of the target as a run does. Raises TargetError and ServiceError.
    """
    file = file or REFERENCE
    described = load_target(file, None)
    if base_url is not None or described.service is None:
        target = load_target(file)
        with know(find_secrets(file, target, os.environ)):
            yield resolve_target(target, (base_url or described.base_url).rstrip("/"), os.environ)
        return
    read_end, write_end = os.pipe()
    command = name_module("onewinner", "serve", "--target", str(file), "--announce")
    with os.fdopen(read_end) as announced, os.fdopen(write_end, "wb") as output, run_process(command, output=output):
        output.close()
        try:
            told = Messages(announced.fileno()).read()
        except ChildError as error:
            raise ServiceError(f"the engine of {file} could not be started: {error}") from None
        environment = {**os.environ, **told["environment"]}
        with know(read_secrets(environment)):
            yield resolve_target(load_target(file, environment), told["base_url"], environment)


def resolve_target(target: Target, base_url: str, environment: Mapping[str, str]) -> Target:
    """The target at its real address, with the create command and the saved values that the starter of the service has
    filled in.
    """
    create = unpack(environment[VARIABLE]) if VARIABLE in environment else target.create
    saved = unpack_saved(environment[SAVED]) if SAVED in environment else target.saved
    urls = unpack_urls(environment[SINKS]) if SINKS in environment else target.sink_urls
    return replace(target, base_url=base_url, create=create, saved=saved, sink_urls=urls)


def describe_running(target: Target) -> dict[str, str]:
    """What `resolve_target` reads of a running target, for the environment of those that ask it."""
    told = {SAVED: pack_saved(target.saved)} if target.saved is not None else {}
    told |= {VARIABLE: pack(target.create)} if isinstance(target.create, CreateCommand) else {}
    return told | ({SINKS: pack_urls(target.sink_urls)} if target.sink_urls else {})


def prepare_service(
    service: ServiceTable, values: Mapping[str, str], log: Path, environment: Mapping[str, str]
) -> None:
    """Runs the commands of service.prepare, one after the other, in its folder and environment. Raises PrepareError."""
    for number, words in enumerate(service.prepare):
        key, command = f"service.prepare[{number}]", [substitute(word, values) for word in words]
        cleaned, filled, cwd = make_environment(service, values, environment)
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("ab") as output,
            run_process(
                [find_own(command[0]), *command[1:]],
                output=output,
                environment={**cleaned, **filled},
                cwd=cwd,
                hides=True,
            ) as process,
        ):
            try:
                code = process.wait(service.prepare_timeout_s)
            except subprocess.TimeoutExpired:
                limit = f"service.prepare_timeout_s = {service.prepare_timeout_s:g}"
                raise PrepareError(f"{key}: {words[0]!r} took more than {limit}{describe_output(log)}") from None
        if code != 0:
            where = "" if service.cwd is not None else f" in {Path.cwd()}, because there is no service.cwd"
            raise PrepareError(f"{key}: {words[0]!r} ended with status {code}{where}{describe_output(log)}")


def describe_output(log: Path) -> str:
    """The end of the output of a command, whose log is not kept."""
    text = read_end(log)
    return f". Its output ends with:\n{text}" if text else ""


def make_environment(
    service: ServiceTable, values: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], Path | None]:
    """Our environment for the service, its own variables, and its folder. Raises ServiceError."""
    filled = {
        name: expand(f"service.env.{name}", substitute(text, values), environment) for name, text in service.env.items()
    }
    cwd = Path(service.cwd) if service.cwd else None
    if cwd is not None and not cwd.is_dir():
        raise ServiceError(f"service.cwd: {cwd} is not a folder; it is relative to the target file")
    return clean_environment(environment), filled, cwd


def start_service(
    service: ServiceTable,
    values: Mapping[str, str],
    log: Path,
    environment: Mapping[str, str],
    arguments: Sequence[str],
) -> Process:
    words = [substitute(part, values) for part in service.command]
    command = [find_own(words[0]), *words[1:], *arguments]
    cleaned, filled, cwd = make_environment(service, values, environment)
    program = str((cwd or Path()) / command[0]) if "/" in command[0] else command[0]
    if shutil.which(program, path=cleaned["PATH"]) is None:
        raise ServiceError(f"service.command: there is no program {command[0]!r}; install it, or write its whole path")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return start_leash(
            [command],
            output=output,
            environment={**cleaned, **filled},
            cwd=cwd,
            orphan=ORPHANED_SERVICE,
            left=log.parent if log.parent.name.startswith(LOG_FOLDER_PREFIX) else None,
            hides=True,
        )


def make_log_folder() -> Path:
    """A temporary folder for the log of a service. If its maker is killed, the leash of the service removes it."""
    return Path(tempfile.mkdtemp(prefix=LOG_FOLDER_PREFIX))


def expand(key: str, text: str, environment: Mapping[str, str]) -> str:
    """The text with every ${NAME} taken from the environment. Raises ServiceError for a name that is not set.

    A setting of the service may be empty; a credential of a tenant may not.
    """
    try:
        return fill_variables(text, environment, may_be_empty=True)
    except LookupError as error:
        raise ServiceError(f"{key}: {error}") from None


def wait_until_ready(process: Process, service: ServiceTable, base_url: str, log: Path) -> None:
    deadline, limit_s = time.monotonic() + service.ready_timeout_s, min(QUESTION_LIMIT_S, service.ready_timeout_s)
    seen = ""
    while (problem := find_problem(base_url, service.ready, limit_s)) is not None:
        # The last question may be cut short: an earlier answer says more.
        seen = seen if problem == NO_ANSWER and seen.startswith(ANSWERED) else problem
        if process.poll() is not None:
            raise ServiceError(
                f"service.command: it ended with status {process.returncode} before it was ready{read_tail(log)}"
            )
        if time.monotonic() > deadline:
            raise ServiceError(
                f"service.ready: GET {base_url}{service.ready} was not answered 2xx within "
                f"service.ready_timeout_s = {service.ready_timeout_s:g}: {seen}{read_tail(log)}"
            )
        time.sleep(POLL_S)
        limit_s = min(QUESTION_LIMIT_S, max(POLL_S, deadline - time.monotonic()))


def is_ready(base_url: str, path: str) -> bool:
    """Whether a GET is answered with a status from 200 to 299."""
    return find_problem(base_url, path) is None


def find_problem(base_url: str, path: str, timeout_s: float = QUESTION_LIMIT_S) -> str | None:
    """Why a GET was not answered with a status from 200 to 299 within the time; None if it was."""
    try:
        status = ask_status(base_url, path, time.monotonic() + timeout_s)
    except ConnectionRefusedError:
        return "nothing listens on its port; does service.command use {port}?"
    except TimeoutError:
        return NO_ANSWER
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
    return None if 200 <= status < 300 else f"{ANSWERED} {status}"


def ask_status(base_url: str, path: str, deadline: float) -> int:
    """The status of the answer to a GET; interim answers (1xx) are skipped. Raises OSError and ValueError.

    Not http.client: its limit holds for each read, and it takes a 103 for the answer.
    """
    url = urlsplit(base_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    lines = [
        f"GET {url.path}{path} HTTP/1.1",
        f"Host: {url.netloc.rpartition('@')[2]}",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection((url.hostname or "", port), count_left(deadline)))
        if url.scheme == "https":
            secured = ssl.create_default_context().wrap_socket(connection, server_hostname=url.hostname)
            connection = stack.enter_context(secured)
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return read_status(connection, deadline)


def read_status(connection: socket.socket, deadline: float) -> int:
    """The status of the first answer that is not interim. Raises OSError and ValueError."""
    received = b""
    while len(received) <= HEAD_BYTES_MAX:
        while (end := END_OF_HEAD.search(received)) is not None:
            status = parse_status(received)
            if status >= 200 or status == SWITCHING_PROTOCOLS:
                return status
            received = received[end.end() :]
        connection.settimeout(count_left(deadline))
        chunk = connection.recv(CHUNK_BYTES)
        if not chunk:
            raise ConnectionError("it closed the connection before it answered")
        received += chunk
    raise ValueError("the head of its answer is too long")


def count_left(deadline: float) -> float:
    """The seconds to a deadline. Raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def parse_status(head: bytes) -> int:
    found = STATUS_LINE.match(head)
    if found is None:
        raise ValueError("its answer is not HTTP")
    return int(found[1])


def read_tail(log: Path) -> str:
    """The last lines of the log as the end of a message; empty if it has none."""
    text = read_end(log)
    return f". The last lines of its log ({log}):\n{text}" if text else ""


def read_end(log: Path) -> str:
    """The last lines of a log; empty if it has none."""
    try:
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
    except OSError:
        return ""
