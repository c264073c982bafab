"""Tells browsers which pages may ask (Fetch Standard, "CORS protocol").

A preflight is answered here, before anybody is identified: browsers send it without credentials. One that is not
allowed is a 403 without any CORS field: that is how a server says that it takes no part (Fetch, "HTTP responses"), and
unlike a bare 204 it is seen in logs, metrics and the browser's network view. Browsers take either for a refusal.

On everything else that leaves the gateway, refusals and streams included, the fields are written when the head does.
That is also when the upstream's own are taken away: with two of them a browser believes neither, and of one that the
policy does not allow the upstream may not decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from msgspec import Struct
from pydantic import Field

from kapagate.access.origins import ANY, Origin, Origins
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.headers import Headers
from kapagate.chain.order import FEWER, NEUTRAL, Label, ranked
from kapagate.chain.problem import Problem
from kapagate.chain.request import Request
from kapagate.chain.response import Response
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.units import Duration
from kapagate.chain.verdict import Decision

Pair = tuple[bytes, bytes]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'+.^_`|~0-9A-Za-z-]+$", max_length=128)]
MOST_NAMES, LONGEST_NAME = 1024, 64
VARY: Pair = (b"Vary", b"Origin")
_METHOD = b"access-control-request-method"
_HEADERS = b"access-control-request-headers"
_OF_CORS = b"access-control-"


class Cors(Filter):
    """Lets pages of other origins ask, and answers the browsers' preflights. Put it first in the gate.

    Requests of other origins are not refused: browsers alone keep their answers from the page that asked. What changes
    something must not rely on it.
    """

    modes: ClassVar[frozenset[str]] = frozenset({"enforce", "off"})
    failures: ClassVar[frozenset[str]] = frozenset({"deny"})
    lanes: ClassVar[frozenset[str]] = frozenset({"gate"})
    alone: ClassVar[bool] = True

    origins: Annotated[tuple[Origin, ...], FEWER] = Field(
        min_length=1,
        description="Who may ask: `https://app.example`, one label left open as in `https://*.app.example`, or `*`.",
    )
    methods: Annotated[tuple[Method, ...], FEWER] = Field(
        ("GET", "HEAD", "POST"), min_length=1, description="The methods they may use."
    )
    headers: Annotated[tuple[HeaderName, ...], FEWER] = Field(
        ("Authorization", "Content-Type", "X-API-Key", "X-Correlation-ID"),
        description="The header fields that they may send beside those that any page may.",
    )
    credentials: Annotated[bool, ranked(True, False)] = Field(
        False, description="Whether browsers send cookies and client certificates along; not with `*`."
    )
    expose: Annotated[tuple[HeaderName, ...], FEWER] = Field(
        ("Kapagate-Policy", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Correlation-ID"),
        description="The header fields of an answer that they may read beside those that any page may.",
    )
    max_age: Annotated[Duration, NEUTRAL] = Field(
        600.0, le=86_400, description="How long a browser may remember the answer to a preflight."
    )

    presence: ClassVar[Label] = "looser"

    @property
    def decisions(self) -> frozenset[Decision]:
        return frozenset({"passed", "answered", "refused"})

    def compile(self, services: Services) -> Step:
        if self.credentials and ANY in self.origins:
            raise Invalid(
                "browsers send credentials to no server that lets anybody ask: name the origins", ("origins",)
            )
        both = ((b"Access-Control-Allow-Credentials", b"true"),) if self.credentials else ()
        rules = _Rules(
            Origins(self.origins),
            frozenset(method.encode() for method in self.methods),
            frozenset(name.lower().encode() for name in self.headers),
            (*both, *_list(b"Access-Control-Expose-Headers", self.expose)),
            (
                *both,
                *_list(b"Access-Control-Allow-Methods", self.methods),
                *_list(b"Access-Control-Allow-Headers", self.headers),
                (b"Access-Control-Max-Age", b"%d" % int(self.max_age)),
            ),
        )
        return Step(on_request=rules.answer, on_opening=rules.mark, marks=rules.marks)


def _list(name: bytes, values: tuple[str, ...]) -> tuple[Pair, ...]:
    return ((name, ", ".join(values).encode()),) if values else ()


class _Rules(Struct, frozen=True):
    """The compiled filter. `answers` and `preflights` are the fields beside the origin's own."""

    origins: Origins
    methods: frozenset[bytes]
    headers: frozenset[bytes]
    answers: tuple[Pair, ...]
    preflights: tuple[Pair, ...]

    async def answer(self, ex: Exchange) -> Response | None:
        """Answers a preflight; what is none goes on."""
        if ex.request.method != "OPTIONS" or not _is_preflight(ex.request):
            return None
        headers = ex.request.headers
        origin = self._granted(headers)
        if origin is None:
            raise _refused("pages of this origin may not ask")
        (method, *others) = headers.all(_METHOD)
        if others or method not in self.methods:
            raise _refused("pages may not ask with this method")
        for name in b",".join(headers.all(_HEADERS)).split(b","):
            if name.strip(b" \t").lower() not in self.headers and name.strip(b" \t"):
                raise _refused("pages may not send one of these header fields")
        return Response.whole(204, (origin, *self.preflights), b"")

    async def mark(self, ex: Exchange) -> None:
        """Writes the fields of what leaves, in place of the upstream's own."""
        request, response, vary = ex.request, ex.response, VARY
        preflight = request.method == "OPTIONS" and _is_preflight(request)
        if response is not None:
            for name, _ in response.headers:
                if _CONCERNED[name]:
                    vary = _spoken_for(response, preflight)
                    break
        ex.headers_out.append(vary)
        origin = None if preflight else self._granted(request.headers)
        if origin is not None:
            ex.headers_out += (origin, *self.answers)

    def marks(self, headers: Headers) -> Sequence[Pair]:
        """The fields of a refusal that no exchange came to."""
        origin = self._granted(headers)
        return (VARY,) if origin is None else (VARY, origin, *self.answers)

    def _granted(self, headers: Headers) -> Pair | None:
        """The field that admits the page's origin; a request with several origins comes from no browser."""
        origins = headers.all(b"origin")
        if len(origins) != 1 or not self.origins.admit(origins[0]):
            return None
        return b"Access-Control-Allow-Origin", b"*" if self.origins.any else origins[0]


def _is_preflight(request: Request) -> bool:
    """Whether this OPTIONS asks for a browser (Fetch, "CORS-preflight request")."""
    return b"origin" in request.headers and _METHOD in request.headers


class _Concerned(dict[bytes, bool]):
    """Whether a field of an answer is of concern here, by its name. Bounded, since upstreams choose the names."""

    def __missing__(self, name: bytes) -> bool:
        lowered = name.lower()
        concerned = lowered == b"vary" or lowered.startswith(_OF_CORS)
        if len(self) < MOST_NAMES and len(name) <= LONGEST_NAME:
            self[name] = concerned
        return concerned


_CONCERNED = _Concerned()


def _spoken_for(response: Response, preflight: bool) -> Pair:
    """Takes away what an upstream says of CORS (a preflight is answered by us), and gives its `Vary` with the origin
    (RFC 9110, 12.5.5).
    """
    depends = [value for name, value in response.headers if name.lower() == b"vary"]
    response.headers = [
        pair for pair in response.headers if not _CONCERNED[pair[0]] or (preflight and pair[0].lower() != b"vary")
    ]
    members = [member.strip() for value in depends for member in value.split(b",") if member.strip()]
    if b"*" in members:
        return b"Vary", b"*"
    return b"Vary", b", ".join([*(each for each in members if each.lower() != b"origin"), b"Origin"])


def _refused(detail: str) -> Problem:
    return Problem(problems.ORIGIN_REFUSED, detail)
