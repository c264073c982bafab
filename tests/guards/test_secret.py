from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.detector import Detector
from kapagate.guards.secret import SECRET

Found = Callable[[Detector, str], list[str]]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("password: " + "hunter2!", "hunter2!"),
        ("PASSWORD='" + "Tr0ub4dor&3'", "Tr0ub4dor&3"),
        ("token=8f14e45f" + "ceea167a5a36dedd", "8f14e45fceea167a5a36dedd"),
        ("Authorization: Bearer abc12" + "def34567890abcdef", "abc12def34567890abcdef"),
        ("Authorization: Basic dXNlcjo" + "0ZU5EblA3Wnc0VXNN", "dXNlcjo0ZU5EblA3Wnc0VXNN"),
        ("Passwort: " + "Sommer2024.", "Sommer2024"),
        ("Authorization: SSWS 8f14e45f" + "ceea167a5a36dedd", "8f14e45fceea167a5a36dedd"),
        *(
            (form.format("6tqw6pouz7v4" + "cxvbtfvy1hx0"), "6tqw6pouz7v4" + "cxvbtfvy1hx0")
            for form in (
                *("ACME_TOKEN={}", "acmeToken := `{}`", "ACME_TOKEN ?= '{}'", '$token .= "{}"', '"acmeToken" => "{}"'),
                *('val token: String = "{}"', 'var acmeToken string = "{}"', 'setProperty("ACME_TOKEN", "{}")'),
                *(
                    "<token>\n    {}\n</token>",
                    "| acme token | {} |",
                    "The acme token {} was leaked.",
                    "my api key is {}",
                ),
                *(
                    "Set `ACME_ACCESS_TOKEN` to `{}`.",
                    "KEY={}",
                    '{{"key": "{}"}}',
                    "--acme-key {}",
                    "use the key {} now",
                ),
                *(
                    'os.environ["ACME_TOKEN"] = "{}"',
                    "ACME_MASTER_KEY={}",
                    "API key for Acme: {}",
                    "the token of acme is {}",
                ),
                *("ma cl\u00e9 API acme : {}", "mi clave de API de Acme es {}", "API-Schl\u00fcssel: {}"),
                *("okta: {}", 'cloudflare_thing = "{}"', "Mein API-Key lautet {}"),
            )
        ),
        ("ACME_SECRET=" + "QJSkNYXkSAeCuNXV", "QJSkNYXkSAeCuNXV"),
        (
            "AWS_SECRET_ACCESS_KEY: /3dwyAqRRARY4DT45LXg" + "NAzo0HtY+LEsX5VN1N7t",
            "/3dwyAqRRARY4DT45LXg" + "NAzo0HtY+LEsX5VN1N7t",
        ),
        *(
            (f"my algolia key{sign}8f14e45f" + "ceea167a5a36dedd", "8f14e45fceea167a5a36dedd")
            for sign in (" is ", ": ")
        ),
    ],
)
def test_finds_it_alone(found: Found, text: str, finding: str) -> None:
    assert found(SECRET, text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        "token: getToken()",
        "password: str",
        "private_key: Ed25519PrivateKey | None",
        "def read(self, pwd=None):",
        "self.key_password = key_password",
        "password = parsed.password",
        "token=$TOKEN",
        "sentry key: issue-420017342-event",
        "secret: my-secret-name",
        "password: required",
        "password: your_password1",
        "max_tokens=4096",
        "password: ********",
        "api_key=os.environ['API_KEY1']",
        "the password is hunter2",
        "cache key 8f14e45fceea167a5a36dedd4bea2543",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        '"key": "f47ac10b-58cc-4372-a567-0e02b2c3d479"',
        "KEY: sha256:" + "8f14e45fceea167a" * 4,
        "key: node-modules-Linux-x64-948044e2c1f2",
        "S3 key: Users/96606/Profile-photos/2024/IMG_4466.png",
        "Public key: 14oK0cTGvbH31jBJgUx7MIQET5sSboSVsHFYxYMomOI=",
        "foreign key 12345678901234567890",
        "tokenizer: cl100k_base-2024-05-13",
        "secretName: tls-cert-2024-01-prod",
        "token: XMLHttpRequestFactory",
        "secret: MySecretNameInTheVault",
        "secret: /usr/share/ca2/key1",
        "the token bucket holds 12345 tokens",
        "sentry release 9fceb02d0ae598e95dc970b74767f19372d61af8",
    ],
)
def test_leaves_what_only_looks_alike(found: Found, text: str) -> None:
    assert found(SECRET, text) == []


HASH = "9036d6651eeb674aa4db" + "3ca34c17f48edc8e4e6a"
UNIQUE = "WJx0P7qFDeRSqL" + "DIVbpkP70j1st"


@pytest.mark.parametrize(
    "text",
    [
        f"the token {HASH} was parsed",
        f"token for build {HASH} expired",
        f"Ethereum token 0x{HASH} (ERC-20)",
        "unexpected token 61036fdb-4844-46ab-a8cf-bcc79c6abc0d in JSON",
        "secret sh.helm.release.v1.kapagate.v399 deleted",
        "the token is gpt-4o-mini-2024-07-18-preview",
        f"cacheKey = '{UNIQUE}'",
        f"Idempotency-Key: {UNIQUE}",
        "the key 01KZZ8W4WT9PSV0G87G49Q2Y0F is missing",
        f"sentry_release={HASH}",
        "okta.domain: dev-52415819.okta.com",
    ],
)
def test_hashes_names_and_keys_of_data_stay(found: Found, text: str) -> None:
    assert found(SECRET, text) == []


@pytest.mark.parametrize(
    "lead", ["token: ", "token='", "the token is ", "api token ", "TWILIO_AUTH_TOKEN ", "--token "]
)
def test_a_hash_is_a_secret_where_it_is_told_as_one(found: Found, lead: str) -> None:
    assert found(SECRET, lead + HASH) == [HASH]
