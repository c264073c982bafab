"""Secrets in clear are found wherever they stand, and no report shows them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.policy.clear_secrets import check_clear_secrets
from kapagate.policy.finding import Diagnostics
from kapagate.policy.load import Loaded
from kapagate.policy.nodes import Mapping

Node = Callable[[str], Mapping]


def lines(node: Mapping) -> list[int]:
    problems = Diagnostics()
    check_clear_secrets(node, problems)
    assert all(each.masked and each.code.name == "KG216" for each in problems)
    return [each.span.line for each in problems]


KNOWN = [
    "AK" + "IA" + "Q7X2M4N8P1R5T9V3",
    "gh" + "p_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "whsec" + "_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "sk" + "-proj-" + "a1B2c3D4e5F6g7H8i9J0k1L2",
    "-----BEGIN " + "PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
]


@pytest.mark.parametrize("secret", KNOWN, ids=lambda secret: secret[:5])
def test_keys_of_known_shapes_are_found_in_any_value(node: Node, secret: str) -> None:
    assert lines(node(f'a: fine\nb: [{{note: "see {secret}"}}]\n')) == [2]


def test_a_password_in_a_url_is_found(node: Node) -> None:
    assert lines(node('url: "https://kapagate:hunter2@db.example/x"\n')) == [1]
    assert lines(node('url: "https://db.example:8443/@home"\n')) == []


@pytest.mark.parametrize("key", ["token", "client_secret", "apiKey", "password", "signing_key", "pepper"])
def test_what_looks_random_below_a_key_that_sounds_secret_is_found(node: Node, key: str) -> None:
    assert lines(node(f"{key}: 9f8e7d6c5b4a39281706f5e4d3c2b1a0\n")) == [1]
    assert lines(node(f"{key}s: [x, 'Zk3vQ9xLp2Rt7Yw5Bn8M']\n")) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "digest: 9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "key: /run/secrets/tls-2024-11-production.key",
        'keys: "https://id.example/2024/11/jwks-1.json"',
        'key: "${env:SIGNING_KEY_1234567890}"',
        "token: a word and another one, 12345678",
        "secret: documentation-gateway",
        "project: 0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d",
        "header: X-Api-Key",
    ],
)
def test_what_only_resembles_a_secret_is_left_alone(node: Node, text: str) -> None:
    assert lines(node(text + "\n")) == []


def test_a_secret_field_is_refused_once_and_masked(load: Callable[..., Loaded], limited: str) -> None:
    clear = "9f8e7d6c5b4a" + "39281706f5e4d3c2b1a0"
    loaded = load(limited.replace('secret: "${env:TOKEN}"', f"secret: {clear}"))
    [found] = loaded.diagnostics
    assert found.code.name == "KG216"
    assert clear not in loaded.report()
    assert "*" * len(clear) in loaded.report()
