"""Who asks, and for whom."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from kapagate.chain.fact import Fact
from kapagate.chain.secret import Secret

if TYPE_CHECKING:
    from kapagate.chain.compose import Steps


class Principal(Struct, frozen=True):
    """`subject` is the caller's stable name within the tenant; `session` a session's id where the credential has
    one; `expires` when the credential ends, in Unix seconds; `key` the name of the key that was used, never the key.

    One object stands for one credential as long as that is remembered. `kept` is for what a step works out of it and
    nothing else, under the compiled step itself as the key: it is gone when the principal is.
    """

    subject: str
    tenant: str
    roles: tuple[str, ...] = ()
    scheme: str = ""
    session: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    expires: float = math.inf
    key: str = ""
    kept: dict[Hashable, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        force_setattr(self, "kept", {})  # also of one that is another with some fields replaced

    def __repr__(self) -> str:
        """Without what is kept: there are tokens for backends in it."""
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "kept")
        return f"Principal({', '.join(shown)})"


class Account(Struct, frozen=True):
    """What a tenant has at one Kapa upstream; `project` is empty where its address says which. `source_groups` None:
    all of the project's. `shared`: other tenants have the same project.
    """

    project: str
    api_key: Secret
    integration_id: str | None = None
    source_groups: tuple[str, ...] | None = None
    buffered: bool = False
    shared: bool = False


class Tenant(Struct, frozen=True, eq=False):
    """A tenant of the live generation.

    `accounts` by the upstream's name; `steps` is its effective chain, shared by tenants with equal options; None: the
    gateway's own."""

    name: str
    display_name: str = ""
    accounts: Mapping[str, Account] = field(default_factory=dict)
    steps: Steps | None = None


NOBODY = Principal(subject="", tenant="none")
NO_TENANT = Tenant(name="none")

PRINCIPAL: Fact[Principal] = Fact("principal")
TENANT: Fact[Tenant] = Fact("tenant")
