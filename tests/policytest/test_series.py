from __future__ import annotations

import pytest

from kapagate.policytest.series import parse_series


@pytest.mark.parametrize("text", ["asked_total{tenant=acme, status=good}", 'asked_total{tenant="acme",status="good"}'])
def test_labels_stand_with_quotes_or_without(text: str) -> None:
    series = parse_series(text)
    assert series.covers("asked_total", {"tenant": "acme", "status": "good", "more": "x"})
    assert not series.covers("asked_total", {"tenant": "acme", "status": "bad"})
    assert not series.covers("asked", {"tenant": "acme", "status": "good"})


@pytest.mark.parametrize("text", ["", "1x", "asked{tenant}", "asked{a=b", "asked{a=b c=d}", "asked {a=b}"])
def test_anything_else_is_no_series(text: str) -> None:
    with pytest.raises(ValueError, match="a series is"):
        parse_series(text)
