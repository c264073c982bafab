from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from bench.entrant import Entrant, bearer, full_chain, gate, many_askers, pass_through, peers
from bench.groups import CHEAP, NAIVE
from bench.process import spawned
from bench.site import Upstream
from bench.subjects import BODY, made_keys

KEYS = made_keys()


@pytest.fixture(scope="module")
def there() -> Iterator[Upstream]:
    with spawned([sys.executable, "-c", "import time; time.sleep(600)"], min(os.sched_getaffinity(0))) as process:
        yield Upstream(process, 8003, "upstream")


@pytest.mark.parametrize(
    "entrant", [*peers().values(), full_chain(), gate(), pass_through()], ids=lambda each: each.name
)
def test_everybody_is_asked_the_same_question(entrant: Entrant, there: Upstream) -> None:
    (question,) = entrant.questions(KEYS, there)
    assert question.request.endswith(b"\r\n\r\n" + BODY)
    assert 90 <= len(BODY) <= 110


def test_portkey_is_told_where_its_upstream_is(there: Upstream) -> None:
    (question,) = peers()["Portkey"].questions(KEYS, there)
    assert b"x-portkey-custom-host: http://127.0.0.1:8003/query/v1\r\n" in question.request


def test_many_people_have_a_token_each_and_are_spread_over_the_tenants(there: Upstream) -> None:
    asked = many_askers(10, 5)(KEYS, there)
    alone = bearer()(KEYS, there)
    assert len({each.request for each in asked}) == 10
    assert len(alone) == 1


def test_the_quick_run_asks_those_that_start_at_once() -> None:
    assert set(CHEAP) < set(peers())
    assert NAIVE in CHEAP
    assert not {"LiteLLM", "Portkey"} & set(CHEAP)
