from __future__ import annotations

from pathlib import Path

import pytest

from kapagate.identity.api_keys import parse
from kapagate.policytest.credentials import key_for
from kapagate.schemes.api_key import ApiKeyEntry
from tests.policytest.trials import POLICY, failures

ASKED = "- {{name: asks, caller: {}, route: crm, expect: {{status: {}}}}}"


@pytest.mark.parametrize(("caller", "status"), [("ann", 200), ("eve", 401), ("other", 200), ("stolen", 401)])
async def test_tokens_hold_where_the_policy_verifies_them_and_forged_ones_do_not(
    caller: str, status: int, tmp_path: Path
) -> None:
    assert await failures(tmp_path, ASKED.format(caller, status)) == []


@pytest.mark.parametrize(("caller", "status"), [("report", 200), ("thief", 401)])
async def test_a_key_holds_whatever_digest_the_policy_has(caller: str, status: int, tmp_path: Path) -> None:
    assert await failures(tmp_path, ASKED.format(caller, status)) == []


@pytest.mark.parametrize(
    "scheme",
    [
        "scheme: standard",
        "scheme: github",
        "scheme: slack",
        "scheme: stripe",
        'scheme: hmac_sha256, signed: {signature: X-Sig, template: "{timestamp}:{body}", timestamp: X-At}',
    ],
)
async def test_messages_are_signed_as_their_route_asks(scheme: str, tmp_path: Path) -> None:
    cases = """\
- {name: good, caller: sender, route: hooks, path: {source: a}, body: {paid: true}, expect: {step: rbac, status: 403}}
- {name: bad, caller: fake, route: hooks, path: {source: a}, body: {paid: true}, expect: {status: 401}}
"""
    assert await failures(tmp_path, cases, scheme=scheme) == []


async def test_a_credential_that_cannot_be_made_fails_its_case_with_the_reason(tmp_path: Path) -> None:
    head = """\
apiVersion: kapagate.dev/v1
kind: PolicyTest
name: small
callers:
  a: {api_key: nobodys}
  b: {subject: b, issuer: "https://nobody.example"}
  c: {webhook: true}
cases:
"""
    cases = "\n".join(f"- {{name: {each}, caller: {each}, route: crm, expect: {{status: 200}}}}" for each in "abc")
    assert [got for _, _, got in await failures(tmp_path, cases, head=head)] == [
        'no api_key of this route is for "nobodys"',
        'no jwt scheme of this route has the issuer "https://nobody.example"',
        "no webhook_signature identifies callers of this route",
    ]


def test_the_key_of_an_entry_has_its_id_and_environment() -> None:
    entry = ApiKeyEntry(id="0123456789ab", digest="0" * 64, tenant="t", subject="s", roles=(), env="live")
    key = key_for(entry)
    assert (key.env, key.id) == ("live", "0123456789ab")
    assert parse(key.text) == key
    assert key_for(entry, forged=True).text != key.text


async def test_claims_that_no_token_can_have_fail_the_case_with_the_reason(tmp_path: Path) -> None:
    policy = POLICY.replace("tenant: org", "tenant: realm")
    missed = await failures(tmp_path, ASKED.format("ann", 200), policy=policy)
    assert [(what, '"realm.roles"' in got) for what, _, got in missed] == [("the call", True)]
