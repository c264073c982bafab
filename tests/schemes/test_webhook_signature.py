from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Invalid
from kapagate.chain.principal import PRINCIPAL, Principal
from kapagate.chain.problem import Problem
from kapagate.chain.route import Routes
from kapagate.chain.scheme import Recogniser
from kapagate.chain.secret import Secret
from kapagate.filters.identify import Identify
from kapagate.identity.deliveries import DELIVERY
from kapagate.identity.replays import Replays
from kapagate.schemes.webhook_signature import WebhookSignature
from kapagate.stores.memory_replays import MemoryReplays
from tests.chain.conftest import SentBody
from tests.filters.exchanges import CHAT, NOW, FakeClock, exchange, services
from tests.identity.webhooks import fields, secret_of

BODY = b'{"type":"contact.created"}'
SIGNED = {
    "signature": "X-Sign",
    "template": "{id}|{timestamp}|{body}",
    "timestamp": "X-Time",
    "id": "X-Id",
    "encoding": "base64",
    "prefix": "sig:",
}
KINDS = ["standard", "github", "slack", "stripe", "hmac_sha256"]


def secrets(kind: str, *numbers: int) -> list[Secret]:
    return [Secret(secret_of(kind, number), f"${{env:HOOK_{number}}}") for number in numbers or (1,)]


def declared(kind: str = "standard", **more: Any) -> WebhookSignature:
    said: dict[str, Any] = {"scheme": kind, "tenant": "acme", "subject": "crm", "roles": ["viewer"]}
    if "sources" not in more:
        said["secrets"] = secrets(kind)
    if kind == "hmac_sha256":
        said["signed"] = SIGNED
    return WebhookSignature.model_validate({**said, **more})


def compiled(scheme: WebhookSignature, clock: FakeClock | None = None) -> Recogniser:
    clock = clock or FakeClock()
    routes = Routes((replace(CHAT, template="/hooks/{source}"), CHAT))
    return scheme.compile(services(clock).with_ports({Replays: MemoryReplays(clock), Routes: routes}))


def message(said: Mapping[str, str], body: bytes = BODY, params: Mapping[str, str] | None = None) -> Exchange:
    made = exchange(dict(said))
    made.request.body = SentBody(body)
    made.params = params or {}
    return made


def sent(kind: str = "standard", number: int = 1, **more: Any) -> dict[str, str]:
    return fields(kind, secret_of(kind, number), BODY, **{"at": int(NOW), **more})


async def recognised(scheme: WebhookSignature, made: Exchange, clock: FakeClock | None = None) -> Principal | None:
    return await compiled(scheme, clock).recognise(made)


async def refusal(scheme: WebhookSignature, made: Exchange, clock: FakeClock | None = None) -> Problem:
    with pytest.raises(Problem) as caught:
        await recognised(scheme, made, clock)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
async def test_a_signed_message_is_from_whom_the_policy_says(kind: str) -> None:
    principal = await recognised(declared(kind), message(sent(kind)))
    assert principal is not None
    assert (principal.subject, principal.tenant, principal.roles) == ("crm", "acme", ("viewer",))
    assert principal.scheme == "webhook_signature"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_forged_message_is_refused(kind: str) -> None:
    problem = await refusal(declared(kind), message(sent(kind, number=2)))
    assert (problem.kind.name, problem.detail) == ("invalid-credentials", "the signature is not valid")
    assert problem.challenges[0].startswith("Webhook ")


@pytest.mark.parametrize("kind", KINDS)
async def test_the_body_is_what_came_and_stays_readable(kind: str) -> None:
    raw = b'\xef\xbb\xbf{ "a":1,\r\n"a":2 }\xff'
    made = message(fields(kind, secret_of(kind), raw, at=int(NOW)), raw)
    assert await recognised(declared(kind), made)
    assert made.request.body.at_hand() == raw
    assert await made.request.body.read(0) == raw


async def test_other_requests_are_for_other_schemes_and_their_bodies_unread() -> None:
    made = message({"Authorization": "Bearer x", "webhook-id": "msg-1"})
    body = made.request.body
    assert await recognised(declared(), made) is None
    assert isinstance(body, SentBody)
    assert body.reads == 0


@pytest.mark.parametrize(
    "said",
    [
        sent(at=int(NOW) - 301),
        sent(at=int(NOW) + 301),
        sent(at="+1"),
        sent(identifier=""),
        {**sent(), "webhook-signature": "v1,"},
    ],
)
async def test_what_cannot_be_right_is_refused_before_the_body_is_read(said: dict[str, str]) -> None:
    made = message(said)
    body = made.request.body
    assert (await refusal(declared(), made)).kind.name == "invalid-credentials"
    assert isinstance(body, SentBody)
    assert body.reads == 0


async def test_the_tolerance_is_the_policys_and_the_clock_the_walls() -> None:
    clock = FakeClock()
    scheme = declared(tolerance="10s")
    assert await recognised(scheme, message(sent()), clock)
    clock.now += 10
    assert await recognised(scheme, message(sent()), clock)
    clock.now += 1
    assert (await refusal(scheme, message(sent()), clock)).detail == "the message is too old"
    clock.now = NOW - 11
    assert (await refusal(scheme, message(sent()), clock)).detail == "the message is from the future"


async def test_a_body_over_the_limit_is_refused_and_not_read_again() -> None:
    made = message(sent())
    made.request.body = SentBody(BODY, Problem(problems.BODY_TOO_LARGE, "too long"))
    assert (await refusal(declared(), made)).kind.name == "body-too-large"
    with pytest.raises(Problem):
        await made.request.body.read(1)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_the_report_says_which_secret_matched_and_never_the_secret(number: int) -> None:
    made = message(sent(number=number))
    assert await recognised(declared(secrets=secrets("standard", 1, 2, 3)), made)
    assert made.verdict().reason == f"secret {number} of 3"


async def test_secrets_stand_in_no_text() -> None:
    scheme = declared()
    shown = f"{scheme!r} {scheme.model_dump()} {scheme.model_dump_json()} {compiled(scheme)}"
    assert secret_of("standard") not in shown
    assert secret_of("standard")[6:] not in shown


def test_its_headers_go_on_to_the_backend() -> None:
    recogniser = compiled(declared())
    assert recogniser.headers == recogniser.relayed == {b"webhook-id", b"webhook-timestamp", b"webhook-signature"}
    assert not recogniser.steady


SOURCES: dict[str, Any] = {"acme": secrets("standard", 1), "globex": secrets("standard", 2, 3)}


@pytest.mark.parametrize(("source", "number"), [("acme", 1), ("globex", 2), ("globex", 3)])
async def test_the_tenant_may_be_a_path_parameter(source: str, number: int) -> None:
    scheme = declared(sources=SOURCES, tenant="{source}", subject="crm")
    principal = await recognised(scheme, message(sent(number=number), params={"source": source}))
    assert principal is not None
    assert (principal.tenant, principal.subject) == (source, "crm")


async def test_the_sender_may_be_a_path_parameter() -> None:
    scheme = declared(sources=SOURCES, tenant="acme", subject="{source}")
    principal = await recognised(scheme, message(sent(number=2), params={"source": "globex"}))
    assert principal is not None
    assert (principal.tenant, principal.subject) == ("acme", "globex")


@pytest.mark.parametrize("source", ["globex", "initech", "", None])
async def test_no_source_signs_for_another(source: str | None) -> None:
    params = {} if source is None else {"source": source}
    problem = await refusal(declared(sources=SOURCES, tenant="{source}"), message(sent(number=1), params=params))
    assert (problem.kind.name, problem.detail) == ("invalid-credentials", "the signature is not valid")


async def delivery(scheme: WebhookSignature, said: Mapping[str, str], **more: Any) -> Any:
    made = message(said, **more)
    assert await recognised(scheme, made)
    return made[DELIVERY]


@pytest.mark.parametrize("kind", ["standard", "hmac_sha256"])
async def test_a_signed_id_is_what_a_message_is_remembered_by(kind: str) -> None:
    scheme = declared(kind)
    one = await delivery(scheme, sent(kind))
    retried = await delivery(scheme, sent(kind, at=int(NOW) + 60))
    other = await delivery(scheme, sent(kind, identifier="msg-2"))
    assert one == retried
    assert one.mark != other.mark


async def test_githubs_delivery_id_is_what_a_message_is_remembered_by() -> None:
    scheme = declared("github")
    assert await delivery(scheme, sent("github")) == await delivery(scheme, sent("github"))
    assert await delivery(scheme, sent("github")) != await delivery(scheme, sent("github", identifier="other"))


@pytest.mark.parametrize("kind", KINDS)
async def test_all_that_is_signed_may_be_what_a_message_is_remembered_by(kind: str) -> None:
    scheme = declared(kind, remember_by="text", secrets=secrets(kind, 1, 2))
    one = await delivery(scheme, sent(kind))
    assert one == await delivery(scheme, sent(kind, number=2))
    if kind != "github":
        assert one != await delivery(scheme, sent(kind, at=int(NOW) + 1))


async def test_an_id_that_nobody_signs_is_not_trusted_unless_the_policy_says_so() -> None:
    signed = {"signature": "X-Hub-Signature-256", "template": "{body}", "id": "X-GitHub-Delivery", "prefix": "sha256="}
    kind = "hmac_sha256"
    said = [fields("github", secret_of(kind), BODY, identifier=each) for each in ("one", "two")]
    for remember_by, same in ((None, True), ("text", True), ("id", False)):
        scheme = declared(kind, signed=signed, remember_by=remember_by)
        assert (await delivery(scheme, said[0]) == await delivery(scheme, said[1])) is same


async def test_a_source_is_who_the_policy_says_it_is() -> None:
    schemes = [
        declared(),
        declared(tenant="globex"),
        declared(subject="billing"),
        declared(secrets=secrets("standard", 1, 2)),
        declared(sources={"crm": secrets("standard")}, subject="{source}"),
    ]
    found = [(await delivery(each, sent(), params={"source": "crm"})).source for each in schemes]
    assert len(set(found[:3])) == 3
    assert found[0] == found[3] == found[4]


async def test_a_message_is_remembered_for_longer_than_it_could_be_accepted() -> None:
    found = await delivery(declared(tolerance="5m"), sent())
    assert (found.keep, found.least) == (86400.0, 600.0)


async def asked(made: Exchange, *schemes: WebhookSignature) -> str:
    """What `identify` says to a message: the subject, or the kind of problem."""
    ports = services().with_ports({Replays: MemoryReplays(FakeClock())})
    hook = Identify(schemes=schemes).compile(ports).on_request
    assert hook is not None
    try:
        await hook(made)
    except Problem as problem:
        return problem.kind.name
    return made[PRINCIPAL].subject


async def test_signatures_of_two_kinds_are_ambiguous() -> None:
    schemes = (declared("standard"), declared("github"))
    for second in (sent("github"), sent("github", number=2), {"X-Hub-Signature-256": "x"}):
        assert await asked(message({**sent(), **second}), *schemes) == "ambiguous-credentials"
    assert await asked(message(sent("github")), *schemes) == "crm"
    assert await asked(message({"X-GitHub-Delivery": "1", **sent()}), *schemes) == "crm"


async def test_several_senders_of_one_kind_are_told_apart_by_their_secrets() -> None:
    schemes = (declared(), declared(subject="billing", secrets=secrets("standard", 2)))
    for number, subject in ((1, "crm"), (2, "billing"), (3, "invalid-credentials")):
        assert await asked(message(sent(number=number)), *schemes) == subject
    assert await asked(message(sent(at=1)), *schemes) == "invalid-credentials"


async def test_a_secret_of_two_senders_tells_nobody_apart() -> None:
    assert await asked(message(sent()), declared(), declared(subject="billing")) == "ambiguous-credentials"


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"remember": "599s"}, ("remember",)),
        ({"roles": ["root"]}, ("roles", 0)),
        ({"secrets": []}, ("secrets",)),
        ({"sources": {"crm": secrets("standard")}}, ("sources",)),
        (
            {"sources": {"crm": secrets("standard")}, "secrets": secrets("standard"), "subject": "{source}"},
            ("secrets",),
        ),
        ({"tenant": "{source}"}, ("tenant",)),
        ({"subject": "{source}"}, ("subject",)),
        ({"sources": {"a": secrets("standard")}, "tenant": "{a}", "subject": "{b}"}, ("subject",)),
        ({"sources": {"a": secrets("standard")}, "tenant": "{sauce}"}, ("tenant",)),
        ({"sources": {"a": secrets("standard")}, "subject": "{sauce}"}, ("subject",)),
        ({"secrets": [Secret("short", "x")]}, ("secrets", 0)),
        ({"secrets": secrets("standard", 1, 2, 1)}, ("secrets", 2)),
        ({"sources": {"a": [Secret("whsec_short", "x")]}, "tenant": "{source}"}, ("sources", "a", 0)),
        ({"signed": SIGNED}, ("signed",)),
        ({"scheme": "hmac_sha256", "secrets": secrets("slack")}, ("signed",)),
        ({"scheme": "slack", "secrets": secrets("slack"), "remember_by": "id"}, ("remember_by",)),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(more: dict[str, Any], at: tuple[str | int, ...]) -> None:
    with pytest.raises(Invalid) as caught:
        compiled(declared(**more))
    assert caught.value.at == at
    assert secret_of("standard") not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"template": "{id}{body}"}, ("signed", "template")),
        ({"template": "{timestamp}"}, ("signed", "template")),
        ({"template": "{id}|{body}"}, ("signed",)),
        ({"timestamp": None}, ("signed",)),
        ({"id": None}, ("signed", "template")),
        ({"id": "x-SIGN"}, ("signed",)),
        ({"id": "x-time"}, ("signed",)),
    ],
)
def test_a_way_to_sign_that_proves_nothing_is_refused(changes: dict[str, Any], at: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as caught:
        compiled(declared("hmac_sha256", signed={**SIGNED, **changes}))
    assert caught.value.at == at


@pytest.mark.parametrize(
    "more",
    [
        {"tolerance": "0s"},
        {"tolerance": "2h"},
        {"remember": "8d"},
        {"tenant": ""},
        {"tenant": "a{b}"},
        {"subject": "{Source}"},
        {"scheme": "paypal"},
        {"secrets": ["clear text"]},
        {"secrets": secrets("standard", *range(9))},
        {"sources": {"": secrets("standard")}},
        {"sources": {"a": []}},
        {"signed": {**SIGNED, "signature": "a b"}},
        {"signed": {**SIGNED, "prefix": " "}},
        {"header": "x"},
    ],
)
def test_what_is_no_declaration_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        declared(**more)
