from __future__ import annotations

from kapagate.proxy.hop_by_hop import HOP_BY_HOP, Kinds, end_to_end, nominated


def test_removes_fields_that_end_here() -> None:
    kept = end_to_end(
        [
            (b"Connection", b"keep-alive"),
            (b"Keep-Alive", b"timeout=5"),
            (b"TE", b"trailers"),
            (b"Trailer", b"X"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Upgrade", b"h2c"),
            (b"Proxy-Authenticate", b"Basic"),
            (b"X-Kept", b"1"),
        ]
    )
    assert kept == [(b"X-Kept", b"1")]


def test_removes_fields_that_connection_nominates_in_any_case_and_on_any_line() -> None:
    headers = [(b"X-A", b"1"), (b"Connection", b"x-a , close"), (b"x-b", b"2"), (b"connection", b"X-B"), (b"X-C", b"3")]
    assert end_to_end(headers) == [(b"X-C", b"3")]


def test_keeps_order_bytes_and_repetitions() -> None:
    headers = [(b"Set-Cookie", b"a=1"), (b"x", b"\xff\xc3\xa9"), (b"set-cookie", b"b=2")]
    assert end_to_end(headers) == headers


def test_connection_options_are_no_names() -> None:
    assert nominated([(b"Connection", b"Keep-Alive, Upgrade, close, , X-A")]) == {b"x-a"}


def test_names_that_peers_choose_are_remembered_up_to_a_bound() -> None:
    kinds = Kinds()
    for number in range(2 * Kinds.BOUND):
        assert kinds[b"x-%d" % number] == 0
    assert len(kinds) == Kinds.BOUND
    assert kinds[b"kEEP-aLIVE"] == HOP_BY_HOP


def test_no_upstream_says_which_policy_decided() -> None:
    assert end_to_end([(b"Kapagate-Policy", b"x"), (b"X-A", b"1")]) == [(b"X-A", b"1")]
