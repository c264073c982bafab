"""Lets through whom their address allows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kapagate.access.networks import Admission, Network, parse_network, parse_networks
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.order import MORE, Label, Listed
from kapagate.chain.problem import Problem
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.verdict import Decision
from kapagate.chain.watched import FilePath, Watched


def _written(text: str) -> str:
    return str(parse_network(text))


Cidr = Annotated[str, AfterValidator(_written)]


class NetworkFile(BaseModel):
    """A file with a network per line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: FilePath = Field(
        description="A file with a network per line, read again when it changes; `#` begins a comment."
    )


class IpAllow(Filter):
    """Refuses requests by the address that they come from: the true client's where trusted hops stand in between.

    Addresses and networks of IPv4 and IPv6. What is denied is refused even if it is allowed as well. An IPv4 address
    that is mapped into IPv6 is an IPv4 address; zones are passed over. A client without an address, on a unix socket,
    is in no list.
    """

    failures: ClassVar[frozenset[str]] = frozenset({"deny"})

    allow: Annotated[tuple[Cidr, ...] | NetworkFile | None, Listed("fewer", (None,))] = Field(
        None, description="Whom to let through, and nobody else; anybody when left out."
    )
    deny: Annotated[tuple[Cidr, ...] | NetworkFile, MORE] = Field((), description="Whom to refuse in any case.")

    presence: ClassVar[Label] = "tighter"

    @property
    def decisions(self) -> frozenset[Decision]:
        return frozenset({"passed", "refused"})

    def compile(self, services: Services) -> Step:
        if self.allow is None and self.deny == ():
            raise Invalid("this lets everybody through: say `allow`, `deny` or both")
        if self.allow == ():
            raise Invalid(
                "an empty list lets nobody through: leave `allow` out to let through all but `deny`", ("allow",)
            )
        door = _Door()
        _feed(self.allow, "allow", door.take_allowed, services)
        _feed(self.deny, "deny", door.take_denied, services)
        return Step(on_request=door.check)


class _Door:
    """The compiled filter; `allowed` None: anybody."""

    def __init__(self) -> None:
        self._allowed: tuple[Network, ...] | None = None
        self._denied: tuple[Network, ...] = ()
        self._admission = Admission(None, ())

    def take_allowed(self, text: str) -> None:
        """A new list, a network per line. Raises ValueError, and then the old one stands."""
        networks = parse_networks(text)
        if not networks:
            raise ValueError("it holds no network, so it would let nobody through")
        self._allowed = networks
        self._admission = Admission(self._allowed, self._denied)

    def take_denied(self, text: str) -> None:
        """As `take_allowed`; nobody need be denied."""
        self._denied = parse_networks(text)
        self._admission = Admission(self._allowed, self._denied)

    async def check(self, ex: Exchange) -> None:
        if not self._admission.admits(ex.request.client):
            raise Problem(problems.ADDRESS_REFUSED, "requests from this address are not served here")


def _feed(
    source: tuple[str, ...] | NetworkFile | None, name: str, take: Callable[[str], None], services: Services
) -> None:
    """Gives a list to the door, now and, where it stands in a file, whenever that changes. Raises `Invalid`."""
    if isinstance(source, NetworkFile):
        watched = services[Watched]
        try:
            watched.watch(source.file, take)
        except (LookupError, ValueError) as cause:
            raise Invalid(f"{source.file}: {cause}", (name, "file")) from None
    elif source:
        take("\n".join(source))
