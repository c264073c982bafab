"""Schemes: the ways to say who asks. One file per scheme in `schemes/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from kapagate.chain.principal import Principal

if TYPE_CHECKING:
    from kapagate.chain.exchange import Exchange
    from kapagate.chain.services import Services

Recognise = Callable[["Exchange"], Awaitable[Principal | None]]


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A compiled scheme.

    `recognise` returns None when these are not its credentials, raises Problem `invalid-credentials` when they are and
    do not hold. `headers` (lower case) are the fields its credentials stand in: they never go upstream. `challenge` is
    its `WWW-Authenticate` value (RFC 9110, 11.6.1). `steady`: what it says follows from these fields and the time
    alone, and a principal holds until it `expires`, so it need not be asked about the same fields again - as long as
    its `revision`, where it has one, is the same: that is another number when what it verified with is gone.
    """

    recognise: Recognise
    headers: frozenset[bytes]
    challenge: str
    steady: bool = False
    revision: Callable[[], int] | None = None


class Scheme(BaseModel, ABC):
    """The declaration of one scheme; its fields are its YAML schema. Schemes have no common options."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @abstractmethod
    def compile(self, services: Services) -> Recogniser:
        """At load: no I/O, no await. Raises `Invalid`."""
