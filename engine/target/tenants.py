"""Tenant: what proves a tenant to the service. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.target.template import find_placeholders


@dataclass(frozen=True)
class Tenant:
    """The headers of a tenant, in which saved values may stand."""

    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def placeholders(self) -> frozenset[str]:
        return find_placeholders(dict(self.headers))
