from __future__ import annotations

from kapagate.identity.verified import Verified, fingerprint
from tests.filters.exchanges import NOW, FakeClock


def test_a_verified_credential_is_kept() -> None:
    tokens = Verified[str](FakeClock())
    tokens.put(fingerprint(b"a.b.c"), "ann", NOW + 60)
    assert tokens.get(fingerprint(b"a.b.c")) == "ann"
    assert tokens.get(fingerprint(b"a.b.C")) is None


def test_an_entry_ends_when_the_credential_does() -> None:
    clock = FakeClock()
    tokens = Verified[str](clock)
    tokens.put(b"t", "ann", NOW + 60)
    clock.pass_by(60)
    assert tokens.get(b"t") is None
    assert len(tokens) == 0


def test_an_entry_ends_after_five_minutes() -> None:
    clock = FakeClock()
    tokens = Verified[str](clock)
    tokens.put(b"t", "ann", NOW + 3600)
    clock.pass_by(299)
    assert tokens.get(b"t") == "ann"
    clock.pass_by(1)
    assert tokens.get(b"t") is None


def test_a_wall_clock_set_back_keeps_no_entry_longer() -> None:
    clock = FakeClock()
    tokens = Verified[str](clock)
    tokens.put(b"t", "ann", NOW + 3600)
    clock.pass_by(301)
    clock.now = NOW - 7200
    assert tokens.get(b"t") is None


def test_the_least_recently_used_makes_room() -> None:
    tokens = Verified[str](FakeClock(), capacity=2)
    tokens.put(b"a", "ann", NOW + 60)
    tokens.put(b"b", "bob", NOW + 60)
    tokens.get(b"a")
    tokens.put(b"c", "cyd", NOW + 60)
    assert [tokens.get(each) for each in (b"a", b"b", b"c")] == ["ann", None, "cyd"]
