"""What a Tenant document may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kapagate.policy.tenant import Change, TenantDocument, TenantUpstream


@pytest.mark.parametrize(
    "more", [{"url": "https://x.example"}, {"timeouts": {}}, {"stream": "window"}, {"plain_http": []}, {"ca_file": "x"}]
)
def test_a_tenant_never_says_where_an_upstream_is_or_loosens_its_stream(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TenantUpstream.model_validate(more)


@pytest.mark.parametrize("name", ["", "Acme", "a b", "1a", "a" * 64, "a/b"])
def test_names_of_tenants_are_plain(name: str) -> None:
    with pytest.raises(ValidationError):
        TenantDocument.model_validate({"name": name})


@pytest.mark.parametrize("model", [TenantDocument, TenantUpstream, Change])
def test_every_field_has_a_description(model: type[TenantDocument]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []
