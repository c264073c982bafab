from __future__ import annotations

import re

from kapagate.chain.clock import Ids
from kapagate.machine.ids import SystemIds


def test_ids_are_32_hex_digits_and_differ() -> None:
    ids: Ids = SystemIds()
    made = [ids() for _ in range(1000)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)
    assert len(set(made)) == 1000
