from __future__ import annotations

from pathlib import Path

import pytest

from bench import peer
from bench.load import Refused, post
from bench.roster import WRK
from bench.site import opened
from bench.subjects import CHAT
from bench.upstream import ANSWER
from bench.wrk import asked, counted, written

GOOD = '{"answers": 1200, "microseconds": 2000000, "refused": 0, "broken": 0, "p50": 1, "p99": 2}'


def test_the_last_line_is_what_counts() -> None:
    assert counted(f"Running 2s test\n  Requests/sec: 1\n\n{GOOD}\n") == (1200, 2.0)


@pytest.mark.parametrize("bad", ['"refused": 0', '"broken": 0'])
def test_a_run_with_refusals_or_broken_connections_is_none(bad: str) -> None:
    with pytest.raises(Refused, match="3"):
        counted(GOOD.replace(bad, bad.replace("0", "3")))


def test_a_wrk_that_does_not_start_says_why() -> None:
    with pytest.raises(Refused, match="unable to connect"):
        counted("", "unable to connect to 127.0.0.1")


def test_a_wrk_that_was_only_unpacked_finds_its_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "DEBIAN", tmp_path)
    library = tmp_path / "usr/lib/machine/libluajit-5.1.so.2"
    library.parent.mkdir(parents=True)
    library.touch()
    wrk = tmp_path / "wrk"
    wrk.write_text(f"#!/bin/sh\ntest -e $LD_LIBRARY_PATH/{library.name} && echo '{GOOD}'\n")
    wrk.chmod(0o755)
    assert asked(wrk, 1, tmp_path / "requests", 1.0) == (1200, 2.0)


def test_requests_are_written_with_their_lengths(tmp_path: Path) -> None:
    assert written([b"GET /", b"POST /x"], tmp_path / "r").read_bytes() == b"5\nGET /7\nPOST /x"


@pytest.mark.skipif(WRK() is None, reason="no wrk on this machine")
@pytest.mark.parametrize("people", [1, 3])
def test_wrk_asks_what_it_was_given(people: int) -> None:
    program = WRK()
    assert program is not None
    with opened() as site, site.records() as upstream:
        bodies = [b'{"query": "%d"}' % number for number in range(people)]
        requests = [post(CHAT, body, {}, ANSWER.encode()).request for body in bodies]
        answers, seconds = asked(program, upstream.port, written(requests, site.place() / "requests"), 1.0)
    assert answers > 0
    assert seconds > 0.5


@pytest.mark.skipif(WRK() is None, reason="no wrk on this machine")
def test_wrk_notices_refusals() -> None:
    program = WRK()
    assert program is not None
    with opened() as site, site.records() as upstream:
        request = post(CHAT, b'{"query": "[[500]]"}', {}, b"").request
        with pytest.raises(Refused, match="were refusals"):
            asked(program, upstream.port, written([request], site.place() / "requests"), 1.0)
