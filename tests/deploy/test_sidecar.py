"""The manifest of the sidecar: its policy loads with what the pod is given, and nothing else."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from kapagate.cli import main
from kapagate.policy.gateway import Gateway
from kapagate.policy.load import Loaded
from kapagate.remote.references import References
from kapagate.run import offline

MANIFEST = Path(__file__).parents[2] / "deploy" / "sidecar.yaml"
SECRETS = "/run/secrets/kapagate"
PROJECT = "5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c"
FILES = {
    "kapa_api_key": "kapa-key-of-a-test",
    "pseudonyms": "pseudonyms " * 4,
    "pepper": "pepper " * 8,
    "keys.yaml": "[]\n",
}


def objects() -> dict[str, dict[str, Any]]:
    """The objects of the manifest by their kind."""
    return {each["kind"]: each for each in yaml.safe_load_all(MANIFEST.read_text())}


def policy() -> str:
    (text,) = objects()["ConfigMap"]["data"].values()
    return str(text)


def pod() -> dict[str, Any]:
    found: dict[str, Any] = objects()["Deployment"]["spec"]["template"]["spec"]
    return found


def sidecar() -> dict[str, Any]:
    (found,) = pod()["initContainers"]
    return dict(found)


def mounted(folder: Path) -> Path:
    """The ConfigMap and the Secret as the kubelet mounts them: files behind links behind a hidden directory."""
    secrets = folder / "secrets"
    secrets.mkdir()
    for name, text in FILES.items():
        (secrets / name).write_text(text)
    version = folder / "policy" / "..2026_11_23"
    version.mkdir(parents=True)
    (version / "gateway.yaml").write_text(policy().replace(SECRETS, str(secrets)))
    (folder / "policy" / "..data").symlink_to(version.name)
    (folder / "policy" / "gateway.yaml").symlink_to("..data/gateway.yaml")
    return folder / "policy"


def loaded(folder: Path) -> Loaded:
    return offline([mounted(folder)], References({"KAPA_PROJECT_ID": PROJECT}))


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    found = loaded(tmp_path)
    assert found.report() == ""
    assert found.gateway is not None
    return found.gateway


def test_the_policy_loads_as_it_is_mounted(tmp_path: Path) -> None:
    found = loaded(tmp_path)
    assert found.report() == ""
    assert found.documents == 1
    assert found.generation is not None
    assert list(found.generation.tenants) == ["default"]


def test_the_container_has_every_variable_that_the_policy_names() -> None:
    named = set(re.findall(r"\$\{env:(\w+)\}", policy()))
    assert {each["name"] for each in sidecar()["env"]} == named


def test_the_container_has_every_file_that_the_policy_names_and_no_other() -> None:
    named = set(re.findall(rf"\$\{{file:{SECRETS}/([^}}]+)\}}", policy()))
    (volume,) = (each["secret"] for each in pod()["volumes"] if "secret" in each)
    assert {each["path"] for each in volume["items"]} == named == set(FILES)
    assert {each["mountPath"] for each in sidecar()["volumeMounts"] if each["name"] == "secrets"} == {SECRETS}


def test_no_secret_is_a_variable() -> None:
    assert re.findall(r"(?:key|pepper|secret): *\"\$\{env:", policy()) == []


def test_the_container_runs_the_mounted_policy() -> None:
    (mount,) = (each["mountPath"] for each in sidecar()["volumeMounts"] if each["name"] == "policy")
    assert sidecar()["args"] == ["run", mount]


def test_the_state_is_on_a_volume(gateway: Gateway) -> None:
    (mount,) = (each["mountPath"] for each in sidecar()["volumeMounts"] if each["name"] == "state")
    assert gateway.state.path is not None
    assert os.path.dirname(gateway.state.path) == mount


def test_the_application_asks_where_the_gateway_listens_and_nobody_else_can(gateway: Gateway) -> None:
    (app,) = pod()["containers"]
    urls = [each["value"] for each in app["env"] if each["name"] == "KAPA_BASE_URL"]
    assert urls == [f"http://{gateway.listen.data}"]
    assert (gateway.listen.data.host, gateway.listen.admin.host) == ("127.0.0.1", "127.0.0.1")


def test_the_kubelet_reaches_the_probes(gateway: Gateway) -> None:
    assert gateway.listen.probe is not None
    assert gateway.listen.probe.host == "0.0.0.0"
    assert {each["name"]: each["containerPort"] for each in sidecar()["ports"]} == {"probe": gateway.listen.probe.port}
    paths = {name: sidecar()[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {name: each["path"] for name, each in paths.items()} == {
        "startupProbe": "/readyz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/livez",
    }
    assert {each["port"] for each in paths.values()} == {"probe"}


def test_the_pod_waits_until_the_gateway_has_stopped(gateway: Gateway) -> None:
    shutdown = gateway.listen.shutdown
    assert pod()["terminationGracePeriodSeconds"] >= shutdown.drain_delay + shutdown.timeout + 5


def test_keys_can_be_made_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAPA_PROJECT_ID", PROJECT)
    arguments = [
        "keys",
        "create",
        str(mounted(tmp_path)),
        "--tenant",
        "default",
        "--subject",
        "app",
        "--role",
        "viewer",
    ]
    made = CliRunner().invoke(main, arguments)
    assert made.exit_code == 0, made.output
    (tmp_path / "secrets" / "keys.yaml").write_text(made.output.partition("\n\n")[2])
    assert offline([tmp_path / "policy"], References({"KAPA_PROJECT_ID": PROJECT})).report() == ""
