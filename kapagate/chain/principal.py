"""Who asks, and for whom."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kapagate.chain.fact import Fact
from kapagate.chain.secret import Secret

if TYPE_CHECKING:
    from kapagate.chain.compose import Steps


@dataclass(frozen=True, slots=True)
class Principal:
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
    expires: float = field(default=math.inf, compare=False)
    key: str = ""
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """What a tenant has at one Kapa upstream; `project` is empty where its address says which. `source_groups` None:
    all of the project's. `shared`: other tenants have the same project.
    """

    project: str
    api_key: Secret
    integration_id: str | None = None
    source_groups: tuple[str, ...] | None = None
    buffered: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tenant:
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
