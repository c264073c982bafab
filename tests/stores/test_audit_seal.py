from __future__ import annotations

import pytest
from msgspec.structs import replace

from kapagate.stores.audit_seal import BEGINNING, Sealed, follows, seal

FIRST = Sealed(1, 2, "then", b"[1,2]", BEGINNING, seal(BEGINNING, 1, 2, "then", b"[1,2]"))
SECOND = Sealed(3, 3, "now", b"[3]", FIRST.seal, seal(FIRST.seal, 3, 3, "now", b"[3]"))


@pytest.mark.parametrize(
    "change",
    [{"id": 2}, {"last": 3}, {"written_at": "now"}, {"records": b"[1,3]"}, {"previous": b"x" * 32}, {"seal": b""}],
)
def test_a_seal_holds_for_what_was_sealed_alone(change: dict[str, object]) -> None:
    assert FIRST.holds()
    assert not replace(FIRST, **change).holds()  # type: ignore[arg-type]  # one field each


def test_a_batch_follows_on_the_one_before_it_alone() -> None:
    assert follows(SECOND, FIRST)
    assert not follows(replace(SECOND, id=4, last=4), FIRST)
    assert not follows(SECOND, replace(FIRST, seal=b"x" * 32))
