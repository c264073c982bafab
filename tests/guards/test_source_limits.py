"""What a policy says of sources, and who may see what is internal."""

from __future__ import annotations

import pytest

from kapagate.chain.filter import Invalid
from kapagate.guards.source_limits import SourceLimits

INTERNAL = {"source_url": "https://docs.example/a", "contains_internal_data": True}


@pytest.mark.parametrize(
    ("internal", "with_grant", "without"),
    [("allow", True, True), ("granted", True, False), ("withhold", False, False)],
)
def test_internal_sources_are_for_those_who_have_the_grant(internal: str, with_grant: bool, without: bool) -> None:
    limits = SourceLimits.model_validate({"internal": internal})
    assert limits.named(granted=True).allows(INTERNAL) is with_grant
    assert limits.named(granted=False).allows(INTERNAL) is without
    assert limits.forbids is (internal != "allow")


def test_a_text_alone_is_an_address() -> None:
    limits = SourceLimits.model_validate({"deny": ["https://docs.example/*"], "allow": [{"title": "*"}]})
    assert not limits.named(granted=True).allows({**INTERNAL, "title": "x"})
    assert limits.forbids
    assert not SourceLimits(min=1).forbids


def test_an_entry_that_names_nothing_is_refused_with_its_place() -> None:
    with pytest.raises(Invalid) as refused:
        SourceLimits.model_validate({"deny": ["https://a.example/", {}]}).named(granted=False)
    assert refused.value.at == ("sources", "deny", 1)
