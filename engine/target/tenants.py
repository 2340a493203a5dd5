"""Tenant: what proves a tenant to the service. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.target.checks import Mistake, check_headers
from engine.target.steps import Login, read_login
from engine.target.tables import TenantTable
from engine.target.template import find_placeholders


@dataclass(frozen=True)
class Tenant:
    """The headers of a tenant, in which saved values may stand. `keeps_cookies`: what answers set is sent again."""

    headers: Mapping[str, str] = field(default_factory=dict)
    login: Login | None = None
    keeps_cookies: bool = False

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
    return Tenant(table.headers, read_login(f"{key}.login", login), table.cookies)
