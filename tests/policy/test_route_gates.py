"""A route's own gate: the gateway's, with what the route says in place of steps of the same kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.chain.route import Route
from kapagate.policy.load import Loaded

Load = Callable[..., Loaded]
LINE = '  - {name: crm, match: "GET /crm/{rest:*}", upstream: crm, on_uninspectable: pass}\n'
HOOKS = "{name: hooks, match: 'POST /hooks/{source}', upstream: crm, on_uninspectable: pass"
IDENTIFY = '  - identify: {schemes: [{token: {secret: "${env:TOKEN}", tenant: acme}}]}\n'
OWN = "identify: {schemes: [{badge: {secret: '${env:WORD}', tenant: acme}}]}"


@pytest.fixture
def with_hooks(load: Load, good: str) -> Callable[..., Loaded]:
    """Loads the good policy with a route `hooks` that says more; `changes` are made in the rest."""

    def with_hooks(more: str, *changes: tuple[str, str]) -> Loaded:
        text = good.replace(LINE, f"{LINE}  - {HOOKS}, {more}}}\n")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return load(text)

    return with_hooks


def route(loaded: Loaded, name: str = "hooks") -> Route:
    assert loaded.generation is not None, loaded.report()
    return next(each for each in loaded.generation.routes.routes if each.name == name)


def gate(found: Route) -> list[str]:
    assert found.gate is not None
    return [placed.id for placed in found.gate]


def codes(loaded: Loaded) -> list[str]:
    return [each.code.name for each in loaded.diagnostics]


def test_a_route_without_steps_of_its_own_has_the_gateways_gate(load: Load) -> None:
    assert route(load(), "crm").gate is None


def test_a_routes_own_step_takes_the_place_of_the_gateways(with_hooks: Callable[..., Loaded]) -> None:
    found = route(with_hooks(OWN, ("gate:\n", f"gate:\n{IDENTIFY}    id: early\n")))
    assert gate(found) == ["hooks.identify", "door"]


def test_what_the_gate_does_not_have_gets_a_place_of_its_own(with_hooks: Callable[..., Loaded]) -> None:
    found = route(with_hooks(OWN + ", ip_allow: [192.0.2.0/24], cors: {}"))
    assert gate(found) == ["hooks.cors", "hooks.ip_allow", "door", "hooks.identify"]
    found = route(with_hooks("ip_allow: {allow: [192.0.2.1]}"))
    assert gate(found) == ["hooks.ip_allow", "door", "identify"]


def test_other_routes_keep_the_gateways_gate(with_hooks: Callable[..., Loaded]) -> None:
    loaded = with_hooks(OWN)
    assert route(loaded, "crm").gate is None
    assert loaded.generation is not None
    composed = loaded.generation.stranger(route(loaded, "crm"), "GET")
    assert composed.steps[:2] == ("door", "identify")
    own = loaded.generation.stranger(route(loaded), "POST")
    assert own.steps[:2] == ("door", "hooks.identify")


def test_what_any_scheme_vouches_for_is_stripped_on_every_route(with_hooks: Callable[..., Loaded]) -> None:
    loaded = with_hooks(OWN)
    assert loaded.generation is not None
    for each in loaded.generation.routes.routes:
        assert loaded.generation.stranger(each, "POST").asserts >= {b"authorization", b"badge"}


def test_a_public_route_asks_nobody(with_hooks: Callable[..., Loaded]) -> None:
    loaded = with_hooks("public: true", ("  - ask: {}\n", "  - ask: {}\n    when: {public: false}\n"))
    found = route(loaded)
    assert found.public
    assert gate(found) == ["door"]
    assert loaded.generation is not None
    assert "ask" not in loaded.generation.stranger(found, "POST").steps
    assert "ask" in loaded.generation.stranger(route(loaded, "crm"), "GET").steps
    assert loaded.generation.stranger(found, "POST").asserts >= {b"authorization"}


def test_a_step_that_must_know_who_asks_is_named_with_the_fix(with_hooks: Callable[..., Loaded]) -> None:
    loaded = with_hooks("public: true")
    assert codes(loaded) == ["KG330"]
    report = loaded.report()
    assert 'step "ask"' in report
    assert 'route "hooks" is public' in report
    assert "`when: {public: false}`" in report


def test_a_step_for_some_roles_is_passed_by_where_nobody_is_known(with_hooks: Callable[..., Loaded]) -> None:
    assert with_hooks("public: true", ("  - ask: {}\n", "  - ask: {}\n    when: {role: [viewer]}\n")).ok


def test_a_step_that_is_for_public_routes_alone_acts_on_no_other(with_hooks: Callable[..., Loaded]) -> None:
    changes = (("  - ask: {}\n", "  - note: {}\n    id: open\n    when: {public: true}\n  - ask: {}\n"),)
    loaded = with_hooks("public: true", *changes, ("    locked: true\n", "    when: {public: false}\n"))
    assert loaded.generation is not None, loaded.report()
    assert "open" in loaded.generation.stranger(route(loaded), "POST").steps
    assert "open" not in loaded.generation.stranger(route(loaded, "crm"), "GET").steps


def test_a_public_route_identifies_nobody(with_hooks: Callable[..., Loaded]) -> None:
    assert "KG312" in codes(with_hooks("public: true, " + OWN))


def test_routes_that_identify_by_themselves_need_no_gate_that_does(load: Load, good: str) -> None:
    kapa = good[good.index("  kapa:\n") : good.index("  crm: {type")]
    bare = good.replace(kapa, "").replace(IDENTIFY, "").replace("[kapa.chat]", "[route.crm]")
    assert "KG310" in codes(load(bare, ""))
    loaded = load(bare.replace("on_uninspectable: pass}", f"on_uninspectable: pass, {OWN}}}"), "")
    assert "KG310" not in codes(loaded)


def test_a_stranger_is_let_in_only_where_a_route_says_so(with_hooks: Callable[..., Loaded]) -> None:
    assert "KG310" in codes(with_hooks("ip_allow: [192.0.2.0/24]", (IDENTIFY, "")))


def test_a_fault_in_an_own_step_is_told_at_its_place(with_hooks: Callable[..., Loaded]) -> None:
    loaded = with_hooks("identify: {schemes: [{token: {secret: '${env:NO}'}}]}")
    assert codes(loaded) == ["KG403"]
    loaded = with_hooks("identify: {schemes: []}")
    assert [(each.code.name, each.span.line) for each in loaded.diagnostics] == [("KG212", 30)]
    loaded = with_hooks("identify: {schemas: [{token: {secret: '${env:WORD}'}}]}")
    assert "schemes" in loaded.report()


@pytest.mark.parametrize("own", ["identify: yes", "identify: [token]", "cors: '*'", "ip_allow: 192.0.2.1"])
def test_an_own_step_is_a_mapping(with_hooks: Callable[..., Loaded], own: str) -> None:
    assert codes(with_hooks(own)) == ["KG211"]


def test_credentials_of_an_own_step_name_tenants_that_exist(with_hooks: Callable[..., Loaded]) -> None:
    assert codes(with_hooks(OWN.replace("acme", "nobody"))) == ["KG309"]


def test_a_tenant_touches_no_route(load: Load, good: str, acme: str) -> None:
    tenant = acme + "routes:\n  - {name: crm, public: true}\n"
    assert codes(load(good, tenant)) == ["KG201"] or "routes" in load(good, tenant).report()
    own = good.replace(LINE, f"{LINE}  - {HOOKS}, {OWN}}}\n")
    assert "KG301" in codes(load(own, acme.replace("{at: answer, set: {mask: phone}}", "{remove: hooks.identify}")))


def test_what_the_gateway_tells_of_itself_is_never_public_but_its_health(load: Load, good: str) -> None:
    served = '  - {name: health, match: "GET /api/health", serve: system_health}\n'
    asked = good.replace("  - ask: {}\n", "  - ask: {}\n    when: {public: false}\n")
    assert load(asked.replace(served, served.replace("}", ", public: true}"))).ok
    config = served.replace("health}", "config}").replace("system_", "")
    loaded = load(asked.replace(served, config.replace("}", ", public: true}")))
    assert codes(loaded) == ["KG312"]
    assert "not for everybody" in loaded.report()
    assert "KG310" in codes(load(good.replace(served, config).replace(IDENTIFY, "")))
