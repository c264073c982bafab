"""Steps: what a filter's declaration becomes when the policy is loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from kapagate.answer.rules import AnswerRules, TextRule
from kapagate.chain.fact import Fact
from kapagate.chain.headers import Headers, RawHeaders
from kapagate.chain.response import Response
from kapagate.chain.route import Surface

if TYPE_CHECKING:
    from kapagate.chain.exchange import Exchange

OnRequest = Callable[["Exchange"], Awaitable[Response | None]]
OnAnswer = Callable[["Exchange"], AnswerRules | None]
OnOpening = Callable[["Exchange"], Awaitable[None]]
OnSeal = Callable[["Exchange"], Awaitable[None]]
OnDone = Callable[["Exchange"], None]
Marks = Callable[[Headers], RawHeaders]


class Step(Struct, frozen=True, kw_only=True):
    """A filter's part in every exchange: facts, needs, and up to five hooks, each in the phase that its name says.

    `needs` maps a surface to the option that asks for it. `asserts`: request header names (lower case) that the
    gateway alone may speak; what the client sent under them never goes upstream. Request hooks may answer (return a
    Response) or refuse (raise Problem). `on_done` is called exactly once per exchange and must not wait or raise.
    `marks`: fields that an answer to a request with these fields carries; asked of a gate's step that always acts, for
    refusals that no exchange came to (`on_opening` sees to all others). `texts`: the rules that its request hook works
    on questions with, for those who try them out.
    """

    reads: frozenset[Fact[Any]] = frozenset()
    writes: frozenset[Fact[Any]] = frozenset()
    needs: Mapping[Surface, str] = field(default_factory=dict)
    asserts: frozenset[bytes] = frozenset()
    on_request: OnRequest | None = None
    on_answer: OnAnswer | None = None
    on_opening: OnOpening | None = None
    on_seal: OnSeal | None = None
    on_done: OnDone | None = None
    marks: Marks | None = None
    texts: tuple[TextRule, ...] = ()
