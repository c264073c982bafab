from __future__ import annotations

import math
from pathlib import Path

from kapagate.policy.load import load_policy
from kapagate.policy.retention import retention_of
from kapagate.remote.references import References
from tests.filters.gateway import ENVIRONMENT, SHIPPED, Gateway, policy

DAY, GIB = 86_400.0, 1 << 30
TENANT = """\
---
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
upstreams:
  kapa: {project: "22222222-2222-4222-8222-222222222222", api_key: "${env:KG_ACME_KEY}", source_groups: all}
chain:
  - {at: audit, set: {retention: 365d}}
"""


def kept(folder: Path, audit: str, more: str = "") -> tuple[float, float]:
    text = policy(SHIPPED)
    assert "  - audit: {include: [question, answer]}\n" in text
    path = folder / "gateway.yaml"
    path.write_text(text.replace("  - audit: {include: [question, answer]}\n", audit) + more)
    references = References({**ENVIRONMENT, "KG_ACME_KEY": "k-" + "b" * 24})
    loaded = load_policy([path], references, lambda settings: Gateway(SHIPPED).services())
    assert loaded.generation is not None, loaded.report()
    retention = retention_of(loaded.generation)
    return retention.seconds, retention.size


def test_records_are_kept_as_long_as_the_audit_says(tmp_path: Path) -> None:
    assert kept(tmp_path, "  - audit: {retention: 90d, max_size: 2GiB}\n") == (90 * DAY, 2 * GIB)


def test_without_a_word_and_without_an_audit_they_are_kept_for_ever(tmp_path: Path) -> None:
    assert kept(tmp_path, "  - audit: {}\n") == kept(tmp_path, "") == (math.inf, math.inf)


def test_an_audit_that_is_off_asks_for_nothing(tmp_path: Path) -> None:
    off = "  - audit: {retention: 30d}\n    id: second\n    mode: off\n"
    assert kept(tmp_path, f"  - audit: {{retention: 90d}}\n{off}") == (90 * DAY, math.inf)


def test_of_several_the_longest_counts_a_tenants_too(tmp_path: Path) -> None:
    assert kept(tmp_path, "  - audit: {retention: 90d}\n", TENANT) == (365 * DAY, math.inf)
