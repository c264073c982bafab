"""A tenant uses its own references and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from kapagate.policy.scope import Scopes, malformed

PATTERNS = ("env:KG_{tenant}_*", "file:/run/secrets/{tenant}/*")
SCOPES = Scopes(PATTERNS, ["acme", "acme-eu", "beta", "default"])


@pytest.mark.parametrize(
    ("kind", "name", "fits"),
    [
        ("env", "KG_ACME_KEY", True),
        ("env", "KG_BETA_KEY", False),
        ("env", "KG_ACME", False),
        ("env", "PATH", False),
        ("env", "KG_ACME_EU_KEY", False),
        ("file", "/run/secrets/acme/key", True),
        ("file", "/run/secrets/acme/../beta/key", False),
        ("file", "/run/secrets/acme/deep/key", False),
        ("file", "/run/secrets/acme/", False),
        ("file", "../secrets/acme/key", True),
        ("file", "/etc/passwd", False),
    ],
)
def test_references_are_held_to_the_tenants_patterns(kind: str, name: str, fits: bool) -> None:
    assert (SCOPES.of("acme")(kind, name, Path("/run/policy")) == "") is fits


def test_what_a_longer_name_covers_is_the_longer_names() -> None:
    assert SCOPES.of("acme-eu")("env", "KG_ACME_EU_KEY", Path("/")) == ""
    assert 'tenant "acme-eu"' in SCOPES.of("acme")("env", "KG_ACME_EU_KEY", Path("/"))


def test_without_patterns_a_tenant_has_no_references() -> None:
    assert "tenant_secrets is empty" in Scopes((), ["acme"]).of("acme")("env", "KG_ACME_KEY", Path("/"))


@pytest.mark.parametrize("pattern", ["KG_{tenant}_*", "env:ALL", "file:", "vault:{tenant}", "env:{tenant} x"])
def test_patterns_that_hold_nobody_apart_are_refused(pattern: str) -> None:
    assert malformed(pattern)


def test_patterns_with_a_place_for_the_tenant_are_taken() -> None:
    assert [malformed(pattern) for pattern in PATTERNS] == [None, None]
