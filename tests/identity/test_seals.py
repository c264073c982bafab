from __future__ import annotations

import pytest

from kapagate.chain.principal import Principal
from kapagate.identity.pseudonym import Pseudonyms
from kapagate.identity.seals import Seals

ANN, AMY, EVE = Principal("ann", "acme"), Principal("amy", "acme"), Principal("ann", "globex")
SEALS = Seals(Pseudonyms(b"k" * 32), "mcp")


@pytest.mark.parametrize("name", [b"s", b"s.1", b"a" * 512, b"!~", b"."])
def test_a_name_goes_round(name: bytes) -> None:
    sealed = SEALS.sealed(ANN, name)
    assert sealed is not None
    assert sealed.startswith(name + b".")
    assert SEALS.opened(ANN, sealed) == name


def test_it_is_the_owners_alone() -> None:
    sealed = SEALS.sealed(ANN, b"s") or b""
    assert [SEALS.opened(each, sealed) for each in (AMY, EVE)] == [None, None]
    assert Seals(Pseudonyms(b"k" * 32), "other").opened(ANN, sealed) is None
    assert Seals(Pseudonyms(b"l" * 32), "mcp").opened(ANN, sealed) is None


@pytest.mark.parametrize("name", [b"", b"two words", b"a" * 513, "ä".encode(), b"a\n"])
def test_what_is_no_name_is_not_sealed(name: bytes) -> None:
    assert SEALS.sealed(ANN, name) is None
    assert SEALS.opened(ANN, name) is None


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: s + b"0", lambda s: b"t" + s[1:], lambda s: "ä".encode()]
)
def test_what_was_changed_is_nothing(change) -> None:
    assert SEALS.opened(ANN, change(SEALS.sealed(ANN, b"s"))) is None
