"""Database: the address of a database; reads it from a URL and writes it as one."""

import os
import pwd
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from engine.provision.errors import DatabaseUnavailable
from engine.target.credentials import choose
from engine.target.secrets import Secrets
from engine.target.target import Target

# The options of a URL that say how a session begins, and not how the connection is made.
SESSION_OPTIONS = ("search_path", "options")
# The max_connections of the databases that we start.
CONNECTIONS_MAX = 400


@dataclass(frozen=True)
class Database:
    """One database on a running PostgreSQL. `host` may be the folder of a Unix socket.

    `pooled`: a session lasts for one transaction only, because a pgbouncer in transaction mode is in front of it.
    `connections`: how many sessions can be opened.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    name: str
    options: str = ""
    pooled: bool = False
    connections: int = field(default=CONNECTIONS_MAX, compare=False)

    @property
    def url(self) -> str:
        """postgresql://user:password@host:port/name, percent-encoded, with the options as its query."""
        return self._compose(f":{quote(self.password, safe='')}" if self.password else "")

    @property
    def public_url(self) -> str:
        """The URL without its password."""
        return self._compose("")

    def behind(self, port: int) -> "Database":
        """The same database through a proxy on 127.0.0.1, which refuses encryption and keeps how a session begins."""
        kept = [pair for pair in parse_qsl(self.options) if pair[0] in SESSION_OPTIONS]
        return replace(self, host="127.0.0.1", port=port, options=urlencode(kept))

    def within(self, schema: str) -> "Database":
        """The same database; its sessions find and create tables in this schema alone."""
        return replace(self, options=urlencode({**dict(parse_qsl(self.options)), "search_path": schema}))

    def _compose(self, password: str) -> str:
        query = parse_qsl(self.options)
        where = f"[{self.host}]" if ":" in self.host else self.host
        if self.host.startswith("/"):
            query = [("host", self.host), *query]
            where = ""
        who = f"{quote(self.user, safe='')}{password}@" if self.user else ""
        tail = f"?{urlencode(query)}" if query else ""
        return f"postgresql://{who}{where}:{self.port}/{quote(self.name, safe='')}{tail}"


def parse_url(url: str) -> Database:
    """A Database from postgresql://, postgres:// or postgresql+driver://. Raises DatabaseUnavailable."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        shown = f"the scheme {scheme!r}" if separator else repr(url)
        raise DatabaseUnavailable(
            f"{shown} names no database; pass embedded, container or postgresql://user:password@host/name."
        )
    try:
        parts = urlsplit(f"postgresql://{rest}")
        port = parts.port or 5432
    except ValueError:
        # The error quotes text that may be a part of the password.
        raise DatabaseUnavailable(
            "The database URL cannot be read; pass postgresql://user:password@host:port/name, "
            "with / and @ in the password written as %2F and %40."
        ) from None
    query = dict(parse_qsl(parts.query))
    socket_folder = query.pop("host", None)
    asked_port = query.pop("port", "")
    user = unquote(parts.username or "") or query.pop("user", "") or os.environ.get("PGUSER", "")
    return Database(
        host=socket_folder or parts.hostname or "localhost",
        port=int(asked_port) if asked_port.isdigit() else port,
        user=user or pwd.getpwuid(os.geteuid()).pw_name,
        password=unquote(parts.password or "") or query.pop("password", "") or os.environ.get("PGPASSWORD", ""),
        name=unquote(parts.path.lstrip("/")) or user,
        options=urlencode(query),
    )


def find_passwords(database: Database, target: Target) -> Secrets:
    """The password of a database, and those among its options."""
    options = [value for name, value in parse_qsl(database.options) if "password" in name]
    return choose(target, [database.password, *options])


def list_values(database: Database) -> dict[str, str]:
    """The values of the placeholders {database_url}, {database_host}, ... of a [service]."""
    return {
        "database_url": database.url,
        "database_host": database.host,
        "database_port": str(database.port),
        "database_user": database.user,
        "database_password": database.password,
        "database_name": database.name,
        "pooled": "true" if database.pooled else "false",
    }
