"""Writes a commented target file to begin with; from an OpenAPI document it proposes the routes."""

import contextlib
import http.client
import importlib
import json
import shlex
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from engine.target.template import Template
from onewinner.engine_choice import FOUND
from onewinner.exits import PASS, UsageError
from onewinner.help_layout import Parser
from onewinner.proposals.document import Document
from onewinner.proposals.draft_text import draft_target
from onewinner.proposals.github_workflow import draft_workflow
from onewinner.proposals.install_origin import read_origin
from onewinner.proposals.proposal import Proposal, propose
from onewinner.proposals.resources import NothingFound, describe_others
from onewinner.terminal_display import print_text

EXAMPLE = "onewinner init --openapi http://127.0.0.1:8080/openapi.json --github"
WORKFLOW = Path(".github", "workflows", "onewinner.yml")
FETCH_TIMEOUT_S = 60.0
DOCUMENT_BYTES_MAX = 16 * 2**20
BLANK = Proposal(
    advance=Template("POST", "/orders/{id}/status", {"from": "{expected}", "to": "{next}"}),
    id="id",
    guesses={"workflow": "these are only an example"},
)


def main(arguments: list[str]) -> int:
    options = build_parser().parse_args(arguments)
    if options.resource is not None and options.openapi is None:
        raise UsageError("--resource goes with --openapi, in whose document the resource stands")
    proposal = BLANK if options.openapi is None else read_proposal(options.openapi, options.resource)
    if options.name is not None:
        proposal = replace(proposal, name=options.name)
    text = draft_target(proposal, str(options.out))
    files = {options.out: text}
    if options.github:
        files[WORKFLOW] = draft_workflow(shlex.quote(options.out.as_posix()), text, read_origin())
    refuse_to_overwrite(list(files), force=options.force)
    for file, content in files.items():
        write(file, content)
    if proposal.others:
        others = describe_others(list(proposal.others))
        print_text(f"proposed from {proposal.resource}; for another one, --resource: {others}")
    print_text(
        f"next: correct what it says is guessed, then: onewinner doctor --target {shlex.quote(str(options.out))}"
    )
    return PASS


def build_parser() -> Parser:
    parser = Parser("init", __doc__ or "", EXAMPLE)
    add = parser.add_argument
    add("--out", type=Path, default=FOUND, metavar="FILE", help=f"the file (default: {FOUND})")
    add("--name", metavar="NAME", help="what reports are to call the service")
    add("--openapi", metavar="FILE|URL", help="an OpenAPI 3 document, from which the routes are proposed")
    add("--resource", metavar="NAME", help="which resource of the document is the workflow, such as purchase-requests")
    add("--github", action="store_true", help=f"also write {WORKFLOW}, which runs the gate on every push")
    add("--force", action="store_true", help="overwrite what is there")
    return parser


def refuse_to_overwrite(files: list[Path], *, force: bool) -> None:
    for file in files:
        if file.exists() and not force:
            raise UsageError(f"{file} is there already; choose another --out, or overwrite it with --force")


def write(file: Path, content: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    print_text(f"wrote {file}")


def read_proposal(source: str, resource: str | None) -> Proposal:
    """The proposal of a document. Raises UsageError for a mistake in it."""
    content = parse_document(source, fetch(source))
    version = content.get("openapi") if isinstance(content, dict) else None
    if not isinstance(version, str) or not version.startswith("3."):
        raise UsageError(f"--openapi: {source} is no OpenAPI 3 document: its key openapi must begin with 3.")
    try:
        return propose(Document(content, source if is_url(source) else ""), resource)
    except NothingFound as error:
        hint = "" if resource is not None else "; write the file by hand: onewinner init"
        raise UsageError(f"--openapi: {source}: {error}{hint}") from None
    except (RecursionError, TypeError, ValueError) as error:
        raise UsageError(f"--openapi: {source} is not as OpenAPI 3 documents are: {error}") from None


def fetch(source: str) -> bytes:
    """The bytes of a file, or of what a URL answers, limited in bytes and seconds."""
    try:
        with limit_time(FETCH_TIMEOUT_S):
            if is_url(source):
                with urllib.request.urlopen(source) as answer:  # noqa: S310 - http and https alone
                    return read_within(source, answer)
            with Path(source).open("rb") as document:
                return read_within(source, document)
    except urllib.error.HTTPError as error:
        raise UsageError(f"--openapi: {source} was answered {error.code}") from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise UsageError(f"--openapi: {source} cannot be read: {reason}") from None


def is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


@contextlib.contextmanager
def limit_time(limit_s: float) -> Iterator[None]:
    """Raises TimeoutError when the block takes longer. The timeout of a socket begins again with each byte."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"it did not end within {limit_s:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read_within(source: str, document: BinaryIO) -> bytes:
    """All of it, unless it is longer than a document may be."""
    content = document.read(DOCUMENT_BYTES_MAX + 1)
    if len(content) > DOCUMENT_BYTES_MAX:
        raise UsageError(f"--openapi: {source} is longer than {DOCUMENT_BYTES_MAX // 2**20} MiB")
    return content


def parse_document(source: str, content: bytes) -> Any:
    """JSON; YAML too, where a library for it is installed already."""
    try:
        return json.loads(content)
    except RecursionError:
        raise UsageError(f"--openapi: {source} is nested too deeply") from None
    except ValueError:
        pass
    try:
        yaml = importlib.import_module("yaml")
    except ImportError:
        raise UsageError(
            f"--openapi: {source} is not JSON, and for YAML the package PyYAML would be needed; "
            "install it beside onewinner, or name the document as JSON"
        ) from None
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        told = str(error) or "it is empty"
        raise UsageError(f"--openapi: {source} is neither JSON nor YAML: {told.splitlines()[0]}") from None
