"""The choice of an engine: which one a command asks, and in which configuration. Made once, from the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.provision.database import is_made_here
from engine.provision.service import REFERENCE
from engine.target.target import Target
from engine.target.target_file import TargetError, load_target
from engine.target.workflow_source import IdPool
from onewinner.exits import UsageError

# The target files of the reference engine: its workflows, its outbox, its vouchers, its queue of jobs.
OUTBOX = REFERENCE.with_name("outbox.toml")
UNITS = (REFERENCE.with_name("vouchers.toml"), REFERENCE.with_name("jobs.toml"))
BUNDLED = (REFERENCE, OUTBOX, *UNITS)
BUNDLED_NAMES = {"reference": REFERENCE, **{file.stem: file for file in BUNDLED[1:]}}
# The target file that is meant where none is named; `init` writes it.
FOUND = Path("target.toml")
ISOLATIONS = ("read-committed", "repeatable-read", "serializable")
ISOLATION_DEFAULT = "read committed"
WORKERS_DEFAULT = 2


@dataclass(frozen=True)
class EngineChoice:
    """An engine and its configuration; None stands for the usual.

    `target` is the file as it was read; its credentials are not filled in. `isolation` is spelled as on the command
    line, `pgbouncer` is a program. `defect`, `control` and `recorded_arguments` (the service's arguments as a race file
    tells them) are of the reference engine.
    """

    file: Path
    target: Target
    database: str = "embedded"
    isolation: str | None = None
    workers: int | None = None
    pgbouncer: str | None = None
    defect: str | None = None
    control: str | None = None
    port: int | None = None
    recorded_arguments: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.is_reference and (self.defect, self.control) != (None, None):
            raise UsageError("--defect, --control are of the reference engine; leave out --target to use them")

    @property
    def is_reference(self) -> bool:
        return self.file in BUNDLED

    @property
    def variant(self) -> str | None:
        """The defect or the control."""
        return self.defect or self.control

    @property
    def name(self) -> str:
        """The defect, the control, or the target by its name."""
        return self.defect or self.control or self.target.name

    @property
    def isolation_asked(self) -> str | None:
        """The isolation level that was asked for; else the one at which the defect shows; None: the engine's own."""
        # Not above: it brings the reference engine along, and `check` needs none of it.
        from engine.reference.defects import read_promise

        if self.isolation is None and self.defect is not None:
            needed = read_promise(self.defect).isolation
            return needed.lower().replace(" ", "-") if needed is not None else None
        return self.isolation

    @property
    def database_isolation(self) -> str | None:
        """The isolation level of its database, in PostgreSQL's words. The reference engine is told its own instead."""
        return None if self.isolation is None or self.is_reference else self.isolation.replace("-", " ")

    @property
    def service_arguments(self) -> tuple[str, ...]:
        """The arguments after the service's command; only the reference engine has any."""
        if self.recorded_arguments is not None:
            return self.recorded_arguments
        given = {"--defect": self.defect, "--control": self.control}
        if self.is_reference:
            given["--isolation"] = self.isolation
        return tuple(part for option, value in given.items() if value is not None for part in (option, value))

    @property
    def service_values(self) -> dict[str, str]:
        """The values of {isolation} and {workers} in a [service]."""
        return {
            "isolation": self.database_isolation or ISOLATION_DEFAULT,
            "workers": str(self.workers or WORKERS_DEFAULT),
        }

    @property
    def has_fixed_processes(self) -> bool:
        """Whether onewinner starts the service and cannot choose the number of its processes."""
        return self.target.service is not None and "workers" in find_obstacles(self)

    @property
    def place_options(self) -> list[str]:
        """The options that say which target it is and where it runs."""
        is_meant = self.variant or (self.file == REFERENCE and not FOUND.exists())
        named = [] if is_meant else ["--target", name_target(self.file)]
        return named + ([] if self.database == "embedded" else ["--database", hide_password(self.database)])

    @property
    def options(self) -> list[str]:
        """All options that choose this engine, to be shown."""
        names = ("isolation", "workers", "pgbouncer", "defect", "control")
        given = {f"--{name}": getattr(self, name) for name in names}
        return self.place_options + [
            part for option, value in given.items() if value is not None for part in (option, str(value))
        ]


def choose_reference(defect: str | None = None) -> EngineChoice:
    """The reference engine on an embedded database."""
    return choose_variant(EngineChoice(REFERENCE, read_target(REFERENCE)), defect, None)


def choose_variant(reference: EngineChoice, defect: str | None, control: str | None) -> EngineChoice:
    """The reference engine with this defect or control: with the target file of what the variant is about."""
    file = find_bundled(defect, control) or reference.file
    return replace(reference, file=file, target=read_target(file), defect=defect, control=control)


def find_bundled(defect: str | None, control: str | None) -> Path | None:
    """The bundled target file that a defect or a control is about; None without one."""
    if defect is None and control is None:
        return None
    from engine.reference.variants import find_engine

    return REFERENCE.with_name(f"{find_engine(defect, control)}.toml")


def find_target_file(text: str) -> Path:
    """The file of this path; or the bundled one of this name, if there is no such file."""
    return Path(text) if text not in BUNDLED_NAMES or Path(text).exists() else BUNDLED_NAMES[text]


def name_target(file: Path) -> str:
    """What stands behind --target."""
    return next((name for name, bundled in BUNDLED_NAMES.items() if bundled == file), str(file))


def read_target(file: Path) -> Target:
    """The target of a file, without its credentials. Raises UsageError for a mistake in the file."""
    try:
        return load_target(file, None)
    except TargetError as error:
        raise UsageError(str(error)) from None


def find_obstacles(choice: EngineChoice) -> Mapping[str, str]:
    """The options that this service or its database cannot honour, each with the reason."""
    assert choice.target.service is not None, "a service that onewinner does not start takes no options"
    command = " ".join([*choice.target.service.command, *choice.target.service.env.values()])
    obstacles = {}
    if "{workers}" not in command:
        obstacles["workers"] = (
            "the target's [service] does not take it; write {workers} in its command or env, where it takes the number "
            "of its processes"
        )
    if "{isolation}" not in command and not is_made_here(choice.database):
        obstacles["isolation"] = (
            "the database of a URL is not changed for it; write {isolation} in the command or env of the target's "
            "[service], or pass --database embedded"
        )
    return obstacles


def find_proxy_obstacle(choice: EngineChoice, *, explores: bool = True) -> str | None:
    """Why no proxy can stand between this engine and its database; None when one can. `explores`: every order."""
    target = choice.target
    if target.service is None:
        return (
            "service: there is none, and the proxy stands between a service that onewinner starts and its database; "
            "say how it is started"
        )
    if explores and isinstance(target.create, IdPool):
        return "create: to explore, each schedule needs a new workflow; give a request or a command that creates one"
    command = " ".join([*target.service.command, *target.service.env.values()])
    if "{database_url}" not in command and "{database_port}" not in command:
        return (
            "service: it is not told its database, so no proxy can stand in between; write {database_url} in its "
            "command or env"
        )
    if choice.pgbouncer is not None:
        return "pgbouncer: behind it the proxy cannot tell which connection of the database belongs to which request"
    return None


def hide_password(argument: str) -> str:
    """The argument; of a URL with a password, the URL without it."""
    scheme, separator, rest = argument.partition("://")
    login, at, place = rest.rpartition("@")
    if not separator or not at or ":" not in login:
        return argument
    return f"{scheme}://{login.partition(':')[0]}:...@{place}"
