from __future__ import annotations

from typing import Any

import pytest

from kapagate.identity.claims import claim, names_claim, text_claim

CLAIMS: dict[str, Any] = {
    "org": "acme",
    "realm": {"roles": ["viewer", 7, "admin"], "deep": {"name": "x"}},
    "https://id.example/org": "globex",
    "scope": " read  write ",
    "empty": "",
    "number": 5,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("org", "acme"),
        ("realm.deep.name", "x"),
        ("https://id.example/org", "globex"),
        ("realm.none.name", None),
        ("org.name", None),
        ("realm.roles.0", None),
    ],
)
def test_a_claim_is_found_by_name_or_path(name: str, value: Any) -> None:
    assert claim(CLAIMS, name) == value


def test_only_a_text_with_something_in_it_is_a_text() -> None:
    assert [text_claim(CLAIMS, name) for name in ("org", "empty", "number", "realm")] == ["acme", None, None, None]


@pytest.mark.parametrize(
    ("name", "names"),
    [("realm.roles", ("viewer", "admin")), ("scope", ("read", "write")), ("number", ()), ("none", ()), ("empty", ())],
)
def test_names_come_as_a_list_or_with_blanks(name: str, names: tuple[str, ...]) -> None:
    assert names_claim(CLAIMS, name) == names
