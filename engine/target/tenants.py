"""Tenant: what proves a tenant to the service. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.target.file_tables import TenantTable, UserTable
from engine.target.login_and_setup_steps import Login, read_login
from engine.target.template import find_placeholders
from engine.target.value_checks import Mistake, check_headers

# The name of the value that says which user of its tenant sends a request. A file can save no value under it.
USER = "user of the tenant"


@dataclass(frozen=True)
class Tenant:
    """The headers of a tenant, in which saved values may stand. `keeps_cookies`: what answers set is sent again."""

    headers: Mapping[str, str] = field(default_factory=dict)
    login: Login | None = None
    keeps_cookies: bool = False
    users: Mapping[str, "Tenant"] = field(default_factory=dict)

    def name_user(self, number: int) -> str:
        """The name of the user with this number, counted around; empty if the tenant has no users."""
        names = list(self.users)
        return names[number % len(names)] if names else ""

    def find_user(self, name: str) -> "Tenant":
        """What proves this user; the first one where none is named."""
        return self.users[name or self.name_user(0)] if self.users else self

    @cached_property
    def plain_headers(self) -> Mapping[str, str]:
        """Those without a saved value."""
        return {name: value for name, value in self.headers.items() if not find_placeholders(value)}

    @cached_property
    def placeholders(self) -> frozenset[str]:
        return find_placeholders(dict(self.headers))


def read_tenants(tables: Mapping[str, TenantTable]) -> dict[str, Tenant]:
    """The tenants; a file that names none has one, "default"."""
    return {
        name: read_tenant(f"tenants.{name}", table) for name, table in (tables or {"default": TenantTable()}).items()
    }


def read_tenant(key: str, table: TenantTable) -> Tenant:
    check_headers(f"{key}.headers", table.headers)
    login = table.login
    if login is not None and not login.save and not table.cookies:
        raise Mistake(f"{key}.login.save", "saves nothing; save what proves the tenant, or write cookies = true")
    users: dict[str, Tenant] = {}
    for index, user in enumerate(table.users):
        users[read_user_name(f"{key}.users[{index}].name", user.name, users)] = read_user(
            f"{key}.users[{index}]", user, table
        )
    return Tenant(table.headers, read_login(f"{key}.login", login), table.cookies, users)


def read_user_name(key: str, name: str, others: Mapping[str, Tenant]) -> str:
    if not name:
        raise Mistake(key, "must not be empty")
    if name in others:
        raise Mistake(key, f"{name!r} is the name of another user, too; give each a name of its own")
    return name


def read_user(key: str, table: UserTable, tenant: TenantTable) -> Tenant:
    """What proves a user: the headers of the tenant too, where the user has no header of that name."""
    check_headers(f"{key}.headers", table.headers)
    own = {name.lower() for name in table.headers}
    headers = {name: value for name, value in tenant.headers.items() if name.lower() not in own} | table.headers
    if table.login is not None and not table.login.save and not tenant.cookies:
        raise Mistake(f"{key}.login.save", "saves nothing; save what proves the user, or write cookies = true")
    return Tenant(headers, read_login(f"{key}.login", table.login), tenant.cookies)
