from __future__ import annotations

import random

import jwt
import pytest

from kapagate.chain.headers import Headers
from kapagate.demo.people import AUDIENCE, ISSUER, Keys
from kapagate.demo.stage import POLICY
from kapagate.identity.api_keys import digest, parse
from kapagate.identity.signatures import FORMATS, key_of, matched
from kapagate.remote.references import References
from kapagate.run import offline


def keys(seed: int = 1) -> Keys:
    return Keys.made(random.Random(seed).randbytes)


def test_every_run_has_keys_of_its_own() -> None:
    assert keys(1) == keys(1)
    one, other = keys(1), keys(2)
    assert not {one.signing, one.pepper, one.pseudonyms} & {other.signing, other.pepper, other.pseudonyms}
    assert one.reporter.text != other.reporter.text


def test_a_token_says_who_it_is_until_it_lapses() -> None:
    made = keys()
    token = made.token("ada", "acme", "viewer", 4_000_000_000.9)
    claims = jwt.decode(token, made.signing, algorithms=["HS256"], audience=AUDIENCE, issuer=ISSUER)
    assert (claims["sub"], claims["org"], claims["roles"], claims["exp"]) == ("ada", "acme", ["viewer"], 4_000_000_000)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, keys(2).signing, algorithms=["HS256"], audience=AUDIENCE)


def test_the_environment_is_all_that_the_example_policy_asks_for() -> None:
    environment = dict(keys().environment("http://127.0.0.1:1", "http://127.0.0.1:2", "state.db"))
    assert offline([POLICY], References(environment)).report() == ""
    for name in environment:
        less = {other: value for other, value in environment.items() if other != name}
        assert name in offline([POLICY], References(less)).report()


def test_the_reporters_digest_is_that_of_its_key() -> None:
    made = keys()
    environment = made.environment("", "", "")
    key = parse(made.reporter.text)
    assert key is not None
    assert environment["REPORTER_KEY_ID"] == key.id
    assert environment["REPORTER_KEY_DIGEST"] == digest(made.pepper.encode(), key)


def test_a_webhook_is_signed_as_standard_webhooks_says() -> None:
    made = keys()
    said = made.webhook("msg_1", 1_800_000_000.9, b'{"a":1}')
    form = FORMATS["standard"]
    sent = form.sent(Headers([(name.encode(), value.encode()) for name, value in said.items()]))
    assert sent is not None
    assert (sent.id, sent.timestamp) == (b"msg_1", b"1800000000")
    assert matched(form, sent, b'{"a":1}', [key_of("standard", made.hook)]) == 0
    assert matched(form, sent, b'{"a":1}', [key_of("standard", keys(2).hook)]) is None
