from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from kapagate.chain.secret import Secret
from kapagate.cli.keys import Known, keys, keys_group
from kapagate.identity.api_keys import digest, parse
from kapagate.schemes.api_key import ApiKey, ApiKeyEntry
from tests.filters.exchanges import exchange, services

PEPPER = Secret("pepper-" * 5)
KNOWN = Known(PEPPER, {"acme": None, "globex": None}, ("viewer", "operator"))


def run(tmp_path: Path, *arguments: str) -> Result:
    policy = tmp_path / "policy.yaml"
    policy.touch()
    given = ("create", str(policy), "--tenant", "acme", "--subject", "ann", "--role", "viewer", *arguments)
    return CliRunner().invoke(keys_group(lambda path: KNOWN), given)


def printed(result: Result) -> tuple[str, dict[str, Any]]:
    assert result.exit_code == 0, result.output
    text, _, rest = result.output.partition("\n")
    (entry,) = yaml.safe_load(rest)
    return text, entry


def test_prints_a_key_once_and_its_entry(tmp_path: Path) -> None:
    result = run(tmp_path, "--role", "operator")
    text, entry = printed(result)
    key = parse(text)
    assert key is not None
    assert result.output.count(text) == 1
    assert entry == {
        "id": key.id,
        "digest": digest(PEPPER.reveal().encode(), key),
        "tenant": "acme",
        "subject": "ann",
        "roles": ["viewer", "operator"],
        "env": "live",
    }


async def test_the_gateway_takes_the_key_that_was_printed(tmp_path: Path) -> None:
    text, entry = printed(run(tmp_path, "--env", "test", "--expires", "2030-01-31T00:00:00Z"))
    scheme = ApiKey.model_validate({"pepper": PEPPER, "keys": [entry]})
    principal = await scheme.compile(services()).recognise(exchange({"X-Api-Key": text}))
    assert principal is not None
    assert (principal.tenant, principal.subject, principal.roles) == ("acme", "ann", ("viewer",))


@pytest.mark.parametrize("subject", ["12e4", "true", "a: b", '"quoted"', "jürgen", "- x", "#1", "null"])
def test_every_text_stays_a_text(tmp_path: Path, subject: str) -> None:
    _, entry = printed(run(tmp_path, "--subject", subject))
    assert ApiKeyEntry.model_validate(entry).subject == subject


def test_no_two_keys_are_the_same(tmp_path: Path) -> None:
    assert printed(run(tmp_path))[0] != printed(run(tmp_path))[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--env", "Live"),
        ("--expires", "tomorrow"),
        ("--expires", "2030-01-31T00:00:00"),
        ("--subject", ""),
        ("--subject", "a\nb"),
        ("--role", "\x1b"),
    ],
)
def test_bad_arguments_are_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2
    assert "kg_" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tenant", "acm"), "the policy has no tenant 'acm'; did you mean 'acme'?"),
        (("--tenant", "somebody"), "the policy has no tenant 'somebody'"),
        (("--role", "viewr"), "the policy has no role 'viewr'; did you mean 'viewer'?"),
        (("--role", "viewer", "--role", "root"), "the policy has no role 'root'"),
    ],
)
def test_a_key_that_would_be_refused_is_not_made(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "kg_" not in result.output


def test_without_a_pepper_no_key_is_shown(tmp_path: Path) -> None:
    def none(path: Path) -> Known:
        raise click.ClickException(f"{path.name} has no api_key scheme")

    given = ("create", str(tmp_path), "--tenant", "acme", "--subject", "ann", "--role", "viewer")
    result = CliRunner().invoke(keys_group(none), given)
    assert result.exit_code == 1
    assert "kg_" not in result.output


GATEWAY = """
apiVersion: kapagate.dev/v1
kind: Gateway
roles: {viewer: {allow: [kapa.chat]}}
gate:
  - identify: {schemes: [SCHEME]}
routes:
  - {name: health, match: "GET /health", serve: system_health}
---
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
"""
API_KEY = "{api_key: {pepper: '${env:TEST_PEPPER}', keys: []}}"
JWT = "{jwt: {issuer: i, audience: a, algorithms: [HS256], secret: '${env:TEST_PEPPER}', tenant: acme}}"


def create_by(policy: Path) -> Result:
    given = ["create", str(policy), "--tenant", "acme", "--subject", "ann", "--role", "viewer"]
    return CliRunner(env={"TEST_PEPPER": PEPPER.reveal()}).invoke(keys, given)


def test_the_pepper_is_that_of_the_policys_api_key_scheme(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(GATEWAY.replace("SCHEME", f"{JWT}, {API_KEY}"))
    text, entry = printed(create_by(policy))
    key = parse(text)
    assert key is not None
    assert entry["digest"] == digest(PEPPER.reveal().encode(), key)


def test_a_policy_without_the_scheme_is_one_line(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(GATEWAY.replace("SCHEME", JWT))
    result = create_by(policy)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: the policy's gate has no api_key scheme, so there is no pepper\n"


def test_a_policy_with_errors_is_reported_and_no_key_is_shown(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(GATEWAY.replace("SCHEME", API_KEY).replace("TEST_PEPPER", "NO_SUCH_PEPPER"))
    result = create_by(policy)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "NO_SUCH_PEPPER" in result.stderr
    assert "policy.yaml:6:" in result.stderr
