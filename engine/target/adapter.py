"""Adapter: a Python file of the user's that prepares requests and classifies answers, for what no target file can say.

Its types are public as `onewinner.adapter`. The file is executed as it stands, in each process that asks.
"""

import inspect
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.target.answer_rules import ACCEPTED
from engine.target.http_answer import Answer
from engine.target.plain_file import read_plain
from engine.target.template import NO_VALUES, Request, Value, Values
from engine.target.value_checks import TOKEN, Mistake, is_header_value

PREPARE, CLASSIFY = "prepare", "classify"
# The outcomes that the answer to a request of each kind may have; "unknown" always.
SHOWN = ("ok", "refused", "busy")
OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "create": SHOWN,
    "read": SHOWN,
    "advance": ("won", "conflict", "stale", "refused", "busy", ACCEPTED),
    "poll": ("won", "conflict", "stale", "refused", "busy"),
    "guard": (*SHOWN, "conflict"),
    "write": (*SHOWN, "conflict", "stale"),
    "take": ("won", "conflict", "refused", "busy"),
    "give_back": ("won", "conflict", "refused", "busy"),
    "audit": SHOWN,
    "effects": SHOWN,
}
UNKNOWN = "unknown"
TEXT_MAX = 200


@dataclass(frozen=True)
class Context:
    """What a request is for. `kind` is create, read, advance, poll, guard, write, take, give_back, put, audit, effects
    or step. `name` is what reports call the route, the guard or the write. `next` is the state that an advance leads
    to, as the service spells it.

    Only `prepare` is told the rest: the tenant, the id of the workflow, the state that an advance expects, the id of
    the request, and the saved values by name.
    """

    kind: str
    name: str = ""
    next: Value = ""
    tenant: str = ""
    id: str = ""
    expected: Value = ""
    request_id: str = ""
    values: Values = field(default_factory=lambda: NO_VALUES)


class AdapterError(Exception):
    """What the adapter did wrong, in one sentence with its file and line."""


@dataclass(frozen=True)
class Adapter:
    """The functions of the file, those that it has."""

    file: Path
    functions: Mapping[str, Callable[..., Any]]

    def prepare(self, request: Request, context: Context) -> Request:
        """The request as it is to be sent. Raises AdapterError."""
        if PREPARE not in self.functions:
            return request
        prepared = self._call(PREPARE, request, context)
        problem = find_problem(prepared)
        if problem is not None:
            raise AdapterError(f"{self._place(PREPARE)}: prepare {problem}")
        assert isinstance(prepared, Request)
        return prepared

    def classify(self, answer: Answer, context: Context) -> str | None:
        """The outcome; None where the statuses of the target file decide. Raises AdapterError."""
        if CLASSIFY not in self.functions or answer.status is None:
            return None
        outcome = self._call(CLASSIFY, answer, context)
        allowed = (*OUTCOMES[context.kind], UNKNOWN)
        if outcome is None or (isinstance(outcome, str) and outcome in allowed):
            return outcome
        raise AdapterError(
            f"{self._place(CLASSIFY)}: classify returned {shorten(repr(outcome))} for the answer to "
            f"{context.kind}; it must be None or one of {', '.join(allowed)}"
        )

    def _call(self, name: str, *given: Any) -> Any:
        try:
            return self.functions[name](*given)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's function may raise anything
            where = find_line(error, self.file) or self._place(name)
            raise AdapterError(f"{where}: {name} raised {describe_error(error)}") from None

    def _place(self, name: str) -> str:
        code = getattr(self.functions[name], "__code__", None)
        return f"{self.file}:{code.co_firstlineno}" if code is not None else str(self.file)


def check_adapter_path(text: str) -> None:
    """Whether the file can be copied into a run directory with the target file. Raises Mistake."""
    path = Path(text)
    if path.suffix != ".py":
        raise Mistake("adapter", f"{text!r} must name a Python file, ending in .py")
    if path.is_absolute() or ".." in path.parts:
        raise Mistake("adapter", f"{text!r} must stand beside the target file, or in a folder below it")


def load_adapter(file: Path) -> Adapter:
    """Executes the file. Raises Mistake. It writes no bytecode beside it."""
    try:
        code = compile(read_plain(file), str(file), "exec", dont_inherit=True)
    except OSError as error:
        raise Mistake("adapter", f"{file}: cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise Mistake("adapter", f"{file}{line}: is not Python: {shorten(str(getattr(error, 'msg', error)))}") from None
    module = types.ModuleType(f"onewinner_adapter_{file.stem}")
    module.__file__ = str(file)
    # Such as a dataclass of the file looks for its module there.
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - it is the user's own file, named in the target file
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's file may raise anything
        where = find_line(error, file) or str(file)
        raise Mistake("adapter", f"{where}: it cannot be loaded: {describe_error(error)}") from None
    return Adapter(file, find_functions(file, module))


def find_functions(file: Path, module: types.ModuleType) -> dict[str, Callable[..., Any]]:
    found = {name: getattr(module, name) for name in (PREPARE, CLASSIFY) if hasattr(module, name)}
    if not found:
        raise Mistake("adapter", f"{file}: has neither prepare(request, context) nor classify(answer, context)")
    for name, function in found.items():
        if not callable(function) or not takes_two(function):
            subject = "request" if name == PREPARE else "answer"
            raise Mistake("adapter", f"{file}: {name} must be a function of two arguments: {name}({subject}, context)")
        if inspect.iscoroutinefunction(function):
            raise Mistake("adapter", f"{file}: {name} must be a plain function, not an async one")
    return found


def takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


def find_problem(prepared: Any) -> str | None:
    """What is wrong with what `prepare` returned, as the end of a sentence. It quotes no value that may be secret."""
    if not isinstance(prepared, Request):
        return f"returned {type(prepared).__name__}; it must return a Request"
    method: Any = prepared.method
    path: Any = prepared.path
    body: Any = prepared.body
    if not (isinstance(method, str) and TOKEN.fullmatch(method)):
        return "returned a request without a method"
    if not (isinstance(path, str) and path.startswith("/") and is_header_value(path) and " " not in path):
        return "returned a request with a path that cannot be sent; it begins with / and is percent-encoded"
    if not isinstance(body, bytes):
        return f"returned a request with a body of {type(body).__name__}; it must be bytes"
    return find_bad_header(prepared.headers)


def find_bad_header(headers: object) -> str | None:
    for each in headers if isinstance(headers, tuple) else ():
        if not (isinstance(each, tuple) and len(each) == 2 and all(isinstance(part, str) for part in each)):
            return "returned a request with a header that is no pair of texts"
        if not TOKEN.fullmatch(each[0]) or not is_header_value(each[1]):
            return f"returned a request with a header {shorten(repr(each[0]))} that cannot be sent"
    return None if isinstance(headers, tuple) else "returned a request with headers that are no tuple of pairs"


def find_line(error: BaseException, file: Path) -> str | None:
    """The innermost line of the file in the traceback of an error."""
    trace, found = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            found = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def describe_error(error: BaseException) -> str:
    text = shorten(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def shorten(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}..."
