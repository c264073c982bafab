from __future__ import annotations

import pytest

from kapagate.standin.complaints import Complaints
from kapagate.standin.errors import KapaError


def test_all_complaints_are_made_at_once() -> None:
    found = Complaints()
    found.check()
    found.complain("query", "This field is required.")
    found.complain("mode", "Not a valid string.")
    found.complain("mode", "Too long.")
    with pytest.raises(KapaError) as refused:
        found.check()
    assert refused.value.status == 400
    assert refused.value.body == {
        "query": ["This field is required."],
        "mode": ["Not a valid string.", "Too long."],
    }
