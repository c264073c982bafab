from __future__ import annotations

from msgspec.structs import replace

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


def test_in_a_comment_what_is_looser_comes_first_too() -> None:
    rows = markdown([TIGHTER, LOOSER]).splitlines()[4:]
    assert [row.split(" | ")[0] for row in rows] == ["| looser", "| tighter"]


def test_of_many_tenants_people_are_told_the_first_and_programs_all() -> None:
    many = replace(TIGHTER, tenants=tuple(f"t{number:04}" for number in range(2000)))
    assert "[tenants t0000, t0001, t0002, t0003, t0004 and 1,995 more]" in text([many])
    assert "t0004 and 1,995 more" in markdown([many])
    assert len(records([many])[0]["tenants"]) == 2000


def test_a_policy_cannot_write_markdown_into_a_comment() -> None:
    said = markdown([LOOSER])
    assert "<b>" not in said
    assert "&lt;b&gt;&#124;&#96;x&#96;" in said


def test_a_record_has_its_origins() -> None:
    (record,) = records([TIGHTER])
    assert record["before"] == {"value": "redact", "origin": "a.yaml:1:2"}
    assert (record["label"], record["tenants"]) == ("tighter", ["acme"])
