from __future__ import annotations

from ipaddress import ip_network

import pytest

from kapagate.chain import problems
from kapagate.chain.compose import Placed
from kapagate.chain.entry import Entry
from kapagate.chain.exchange import Exchange
from kapagate.chain.forwarded import TrustedHops
from kapagate.chain.generation import Live
from kapagate.chain.headers import Headers
from kapagate.chain.options import Options
from kapagate.chain.principal import PRINCIPAL, TENANT, Principal, Tenant
from kapagate.chain.problem import Gone, Problem
from kapagate.chain.step import Step


def entry(lab, chain=(), finished=None, live: Live | None = None) -> Entry:
    numbers = iter(range(1, 100))
    live = live or Live(lab.generation([], chain, [lab.route(template="/chat/{id}")]))
    return Entry(live, lab.clock, lambda: f"{next(numbers):032x}", finished)


def admit(entry: Entry, target: bytes = b"/chat/1", headers=(), body=None):
    return entry.admit("POST", target, Headers(headers), body, "192.0.2.1", secure=True)


def test_an_exchange_begins_with_what_the_wire_said(lab) -> None:
    body = lab.Body(b"{}")
    ex = admit(entry(lab), b"/chat/%61b?q=%20", [(b"Accept", b"x")], body)
    request = ex.request
    assert (request.method, request.path, request.query) == ("POST", "/chat/ab", "q=%20")
    assert (request.client, request.secure, request.body) == ("192.0.2.1", True, body)
    assert (ex.route.name, ex.params, ex.operation) == ("chat", {"id": "ab"}, "chat")
    assert (ex.times.received, ex.received_at) == (100.0, 1_700_000_000.0)


def test_an_exchange_begins_with_the_strangers_chain(lab) -> None:
    ex = admit(entry(lab, [lab.placed("one")]))
    assert ex.chain is ex.generation.stranger(ex.route, "POST")
    assert ex.chain.steps == ("one",)


def test_a_request_without_a_route_is_admitted_all_the_same(lab) -> None:
    ex = admit(entry(lab), b"/elsewhere")
    assert (ex.route.found, ex.route.name, ex.operation) == (False, "other", "other")


@pytest.mark.parametrize("target", [b"*", b"http://x/", b"/a/../b", b"//a", b"/a?\x00"])
def test_a_target_that_is_not_acceptable_is_refused(lab, target: bytes) -> None:
    with pytest.raises(Problem, match="malformed-path"):
        admit(entry(lab), target)


def test_every_decision_has_a_name_of_its_own(lab) -> None:
    door = entry(lab)
    assert admit(door).decision == f"{1:032x}"
    assert admit(door).decision == f"{2:032x}"


@pytest.mark.parametrize("value", [b"a", b"A.b_c-9", b"x" * 128])
def test_a_well_formed_correlation_id_is_kept(lab, value: bytes) -> None:
    assert admit(entry(lab), headers=[(b"X-Correlation-ID", value)]).correlation_id == value.decode()


@pytest.mark.parametrize("value", [b"", b"x" * 129, b"a b", b"a\r\nb", b"a\n", b"\xff", b"a/b", b"a,b", b"caf\xc3\xa9"])
def test_any_other_correlation_id_is_made_anew(lab, value: bytes) -> None:
    ex = admit(entry(lab), headers=[(b"X-Correlation-ID", value)])
    assert ex.correlation_id == ex.decision


def test_two_correlation_ids_are_none(lab) -> None:
    ex = admit(entry(lab), headers=[(b"X-Correlation-ID", b"a"), (b"x-correlation-id", b"a")])
    assert ex.correlation_id == ex.decision


async def test_the_access_log_is_told_after_the_done_hooks(lab) -> None:
    door = entry(lab, [lab.placed("one", only=["done"])], lambda ex: lab.log.append(f"finished {ex.status}"))
    await door.run(admit(door, body=lab.Body(b"{}")), lab.sink)
    assert lab.log == ["done one", "finished 200"]


async def test_an_exchange_keeps_the_generation_that_it_began_with(lab) -> None:
    live = Live(lab.generation([], [lab.placed("old")], [lab.route(template="/chat/{id}")]))
    door = entry(lab, live=live)
    ex = admit(door, body=lab.Body(b"{}"))
    live.generation = lab.generation([], [lab.placed("new")], [lab.route(template="/chat/{id}")])
    await door.run(ex, lab.sink)
    assert lab.phases("old")[0] == "request"
    assert lab.phases("new") == []
    assert admit(door).generation is live.generation


async def test_no_more_exchanges_run_at_a_time_than_allowed(lab) -> None:
    during: list[float | None] = []

    def ask_again(ex) -> None:
        with pytest.raises(Problem, match="unavailable") as refused:
            admit(door)
        during.append(refused.value.retry_after)

    generation = lab.generation([], [lab.placed("one", request=ask_again)], [lab.route(template="/chat/{id}")])
    door = Entry(Live(generation), lab.clock, lambda: "0" * 32, most=1)
    await door.run(admit(door, body=lab.Body(b"")), lab.Sink())
    assert during == [1]
    assert admit(door).route.name == "chat"


async def test_what_comes_at_once_is_counted_at_once(lab) -> None:
    generation = lab.generation([], [], [lab.route(template="/chat/{id}")])
    door = Entry(Live(generation), lab.clock, lambda: "0" * 32, most=2)
    admitted = [admit(door, body=lab.Body(b"")) for _ in range(2)]
    with pytest.raises(Problem, match="unavailable"):
        admit(door)
    await door.run(admitted[0], lab.Sink())
    with pytest.raises(Problem, match="malformed"):
        admit(door, b"/chat/../1")
    assert admit(door).route.name == "chat"


def _door(lab, chain, tenant=None, **entry) -> Entry:
    generation = lab.generation([lab.identify(tenant=tenant)], chain, [lab.route(template="/chat/{id}")])
    return Entry(Live(generation), lab.clock, lambda: "0" * 32, **entry)


async def asked(door: Entry, lab, body: bytes = b"") -> Exchange:
    ex = admit(door, body=lab.Body(body))
    await door.run(ex, lab.Sink())
    return ex


async def test_a_tenant_has_no_more_exchanges_at_work_than_its_share(lab) -> None:
    during: list[Exchange] = []

    async def ask_again(ex: Exchange) -> None:
        if not during:
            during.append(ex)
            during.append(await asked(door, lab))

    chain = [Placed("one", "one", Step(on_request=ask_again), Options())]
    door = _door(lab, chain, each=1)
    first = await asked(door, lab)
    refused = during[1]
    assert (first.status, refused.status) == (200, 503)
    assert refused.refusal is not None
    assert (refused.refusal.kind.name, refused.refusal.retry_after, refused.refusal.step) == ("unavailable", 1, "")
    assert (await asked(door, lab)).status == 200


async def test_no_more_bytes_are_held_at_a_time_than_allowed(lab) -> None:
    during: list[Exchange] = []

    async def ask_again(ex: Exchange) -> None:
        await ex.document()
        if not during:
            during.append(ex)
            during.append(await asked(door, lab, large))
            during.append(await asked(door, lab, b"{}"))

    large = b'"%b"' % (b"x" * (100 << 10))
    door = _door(lab, [Placed("one", "one", Step(on_request=ask_again), Options())], held=150 << 10)
    first = await asked(door, lab, large)
    refused, small = during[1:]
    assert (first.status, refused.status, small.status) == (200, 503, 200)
    assert refused.refusal is not None
    assert (refused.refusal.kind.name, refused.refusal.retry_after) == ("unavailable", 1)
    assert (await asked(door, lab, large)).status == 200


async def test_tenants_do_not_share_their_shares(lab) -> None:
    statuses: list[int] = []
    tenants = iter([Tenant("acme"), Tenant("globex"), Tenant("acme")])

    def known(ex: Exchange) -> None:
        ex.put(PRINCIPAL, Principal("ann", "acme"))
        ex.put(TENANT, next(tenants))

    async def ask_again(ex: Exchange) -> None:
        if len(statuses) < 2 and ex[TENANT].name == "acme":
            statuses.extend([(await asked(door, lab)).status, (await asked(door, lab)).status])

    gate = lab.placed("identify", only=["request"], request=known, writes=frozenset({PRINCIPAL, TENANT}))
    chain = [Placed("one", "one", Step(on_request=ask_again), Options())]
    generation = lab.generation([gate], chain, [lab.route(template="/chat/{id}")])
    door = Entry(Live(generation), lab.clock, lambda: "0" * 32, each=1)
    assert (await asked(door, lab)).status == 200
    assert statuses == [200, 503]


@pytest.mark.parametrize("cause", [Problem(problems.FORBIDDEN, "no"), ValueError("a bug"), Gone()])
async def test_however_an_exchange_ends_its_share_is_given_back(lab, cause: BaseException) -> None:
    def fail(ex: Exchange) -> None:
        raise cause

    door = _door(lab, [lab.placed("one", request=fail)], each=1)
    for _ in range(3):
        ex = await asked(door, lab)
        assert ex.refusal is None or ex.refusal.kind is not problems.UNAVAILABLE


async def test_who_is_not_known_takes_nobodys_share(lab) -> None:
    generation = lab.generation([], [lab.placed("one")], [lab.route(template="/chat/{id}")])
    door = Entry(Live(generation), lab.clock, lambda: "0" * 32, each=1)
    ex = await asked(door, lab)
    assert (ex.status, ex.share) == (200, "")


def test_a_trusted_hop_says_who_asks(lab) -> None:
    hops = TrustedHops([ip_network("10.0.0.0/8")])
    door = Entry(entry(lab)._live, lab.clock, lambda: "0" * 32, hops=hops)
    said = Headers([(b"Forwarded", b"for=192.0.2.1;proto=https;host=app.example")])
    request = door.admit("GET", b"/chat/1", said, None, "10.0.0.1").request
    assert (request.client, request.secure, request.host) == ("192.0.2.1", True, "app.example")
    request = door.admit("GET", b"/chat/1", said, None, "11.0.0.1").request
    assert (request.client, request.secure, request.host) == ("11.0.0.1", False, "")


def test_a_request_without_an_exchange_has_a_name_too(lab) -> None:
    door, refusal = entry(lab), Problem(problems.UNAVAILABLE, "no")
    for headers, named in (
        (Headers([(b"X-Correlation-ID", b"mine")]), "mine"),
        (Headers([(b"X-Correlation-ID", b"not mine")]), f"{1:032x}"),
        (None, f"{2:032x}"),
    ):
        door.sign(refusal, headers)
        assert refusal.correlation_id == named


def test_an_options_that_announces_a_method_is_admitted_at_that_routes_gate(lab) -> None:
    door, announced = entry(lab), [(b"Access-Control-Request-Method", b"POST")]
    ex = door.admit("OPTIONS", b"/chat/1", Headers(announced), None, "192.0.2.1")
    assert (ex.route.name, ex.route.found, ex.operation, ex.params) == ("chat", False, "preflight", {"id": "1"})
    assert door.admit("OPTIONS", b"/chat/1", Headers(), None, "192.0.2.1").route.name == "other"
    assert door.admit("POST", b"/chat/1", Headers(announced), None, "192.0.2.1").route.found
