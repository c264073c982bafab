"""Places."""

from __future__ import annotations

from kapagate.policy.position import Span


def test_a_place_reads_as_editors_and_compilers_write_it() -> None:
    assert str(Span("tenants/acme.yaml", 9, 39, 9, 45)) == "tenants/acme.yaml:9:39"
