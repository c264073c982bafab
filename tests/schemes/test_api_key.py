from __future__ import annotations

import random
from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.chain.filter import Invalid
from kapagate.chain.principal import Principal
from kapagate.chain.problem import Problem
from kapagate.chain.scheme import Recogniser
from kapagate.chain.secret import Secret
from kapagate.identity.api_keys import create, digest
from kapagate.schemes.api_key import ApiKey
from tests.filters.exchanges import NOW, FakeClock, exchange, services

PEPPER = "pepper-" * 5
KEY = create("live", random.Random(1).randbytes)
OTHER = create("live", random.Random(2).randbytes)
ENTRY: dict[str, Any] = {
    "id": KEY.id,
    "digest": digest(PEPPER.encode(), KEY),
    "tenant": "acme",
    "subject": "ann",
    "roles": ["operator", "viewer"],
}


def scheme(*entries: dict[str, Any], **options: Any) -> ApiKey:
    return ApiKey.model_validate({"pepper": Secret(PEPPER), "keys": list(entries or (ENTRY,)), **options})


def compiled(*entries: dict[str, Any], clock: FakeClock | None = None, **options: Any) -> Recogniser:
    return scheme(*entries, **options).compile(services(clock))


async def refusal(recogniser: Recogniser, headers: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        await recogniser.recognise(exchange(headers))
    return caught.value


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": KEY.text},
        {"X-API-KEY": KEY.text},
        {"Authorization": f"Bearer {KEY.text}"},
        {"X-Api-Key": KEY.text, "Authorization": f"Bearer {KEY.text}"},
        {"X-Api-Key": KEY.text, "Authorization": "Bearer a.b.c"},
    ],
)
async def test_a_key_stands_for_its_principal(headers: dict[str, str]) -> None:
    principal = await compiled().recognise(exchange(headers))
    assert principal == Principal("ann", "acme", ("viewer", "operator"), "api_key", key=KEY.id)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer a.b.c"}, {"Authorization": "Basic YTpi"}, {"Api-Key": KEY.text}]
)
async def test_other_credentials_are_not_its_own(headers: dict[str, str]) -> None:
    assert await compiled().recognise(exchange(headers)) is None


@pytest.mark.parametrize("text", [OTHER.text, KEY.text[:-1], KEY.text.swapcase(), "", "some-other-key", "k\xff"])
async def test_a_wrong_key_is_refused_without_a_reason(text: str) -> None:
    problem = await refusal(compiled(), {"X-Api-Key": text})
    assert (problem.kind.name, problem.detail) == ("invalid-credentials", "the API key is not valid")
    assert problem.challenges == ('ApiKey realm="kapagate", header="X-Api-Key"',)


async def test_a_known_id_with_another_secret_is_refused() -> None:
    entry = {**ENTRY, "id": OTHER.id}
    problem = await refusal(compiled(entry), {"X-Api-Key": OTHER.text})
    assert problem.detail == "the API key is not valid"


async def test_a_key_made_with_another_pepper_is_refused() -> None:
    await refusal(compiled(pepper=Secret("another-" * 5)), {"X-Api-Key": KEY.text})


async def test_two_different_keys_are_refused() -> None:
    headers = {"X-Api-Key": KEY.text, "Authorization": f"Bearer {OTHER.text}"}
    assert (await refusal(compiled(), headers)).kind.name == "ambiguous-credentials"


async def test_a_header_sent_twice_is_refused() -> None:
    headers = [("X-Api-Key", KEY.text), ("x-api-key", KEY.text)]
    assert (await refusal(compiled(), headers)).kind.name == "ambiguous-credentials"


async def test_a_disabled_key_is_refused() -> None:
    assert (await refusal(compiled({**ENTRY, "disabled": True}), {"X-Api-Key": KEY.text})).kind.status == 401


async def test_a_key_of_another_environment_is_refused() -> None:
    assert await compiled({**ENTRY, "env": "live"}).recognise(exchange({"X-Api-Key": KEY.text}))
    assert (await refusal(compiled({**ENTRY, "env": "test"}), {"X-Api-Key": KEY.text})).kind.status == 401


async def test_an_expired_key_says_so_on_its_second() -> None:
    clock = FakeClock()
    recogniser = compiled({**ENTRY, "expires": "2027-01-15T08:00:01Z"}, clock=clock)
    principal = await recogniser.recognise(exchange({"X-Api-Key": KEY.text}))
    assert principal is not None
    assert (recogniser.steady, principal.expires) == (True, NOW + 1)
    clock.now = NOW + 1
    assert (await refusal(recogniser, {"X-Api-Key": KEY.text})).detail == "the API key has expired"


async def test_who_has_not_the_key_does_not_learn_that_it_expired() -> None:
    recogniser = compiled({**ENTRY, "id": OTHER.id, "expires": "2020-01-01T00:00:00Z"})
    assert (await refusal(recogniser, {"X-Api-Key": OTHER.text})).detail == "the API key is not valid"


async def test_the_header_may_have_another_name() -> None:
    recogniser = compiled(header="X-Gate")
    assert recogniser.headers == {b"x-gate", b"authorization"}
    assert await recogniser.recognise(exchange({"x-gate": KEY.text}))
    assert await recogniser.recognise(exchange({"x-api-key": KEY.text})) is None


@pytest.mark.parametrize(
    ("entries", "at"),
    [
        (({**ENTRY, "roles": ["viewer", "vewer"]},), ("keys", 0, "roles", 1)),
        ((ENTRY, ENTRY), ("keys", 1, "id")),
    ],
)
def test_entries_that_cannot_work_are_named(entries: tuple[dict[str, Any], ...], at: tuple[str | int, ...]) -> None:
    with pytest.raises(Invalid) as caught:
        compiled(*entries)
    assert caught.value.at == at


def test_a_short_pepper_is_refused() -> None:
    with pytest.raises(Invalid, match="16 bytes"):
        compiled(pepper=Secret("short"))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "short"},
        {"digest": "0" * 63},
        {"tenant": ""},
        {"env": "Live"},
        {"expires": "2027-01-15T08:00:01"},
        {"key": "clear text"},
    ],
)
def test_entries_of_another_form_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        scheme({**ENTRY, **change})


def test_the_pepper_is_never_clear_text() -> None:
    with pytest.raises(ValidationError, match="reference"):
        scheme(pepper=PEPPER)
    assert PEPPER not in repr(scheme())
    assert ENTRY["digest"] not in repr(scheme())
