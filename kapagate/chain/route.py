"""Routes: what can be asked, under which name, and what of it the guards can see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable
from typing import TYPE_CHECKING, Any, Literal, get_args

from msgspec import Struct

from kapagate.answer.events import Place, TextKind

if TYPE_CHECKING:
    from kapagate.chain.compose import Placed
    from kapagate.chain.exchange import Exchange
    from kapagate.chain.problem import Problem
    from kapagate.chain.response import Response
    from kapagate.chain.upstream import Innermost, Upstream

Surface = Literal["question", "answer text", "running text", "sources", "uncertainty", "whole answer"]
SURFACES: tuple[Surface, ...] = get_args(Surface)
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
METHODS: frozenset[str] = frozenset(get_args(Method))
Serve = Callable[["Exchange"], Awaitable["Response"]]
FindTexts = Callable[[Any], Iterable[Place]]
Tell = Callable[["Exchange", "Problem"], "Response"]


def serves(methods: Container[str], method: str) -> bool:
    """Whether `methods` cover a method; who names GET means HEAD too (RFC 9110, 9.3.2)."""
    return method in methods or (method == "HEAD" and "GET" in methods)


class Route(Struct, frozen=True, eq=False):
    """One thing that can be asked.

    `template` is a path with `{name}` segments and at most one trailing `{name:*}`; it is also the metric label
    `endpoint`. A caller needs `permission`; `operation` is its name in records. `texts` are the places of the
    request's texts; `answer_texts` are the answer's, where the policy declares them: field paths (`items[].body`) and
    kinds; `running_texts` the paths of what is the answer itself (None: its event streams cannot be read). `shows` are
    the surfaces that guards can work on, `hides` those that it has but that no guard can see (an undeclared body); a
    surface in neither is simply absent. `body_limit` in bytes bounds inspected bodies.
    `opaque`: its paths go on as they came, behind what stands before the parameter (`path.py`).
    `idempotent`: a request may be sent to the upstream again. `found` False: it only refuses. `innermost` is the
    upstream's own step there.
    `public`: nobody is asked who they are. `gate`: the steps of the route's own gate; None: the gateway's. `asserts`:
    request headers that the gate of some route vouches for, so that no client may speak them on any.

    `aliases`: further templates under which it is found. `asks_by_query`: the document that steps see of a request is
    its query. `evades`: what it opens passes no guard, so where a guard of answers is locked the policy has to say so.

    `finds_texts` finds the texts of requests whose shape decides where they are. `tells`: refusals in the words of the
    route's own protocol; None: as problems. `endless`: its answer opens at once and may say nothing for hours, so no
    piece of it waits for the next.
    """

    name: str
    methods: frozenset[str]
    template: str
    permission: str
    operation: str
    upstream: Upstream | None = None
    serve: Serve | None = None
    texts: tuple[Place, ...] = ()
    answer_texts: tuple[tuple[str, TextKind], ...] = ()
    running_texts: tuple[str, ...] | None = None
    shows: frozenset[Surface] = frozenset()
    hides: frozenset[Surface] = frozenset()
    on_uninspectable: Literal["error", "pass", "refuse"] = "error"
    body_limit: int = 1 << 20
    idempotent: bool = False
    opaque: bool = False
    found: bool = True
    innermost: Innermost | None = None
    public: bool = False
    gate: tuple[Placed, ...] | None = None
    asserts: frozenset[bytes] = frozenset()
    aliases: tuple[str, ...] = ()
    asks_by_query: bool = False
    evades: bool = False
    finds_texts: FindTexts | None = None
    tells: Tell | None = None
    endless: bool = False

    @property
    def answers(self) -> frozenset[str]:
        """Its methods, and HEAD where it goes without saying."""
        return self.methods | {"HEAD"} if "GET" in self.methods else self.methods

    def texts_of(self, document: Any) -> Iterable[Place]:
        """Where a request has its texts."""
        return self.texts if self.finds_texts is None else self.finds_texts(document)

    def covered_by(self, names: frozenset[str]) -> bool:
        """Whether one of the names (`when: {route: ...}`, a role's grants) means this route: its own or its
        permission.
        """
        return self.name in names or self.permission in names


class Routes(Struct, frozen=True):
    """All routes of a policy, for declarations that name some. `whole` False: others could not be read."""

    routes: tuple[Route, ...]
    whole: bool = True

    def has(self, name: str) -> bool:
        """Whether a name can mean a route: its own or its permission."""
        return not self.whole or any(route.covered_by(frozenset({name})) for route in self.routes)
