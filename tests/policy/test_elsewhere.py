"""`check` finds what is wrong in every environment, whichever was picked."""

from __future__ import annotations

from pathlib import Path

import pytest

from kapagate.policy.load import Layers, Loaded
from kapagate.policy.placeholders import load_with_placeholders
from kapagate.remote.references import References
from kapagate.run import offline_everywhere
from tests.policy.test_explain import GATEWAY, TENANT

HEAD = "apiVersion: kapagate.dev/v1\nkind: Environment\n"


def checked(folder: Path, production: str, picked: str | None = None) -> Loaded:
    (folder / "gateway.yaml").write_text(GATEWAY)
    (folder / "acme.yaml").write_text(TENANT)
    (folder / "production.yaml").write_text(f"{HEAD}name: production\n{production}")
    (folder / "staging.yaml").write_text(f"{HEAD}name: staging\nchain: [{{at: ask, set: {{max_length: 300}}}}]\n")
    loaded, _ = load_with_placeholders(
        lambda resolve: offline_everywhere([folder], resolve, Layers(picked)), References({"LIMIT": "60"})
    )
    return loaded


@pytest.mark.parametrize("picked", [None, "staging", "production"])
@pytest.mark.parametrize(
    ("production", "code", "said"),
    [
        ("chain: [{at: ask, set: {max_lenght: 1}}]", "KG214", "max_lenght"),
        ("chain: [{at: aks, set: {max_length: 1}}]", "KG301", "aks"),
        ("upstreams: {kapa: {stream: bufer}}", "KG213", "bufer"),
        ("listen: {limits: {body: 64}}", "KG212", "a size"),
        ("log: {level: loud}", "KG213", "loud"),
    ],
)
def test_a_mistake_is_found_once_at_its_place(
    tmp_path: Path, production: str, code: str, said: str, picked: str | None
) -> None:
    found = [each for each in checked(tmp_path, production, picked).diagnostics if each.is_error]
    assert [each.code.name for each in found] == [code]
    assert found[0].span.file == str(tmp_path / "production.yaml")
    assert said in found[0].message


def test_it_is_said_in_which_environment_it_shows(tmp_path: Path) -> None:
    [found] = [each for each in checked(tmp_path, "log: {level: loud}").diagnostics if each.is_error]
    assert found.note == "found with --env production"


def test_what_is_good_everywhere_is_good(tmp_path: Path) -> None:
    loaded = checked(tmp_path, "roles: {operator: {allow: [kapa.chat]}}")
    assert loaded.ok, loaded.report()
