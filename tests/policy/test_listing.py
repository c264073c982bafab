"""Problems as records."""

from __future__ import annotations

from collections.abc import Callable

from kapagate.policy.listing import listed
from kapagate.policy.load import Loaded


def test_a_record_says_all_that_the_text_says(load: Callable[..., Loaded], limited: str) -> None:
    assert listed(load(limited.replace("severity: low", "sevrity: low")).diagnostics) == [
        {
            "code": "KG214",
            "severity": "error",
            "file": "gateway.yaml",
            "line": 18,
            "column": 30,
            "end_line": 18,
            "end_column": 37,
            "message": 'unknown field "sevrity" in note.level',
            "suggestion": "severity",
            "note": None,
            "page": "docs/errors.md#kg214-a-field-is-unknown",
        }
    ]
