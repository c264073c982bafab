from __future__ import annotations

import pytest
from msgspec.structs import replace

from kapagate.identity.published import PublishedKeys
from kapagate.web.health import Asked, Check, Health
from kapagate.web.probe import Lifecycle, Probe
from tests.web.doors import StoppedClock, ask, opened


async def well() -> Health:
    return Health("healthy")


async def ill() -> Health:
    return Health("unhealthy", "the reason is for the admin port")


async def weak() -> Health:
    return Health("degraded")


def probe(lifecycle: Lifecycle | None = None, *checks: Check) -> Probe:
    return Probe(
        lifecycle=lifecycle or Lifecycle(serving=True),
        checks=checks,
        clock=StoppedClock(),
        version="1.2.3",
        render=lambda: b"up 1.0\n",
        content_type="text/plain; version=1.0.0; charset=utf-8",
    )


@pytest.mark.parametrize("lifecycle", [Lifecycle(), Lifecycle(serving=True), Lifecycle(serving=True, draining=True)])
async def test_livez_asks_the_event_loop_alone(lifecycle: Lifecycle) -> None:
    async with opened(probe(lifecycle, Asked("kapa", ill)).routes()) as address:
        assert (await ask(address, "/livez"))[:2] == (200, {"status": "alive"})


@pytest.mark.parametrize(
    ("lifecycle", "status", "phase"),
    [
        (Lifecycle(), 503, "starting"),
        (Lifecycle(serving=True), 200, "ready"),
        (Lifecycle(serving=True, draining=True), 503, "draining"),
    ],
)
async def test_readyz_is_serving_and_not_draining(lifecycle: Lifecycle, status: int, phase: str) -> None:
    async with opened(probe(lifecycle, Asked("kapa", ill)).routes()) as address:
        assert (await ask(address, "/readyz"))[:2] == (status, {"status": phase})
        assert (await ask(address, "/readyz", "HEAD"))[0] == status


@pytest.mark.parametrize(
    ("lifecycle", "checks", "status"),
    [
        (Lifecycle(serving=True), [Asked("kapa", well), Asked("ledger", well)], 200),
        (Lifecycle(serving=True), [Asked("kapa", weak)], 200),
        (Lifecycle(serving=True), [Asked("kapa", well), Asked("ledger", ill)], 503),
        (Lifecycle(serving=True, draining=True), [Asked("kapa", well)], 503),
    ],
)
async def test_health_ready_asks_every_dependency_too(lifecycle: Lifecycle, checks: list[Check], status: int) -> None:
    async with opened(probe(lifecycle, *checks).routes()) as address:
        answer, document, _ = await ask(address, "/health/ready")
    assert answer == status
    assert list(document["dependencies"]) == [check.name for check in checks]
    assert "reason" not in str(document)


async def test_health_and_version_name_the_version() -> None:
    async with opened(probe().routes()) as address:
        assert (await ask(address, "/health"))[1] == {"status": "healthy", "phase": "ready", "version": "1.2.3"}
        assert (await ask(address, "/version"))[1] == {"name": "kapagate", "version": "1.2.3"}


async def test_metrics_come_in_their_own_format() -> None:
    async with opened(probe().routes()) as address:
        status, text, headers = await ask(address, "/metrics")
    assert (status, text) == (200, "up 1.0\n")
    assert headers["Content-Type"] == "text/plain; version=1.0.0; charset=utf-8"


async def test_backends_find_the_keys_of_our_tokens() -> None:
    published = PublishedKeys()
    published.add({"kty": "OKP", "kid": "a"})
    async with opened(replace(probe(), published=published).routes()) as address:
        status, document, headers = await ask(address, "/.well-known/jwks.json")
    assert (status, document) == (200, {"keys": [{"kty": "OKP", "kid": "a"}]})
    assert headers["Content-Type"] == "application/jwk-set+json"
    assert headers["Cache-Control"] == "public, max-age=300"
