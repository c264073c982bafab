from __future__ import annotations

from typing import Any

from kapagate.proxy.bounds import Deadlines, Limits
from kapagate.proxy.downstream import Downstream
from kapagate.proxy.terms import Terms


async def test_is_empty_when_the_last_connection_has_left(stage: Any) -> None:
    terms = Terms(None, stage.clock, Limits(), Deadlines(), lambda problem, client: None, False)  # type: ignore[arg-type]  # nobody asks
    connection = Downstream(terms)
    terms.connections.add(connection)
    terms.left()
    assert not terms.empty.is_set()
    terms.connections.discard(connection)
    terms.left()
    assert terms.empty.is_set()
