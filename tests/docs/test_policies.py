from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kapagate.run import offline
from tests.docs.pages import PAGES, ROOT, blocks, resolve

Documents = list[dict[str, Any]]
POLICY = ROOT / "docs" / "policy.md"


def documents(page: Path) -> Documents:
    """The whole documents of a page's blocks; policy tests are none of a policy's."""
    found = [block for block in blocks(page, "yaml") if block.startswith("apiVersion")]
    whole = [document for block in found for document in yaml.safe_load_all(block)]
    return [document for document in whole if document["kind"] != "PolicyTest"]


def fragments(page: Path) -> list[Any]:
    return [yaml.safe_load(block) for block in blocks(page, "yaml") if not block.startswith("apiVersion")]


def load(written: Documents, folder: Path) -> str:
    """What the loader says; empty when nothing."""
    (folder / "policy.yaml").write_text(yaml.safe_dump_all(written))
    return offline([folder], resolve).report()


@pytest.mark.parametrize("page", [page for page in PAGES if documents(page)], ids=lambda page: page.name)
def test_policies_in_the_pages_load(page: Path, tmp_path: Path) -> None:
    assert load(documents(page), tmp_path) == ""


def test_the_smallest_policy_loads_as_it_stands(tmp_path: Path) -> None:
    block = next(block for block in blocks(POLICY, "yaml") if block.startswith("apiVersion"))
    (tmp_path / "policy.yaml").write_text(block)
    loaded = offline([tmp_path], resolve)
    assert loaded.report() == ""
    assert (loaded.documents, loaded.tenants) == (1, 1)


def test_the_parts_of_the_policy_page_go_together(tmp_path: Path) -> None:
    written = documents(POLICY)
    gateway = next(document for document in written if document["kind"] == "Gateway")
    for part in fragments(POLICY):
        if isinstance(part, list):
            gateway["chain"] += part
        else:
            gateway.update(part)
    gateway["upstreams"]["crm"] = {"type": "http", "url": "http://127.0.0.1:9000"}
    assert load(written, tmp_path) == ""


def test_the_audit_page_shows_a_step_that_loads(tmp_path: Path) -> None:
    written = documents(POLICY)
    (part,) = fragments(ROOT / "docs" / "audit.md")
    written[0]["chain"] = part["chain"] + [step for step in written[0]["chain"] if "audit" not in step]
    assert load(written, tmp_path) == ""


def test_the_steps_of_the_chain_page_load(tmp_path: Path) -> None:
    written = documents(POLICY)
    written[0]["upstreams"]["crm"] = {"type": "http", "url": "http://127.0.0.1:9000"}
    crm = {"name": "crm", "match": "GET /crm/{rest:*}", "upstream": "crm", "on_uninspectable": "pass"}
    written[0]["roles"]["viewer"]["allow"].append("route.crm")
    written[0].setdefault("routes", []).append(crm)
    for number, step in enumerate(step for part in fragments(ROOT / "docs" / "chain.md") for step in part):
        written[0]["chain"].append({**step, "id": f"shown-{number}"})
    assert "shown-0" in str(written)
    assert load(written, tmp_path) == ""


def test_the_backends_page_shows_parts_that_load(tmp_path: Path) -> None:
    written = documents(POLICY)
    (part,) = fragments(ROOT / "docs" / "backends.md")
    gateway = written[0]
    for name in ("ca_file", "client_cert", "client_key"):
        assert part["upstreams"]["crm"].pop(name).startswith("/run/tls/")
    gateway["upstreams"].update(part["upstreams"])
    gateway["routes"] = part["routes"]
    gateway["roles"]["viewer"]["allow"] += [f"route.{each['name']}" for each in part["routes"]]
    assert "  error KG" not in load(written, tmp_path)


def test_a_mistake_would_be_found(tmp_path: Path) -> None:
    written = documents(POLICY)
    written[0]["chain"].append({"rate_limits": {}})
    assert "rate_limit" in load(written, tmp_path)
