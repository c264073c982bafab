"""The effective policy, all layers laid over each other."""

from __future__ import annotations

from kapagate.policy.load import Loaded
from kapagate.policy.render import rendered
from tests.policy.test_explain import loaded as loaded  # the fixture


def test_the_effective_policy_has_every_tenants_chain(loaded: Loaded) -> None:
    told = rendered(loaded)
    asks = next(each for each in told["tenants"]["acme"] if each["id"] == "ask")
    assert asks["guard_question"]["max_length"] == 100
    with_origins = rendered(loaded, origins=True)["tenants"]["acme"]
    asks = next(each for each in with_origins if each["id"] == "ask")
    assert asks["options"]["max_length"]["origin"].endswith("acme.yaml:6:33 (tenant acme)")
    assert asks["options"]["pii"] == {"value": "redact", "origin": "default"}


def test_secrets_are_the_references_that_name_them(loaded: Loaded) -> None:
    for text in (str(rendered(loaded)), str(rendered(loaded, origins=True))):
        assert "hush" not in text
        assert "${env:SECRET}" in text


def test_settings_are_those_in_force(loaded: Loaded) -> None:
    assert rendered(loaded)["gateway"]["log"] == {"level": "info", "sampling": 1.0}
