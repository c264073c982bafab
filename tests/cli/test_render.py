from __future__ import annotations

from pathlib import Path

import orjson
from click.testing import CliRunner

from kapagate.cli import main
from tests.policy.test_explain import GATEWAY, TENANT


def test_the_effective_policy_is_printed_with_references_for_secrets(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    (tmp_path / "acme.yaml").write_text(TENANT)
    done = CliRunner().invoke(main, ["render", str(tmp_path)], env={"SECRET": "hush-" * 10})
    assert done.exit_code == 0
    assert "hush" not in done.stdout
    assert "env:KG_ACME_KEY" in done.stderr
    told = orjson.loads(done.stdout)
    assert [step["id"] for step in told["tenants"]["acme"]][-2:] == ["ask", "answer"]
    done = CliRunner().invoke(main, ["render", str(tmp_path), "--origins"], env={"SECRET": "hush-" * 10})
    assert "acme.yaml:6:33" in done.stdout


def test_a_wrong_policy_ends_with_3(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(GATEWAY.replace("rbac: {}", "rbak: {}"))
    done = CliRunner().invoke(main, ["render", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (3, "")
