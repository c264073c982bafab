"""Schemes: the ways to say who asks. One file per scheme in `schemes/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from kapagate.chain.fact import Fact
from kapagate.chain.principal import Principal
from kapagate.chain.step import Step

if TYPE_CHECKING:
    from kapagate.chain.exchange import Exchange
    from kapagate.chain.services import Services

Recognise = Callable[["Exchange"], Awaitable[Principal | None]]


class Recogniser(Struct, frozen=True):
    """A compiled scheme.

    `recognise` returns None when these are not its credentials, raises Problem `invalid-credentials` when they are and
    do not hold. `headers` (lower case) are the fields its credentials stand in: they never go upstream. `challenge` is
    its `WWW-Authenticate` value (RFC 9110, 11.6.1). `steady`: what it says follows from these fields and the time
    alone, and a principal holds until it `expires`, so it need not be asked about the same fields again - as long as
    its `revision`, where it has one, is the same: that is another number when what it verified with is gone.

    `relayed` are those of `headers` that go upstream all the same: they prove nothing but this one request. `attends`
    has request, opening and done hooks for the exchanges that the scheme decided; the first runs when the caller is
    known. Facts that they read are `recognise`'s to write. A scheme that attends is not steady.
    """

    recognise: Recognise
    headers: frozenset[bytes]
    challenge: str
    steady: bool = False
    revision: Callable[[], int] | None = None
    relayed: frozenset[bytes] = frozenset()
    attends: Step | None = None


ATTENDS: Fact[Step] = Fact("attends")
"""The hooks of the scheme that decided, where it has any."""


class Scheme(BaseModel, ABC):
    """The declaration of one scheme; its fields are its YAML schema. Schemes have no common options."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    answers_itself: ClassVar[bool] = False
    """Whether it may answer a request, as a webhook that comes again is answered."""

    @abstractmethod
    def compile(self, services: Services) -> Recogniser:
        """At load: no I/O, no await. Raises `Invalid`."""
