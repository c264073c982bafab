from __future__ import annotations

import orjson
import pytest

from kapagate.chain.headers import Headers
from kapagate.kapa.widget import WidgetErrorCodec, captcha_of, operations


def test_what_sends_mail_or_takes_files_is_opt_in() -> None:
    names = {each.name for each in operations(())}
    assert names == {
        "widget_chat_stream",
        "widget_thread_chat_stream",
        "widget_feedback",
        "widget_exit_feedback",
    }
    also = {each.name for each in operations(("handoff", "files"))} - names
    assert also == {"widget_handoff", "widget_files", "widget_files_validate"}
    assert [each.fields.keys() & {"files"} for each in operations(())[:2]] == [set(), set()]
    assert [each.fields.keys() & {"files"} for each in operations(("files",))[:2]] == [{"files"}, {"files"}]


def test_one_permission_covers_what_every_widget_does() -> None:
    permissions = {each.name: each.permission for each in operations(("handoff", "files"))}
    assert {name for name, each in permissions.items() if each == "kapa.widget"} == {
        each.name for each in operations(())
    }


def test_paths_are_those_of_the_sdk() -> None:
    assert all(each.template.startswith("/proxy/query/v2/") for each in operations(("handoff", "files")))
    assert all(each.template.endswith("/") for each in operations(("handoff", "files")))


@pytest.mark.parametrize("token", [b"03AFcWeA5_-x.y~z+/=", b"P1_ey.a"])
def test_captchas_go_on(token: bytes) -> None:
    assert captcha_of(Headers([(b"x-hcaptcha-token", token)])) == [(b"X-HCAPTCHA-TOKEN", token)]


@pytest.mark.parametrize("token", [b"", b"two words", b"a@b.example", b"x" * 16_385])
def test_what_is_no_captcha_does_not(token: bytes) -> None:
    assert captcha_of(Headers([(b"X-RECAPTCHA-ENTERPRISE-TOKEN", token)])) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"detail":"CAPTCHA wrong"}', {"detail": "CAPTCHA wrong"}),
        (b"<p>reCAPTCHA</p>", {"detail": "The captcha was refused."}),
        (b"<p>no</p>", {"detail": "Kapa answered with an error (status 403)."}),
    ],
)
def test_a_captcha_is_told_of_in_every_form(body: bytes, told: object) -> None:
    codec = WidgetErrorCodec(403, "the-site")
    codec.decode(body)
    assert orjson.loads(codec.finish(codec.end())) == told
