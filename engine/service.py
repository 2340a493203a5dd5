"""Starts any engine as a process group, waits until it is ready, keeps its log, ends it."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from engine.target import Service, substitute

POLL_S = 0.02
END_TIMEOUT_S = 10.0
LOG_TAIL_BYTES = 4000


class ServiceError(Exception):
    """The service did not start, or is not there any more; the message ends with the last lines of its log."""


def find_free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def run_service(
    service: Service,
    base_url: str,
    values: Mapping[str, str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """The service, ready, until the block is left; then its whole process group is ended.

    `values` fill {port}, {database_url} and the like in its command and env; `arguments` are put after its
    command. Raises ServiceError when it cannot be started, ends, or is not ready in time.
    """
    process = start_service(service, values, log, environment or os.environ, arguments)
    try:
        wait_until_ready(process, service, base_url, log)
        yield process
    finally:
        end_group(process)


def start_service(
    service: Service,
    values: Mapping[str, str],
    log: Path,
    environment: Mapping[str, str],
    arguments: Sequence[str],
) -> subprocess.Popen[bytes]:
    command = [substitute(part, values) for part in service.command] + list(arguments)
    filled = {name: expand(substitute(text, values), environment) for name, text in service.env.items()}
    log.parent.mkdir(parents=True, exist_ok=True)
    # Programs that were installed beside this Python (our own command among them) are found without a PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    try:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=service.cwd,
                env={**environment, "PATH": path, **filled},
                executable=find_program(command[0], path, service.cwd),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise ServiceError(f"service.command: {command[0]!r} cannot be run: {error.strerror}") from None


def find_program(name: str, path: str, cwd: str | None) -> str:
    """The program as execvp would find it, but on the service's own PATH and folder."""
    if os.sep in name:
        return str(Path(cwd or ".", name))
    for folder in path.split(os.pathsep):
        candidate = Path(folder, name)
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    return name


def expand(text: str, environment: Mapping[str, str]) -> str:
    """The text with ${NAME} taken from the environment; a name that is not set becomes empty."""
    for name, value in environment.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def wait_until_ready(process: subprocess.Popen[bytes], service: Service, base_url: str, log: Path) -> None:
    deadline = time.monotonic() + service.ready_timeout_s
    while True:
        if process.poll() is not None:
            raise ServiceError(
                f"the service ended with status {process.returncode} before it was ready{read_tail(log)}"
            )
        if answers(base_url, service.ready):
            return
        if time.monotonic() > deadline:
            waited = f"{base_url}{service.ready} did not answer 2xx within {service.ready_timeout_s:g} s"
            raise ServiceError(f"{waited}; see service.ready and service.ready_timeout_s{read_tail(log)}")
        time.sleep(POLL_S)


def answers(base_url: str, path: str, timeout_s: float = 2.0) -> bool:
    """Whether a GET is answered with a status from 200 to 299."""
    url = urlsplit(base_url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=timeout_s)
    try:
        connection.request("GET", url.path + path)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def end_group(process: subprocess.Popen[bytes], timeout_s: float = END_TIMEOUT_S) -> None:
    """SIGTERM to the process group, SIGKILL after the limit. Returns when the group is gone."""
    signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout_s)
    signal_group(process, signal.SIGKILL)
    process.wait()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # The group outlives its leader while any member runs, so its id cannot have been given to someone else.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def read_tail(log: Path) -> str:
    """The last lines of the log, introduced; empty when it has none."""
    try:
        text = log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
    except OSError:
        return ""
    return f". The last lines of its log ({log}):\n{text}" if text else ""
