"""Chains fit their routes, and strangers are stopped."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.policy.load import Loaded

Load = Callable[..., Loaded]
IDENTIFY = '  - identify: {schemes: [{token: {secret: "${env:TOKEN}", tenant: acme}}]}\n'


def codes(loaded: Loaded) -> set[str]:
    return {each.code.name for each in loaded.diagnostics}


def test_a_gate_without_identification_leads_nowhere(load: Load, good: str) -> None:
    assert "KG310" in codes(load(good.replace(IDENTIFY, "")))


def test_identification_under_a_condition_is_none(load: Load, good: str) -> None:
    assert "KG310" in codes(load(good.replace(IDENTIFY, IDENTIFY + "    when: {method: [GET]}\n")))


def test_routes_without_upstream_need_no_identification(load: Load, good: str) -> None:
    start, end = good.index("upstreams:"), good.index("gate:")
    text = good[:start] + good[end:].replace(IDENTIFY, "").replace("  - ask: {}\n    locked: true\n", "")
    lines = [line for line in text.split("\n") if "upstream: crm" not in line and "when:" not in line]
    loaded = load(
        "\n".join(lines).replace("allow: [route.crm]", "allow: []").replace("allow: [kapa.chat]", "allow: []"), ""
    )
    assert codes(loaded) == {"KG330"}
    assert "can never act" in loaded.report()


@pytest.mark.parametrize("step", ["  - gaurd: {}\n", "  - guard: {mask: fax}\n", "  - guard: {mask: '${env:NO}'}\n"])
def test_a_chain_with_a_broken_step_is_not_judged(load: Load, good: str, step: str) -> None:
    loaded = load(good.replace("chain:\n", f"chain:\n{step}    id: broken\n").replace(", on_uninspectable: pass", ""))
    assert "KG330" not in codes(loaded)
    assert len(loaded.diagnostics) == 1


def test_what_is_wrong_for_everybody_is_said_once(load: Load, good: str, acme: str) -> None:
    loaded = load(
        good.replace(", on_uninspectable: pass", ""), acme.replace("{at: answer, set: {mask: phone}}", "{remove: note}")
    )
    assert len(loaded.diagnostics) == 1
