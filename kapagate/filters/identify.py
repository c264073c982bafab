"""Finds out who asks.

What the schemes say follows from the credential's field, so the answer for the very same field is remembered: for five
minutes, and never longer than the credential holds. Only a request with one credential in one field is looked up; any
other is looked at by all schemes. The tenant is that of the generation in which the exchange began. A Gateway document
that is loaded anew remembers nobody, and what was verified with a key that is gone is asked again.

A scheme may attend to the exchanges that it decides (a webhook is delivered once): its hooks run as this step's own.
Where no scheme does, this step has no such hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, InstanceOf, field_serializer

from kapagate.access.roles import Roles
from kapagate.chain import problems
from kapagate.chain.clock import Clock
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter, Invalid
from kapagate.chain.headers import Headers
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response
from kapagate.chain.scheme import ATTENDS, Recogniser, Scheme
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.verdict import Decision
from kapagate.identity.verified import Verified, fingerprint


class Identify(Filter):
    """Finds out who asks and for which tenant, or refuses.

    Every scheme looks at the request; the one that recognises its credentials decides. Credentials for two schemes in
    one request are refused, and so is a caller whose tenant the gateway does not have. Roles that the policy does not
    declare are ignored. The headers of all schemes stay here, except a webhook's, which prove nothing but that message.
    """

    modes = frozenset({"enforce"})
    failures = frozenset({"deny"})

    schemes: tuple[InstanceOf[Scheme], ...] = Field(min_length=1, description="The ways to say who asks, at least one.")

    @field_serializer("schemes")
    def _told(self, schemes: Sequence[Scheme]) -> list[dict[str, Any]]:
        """Each by the name of its file, with its own options."""
        return [{type(each).__module__.rpartition(".")[2]: each.model_dump(mode="json")} for each in schemes]

    @property
    def decisions(self) -> frozenset[Decision]:
        answers = any(each.answers_itself for each in self.schemes)
        return frozenset({"passed", "refused", "answered"} if answers else {"passed", "refused"})

    def compile(self, services: Services) -> Step:
        recognisers = tuple(self._compiled(index, scheme, services) for index, scheme in enumerate(self.schemes))
        headers = frozenset[bytes]().union(*(each.headers for each in recognisers))
        steady = headers - _asked_about(recognisers)
        known = Verified[Principal](services[Clock])
        revisions = tuple(each.revision for each in recognisers if each.revision is not None)
        door = _Door(recognisers, services[Roles], headers, steady, known, revisions)
        step = Step(
            writes=frozenset({PRINCIPAL, TENANT}),
            asserts=frozenset[bytes]().union(*(each.headers - each.relayed for each in recognisers)),
            on_request=door.identify,
        )
        return attended(step, [each.attends for each in recognisers if each.attends is not None])

    @staticmethod
    def _compiled(index: int, scheme: Scheme, services: Services) -> Recogniser:
        try:
            return scheme.compile(services)
        except Invalid as cause:
            raise Invalid(str(cause), ("schemes", index, *cause.at)) from cause


class _Door(Struct, frozen=True):
    """The compiled filter. `steady` are the headers about which no scheme has to be asked every time. `revisions` are
    those of the schemes.
    """

    recognisers: tuple[Recogniser, ...]
    roles: Roles
    headers: frozenset[bytes]
    steady: frozenset[bytes]
    known: Verified[Principal]
    revisions: tuple[Callable[[], int], ...]

    async def identify(self, exchange: Exchange) -> None:
        mark = self._mark(exchange.request.headers) if self.steady else None
        principal = self.known.get(mark) if mark is not None else None
        if principal is None:
            principal = await self._principal(exchange)
            if mark is not None and principal.tenant in exchange.generation.tenants:
                self.known.put(mark, principal, principal.expires)
        tenant = exchange.generation.tenants.get(principal.tenant)
        if tenant is None:
            raise Problem(problems.UNKNOWN_TENANT, "the credential names no tenant of this gateway")
        exchange.facts[PRINCIPAL], exchange.facts[TENANT] = principal, tenant

    def _mark(self, headers: Headers) -> bytes | None:
        """What the only credential is known by, at this revision; None where there is none or more than one."""
        sent = [(name, value) for name in self.headers for value in headers.all(name)]
        if len(sent) != 1 or sent[0][0] not in self.steady:
            return None
        said = b"%b:%b" % sent[0]
        for revision in self.revisions:
            said += b"\0%d" % revision()
        return fingerprint(said)

    async def _principal(self, exchange: Exchange) -> Principal:
        principal = await self._recognised(exchange)
        roles = self.roles.declared(principal.roles)
        return principal if roles == principal.roles else replace(principal, roles=roles)

    async def _recognised(self, exchange: Exchange) -> Principal:
        found: list[tuple[Recogniser, Principal | Problem]] = []
        for recogniser in self.recognisers:
            try:
                principal = await recogniser.recognise(exchange)
            except Problem as refusal:
                found.append((recogniser, refusal))
            else:
                if principal is not None:
                    found.append((recogniser, principal))
        if not found:
            raise self._nobody(exchange)
        decided, verdict = _only(found)
        if isinstance(verdict, Problem):
            raise verdict
        if decided.attends is not None:
            exchange.put(ATTENDS, decided.attends)
        return verdict

    def _nobody(self, exchange: Exchange) -> Problem:
        challenges = [recogniser.challenge for recogniser in self.recognisers]
        if any(name in exchange.request.headers for name in self.headers):
            detail = "the credentials are of no kind that this gateway knows"
            return Problem(problems.INVALID_CREDENTIALS, detail, challenges=challenges)
        return Problem(problems.CREDENTIALS_REQUIRED, "this gateway asks for credentials", challenges=challenges)


def _asked_about(recognisers: Sequence[Recogniser]) -> frozenset[bytes]:
    """The headers about which a scheme has to be asked every time; all, when one looks elsewhere."""
    asked = [each.headers for each in recognisers if not each.steady]
    return frozenset[bytes]().union(*(asked if all(asked) else [each.headers for each in recognisers]))


def _only(found: Sequence[tuple[Recogniser, Principal | Problem]]) -> tuple[Recogniser, Principal | Problem]:
    """The one that decides. What schemes read in the same fields is one credential: whoever accepts it decides."""
    accepted = [each for each in found if isinstance(each[1], Principal)]
    if len(found) > 1 and (len(accepted) > 1 or len({each.headers for each, _ in found}) > 1):
        raise Problem(problems.AMBIGUOUS_CREDENTIALS, "send one credential, not several")
    return (accepted or found)[0]


def attended(step: Step, attending: Sequence[Step]) -> Step:
    """The step with the hooks of those that attend, each for the exchanges that its scheme decided."""
    identify = step.on_request

    async def on_request(exchange: Exchange) -> Response | None:
        if identify is not None:
            await identify(exchange)
        attends = exchange.facts.get(ATTENDS)
        return await attends.on_request(exchange) if attends is not None and attends.on_request is not None else None

    async def on_opening(exchange: Exchange) -> None:
        attends = exchange.facts.get(ATTENDS)
        if attends is not None and attends.on_opening is not None:
            await attends.on_opening(exchange)

    def on_done(exchange: Exchange) -> None:
        attends = exchange.facts.get(ATTENDS)
        if attends is not None and attends.on_done is not None:
            attends.on_done(exchange)

    return replace(
        step,
        on_request=on_request if any(each.on_request for each in attending) else identify,
        on_opening=on_opening if any(each.on_opening for each in attending) else None,
        on_done=on_done if any(each.on_done for each in attending) else None,
    )
