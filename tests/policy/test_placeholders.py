"""A policy is checked in CI, where its secrets are not."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from kapagate.policy.interpolation import Resolve
from kapagate.policy.load import Loaded
from kapagate.policy.placeholders import forms_of, load_with_placeholders
from kapagate.remote.references import References
from kapagate.run import offline

POLICIES = Path(__file__).parents[2] / "policies"


def edited(folder: Path, old: str, new: str) -> Path:
    """The example policy with one text in the place of another."""
    shutil.copytree(POLICIES, folder, dirs_exist_ok=True)
    gateway = folder / "gateway.yaml"
    gateway.write_text((POLICIES / "gateway.yaml").read_text().replace(old, new))
    return folder


def checked(environment: Mapping[str, str], *paths: Path) -> tuple[Loaded, list[str]]:
    def load(resolve: Resolve) -> Loaded:
        return offline(paths, resolve)

    return load_with_placeholders(load, References(environment))


def test_the_example_policy_passes_without_any_of_its_variables() -> None:
    loaded, assumed = checked({}, POLICIES)
    assert loaded.report() == ""
    assert "env:KG_ACME_KEY" in assumed


def test_the_names_of_the_example_policy_say_enough() -> None:
    """Each round is a load, and of thousands of tenants a load takes seconds."""
    loads: list[Loaded] = []

    def load(resolve: Resolve) -> Loaded:
        loads.append(offline([POLICIES], resolve))
        return loads[-1]

    load_with_placeholders(load, References({}))
    assert len(loads) == 1


def test_what_is_there_is_used_and_not_told_of() -> None:
    loaded, assumed = checked({"KAPA_URL": "https://api.example"}, POLICIES)
    assert loaded.ok
    assert "env:KAPA_URL" not in assumed


def test_what_is_there_and_wrong_is_an_error_still() -> None:
    loaded, _ = checked({"KAPA_URL": "nonsense"}, POLICIES)
    [found] = loaded.diagnostics
    assert "${env:KAPA_URL}" in loaded.sources[found.span.file].lines[found.span.line - 1]


@pytest.mark.parametrize("name", ["X", "SOME_LIMIT", "SOME_URL", "SOME_STATE"])
@pytest.mark.parametrize("known", ["CRM_URL", "RATE_LIMIT_BURST", "KAPAGATE_PSEUDONYM_KEY", "REPORTER_KEY_DIGEST"])
def test_a_name_that_says_nothing_or_the_wrong_thing_still_finds_its_form(
    tmp_path: Path, known: str, name: str
) -> None:
    loaded, assumed = checked({}, edited(tmp_path, known, name))
    assert loaded.ok, loaded.report()
    assert f"env:{name}" in assumed


def test_other_errors_stay_and_end_the_search(tmp_path: Path) -> None:
    loaded, _ = checked({}, edited(tmp_path, "max_length: 4000", "max_lenght: 4000"))
    assert [each.code.name for each in loaded.diagnostics] == ["KG214"]


def test_missing_files_have_placeholders_too(tmp_path: Path) -> None:
    loaded, assumed = checked({}, edited(tmp_path, "${env:JWT_SECRET}", "${file:/absent/secret}"))
    assert loaded.ok, loaded.report()
    assert "file:/absent/secret" in assumed


def test_no_two_references_have_the_same_key() -> None:
    assert forms_of("env", "KG_A_PROJECT") != forms_of("env", "KG_B_PROJECT")
    assert forms_of("env", "A_KEY")[0] != forms_of("env", "B_KEY")[0]
