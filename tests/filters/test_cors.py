"""Pages of other origins may ask what the policy lets them ask, and browsers learn it on every answer."""

from __future__ import annotations

import pytest

from kapagate.chain.hop import Inbound
from kapagate.chain.response import Truncated
from tests.filters.door import ANN, Door, cors_fields, fields, load
from tests.filters.gateway import Told, inbound, records, streamed

APP = "https://app.example"
CORS = f'  - cors: {{origins: ["{APP}", "https://*.team.example"]}}\n'
HOOK = '  - {name: hook, match: "POST /hook", upstream: crm, on_uninspectable: pass, '
ORIGIN = ("Origin", APP)
EXPOSED = "Kapagate-Policy, RateLimit, RateLimit-Policy, Retry-After, X-Correlation-ID"
GRANTED = {"allow-origin": APP, "expose-headers": EXPOSED}


def asks(method: str = "POST", *headers: str, origin: str = APP) -> list[tuple[str, str]]:
    """The fields of a preflight."""
    listed = [("Access-Control-Request-Headers", ",".join(headers))] if headers else []
    return [("Origin", origin), ("Access-Control-Request-Method", method), *listed]


def assert_refused(told: Told) -> None:
    assert told.problem[:3] == (403, "origin-refused", "cors")
    assert cors_fields(told) == {}
    assert fields(told, "Vary") == ["Origin"]


async def test_a_preflight_is_answered_before_anybody_is_identified() -> None:
    door = Door(CORS)
    told = await door.knock("OPTIONS", "chat", *asks("POST", "authorization", "content-type"))
    assert told.status == 204
    assert cors_fields(told) == {
        "allow-origin": APP,
        "allow-methods": "GET, HEAD, POST",
        "allow-headers": "Authorization, Content-Type, X-API-Key, X-Correlation-ID",
        "max-age": "600",
    }
    assert fields(told, "Vary") == ["Origin"]
    assert told.body == b""
    assert door.kapa.sent == []


@pytest.mark.parametrize(
    "path", ["chat", "chat_stream", "retrieval", "query", "feedback", "/nowhere", "crm", "/t/default/api/kapa/query"]
)
async def test_every_address_answers_preflights(path: str) -> None:
    assert (await Door(CORS).knock("OPTIONS", path, *asks())).status == 204


async def test_a_preflight_is_recorded_under_the_route_that_it_asks_for() -> None:
    door = Door(CORS)
    told = await door.knock("OPTIONS", "chat", *asks())
    assert (told.record["route"], told.record["operation"], told.record["outcome"]) == (
        "kapa.chat",
        "preflight",
        "answered",
    )
    assert told.record["verdicts"]["cors"]["outcome"] == "answered"
    assert door.series("kapa_queries_total") == {}


@pytest.mark.parametrize(
    "headers",
    [
        asks(origin="https://other.example"),
        asks(origin="null"),
        asks(origin="https://APP.example"),
        asks(origin="https://app.example:8443"),
        asks(origin="http://app.example"),
        asks(origin="https://app.example.evil.example"),
        asks(origin="https://a.b.team.example"),
        [*asks(), ("Origin", APP)],
        [("Origin", "https://other.example"), *asks()],
        asks("PUT"),
        asks("post"),
        asks("TRACE"),
        asks(""),
        [*asks(), ("Access-Control-Request-Method", "POST")],
        asks("POST", "x-secret"),
        asks("POST", "content-type", "x-secret"),
        asks("POST", "content type"),
        asks("POST", "*"),
        [*asks("POST", "content-type"), ("Access-Control-Request-Headers", "x-secret")],
    ],
)
async def test_a_preflight_that_is_not_allowed_says_nothing_of_cors(headers: list[tuple[str, str]]) -> None:
    assert_refused(await Door(CORS).knock("OPTIONS", "chat", *headers))


@pytest.mark.parametrize("listed", ["Content-Type , AUTHORIZATION", "content-type,,authorization", " ", "x-api-key"])
async def test_header_names_are_compared_as_header_names(listed: str) -> None:
    told = await Door(CORS).knock("OPTIONS", "chat", *asks(), ("Access-Control-Request-Headers", listed))
    assert told.status == 204


async def test_a_refused_preflight_is_counted_by_step_and_problem() -> None:
    door = Door(CORS)
    await door.knock("OPTIONS", "chat", *asks(origin="null"))
    assert door.series("kapagate_refusals_total") == {'{problem="origin-refused",step="cors"}': 1.0}


@pytest.mark.parametrize("headers", [[], [ORIGIN], [("Access-Control-Request-Method", "POST")]])
async def test_an_options_that_is_no_preflight_is_asked_who_it_is(headers: list[tuple[str, str]]) -> None:
    door = Door(CORS)
    assert (await door.knock("OPTIONS", "chat", *headers)).status == 401
    told = await door.knock("OPTIONS", "chat", *headers, ANN)
    assert told.status == 405
    assert fields(told, "Allow") == ["POST"]
    assert door.kapa.sent == []


async def test_without_the_step_a_preflight_is_a_strangers_request() -> None:
    door = Door()
    told = await door.knock("OPTIONS", "chat", *asks())
    assert told.status == 401
    assert cors_fields(told) == {}
    assert fields(told, "Vary") == []
    told = await door.knock("OPTIONS", "chat", *asks(), ANN)
    assert (told.status, fields(told, "Allow")) == (405, ["POST"])
    assert door.kapa.sent == []


async def test_an_answer_tells_the_page_that_asked_and_what_it_may_read() -> None:
    told = await Door(CORS).knock("POST", "chat", ORIGIN, ANN)
    assert told.status == 200
    assert cors_fields(told) == GRANTED
    assert fields(told, "Vary") == ["Origin"]


async def test_a_stream_tells_it_too() -> None:
    told = await Door(CORS).knock("POST", "chat_stream", ORIGIN, ANN, answer=streamed(records("Fine.")))
    assert told.text == "Fine."
    assert cors_fields(told) == GRANTED


async def test_pages_below_an_open_label_are_told_their_own_origin() -> None:
    told = await Door(CORS).knock("POST", "chat", ("Origin", "https://a.team.example"), ANN)
    assert cors_fields(told)["allow-origin"] == "https://a.team.example"


@pytest.mark.parametrize("origin", ["https://other.example", "null", "", "HTTPS://APP.EXAMPLE", "https://app.example/"])
async def test_other_pages_are_answered_and_told_nothing(origin: str) -> None:
    told = await Door(CORS).knock("POST", "chat", ("Origin", origin), ANN)
    assert told.status == 200
    assert cors_fields(told) == {}
    assert fields(told, "Vary") == ["Origin"]


async def test_two_origins_are_none() -> None:
    told = await Door(CORS).knock("POST", "chat", ORIGIN, ORIGIN, ANN)
    assert cors_fields(told) == {}


async def test_who_is_no_page_gets_the_answer_with_vary_alone() -> None:
    told = await Door(CORS).knock("POST", "chat", ANN)
    assert (told.status, cors_fields(told), fields(told, "Vary")) == (200, {}, ["Origin"])


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "chat", [], 401),
        ("POST", "chat", [("X-Api-Key", "kg_live_x_y")], 401),
        ("POST", "/nowhere", [ANN], 404),
        ("GET", "/nowhere", [], 401),
        ("PUT", "chat", [ANN], 405),
        ("POST", "query", [ANN], 200),
    ],
)
async def test_refusals_of_the_gate_and_of_no_route_tell_it(
    method: str, path: str, headers: list[tuple[str, str]], status: int
) -> None:
    told = await Door(CORS).knock(method, path, ORIGIN, *headers)
    assert told.status == status
    assert cors_fields(told) == GRANTED
    assert fields(told, "Vary") == ["Origin"]


async def test_what_is_refused_in_front_of_it_tells_it_too() -> None:
    limit = "  - rate_limit: {per: [ip], limit: 1/h}\n    id: door\n"
    door = Door(limit + CORS)
    await door.knock("POST", "chat", ORIGIN, ANN)
    told = await door.knock("POST", "chat", ORIGIN, ANN)
    assert told.status == 429
    assert cors_fields(told) == GRANTED
    assert fields(told, "Retry-After") != []
    told = await door.knock("OPTIONS", "chat", *asks())
    assert (told.status, cors_fields(told)) == (429, {})


async def test_refusals_of_the_chain_tell_it() -> None:
    door = Door(CORS, "", ("  viewer: {allow: [kapa.chat, ", "  viewer: {deny: [kapa.chat], allow: ["))
    told = await door.knock("POST", "chat", ORIGIN, ANN)
    assert (told.status, cors_fields(told)) == (403, GRANTED)


@pytest.mark.parametrize(
    "answer",
    [inbound(b"{}", status=401), inbound(b"down", status=500, content_type="text/html"), inbound(b"{", status=200)],
)
async def test_failures_of_the_upstream_tell_it(answer: Inbound) -> None:
    told = await Door(CORS).knock("POST", "chat", ORIGIN, ANN, answer=answer)
    assert told.status >= 500
    assert cors_fields(told) == GRANTED
    assert fields(told, "Vary") == ["Origin"]


async def test_an_answer_that_breaks_off_before_its_head_tells_it() -> None:
    door = Door(CORS)
    answer = inbound()
    answer.body = _Broken()
    told = await door.knock("POST", "chat", ORIGIN, ANN, answer=answer)
    assert (told.status, cors_fields(told)) == (502, GRANTED)


class _Broken:
    def __aiter__(self) -> _Broken:
        return self

    async def __anext__(self) -> bytes:
        raise Truncated

    async def aclose(self) -> None:
        return None


async def test_the_upstreams_own_word_is_never_heard() -> None:
    own = {
        "Access_Control_Allow_Origin": "*",
        "access_control_allow_credentials": "true",
        "ACCESS_CONTROL_EXPOSE_HEADERS": "X-Own",
    }
    for origin, granted in ((APP, GRANTED), ("https://other.example", {})):
        told = await Door(CORS).knock("GET", "crm", ("Origin", origin), ANN, answer=inbound(b"{}", **own))
        assert (told.status, cors_fields(told)) == (200, granted)
    told = await Door().knock("GET", "crm", ORIGIN, ANN, answer=inbound(b"{}", **own))
    assert cors_fields(told)["allow-origin"] == "*"


@pytest.mark.parametrize(
    ("own", "told_to_caches"),
    [
        (["Accept-Language"], ["Accept-Language, Origin"]),
        (["Accept-Encoding, origin"], ["Accept-Encoding, Origin"]),
        (["Accept", "Cookie"], ["Accept, Cookie, Origin"]),
        (["*"], ["*"]),
        (["", " , "], ["Origin"]),
    ],
)
async def test_vary_names_what_the_upstream_named_and_the_origin_once(
    own: list[str], told_to_caches: list[str]
) -> None:
    answer = inbound(b"{}")
    answer.headers.raw = [*answer.headers.raw, *((b"vary", value.encode()) for value in own)]
    assert fields(await Door(CORS).knock("GET", "crm", ANN, answer=answer), "Vary") == told_to_caches


async def test_credentials_are_sent_where_the_policy_says_so() -> None:
    door = Door(f"  - cors: {{origins: ['{APP}'], credentials: true, expose: []}}\n")
    assert cors_fields(await door.knock("POST", "chat", ORIGIN, ANN)) == {
        "allow-origin": APP,
        "allow-credentials": "true",
    }
    preflight = await door.knock("OPTIONS", "chat", *asks())
    assert cors_fields(preflight)["allow-credentials"] == "true"


async def test_an_asterisk_lets_every_page_ask_without_credentials() -> None:
    door = Door("  - cors: {origins: ['*'], headers: [], max_age: 0s}\n")
    told = await door.knock("POST", "chat", ("Origin", "null"), ANN)
    assert cors_fields(told)["allow-origin"] == "*"
    preflight = await door.knock("OPTIONS", "chat", *asks(origin="https://any.example"))
    assert cors_fields(preflight) == {"allow-origin": "*", "allow-methods": "GET, HEAD, POST", "max-age": "0"}
    loaded = load("  - cors: {origins: ['*'], credentials: true}\n")
    assert not loaded.ok
    assert "name the origins" in loaded.report()


async def test_a_route_has_rules_of_its_own() -> None:
    other = "https://hooks.example"
    own = HOOK + f"public: true, cors: {{origins: ['{other}'], methods: [POST]}}}}\n"
    door = Door(CORS, own)
    preflight = await door.knock("OPTIONS", "/hook", *asks(origin=other))
    assert (preflight.status, cors_fields(preflight)["allow-origin"]) == (204, other)
    assert preflight.record["verdicts"] == {"hook.cors": {"outcome": "answered"}}
    refused = await door.knock("OPTIONS", "/hook", *asks())
    assert refused.problem[:3] == (403, "origin-refused", "hook.cors")
    told = await door.knock("POST", "/hook", ("Origin", other))
    assert (told.status, cors_fields(told)["allow-origin"]) == (200, other)
    assert cors_fields(await door.knock("POST", "chat", ("Origin", other), ANN)) == {}


async def test_a_route_may_have_rules_where_the_gate_has_none() -> None:
    door = Door("", HOOK + f"cors: {{origins: ['{APP}']}}}}\n")
    assert (await door.knock("OPTIONS", "/hook", *asks())).status == 204
    assert (await door.knock("OPTIONS", "/hook", *asks("GET"))).status == 401
    assert cors_fields(await door.knock("POST", "/hook", ORIGIN)) == GRANTED
    assert (await door.knock("OPTIONS", "chat", *asks())).status == 401


async def test_a_route_that_takes_options_itself_is_asked_where_no_step_answers() -> None:
    own = '  - {name: own, match: "OPTIONS|POST /own", upstream: crm, on_uninspectable: pass, public: true}\n'
    door = Door("", own)
    told = await door.knock("OPTIONS", "/own", *asks(), answer=inbound(b"{}", access_control_allow_origin="*"))
    assert (told.status, cors_fields(told)) == (200, {"allow-origin": "*"})
    assert (await Door(CORS, own).knock("OPTIONS", "/own", *asks(origin="null"))).status == 403


@pytest.mark.parametrize(
    "step",
    [
        "cors: {}",
        "cors: {origins: []}",
        "cors: {origins: ['null']}",
        "cors: {origins: ['https://app.example/']}",
        "cors: {origins: ['*'], methods: [TRACE]}",
        "cors: {origins: ['*'], methods: []}",
        "cors: {origins: ['*'], headers: ['x y']}",
        "cors: {origins: ['*'], headers: ['*']}",
        "cors: {origins: ['*'], max_age: 2d}",
        "cors: {origins: ['*']}\n    mode: shadow",
        "cors: {origins: ['*']}\n    on_error: allow",
    ],
)
def test_what_cannot_be_meant_is_refused_at_load(step: str) -> None:
    assert not load(f"  - {step}\n").ok


def test_two_of_them_never_act_on_one_request() -> None:
    other = "  - cors: {origins: ['*']}\n    id: other\n"
    loaded = load(CORS + other)
    assert 'step "other" acts on route "kapa.chat" beside step "cors"' in loaded.report()
    apart = "    when: {route: [crm]}\n"
    assert load(CORS.replace("\n", "\n    when: {route: [kapa.chat]}\n") + other + apart).ok


def test_it_is_for_no_role() -> None:
    assert "it can be for no role" in load(CORS + "    when: {role: [viewer]}\n").report()


def test_it_has_no_place_in_the_chain() -> None:
    loaded = load("", "", ("  - rbac: {}\n", f"  - rbac: {{}}\n{CORS}"))
    assert "put it into the gate" in loaded.report()
