from __future__ import annotations

from kapagate.standin.recorder import Recorded, Recorder


def request(number: int = 0) -> Recorded:
    return Recorded("POST", f"/{number}", {"X-API-KEY": "stand-in-key", "Accept": "*/*"}, b'{"query":"q"}')


def test_keeps_the_last_requests() -> None:
    recorder = Recorder(2)
    for number in range(3):
        recorder.add(request(number))
    assert [recorded.path for recorded in recorder.requests] == ["/1", "/2"]
    recorder.clear()
    assert recorder.requests == []


def test_reads_the_body_as_json() -> None:
    assert request().json == {"query": "q"}


def test_shortens_credentials_when_shown() -> None:
    assert request().describe() == {
        "method": "POST",
        "path": "/0",
        "headers": [["X-API-KEY", "stan..."], ["Accept", "*/*"]],
        "body": '{"query":"q"}',
    }
