"""Environments: mappings merge by key, lists are replaced, steps change by their ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kapagate.chain.services import Services
from kapagate.policy.load import Layers, Loaded, load_policy
from kapagate.policy.table import Table
from kapagate.remote.references import References
from kapagate.run import offline

ROOT = Path(__file__).parents[2]
HEAD = "apiVersion: kapagate.dev/v1\nkind: Environment\nname: here\n"
GATEWAY = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: docs
listen: {admin: "127.0.0.1:9001", limits: {head: 16KiB, body: 2MiB}}
roles: {viewer: {allow: [kapa.chat, kapa.retrieval]}}
upstreams:
  crm: {type: http, url: "${env:CRM}"}
gate:
  - identify: {schemes: [{api_key: {pepper: "${env:PEPPER}", keys: []}}]}
chain:
  - rate_limit: {per: [tenant], limit: 60/min}
    id: often
routes:
  - {name: crm, match: "GET /crm", upstream: crm, on_uninspectable: pass}
"""
Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(environment: str, name: str | None = "here", **variables: str) -> Loaded:
        (tmp_path / "gateway.yaml").write_text(GATEWAY)
        (tmp_path / "here.yaml").write_text(HEAD + environment)
        return offline([tmp_path], References({"PEPPER": "p" * 40, **variables}), Layers(name))

    return load


def test_mappings_merge_and_references_below_what_is_replaced_need_not_resolve(load: Load) -> None:
    loaded = load('listen: {limits: {body: 1MiB}}\nupstreams: {crm: {url: "http://127.0.0.1:9"}}\n')
    assert loaded.gateway is not None, loaded.report()
    assert loaded.gateway.listen.limits.body == 1 << 20
    assert loaded.gateway.listen.limits.head == 16 << 10
    assert loaded.environments == ["here"]


def test_lists_are_replaced(load: Load) -> None:
    loaded = load("roles: {viewer: {allow: [kapa.feedback]}}\n", CRM="http://127.0.0.1:9")
    assert loaded.gateway is not None, loaded.report()
    assert loaded.gateway.roles["viewer"].allow == ("kapa.feedback",)


def test_steps_of_gate_and_chain_change_by_their_ids(load: Load) -> None:
    gate = (
        "gate: [{add: {rate_limit: {per: [ip], limit: 9/s}, id: door}, before: identify}]\nchain: [{remove: often}]\n"
    )
    loaded = load(gate, CRM="http://127.0.0.1:9")
    assert loaded.generation is not None, loaded.report()
    steps = loaded.generation.steps
    assert ([step.id for step in steps.gate], [step.id for step in steps.chain]) == (["door", "identify"], [])


def test_an_environment_that_was_not_picked_changes_nothing(load: Load) -> None:
    loaded = load("chain: [{remove: often}]\n", None, CRM="http://127.0.0.1:9")
    assert loaded.generation is not None
    assert [step.id for step in loaded.generation.steps.chain] == ["often"]


def test_a_policy_has_another_hash_in_an_environment(load: Load) -> None:
    policies = [load("chain: []\n", name, CRM="http://127.0.0.1:9").generation for name in ("here", None)]
    assert policies[0]
    assert policies[1]
    assert policies[0].policy != policies[1].policy


@pytest.mark.parametrize(
    ("environment", "name", "problem"),
    [
        ("chian: []\n", None, "4:1 KG214"),
        ("chain: []\n", "hare", "2:7 KG318"),
        ("chain: [{remove: offen}]\n", "here", "4:18 KG301"),
        ("listen: {limits: {body: 1 MB}}\n", "here", "4:25 KG212"),
    ],
)
def test_a_mistake_is_told_at_its_place(load: Load, environment: str, name: str | None, problem: str) -> None:
    loaded = load(environment, name, CRM="http://127.0.0.1:9")
    assert [
        f"{each.span.line}:{each.span.column} {each.code.name}" for each in loaded.diagnostics if each.is_error
    ] == [problem]


def test_nothing_merges_where_there_is_no_gateway(tmp_path: Path) -> None:
    (tmp_path / "here.yaml").write_text(HEAD)
    loaded = load_policy([tmp_path], References({}), lambda _: Services({}), table=Table(), layers=Layers("here"))
    assert [each.code.name for each in loaded.diagnostics] == ["KG204"]
