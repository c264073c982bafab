"""A limit that another one hides is told of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kapagate.remote.references import References
from kapagate.run import offline

GATEWAY = """\
apiVersion: kapagate.dev/v1
kind: Gateway
listen: {limits: {LIMITS}}
roles: {viewer: {allow: ["*"]}}
upstreams: {crm: {type: http, url: "http://127.0.0.1:9000"}}
gate:
  - rate_limit: {DOOR}
    id: door
  - identify:
      schemes:
        - jwt: {issuer: i, audience: a, algorithms: [HS256], secret: "${env:SECRET}", claims: {tenant: t}}
chain:
  - rate_limit: {CHAIN}
    id: inner
  - guard_question: {max_length: LENGTH}
    on_error: deny
routes: [{name: crm, match: "GET /crm", upstream: crm}]
"""
GOOD = {"LIMITS": "body: 1MiB", "DOOR": "per: [ip], limit: 60/min", "CHAIN": "per: [tenant], limit: 60/min"}
Told = Callable[..., list[tuple[int, int, str]]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """The warnings of a policy whose limits are these: line, column, message."""

    def told(**changes: str) -> list[tuple[int, int, str]]:
        text = GATEWAY
        for name, value in {**GOOD, "LENGTH": "4000", **changes}.items():
            text = text.replace(name, value, 1)
        text = text.replace("  - guard_question", "  # - guard_question").replace("    on_error", "    # on_error")
        if "LENGTH" in changes:
            text = text.replace("# ", "").replace('"GET /crm"', '"POST /crm"').replace("crm}]", "crm, text: [a]}]")
            text = text.replace("upstream: crm,", "upstream: crm, on_uninspectable: pass,")
        (tmp_path / "gateway.yaml").write_text(text)
        loaded = offline([tmp_path], References({"SECRET": "s" * 40}))
        assert loaded.ok, loaded.report()
        found = [each for each in loaded.diagnostics if each.code.name == "KG352"]
        return [(each.span.line, each.span.column, each.message) for each in found]

    return told


def test_limits_that_all_bind_are_not_told_of(told: Told) -> None:
    assert told() == []
    assert told(CHAIN="per: [tenant], limit: [60/min, 1000/h]") == []
    assert told(LIMITS="connections: 100") == []


def test_of_several_rates_the_one_that_another_hides_is(told: Told) -> None:
    [(line, column, message)] = told(CHAIN="per: [tenant], limit: [60/min, 5000/h]")
    assert (line, column) == (13, 49)
    assert message == "5000/h is never reached: 60/min beside it is stricter and counts the same or more"


def test_a_bigger_bucket_behind_a_smaller_one_is_hidden(told: Told) -> None:
    tighter = "per: [tenant], limit: 60/min"
    [(line, _, message)] = told(DOOR=tighter.replace("tenant", "ip"), CHAIN="per: [ip], limit: 120/min")
    assert (line, 'of step "door"' in message) == (13, True)
    [(_, _, message)] = told(DOOR="per: [ip], limit: 60/min", CHAIN="per: [ip, subject], limit: 60/min")
    assert message.startswith("60/min is never reached")


@pytest.mark.parametrize(
    "chain",
    [
        "per: [ip], limit: 30/min",
        "per: [ip], limit: 120/min, burst: 10",
        "per: [tenant], limit: 120/min",
        "per: [ip], limit: 120/min, cost: {crm: 3}",
    ],
)
def test_what_is_stricter_in_any_way_or_counts_otherwise_binds(told: Told, chain: str) -> None:
    assert told(DOOR="per: [ip], limit: 60/min", CHAIN=chain) == []


def test_exchanges_are_no_more_than_connections_and_those_of_a_tenant_no_more_than_all(told: Told) -> None:
    [(line, column, message)] = told(LIMITS="connections: 100, exchanges: 200")
    assert (line, column) == (3, 48)
    assert message == "200 is never reached: `connections` is 100, and each has one exchange at a time"
    [(_, _, message)] = told(LIMITS="exchanges: 100, exchanges_per_tenant: 200")
    assert message == "200 is never reached: `exchanges` is 100, and that is of all tenants together"


def test_a_text_is_no_longer_than_the_body_that_holds_it(told: Told) -> None:
    assert told(LENGTH="4000") == []
    [(line, _, message)] = told(LIMITS="body: 4KiB", LENGTH="5000")
    assert (line, message.startswith("a body has at most 4096 bytes")) == (15, True)
