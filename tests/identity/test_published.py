from __future__ import annotations

from kapagate.identity.published import PublishedKeys


def test_every_key_is_there_once() -> None:
    published = PublishedKeys()
    assert published.document() == {"keys": []}
    for kid in ("a", "b", "a"):
        published.add({"kty": "OKP", "kid": kid})
    assert [key["kid"] for key in published.document()["keys"]] == ["a", "b"]
