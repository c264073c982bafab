from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from bench.entrant import peers
from bench.load import Refused, post
from bench.paired import Contest, Plan, measured_round
from bench.results import Results
from bench.site import opened
from bench.subjects import CHAT, Subject

TINY = Plan(rounds=2, seconds=1.0, warm_up=0.2)


def test_our_own_client_and_upstream_do_where_wrk_and_nginx_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.site.NGINX", lambda: None)
    monkeypatch.setattr("bench.paired.WRK", lambda: None)
    naive = peers()["naive proxy"]
    with opened() as site, site.whole_answers(4096) as upstream:
        found = Contest([naive, replace(naive, name="again")], upstream, "naive proxy").held(site, TINY)
    assert (found["upstream"], found["generator"]) == ("bench.upstream", "bench.load")
    results = Results({"revision": "abc"}, {}).with_section("one", found)
    ratio = results.cheaper("one", "again", "naive proxy")
    assert ratio is not None
    assert 0.2 < ratio.middle < 5


def test_a_peer_that_does_not_start_is_absent_and_ours_must_start() -> None:
    @contextmanager
    def failing(site: object, upstream: object):  # type: ignore[no-untyped-def]  # it yields nothing
        raise RuntimeError("no port")
        yield

    peer = replace(peers()["naive proxy"], name="peer", started=failing, version="1.0")
    with opened() as site, site.records() as upstream:
        found = Contest([peer], upstream, "peer").held(site, TINY)
        assert found["absent"] == {"peer": "no port"}
        with pytest.raises(RuntimeError, match="no port"):
            Contest([replace(peer, version="")], upstream, "peer").held(site, TINY)


def test_a_wrong_answer_is_no_figure() -> None:
    wrong = [post(CHAT, b'{"query": "x"}', {}, b"what it never says")]
    entrant = replace(peers()["naive proxy"], questions=lambda keys, upstream: wrong)
    with opened() as site, site.records() as upstream, pytest.raises(Refused, match="said 200"):
        Contest([replace(entrant, version="")], upstream, entrant.name).held(site, TINY)


async def test_one_round_counts_answers_and_the_cpu_they_cost() -> None:
    naive = peers()["naive proxy"]
    with opened() as site, site.records() as upstream, naive.started(site, upstream) as running:
        question = naive.questions(site.keys, upstream)[0]
        measured = await measured_round(
            Subject("naive", running.process, running.port, question), upstream.process, 0.5
        )
    assert measured.answers > 0
    assert measured.cpu_seconds > 0
    assert measured.other_cpu_seconds > 0
