from __future__ import annotations

from kapagate.policy.changes import Change, Side
from kapagate.policy.diff_report import markdown, records, text

TIGHTER = Change("step answer", "pii", "tighter", Side("redact", "a.yaml:1:2"), Side("refuse", "b.yaml:3:4"), ("acme",))
LOOSER = Change("role viewer", "allow", "looser", Side("not these"), Side("<b>|`x`"), (), ("crm",))


def test_what_is_looser_comes_first() -> None:
    assert text([TIGHTER, LOOSER]).splitlines() == [
        "looser   role viewer.allow [route crm]: not these -> <b>|`x`",
        "tighter  step answer.pii [tenant acme]: redact (a.yaml:1:2) -> refuse (b.yaml:3:4)",
        "1 looser, 1 tighter",
    ]
    assert text([]) == "no difference"


def test_a_policy_cannot_write_markdown_into_a_comment() -> None:
    said = markdown([LOOSER])
    assert "<b>" not in said
    assert "&lt;b&gt;&#124;&#96;x&#96;" in said


def test_a_record_has_its_origins() -> None:
    (record,) = records([TIGHTER])
    assert record["before"] == {"value": "redact", "origin": "a.yaml:1:2"}
    assert (record["label"], record["tenants"]) == ("tighter", ["acme"])
