"""A gateway that has its identity provider's keys from a URL."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from kapagate.remote.key_sets import FLOOR
from kapagate.remote.references import References
from kapagate.run import Gateway, offline, open_gateway
from tests.acceptance.served import ANYWHERE
from tests.chain.conftest import FakeClock
from tests.identity.keys import jwk, private, signed
from tests.remote.provider import Provider, serving

POLICY = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: keys
roles:
  viewer: {allow: [admin.health.read]}
gate:
  - identify:
      schemes:
        - jwt: {issuer: "https://id.example", audience: docs, algorithms: [RS256], keys: "${env:KEYS}", tenant: acme}
chain:
  - rbac: {}
routes:
  - {name: health, match: "GET /health", serve: system_health}
---
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The gateway's time, which passes when the test says so."""
    clock = FakeClock(unix=time.time())
    monkeypatch.setattr("kapagate.offers.SystemClock", lambda: clock)
    return clock


@asynccontextmanager
async def gateway(folder: Path, url: str) -> AsyncIterator[Gateway]:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    async with open_gateway([policy], References({"KEYS": url}), ANYWHERE) as opened:
        yield opened


def token(clock: FakeClock, kid: str = "RSA") -> str:
    claims = {"iss": "https://id.example", "aud": "docs", "sub": "ann", "roles": ["viewer"], "exp": clock.wall() + 9999}
    return signed({"alg": "RS256", "kid": kid}, claims, private("RSA"), "RS256")


async def asked(url: str, token: str = "") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with ClientSession() as client, client.get(url, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_who_has_a_token_of_the_provider_is_known(tmp_path: Path, clock: FakeClock) -> None:
    async with serving(Provider()) as provider, gateway(tmp_path, provider.url) as serves:
        status, told = await asked(f"{serves.data_url}/health", token(clock))
        assert (status, told["dependencies"][-1]["details"]) == (200, {"keys": 1, "age": 0})
        assert (await asked(f"{serves.data_url}/health", token(clock, "other")))[0] == 401
        assert (await asked(f"{serves.data_url}/health"))[0] == 401
        assert provider.asked == 1


async def test_it_starts_without_the_provider_and_says_so(tmp_path: Path, clock: FakeClock) -> None:
    down = Provider()
    down.status = 500
    async with serving(down) as provider, gateway(tmp_path, provider.url) as serves:
        status, problem = await asked(f"{serves.data_url}/health", token(clock))
        assert (status, problem["type"].rpartition("/")[2]) == (503, "identity-provider-unavailable")
        assert (await asked(f"{serves.data_url}/health"))[0] == 401
        assert (await asked(f"{serves.probe_url}/readyz"))[0] == 200
        status, told = await asked(f"{serves.probe_url}/health/ready")
        assert (status, told["dependencies"][f"keys.{provider.url.split('/')[2]}"]) == (503, "unhealthy")
        provider.publish(jwk("RSA"))
        clock.advance(FLOOR)
        assert (await asked(f"{serves.data_url}/health", token(clock)))[0] == 200
        assert (await asked(f"{serves.probe_url}/health/ready"))[0] == 200


async def test_nobody_is_remembered_whose_key_has_left_the_set(tmp_path: Path, clock: FakeClock) -> None:
    async with serving(Provider()) as provider, gateway(tmp_path, provider.url) as serves:
        mine = token(clock)
        assert (await asked(f"{serves.data_url}/health", mine))[0] == 200
        provider.publish(jwk("RSA", kid="new"))
        assert (await asked(f"{serves.data_url}/health", mine))[0] == 200
        clock.advance(FLOOR)
        assert (await asked(f"{serves.data_url}/health", token(clock, "new")))[0] == 200
        assert (await asked(f"{serves.data_url}/health", mine))[0] == 401


def test_a_check_asks_no_provider(tmp_path: Path) -> None:
    """There is no loop here in which it could."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    assert offline([policy], References({"KEYS": "https://id.example/jwks.json"})).generation is not None
    refused = offline([policy], References({"KEYS": "http://id.example/jwks.json"}))
    assert "use https, or name it in `plain_http`" in refused.report()
