"""The filters of callers, composed: a real scheme each, in the order of the example policy."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kapagate.chain.compose import Placed, compose
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter
from kapagate.chain.fitness import findings
from kapagate.chain.options import Options
from kapagate.chain.principal import PRINCIPAL
from kapagate.chain.problem import Problem
from kapagate.chain.secret import Secret
from kapagate.chain.services import Services
from kapagate.filters.enrich import Enrich
from kapagate.filters.identify import Identify
from kapagate.filters.rate_limit import RateLimit
from kapagate.filters.rbac import Rbac
from kapagate.identity.api_keys import Key, create, digest
from kapagate.schemes.api_key import ApiKey
from kapagate.schemes.jwt import Jwt
from tests.filters.exchanges import CHAT, NOW, FakeClock, exchange, services
from tests.identity.keys import SHARED, signed

PEPPER = "pepper-" * 5
KEYS = {name: create("live", random.Random(name).randbytes) for name in ("ann", "bob", "cyd")}
ROLE = {"ann": "viewer", "bob": "operator", "cyd": "muted"}


def entry(name: str, key: Key) -> dict[str, Any]:
    made = digest(PEPPER.encode(), key)
    return {"id": key.id, "digest": made, "tenant": "acme", "subject": name, "roles": [ROLE[name]]}


def schemes() -> tuple[ApiKey, Jwt]:
    keys = [entry(name, key) for name, key in KEYS.items()]
    provider = {
        "issuer": "https://id.example",
        "audience": "docs",
        "algorithms": ["HS256"],
        "claims": {"tenant": "org"},
    }
    return (
        ApiKey.model_validate({"pepper": Secret(PEPPER), "keys": keys}),
        Jwt.model_validate({**provider, "secret": Secret(SHARED)}),
    )


def placed(declared: Filter, borrowed: Services, **options: Any) -> Placed:
    name = type(declared).__name__.lower()
    chosen = Options(**{"id": name, **options})
    identifier = chosen.id or name
    return Placed(identifier, name, declared.compile(borrowed.scoped(identifier)), chosen)


def steps(clock: FakeClock | None = None) -> tuple[list[Placed], list[Placed]]:
    borrowed = services(clock)
    door = RateLimit.model_validate({"per": ["ip"], "limit": "600/min", "burst": 5})
    inner = RateLimit.model_validate({"per": ["tenant", "subject"], "limit": "60/min", "burst": 2})
    gate = [placed(door, borrowed, id="door"), placed(Identify(schemes=schemes()), borrowed)]
    chain = [
        placed(Rbac(), borrowed),
        placed(inner, borrowed, id="inner"),
        placed(Enrich.model_validate({"add": {"tenant_id": "tenant", "user_role": "role"}}), borrowed),
    ]
    return gate, chain


async def passed(made: Exchange, all_steps: tuple[list[Placed], list[Placed]]) -> Exchange:
    composed = compose(*all_steps, CHAT, "POST")
    for name, hook in composed.gate + composed.request:
        made.step = name
        assert await hook(made) is None
    return made


async def refused(made: Exchange, all_steps: tuple[list[Placed], list[Placed]]) -> tuple[str, str]:
    with pytest.raises(Problem) as caught:
        await passed(made, all_steps)
    return made.step, caught.value.kind.name


def with_key(name: str) -> Exchange:
    return exchange({"X-Api-Key": KEYS[name].text})


def test_the_order_of_the_example_fits() -> None:
    gate, chain = steps()
    assert findings(gate, chain, [CHAT]) == []
    assert [finding.step for finding in findings([], chain, [CHAT])] == ["rbac", "inner", "enrich", "enrich"]


def test_credentials_never_go_upstream() -> None:
    assert compose(*steps(), CHAT, "POST").asserts == {b"x-api-key", b"authorization"}


async def test_a_key_leads_to_context_and_pseudonym() -> None:
    made = await passed(with_key("ann"), steps())
    assert made.edit.context == {"tenant_id": "acme", "user_role": "viewer"}
    assert made.edit.pseudonym
    assert "ann" not in made.edit.pseudonym
    assert [name for name, _ in made.headers_out] == [b"RateLimit-Policy", b"RateLimit"] * 2
    assert [value.split(b";")[0] for _, value in made.headers_out] == [b'"door"', b'"door"', b'"inner"', b'"inner"']


async def test_a_token_leads_to_the_same_place() -> None:
    claims = {
        "iss": "https://id.example",
        "aud": "docs",
        "sub": "ann",
        "exp": NOW + 60,
        "org": "acme",
        "roles": "viewer",
    }
    made = await passed(exchange({"Authorization": f"Bearer {signed({'alg': 'HS256'}, claims)}"}), steps())
    assert made[PRINCIPAL].scheme == "jwt"
    assert made.edit.pseudonym == (await passed(with_key("ann"), steps())).edit.pseudonym


async def test_a_key_in_the_bearer_field_is_no_token() -> None:
    made = await passed(exchange({"Authorization": f"Bearer {KEYS['bob'].text}"}), steps())
    assert made[PRINCIPAL].scheme == "api_key"


async def test_each_refusal_comes_from_its_step() -> None:
    all_steps = steps()
    assert await refused(exchange(), all_steps) == ("identify", "credentials-required")
    assert await refused(exchange({"X-Api-Key": "wrong"}), all_steps) == ("identify", "invalid-credentials")
    assert await refused(with_key("cyd"), all_steps) == ("rbac", "forbidden")


async def test_a_key_and_a_token_together_are_refused() -> None:
    claims = {"iss": "https://id.example", "aud": "docs", "sub": "ann", "exp": NOW + 60, "org": "acme"}
    token = signed({"alg": "HS256"}, claims)
    made = exchange({"X-Api-Key": KEYS["ann"].text, "Authorization": f"Bearer {token}"})
    assert await refused(made, steps()) == ("identify", "ambiguous-credentials")


async def test_one_callers_limit_is_not_anothers() -> None:
    all_steps = steps()
    for _ in range(2):
        await passed(with_key("ann"), all_steps)
    assert await refused(with_key("ann"), all_steps) == ("inner", "rate-limited")
    await passed(with_key("bob"), all_steps)


async def test_the_door_limits_before_anybody_is_known() -> None:
    all_steps = steps()
    for _ in range(5):
        assert await refused(exchange(), all_steps) == ("identify", "credentials-required")
    assert await refused(exchange(), all_steps) == ("door", "rate-limited")


async def test_a_shadow_limit_refuses_nobody_and_takes_from_its_own_buckets() -> None:
    gate, chain = steps()
    borrowed = services()
    watching = RateLimit.model_validate({"per": ["subject"], "limit": "1/h", "burst": 1})
    gate = [*gate, placed(watching, borrowed, id="watch", mode="shadow")]
    await passed(with_key("ann"), (gate, chain))
    made = await passed(with_key("ann"), (gate, chain))
    assert (made.verdicts["watch"].mode, made.verdicts["watch"].outcome) == ("shadow", "refused")
    assert not any(value.startswith(b'"watch"') for _, value in made.headers_out)
