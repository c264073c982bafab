from __future__ import annotations

import os
import re

from kapagate.chain.clock import Ids
from kapagate.machine.ids import SystemIds


def test_ids_are_32_hex_digits_and_differ() -> None:
    ids: Ids = SystemIds()
    made = [ids() for _ in range(1000)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)
    assert len(set(made)) == 1000


def test_a_child_process_has_none_of_its_parents_ids() -> None:
    ids = SystemIds()
    ids()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "".join(ids() for _ in range(200)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 200 * 32).decode()
    os.close(reader)
    os.close(writer)
    ours = [ids() for _ in range(200)]
    assert len(theirs) == 200 * 32
    assert not any(one in theirs for one in ours)
