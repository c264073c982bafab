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
        "secret: my-secret-name",
        "password: required",
        "password: your_password1",
        "max_tokens=4096",
        "password: ********",
        "api_key=os.environ['API_KEY1']",
        "the password is hunter2",
    ],
)
def test_leaves_what_only_looks_alike(found: Found, text: str) -> None:
    assert found(SECRET, text) == []
