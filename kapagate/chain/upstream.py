"""Upstream types: how one kind of API is spoken to. One file per type in `upstreams/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from kapagate.answer.codec import Codec
from kapagate.chain.hop import Endpoint, Hop, Inbound, Outbound
from kapagate.chain.route import Route
from kapagate.chain.step import OnAnswer, OnRequest

if TYPE_CHECKING:
    from kapagate.chain.exchange import Exchange
    from kapagate.chain.services import Services


class Adapter(Protocol):
    """The upstream's side of an exchange, without sockets."""

    async def outbound(self, exchange: Exchange) -> Outbound:
        """The request as it leaves: path, credentials, forced fields. Raises Problem."""

    def inbound(self, exchange: Exchange, head: Inbound, inspected: bool) -> Codec | None:
        """The answer's codec; None passes it as it is. Raises Problem (our key was refused, a body that cannot be
        read).
        """

    def headers(self, exchange: Exchange, head: Inbound, inspected: bool) -> list[tuple[bytes, bytes]]:
        """The fields of the upstream's answer that the client gets; `exchange.response` has its codec already."""

    def holds(self, exchange: Exchange) -> bool:
        """Whether a streamed answer is held to its end (`stream: buffer`) for this tenant."""


OnIdentifiers = Callable[["Exchange", Mapping[str, Any]], Awaitable[None]]


class Innermost(Struct, frozen=True, eq=False):
    """An upstream's own step on one of its routes: behind all of the policy's on the way in, before them back out.

    `on_identifiers` gets the identifiers of the answer that are about to leave, and they wait until it returns. A
    refusal that it raises is told in their place. `name` is one that no step of a policy can have.
    """

    name: str
    on_request: OnRequest | None = None
    on_answer: OnAnswer | None = None
    on_identifiers: OnIdentifiers | None = None


class Upstream(Struct, frozen=True, eq=False):
    """An upstream of the live generation."""

    name: str
    adapter: Adapter
    hop: Hop
    declaration: UpstreamType | None = None


class Compiled(Struct, frozen=True):
    """What an upstream type's declaration becomes. `routes` are those that it brings along, without their upstream."""

    endpoint: Endpoint
    adapter: Adapter
    routes: Sequence[Route] = ()


class UpstreamType(BaseModel, ABC):
    """The declaration of one upstream in a policy; its fields are its YAML schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @abstractmethod
    def compile(self, name: str, services: Services) -> Compiled:
        """At load: no I/O, no await. Raises `Invalid`."""
