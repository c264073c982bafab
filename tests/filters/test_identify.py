from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import Field, InstanceOf, ValidationError

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal
from kapagate.chain.problem import BackendFailed, Problem
from kapagate.chain.response import Response
from kapagate.chain.scheme import Recogniser, Scheme
from kapagate.chain.services import Services
from kapagate.chain.step import OnRequest, Step
from kapagate.filters.identify import Identify
from tests.filters.exchanges import NOW, FakeClock, exchange, services

asked: list[bytes | None] = []


@dataclass
class Revision:
    number: int = 0

    def current(self) -> int:
        return self.number


@dataclass
class Attends:
    """Hooks that write down when they run, and answer the request."""

    log: list[str]

    def step(self) -> Step:
        async def on_request(ex: Exchange) -> Response:
            self.log.append(f"request of {ex[PRINCIPAL].subject}")
            return Response.whole(208, [], b"")

        async def on_opening(ex: Exchange) -> None:
            self.log.append("opening")

        return Step(on_request=on_request, on_opening=on_opening, on_done=lambda ex: self.log.append("done"))


class Badge(Scheme):
    """Recognises `<header>: good`, or another word."""

    header: str = "badge"
    word: str = "good"
    strict: bool = Field(False)
    elsewhere: bool = Field(False)
    relayed: bool = Field(False)
    attends: InstanceOf[Attends] | None = None
    principal: InstanceOf[Principal] = Principal("ann", "acme", ("viewer",), "badge")
    broken: bool = Field(False)
    steady: bool = Field(False)
    revision: InstanceOf[Revision] | None = None

    def compile(self, services: Services) -> Recogniser:
        if self.broken:
            raise Invalid("cannot work", ("broken",))
        name = self.header.encode()

        async def recognise(ex: Exchange) -> Principal | None:
            value = ex.request.headers.get(name)
            asked.append(value)
            if value == b"down":
                raise BackendFailed("no key set")
            if value == b"bad":
                raise Problem(problems.INVALID_CREDENTIALS, "the badge is not valid", challenges=["Badge"])
            if value is not None and self.strict and value != self.word.encode():
                raise Problem(problems.INVALID_CREDENTIALS, "no badge")
            return self.principal if value == self.word.encode() else None

        headers = frozenset[bytes]() if self.elsewhere else frozenset({name})
        return Recogniser(
            recognise,
            headers,
            self.header.title(),
            self.steady,
            self.revision.current if self.revision else None,
            headers if self.relayed else frozenset(),
            self.attends.step() if self.attends else None,
        )


@pytest.fixture(autouse=True)
def _nobody_was_asked() -> None:
    asked.clear()


def step_of(*schemes: Scheme) -> OnRequest:
    hook = Identify(schemes=schemes or (Badge(), Badge(header="pass"))).compile(services()).on_request
    assert hook is not None
    return hook


async def identified(headers: Any, *schemes: Scheme) -> Exchange:
    made = exchange(headers)
    assert await step_of(*schemes)(made) is None
    return made


async def refusal(headers: Any, *schemes: Scheme) -> Problem:
    with pytest.raises(Problem) as caught:
        await step_of(*schemes)(exchange(headers))
    return caught.value


@pytest.mark.parametrize("header", ["badge", "pass"])
async def test_the_scheme_that_recognises_decides(header: str) -> None:
    made = await identified({header: "good"})
    assert made[PRINCIPAL].subject == "ann"
    assert made[TENANT].display_name == "Acme Ltd"


async def test_without_credentials_all_challenges_are_told() -> None:
    problem = await refusal({})
    assert (problem.kind.name, problem.challenges) == ("credentials-required", ("Badge", "Pass"))


async def test_credentials_that_no_scheme_recognises_are_not_valid() -> None:
    problem = await refusal({"badge": "strange"})
    assert (problem.kind.name, problem.challenges) == ("invalid-credentials", ("Badge", "Pass"))


async def test_a_schemes_refusal_is_the_answer() -> None:
    assert (await refusal({"badge": "bad"})).detail == "the badge is not valid"


@pytest.mark.parametrize("second", ["good", "bad"])
@pytest.mark.parametrize("first", ["good", "bad"])
async def test_two_credentials_are_ambiguous_whether_they_hold_or_not(first: str, second: str) -> None:
    assert (await refusal({"badge": first, "pass": second})).kind.name == "ambiguous-credentials"


@pytest.mark.parametrize("tenant", ["", "none", "initech"])
async def test_a_tenant_that_the_gateway_has_not_is_refused(tenant: str) -> None:
    problem = await refusal({"badge": "good"}, Badge(principal=Principal("ann", tenant)))
    assert (problem.kind.name, problem.kind.status) == ("unknown-tenant", 403)


async def test_roles_that_the_policy_does_not_declare_are_ignored() -> None:
    principal = Principal("ann", "acme", ("root", "operator", "viewer", "operator"))
    made = await identified({"badge": "good"}, Badge(principal=principal))
    assert made[PRINCIPAL].roles == ("viewer", "operator")


async def test_nothing_is_known_after_a_refusal() -> None:
    made = exchange({"badge": "bad"})
    with pytest.raises(Problem):
        await step_of()(made)
    assert made.facts == {}


async def test_a_failing_back_end_is_not_a_refusal() -> None:
    with pytest.raises(BackendFailed):
        await step_of()(exchange({"badge": "down"}))


def test_the_headers_of_all_schemes_stay_here() -> None:
    step = Identify(schemes=(Badge(), Badge(header="pass"))).compile(services())
    assert step.asserts == {b"badge", b"pass"}
    assert step.writes == {PRINCIPAL, TENANT}


def test_it_cannot_be_weakened() -> None:
    assert Identify.modes == {"enforce"}
    assert Identify.failures == {"deny"}


@pytest.mark.parametrize("schemes", [[], [{"badge": {}}], None])
def test_schemes_are_required(schemes: Any) -> None:
    with pytest.raises(ValidationError):
        Identify.model_validate({"schemes": schemes})


def test_a_scheme_that_cannot_work_is_named_with_its_place() -> None:
    with pytest.raises(Invalid) as caught:
        Identify(schemes=(Badge(), Badge(broken=True))).compile(services())
    assert caught.value.at == ("schemes", 1, "broken")


def steady(expires: float = NOW + 60, clock: FakeClock | None = None) -> OnRequest:
    principal = Principal("ann", "acme", ("root", "viewer"), "badge", expires=expires)
    schemes = (Badge(principal=principal, steady=True), Badge(header="pass", steady=True))
    hook = Identify(schemes=schemes).compile(services(clock)).on_request
    assert hook is not None
    return hook


async def test_a_credential_is_not_verified_again_until_it_ends() -> None:
    clock = FakeClock()
    hook = steady(clock=clock)
    made = [exchange({"badge": "good"}) for _ in range(2)]
    for each in made:
        await hook(each)
    assert asked == [b"good", None]
    assert made[0][PRINCIPAL] is made[1][PRINCIPAL]
    assert (made[1][PRINCIPAL].roles, made[1][TENANT].name) == (("viewer",), "acme")
    clock.pass_by(60)
    await hook(exchange({"badge": "good"}))
    assert len(asked) == 4


async def test_who_was_verified_with_what_is_gone_is_asked_again() -> None:
    revision = Revision()
    hook = step_of(Badge(steady=True, revision=revision), Badge(header="pass", steady=True))
    for number in (0, 0, 1, 1):
        revision.number = number
        await hook(exchange({"badge": "good"}))
    assert asked == [b"good", None] * 2


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"badge": "GOOD"}, "invalid-credentials"),
        ({"badge": "good "}, "invalid-credentials"),
        ({"pass": "bad"}, "invalid-credentials"),
        ({"badge": "good", "pass": "good"}, "ambiguous-credentials"),
        ({"badge": "good", "pass": "bad"}, "ambiguous-credentials"),
        ({}, "credentials-required"),
    ],
)
async def test_who_is_remembered_is_the_exact_credential_alone(headers: dict[str, str], kind: str) -> None:
    hook = steady()
    await hook(exchange({"badge": "good"}))
    with pytest.raises(Problem) as caught:
        await hook(exchange(headers))
    assert caught.value.kind.name == kind


async def test_a_credential_is_remembered_under_its_own_field_only() -> None:
    hook = steady()
    await hook(exchange({"badge": "good"}))
    await hook(exchange({"pass": "good"}))
    assert asked == [b"good", None, None, b"good"]


async def test_refusals_are_not_remembered() -> None:
    hook = steady()
    for _ in range(2):
        with pytest.raises(Problem):
            await hook(exchange({"badge": "bad"}))
    assert asked == [b"bad", None] * 2


async def test_schemes_that_want_to_be_asked_every_time_are() -> None:
    hook = step_of(Badge(steady=True), Badge(header="pass"))
    for _ in range(2):
        await hook(exchange({"pass": "good"}))
    assert asked == [None, b"good"] * 2


async def test_beside_such_a_scheme_the_credentials_of_others_are_remembered() -> None:
    hook = step_of(Badge(steady=True), Badge(header="pass"))
    for _ in range(2):
        await hook(exchange({"badge": "good"}))
    assert asked == [b"good", None]


async def test_nobody_is_remembered_beside_a_scheme_that_looks_elsewhere() -> None:
    hook = step_of(Badge(steady=True), Badge(header="pass", elsewhere=True))
    for _ in range(2):
        await hook(exchange({"badge": "good"}))
    assert asked == [b"good", None] * 2


BOB = Principal("bob", "acme", (), "badge")
BOTH = (Badge(strict=True), Badge(principal=BOB, word="fine", strict=True))


@pytest.mark.parametrize(("value", "subject"), [("good", "ann"), ("fine", "bob")])
async def test_a_credential_that_two_schemes_read_is_one_credential(value: str, subject: str) -> None:
    assert (await identified({"badge": value}, *BOTH))[PRINCIPAL].subject == subject


@pytest.mark.parametrize(("value", "detail"), [("bad", "the badge is not valid"), ("fake", "no badge")])
async def test_a_credential_that_two_schemes_refuse_is_refused_once(value: str, detail: str) -> None:
    problem = await refusal({"badge": value}, *BOTH)
    assert (problem.kind.name, problem.detail) == ("invalid-credentials", detail)


async def test_a_credential_that_two_schemes_accept_is_ambiguous() -> None:
    assert (await refusal({"badge": "good"}, Badge(), Badge())).kind.name == "ambiguous-credentials"


def test_what_proves_one_request_alone_goes_on() -> None:
    step = Identify(schemes=(Badge(relayed=True), Badge(header="pass"))).compile(services())
    assert step.asserts == {b"pass"}
    step = Identify(schemes=(Badge(relayed=True), Badge())).compile(services())
    assert step.asserts == {b"badge"}


def test_without_schemes_that_attend_there_are_no_more_hooks() -> None:
    step = Identify(schemes=(Badge(), Badge(header="pass"))).compile(services())
    assert (step.on_opening, step.on_seal, step.on_done, step.on_answer) == (None,) * 4


async def test_a_scheme_attends_to_the_exchanges_that_it_decided() -> None:
    log: list[str] = []
    step = Identify(schemes=(Badge(attends=Attends(log)), Badge(header="pass"))).compile(services())
    assert step.on_request is not None
    assert step.on_opening is not None
    assert step.on_done is not None
    for headers in ({"badge": "good"}, {"pass": "good"}):
        made = exchange(headers)
        answer = await step.on_request(made)
        assert (answer is not None and answer.status) == (208 if "badge" in headers else False)
        await step.on_opening(made)
        step.on_done(made)
        log.append("|")
    assert log == ["request of ann", "opening", "done", "|", "|"]


async def test_nobody_attends_to_a_refused_exchange() -> None:
    log: list[str] = []
    schemes = (Badge(attends=Attends(log)), Badge(header="pass"))
    step = Identify(schemes=schemes).compile(services())
    for headers in ({"badge": "bad"}, {}, {"badge": "good", "pass": "good"}):
        made = exchange(headers)
        assert step.on_request is not None
        with pytest.raises(Problem):
            await step.on_request(made)
        assert step.on_done is not None
        step.on_done(made)
    assert log == []
