"""Reads a target file (TOML) into a Target. A mistake in it is one sentence with the key's path."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import msgspec
from msgspec import structs

from engine.target.adapter import Adapter, check_adapter_path, load_adapter
from engine.target.answer_rules import Rule, Statuses, read_meanings, read_statuses, refuse_same, refuse_second_meaning
from engine.target.capacity import NO_WORKFLOW, check_resource, check_tables, find_units_of_none, read_capacity
from engine.target.environment_variables import fill_requests, pick_variables, resolve
from engine.target.file_tables import (
    AdvanceTable,
    Answers,
    CreateTable,
    File,
    ReadTable,
    RequestTable,
    ServiceTable,
    WorkflowTable,
)
from engine.target.graph import TransitionGraph
from engine.target.idempotency import add_key, add_meanings, read_idempotency, refuse_other_meanings
from engine.target.key_checks import check_shape, describe_file
from engine.target.login_and_setup_steps import read_before, read_setup
from engine.target.placeholders import check_names, find_givers, is_of_workflow
from engine.target.plain_file import read_plain
from engine.target.routes import (
    Route,
    check_users,
    read_effects,
    read_general,
    read_guards,
    read_request_of_workflow,
    read_routes,
    read_template,
    read_trail,
    read_writes,
)
from engine.target.run_copy import restore
from engine.target.savings import read_savings
from engine.target.sinks import read_sinks
from engine.target.state_spelling import Spelling
from engine.target.target import Target
from engine.target.template import Template, braces, find_placeholders
from engine.target.tenants import read_tenants
from engine.target.timed_moves import read_timed
from engine.target.value_checks import (
    Mistake,
    check_base_url,
    check_graph,
    check_header_name,
    check_seconds,
    check_spelling,
    check_states,
)
from engine.target.value_places import read_optional_place
from engine.target.workflow_source import CreateCommand, IdPool, Queue

WAYS_TO_CREATE = ("request", "command", "ids")
# The placeholders of a [service] that the command of [create] may use too.
SERVICE_VALUES = (
    "port", "database_url", "database_host", "database_port", "database_user", "database_password", "database_name",
)  # fmt: skip


class TargetError(Exception):
    """A target file that cannot be used: where, what, and what to do about it, in one sentence."""


def load_target(file: Path, environment: Mapping[str, str] | None = os.environ) -> Target:
    """The Target that a file describes. Raises TargetError. With environment=None, ${NAME} stays as it stands."""
    try:
        text = restore(file, read_plain(file)).decode()
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TargetError(f"{file}: cannot be read: {reason}; name an existing target file with --target") from None
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{file}: is not TOML: {error}; text stands in quotes, and a key once in a table") from None
    except (ValueError, RecursionError) as error:
        what = "is nested too deeply" if isinstance(error, RecursionError) else "has a number of too many digits"
        raise TargetError(f"{file}: {what}") from None
    try:
        check_shape(document, describe_file())
        target = read_target(msgspec.convert(document, File), file.parent, environment)
        return replace(target, variables=pick_variables(text, environment or {}))
    except Mistake as mistake:
        raise TargetError(f"{file}: {mistake}") from None
    except msgspec.ValidationError as error:  # a number that no float holds
        what, _, place = str(error).partition(" - at `$.")
        raise TargetError(f"{file}: {place.rstrip('`') or 'the file'}: {what}") from None
    except RecursionError:
        raise TargetError(f"{file}: is nested too deeply") from None


def read_target(file: File, folder: Path, environment: Mapping[str, str] | None) -> Target:
    """`folder` is where relative paths in the file begin."""
    file = add_key(file)
    check_tables(file)
    check_names(file)
    if (key := find_units_of_none(file)) is not None:
        raise Mistake(key, "{units} means nothing here: there is no [capacity]")
    file = fill_requests(file, environment) if environment is not None else file
    served = file.service is not None
    workflow, advance, table = file.workflow, file.advance or AdvanceTable(), file.create or CreateTable()
    graph = NO_WORKFLOW if workflow is None else read_graph(workflow, advance)
    givers = find_givers(file)
    saved = [name for name, key in givers.items() if is_of_workflow(key)]
    # A value of a create or of another move may say which workflow is meant: the order that a cart became.
    told = [name for name in saved if not givers[name].startswith("read")]
    routes = read_routes(advance, graph, told)
    general = read_general(advance, routes, graph, told)
    every = [*routes, *([general] if general else [])]
    idempotency = read_idempotency(file.idempotency, every, table.request) if file.idempotency is not None else None
    tenants = read_tenants(file.tenants)
    check_users(routes, {name: tenant.users for name, tenant in tenants.items()})
    check_base_url(file.base_url, served=served)
    check_seconds("timeout_s", file.timeout_s)
    if file.arrived_header is not None:
        check_header_name("arrived_header", file.arrived_header)
    read, create_won, ok = file.read, read_statuses("create.won", table.won), read_ok(file.read)
    # Without a place that `ok` could be about, each answer to a read tells its state by itself.
    shown = ok if read is not None and read.state is not None else None
    put = file.capacity.put if file.capacity is not None else None
    create = read_create(table, put, tenants, folder, environment, served=served)
    meanings = read_meanings(advance)
    capacity = None if file.capacity is None else read_capacity(file.capacity, create, saved, meanings.busy)
    if capacity is not None and capacity.left is not None and read is None:
        raise Mistake("capacity.left", "is a place in the answer to [read], and there is no [read]; add it")
    if capacity is not None and workflow is None:
        meanings = capacity.meanings
    target = Target(
        name=file.name,
        base_url=file.base_url.rstrip("/"),
        timeout_s=file.timeout_s,
        tenants=tenants,
        graph=graph,
        create=create,
        create_id=read_optional_place("create.id", table.id),
        create_won=create_won,
        read=None if read is None else read_request_of_workflow("read.request", read.request, [*table.save]),
        read_state=None if read is None else read_optional_place("read.state", read.state),
        read_states={} if read is None else read_states_by_answer(read.state_by_answer, graph, shown),
        read_ok=ok,
        create_savings=read_savings("create.save", table.save),
        read_savings=read_savings("read.save", read.save) if read else (),
        givers=givers,
        setup=read_setup(file.setup),
        before=read_before("create.before", table.before),
        general=None if general is None else add_meanings(general, idempotency),
        routes=tuple(add_meanings(route, idempotency) for route in routes),
        idempotency=idempotency,
        adapter=read_adapter(file.adapter, folder, environment),
        general_serves_all=advance.serves_every_edge,
        meanings=meanings,
        current_state=read_optional_place("advance.current_state", advance.current_state),
        spelling=Spelling(workflow.spelling if workflow is not None else {}),
        capacity=capacity,
        arrived_header=file.arrived_header,
        guards=read_guards(file.guards, graph, ok),
        writes=read_writes(file.writes, graph),
        trail=read_trail(file.audit, ok, saved) if file.audit is not None else None,
        effects=read_effects(file.effects, ok, saved) if file.effects is not None else None,
        sinks=read_sinks(file.sinks, graph, carries_marker=any(route.carries_marker for route in every)),
        service=read_service(file.service, folder) if file.service is not None else None,
    )
    check_busy(target)
    if target.idempotency is not None and target.creates_with_key:
        refuse_other_meanings(target.idempotency, create_won)
    check_target(target)
    return target


def read_adapter(text: str | None, folder: Path, environment: Mapping[str, str] | None) -> Adapter | None:
    """The adapter of a target that is asked; one that is only read, as of an old run, executes nothing."""
    if text is None:
        return None
    check_adapter_path(text)
    return None if environment is None else load_adapter((folder / text).absolute())


def read_ok(table: ReadTable | None) -> Statuses:
    """The answers that show something, where a table does not say it itself."""
    return Statuses((Rule(200),), "read.ok") if table is None else read_statuses("read.ok", table.ok)


def read_states_by_answer(
    table: Mapping[str, Answers], graph: TransitionGraph, shown: Statuses | None
) -> dict[str, Statuses]:
    """The answers that tell a state by themselves. They come before those that show one, if any do."""
    check_states("read.state_by_answer", table, graph)
    read = {state: read_statuses(f"read.state_by_answer.{state}", answers) for state, answers in table.items()}
    for first, second in combinations(read.values(), 2):
        refuse_second_meaning(second, first)
    if shown is not None:
        for statuses in read.values():
            refuse_same(statuses, shown)
    return read


def read_graph(table: WorkflowTable, advance: AdvanceTable) -> TransitionGraph:
    transitions, timed = read_timed(table, advance)
    try:
        graph = TransitionGraph.of(table.initial, transitions, timed)
    except ValueError as error:
        raise Mistake("workflow.transitions", f"{error}; write for each state the list of its next states") from None
    check_graph(graph)
    check_spelling(table.spelling, graph)
    return graph


def read_create(
    table: CreateTable,
    put: RequestTable | None,
    tenants: Mapping[str, object],
    folder: Path,
    environment: Mapping[str, str] | None,
    *,
    served: bool,
) -> Template | CreateCommand | IdPool | Queue:
    """The one way to create a workflow that the table names; any other number of ways is a mistake.

    `put` is the request that puts a unit into the new resource.
    """
    given = [way for way in WAYS_TO_CREATE if getattr(table, way) is not None]
    if put is not None:
        return read_queue(table, put, given)
    if not given:
        raise Mistake(
            "create", "names no way to create a workflow; add request = ... with id = ..., or else command or ids"
        )
    if len(given) > 1:
        raise Mistake(
            f"create.{given[1]}", f"stands beside create.{given[0]}; workflows come from one of them, keep one"
        )
    if table.command is None and table.cwd is not None:
        raise Mistake("create.cwd", "goes with create.command only; remove it")
    if table.request is not None and table.id is None:
        raise Mistake("create.id", "is missing; add the JMESPath of the id in the answer to create.request")
    if table.request is not None:
        return read_template("create.request", table.request)
    if table.save:
        raise Mistake("create.save", "goes with create.request only, which has an answer; remove it")
    if table.id is not None:
        raise Mistake("create.id", f"goes with create.request only; create.{given[0]} gives the ids itself, remove it")
    if table.command is not None:
        return read_command(table, table.command, folder, environment, served=served)
    return read_ids(table.ids or [], tenants)


def read_queue(table: CreateTable, put: RequestTable, given: list[str]) -> Queue:
    """The queue that the request creates; without one, the one of the whole service."""
    for way in given:
        if way != "request":
            raise Mistake(f"create.{way}", "makes no queue for capacity.put; write create.request, or leave it out")
    is_shared = not given
    for name in ("id", "save", "before") if is_shared else ():
        if getattr(table, name):
            raise Mistake(f"create.{name}", "goes with create.request only; remove it")
    if not is_shared and table.id is None:
        raise Mistake("create.id", "is missing; add the JMESPath of the id in the answer to create.request")
    template = read_template("capacity.put", put)
    check_resource("capacity.put", template, table.save, is_shared=is_shared)
    return Queue(template, None if table.request is None else read_template("create.request", table.request))


def read_command(
    table: CreateTable, words: list[str], folder: Path, environment: Mapping[str, str] | None, *, served: bool
) -> CreateCommand:
    if not words:
        raise Mistake("create.command", "must name a program and its arguments")
    known = ("tenant", "request_id", "marker", *(SERVICE_VALUES if served else ()))
    for name in sorted(find_placeholders(words) - set(known)):
        raise Mistake("create.command", f"{{{name}}} means nothing here; what can stand here: {braces(known)}")
    filled = tuple(resolve(f"create.command[{number}]", word, environment) for number, word in enumerate(words))
    check_seconds("create.timeout_s", table.timeout_s)
    cwd = (folder / table.cwd).resolve() if table.cwd else Path.cwd()
    return CreateCommand(filled, str(cwd), table.timeout_s)


def read_ids(listed: list[str | int] | dict[str, list[str | int]], tenants: Mapping[str, object]) -> IdPool:
    owner = next(iter(tenants))
    by_tenant = listed if isinstance(listed, dict) else {owner: listed}
    pool = {tenant: tuple(str(each) for each in ids) for tenant, ids in by_tenant.items()}
    for tenant, ids in pool.items():
        key = f"create.ids.{tenant}" if isinstance(listed, dict) else "create.ids"
        if tenant not in tenants:
            raise Mistake(key, f"there is no [tenants.{tenant}]; there are: {', '.join(tenants)}")
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            raise Mistake(key, f"{twice[0]!r} stands there more than once; each id is used once, remove the second")
    if not pool.get(owner):
        raise Mistake("create.ids", f"there is no id of {owner}, who owns the workflows of a run; add at least one")
    return IdPool(pool)


def read_service(table: ServiceTable, folder: Path) -> ServiceTable:
    """The table with the whole path of the folder in which the service runs. Raises Mistake."""
    if not table.command:
        raise Mistake("service.command", "must name a program and its arguments")
    if not table.ready.startswith("/"):
        raise Mistake("service.ready", f"{table.ready!r} must be a path that begins with /")
    check_seconds("service.ready_timeout_s", table.ready_timeout_s)
    check_seconds("service.prepare_timeout_s", table.prepare_timeout_s)
    for number, words in enumerate(table.prepare):
        if not words:
            raise Mistake(f"service.prepare[{number}]", "must name a program and its arguments")
    return structs.replace(table, cwd=str((folder / table.cwd).resolve()) if table.cwd else None)


def check_busy(target: Target) -> None:
    """An answer of `busy` means "try again" to every request, so it may have no other meaning anywhere."""
    shown = [each.ok for each in (target.trail, target.effects) if each is not None]
    shown += [statuses for guard in target.guards for statuses in (guard.ok, guard.closed)]
    shown += [write.ok for write in target.writes]
    for statuses in (target.create_won, target.read_ok, *target.read_states.values(), *shown):
        refuse_same(statuses, target.meanings.busy)


def check_target(target: Target) -> None:
    """Whether each request means one move, and whether every advance carries the request id of the trail."""
    general: tuple[Route, ...] = (target.general,) if target.general is not None else ()
    for route in (*target.routes, *general) if target.trail is not None and target.trail.request_id else ():
        if "request_id" not in route.template.placeholders:
            raise Mistake(
                "audit.request_id", f"the request of {route.name!r} does not carry {{request_id}}; add it there"
            )
    if found := target.find_ambiguous():
        ways = " and from ".join(f"{origin} to {to}" for origin, to in found)
        raise Mistake(
            "advance",
            f"the same request leads from {ways}, so a win does not tell which move it made; put {{next}} or "
            "{expected} into it, or give each move a request of its own",
        )
