"""A Gateway document becomes ports, lanes and a generation."""

from __future__ import annotations

from collections.abc import Callable

from kapagate.policy.build import items
from kapagate.policy.load import Loaded
from kapagate.policy.nodes import Mapping

Load = Callable[..., Loaded]


def test_gate_and_chain_come_in_the_policys_order(load: Load) -> None:
    generation = load().generation
    assert generation is not None
    assert [placed.id for placed in generation.steps.gate] == ["door", "identify"]
    assert [placed.name for placed in generation.steps.chain] == ["ask", "note", "guard"]


def test_admin_keys_have_the_shape_of_the_api_key_scheme(load: Load, good: str) -> None:
    loaded = load(good + 'admin_keys: {secret: "${env:TOKEN}"}\n')
    assert loaded.gateway is not None, loaded.report()
    assert loaded.gateway.admin_keys is not None
    for wrong, code in (("{secrt: x}", "KG214"), ("3", "KG211"), ("{secret: x}", "KG216")):
        assert [each.code.name for each in load(good + f"admin_keys: {wrong}\n").diagnostics] == [code]


def test_a_key_of_pseudonyms_that_is_too_short_is_an_error_and_nothing_else_is(load: Load, good: str) -> None:
    loaded = load(good.replace('pseudonyms: {key: "${env:TOKEN}"}', 'pseudonyms: {key: "${env:WORD}"}'))
    assert [(str(each.span), each.code.name) for each in loaded.diagnostics] == [("gateway.yaml:4:19", "KG212")]


def test_what_needs_pseudonyms_says_so_when_there_are_none(load: Load, good: str) -> None:
    loaded = load(good.replace('pseudonyms: {key: "${env:TOKEN}"}\n', ""))
    first = next(iter(loaded.diagnostics))
    assert first.code.name == "KG315"
    assert first.note == "declare `pseudonyms: {key: ...}` in the Gateway document"


def test_only_lists_have_items(node: Callable[[str], Mapping]) -> None:
    tree = node("a: [1, 2]\nb: 3\n")
    assert len(items(tree.get("a"))) == 2
    assert items(tree.get("b")) == ()
    assert items(None) == ()
