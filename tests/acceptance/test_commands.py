"""`kapagate check` and `kapagate keys create`, as people call them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from kapagate.cli import main
from kapagate.demo.people import Keys
from tests.acceptance.process import command
from tests.acceptance.served import changed_policy, served

NEW = ("create", "policies", "--tenant", "acme", "--subject", "importer", "--role", "viewer")
ASK = "/query/v1/projects/default/chat/"
ANCHOR = '              - id: "${env:REPORTER_KEY_ID}"\n'


def environment() -> dict[str, str]:
    return dict(Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:2", "/nowhere/state.db"))


async def test_the_example_policy_is_good() -> None:
    code, out, err = await command("check", "policies", environment=environment())
    assert (code, err) == (0, "")
    assert out.endswith(": no problems\n")


async def test_check_names_every_variable_that_is_missing_and_shows_none_that_is_there() -> None:
    code, out, err = await command("check", "policies", environment={"JWT_SECRET": "hush-" * 10})
    assert code == 3
    for name in environment():
        assert (f"{name} is not set" in err) is (name != "JWT_SECRET")
    assert "hush-" not in out + err
    assert "Traceback" not in err
    for line in ("gateway.yaml:", "acme.yaml:", "globex.yaml:", "      | "):
        assert line in err


async def test_check_finds_all_kinds_of_mistakes_at_once(tmp_path: Path) -> None:
    mistakes = [
        ("audit: {include:", "audit: {inclued:"),
        ("first_byte: 90s", "first_byte: 90 parsecs"),
        ("connections: 256", "connections: many"),
        ("- route.crm", "- route.crn"),
        ("upstream: crm, text", "upstream: crn, text"),
        ("serve: system_health", "serve: sistem_health"),
        ("at: ask, set", "at: aks, set"),
    ]
    code, out, err = await command("check", str(changed_policy(tmp_path, *mistakes)), environment=environment())
    assert code == 3
    for meant in ('"include"', "route.crm", '"crm"', "system_health", '"ask"', "90 parsecs", "connections"):
        assert meant in err, meant
    assert int(out.rpartition(": ")[2].split()[0]) >= len(mistakes)


async def test_check_warns_of_tenants_that_share_a_project() -> None:
    shared = environment()
    shared["KG_GLOBEX_PROJECT"] = shared["KG_ACME_PROJECT"]
    code, out, err = await command("check", "policies", environment=shared)
    assert code == 0
    assert "warning" in err
    assert "acme" in err
    assert "globex" in err
    assert "1 warning" in out


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_file_that_cannot_be_used_is_told_at_its_place(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    policy = changed_policy(tmp_path, ("    connections: 256\n", f"    connections: 256\n    ca_file: {file}\n"))
    asked = {**environment(), "KAPA_URL": "https://api.kapa.ai"}
    code, _, err = await command("check", str(policy), environment=asked)
    assert code == 3
    assert "Traceback" not in err
    assert f"| {' ' * 4}ca_file: {file}\n" in err


@pytest.mark.parametrize("arguments", [("check",), ("run",), ("keys", "create", *NEW[2:])], ids=lambda each: each[0])
@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"just: [", b"\0", b"kind: Gateway", None])
def test_what_is_no_policy_is_told_without_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...], content: bytes | None
) -> None:
    """None is an empty directory."""
    policy = tmp_path / "policy.yaml"
    if content is not None:
        policy.write_bytes(content)
    result = CliRunner().invoke(main, [*arguments, str(policy if content is not None else tmp_path)])
    assert result.exit_code == 3
    assert "error KG" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "no-such-policy"),
        ("run", "policies", "--prob", "127.0.0.1:0"),
        ("check",),
        ("check", "no-such-policy"),
        ("chek",),
        ("keys", "create", "policies"),
        ("demo", "--twice"),
        ("stand-in", "--listen", "nowhere"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage:" in result.stderr


async def test_a_key_works_once_its_entry_stands_in_the_policy(tmp_path: Path) -> None:
    keys = Keys.made(os.urandom)
    printing = {"API_KEY_PEPPER": keys.pepper}
    code, out, err = await command("keys", *NEW, environment={**environment(), **printing})
    assert (code, err) == (0, "")
    text, _, rest = out.partition("\n")
    assert text.startswith("kg_live_")
    entry = "".join(f"              {line}\n" for line in rest.strip().splitlines()[1:])
    async with served(tmp_path, (ANCHOR, entry + ANCHOR), environment=printing) as stage:
        allowed = await stage.ask("POST", ASK, {"query": "hi"}, {"X-API-KEY": text})
        assert allowed.status == 200
        await stage.gateway.ledger.flush()
        (record,) = await stage.gateway.ledger.query(1)
        assert (record["tenant"], record["subject"], record["scheme"]) == ("acme", "importer", "api_key")
        assert (await stage.ask("GET", "/crm/customers/42", headers={"X-API-KEY": text})).status == 403
    other = tmp_path / "before"
    other.mkdir()
    async with served(other, environment=printing) as stage:
        assert (await stage.ask("POST", ASK, {"query": "hi"}, {"X-API-KEY": text})).status == 401


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((*NEW[:7], "viewr"), 2, "did you mean 'viewer'"),
        ((*NEW[:3], "acm", *NEW[4:]), 2, "did you mean 'acme'"),
        ((*NEW, "--env", "Production"), 2, "--env"),
        (NEW[:4], 2, "--subject"),
        (("create", "no-such-place", *NEW[2:]), 2, "no-such-place"),
    ],
)
async def test_a_key_that_could_not_work_is_not_made(arguments: tuple[str, ...], code: int, said: str) -> None:
    ended, out, err = await command("keys", *arguments, environment=environment())
    assert (ended, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


async def test_without_its_environment_a_policy_gives_no_key() -> None:
    code, out, err = await command("keys", *NEW)
    assert (code, out) == (3, "")
    assert "API_KEY_PEPPER" in err
