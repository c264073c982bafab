"""Every effective option keeps its origin: the place, and the layer."""

from __future__ import annotations

from kapagate.policy.effective import options
from kapagate.policy.load import Loaded
from kapagate.policy.origin import Origins
from tests.policy.test_explain import loaded as loaded  # the fixture


def told(loaded: Loaded, name: str) -> dict[str, tuple[object, str]]:
    assert loaded.generation is not None
    assert loaded.build is not None
    assert loaded.build.ground is not None
    steps = loaded.generation.tenants["acme"].steps
    assert steps is not None
    placed = next(each for each in steps.chain if each.id == name)
    declared = next(each for each in loaded.build.ground.tenancy.chains["acme"] if each.id == name)
    found = options(placed, declared, Origins(loaded.read))
    return {each.name: (each.value, str(each.origin).rpartition("/")[2]) for each in found}


def test_an_option_is_of_the_layer_that_says_it_last(loaded: Loaded) -> None:
    ask = told(loaded, "ask")
    assert ask["max_length"] == (100, "acme.yaml:6:33 (tenant acme)")
    assert ask["id"] == ("ask", "gateway.yaml:19:9 (gateway)")
    assert ask["pii"] == ("redact", "default")


def test_what_comes_of_a_reference_is_as_the_file_says_it(loaded: Loaded) -> None:
    assert told(loaded, "rate_limit")["limit"][0] == "${env:LIMIT}/min"
