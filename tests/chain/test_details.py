from __future__ import annotations

from kapagate.chain.details import DETAILS


def test_what_a_shadow_notes_stays_out_of_the_record(lab) -> None:
    ex = lab.exchange()
    ex.put(DETAILS, {"satisfaction": 4})
    fork = ex.fork("watch")
    fork.put(DETAILS, {"satisfaction": 1})
    assert ex.get(DETAILS) == {"satisfaction": 4}
