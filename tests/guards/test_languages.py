"""Languages have several names, and fewer of them are tighter."""

from __future__ import annotations

import pytest

from kapagate.chain.order import order_of
from kapagate.filters.guard_answer import GuardAnswer
from kapagate.guards.languages import OnlyCode, language


def test_languages_have_several_names() -> None:
    assert [language(each) for each in ("Py", "sh", "yml", "Rust", "C#", "text")] == [
        *("python", "bash", "yaml", "rust", "csharp", "plain")
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("allow", "remove", "tighter"),
        ("remove", "allow", "looser"),
        ("allow", OnlyCode(only=("python",)), "tighter"),
        (OnlyCode(only=("python",)), "remove", "tighter"),
        (OnlyCode(only=("python", "bash")), OnlyCode(only=("py",)), "tighter"),
        (OnlyCode(only=("py",)), OnlyCode(only=("python",)), "neutral"),
        (OnlyCode(only=("python",)), OnlyCode(only=("bash",)), "unknown"),
        (OnlyCode(only=("python",)), "allow", "looser"),
    ],
)
def test_fewer_languages_are_tighter(before: object, after: object, expected: str) -> None:
    order = order_of(GuardAnswer.model_fields["code"].metadata)
    assert order is not None
    assert order.compare(before, after) == expected
