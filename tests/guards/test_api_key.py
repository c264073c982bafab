from __future__ import annotations

from collections.abc import Callable

import pytest

from kapagate.guards.api_key import API_KEY
from kapagate.guards.detector import Detector

Found = Callable[[Detector, str], list[str]]

BODY = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY"
HEX = "0123456789abcdef" * 4
LINES = "\n".join("MIIEpAIBAAKCAQEA" * 4 for _ in range(3))
BEGIN, END = "-----BEGIN ", "-----END "
PEM = f"{BEGIN}RSA PRIVATE KEY-----\n{LINES}\nQIDAQAB\n{END}RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "pieces",
    [
        ("kg_", "live_ab12cd34_", BODY),
        ("sk-", BODY + BODY[:16]),
        ("sk-", "proj-", BODY, "_-", BODY),
        ("sk-", "ant-api03-", BODY, "-", BODY, "AA"),
        ("sk-", "or-v1-", HEX),
        ("AKIA", "IOSFODNN7EXAMPLE"),
        ("ASIA", "QWERTYUIOPASDFGH"),
        ("ghp", "_", BODY, "abcd"),
        ("github", "_pat_", BODY, "_", BODY),
        ("glpat", "-", BODY[:20]),
        ("xoxb", "-123456789012-1234567890123-", BODY[:24]),
        ("sk_", "live_", BODY[:24]),
        ("rk_", "test_", BODY[:24]),
        ("whsec", "_", BODY, "+/A="),
        ("AIza", BODY, "-_x"),
        ("GOCSPX", "-", BODY[:28]),
        ("npm", "_", BODY, "abcd"),
        ("pypi", "-AgEIcHlwaS5vcmc", BODY, BODY),
        ("SG", ".", BODY[:22], ".", BODY, BODY[:11]),
        ("hf", "_", BODY, "ab"),
        ("dop", "_v1_", HEX),
        ("dapi", HEX[:32]),
        ("key", "-", HEX[:32]),
        ("GR13", "48941", BODY[:20]),
        ("AC", HEX[:32]),
        ("EAAA", BODY, BODY[:28]),
        ("M", BODY[:23], ".", BODY[:6], ".", BODY[:27]),
        (HEX[:32], "-us", "12"),
        ("sl.", BODY * 4),
        ("dt0", "c01.", "ABCDEFGH23456789IJKLMNOP.", "ABCDEFGH23456789" * 4),
        ("pat", BODY[:14], ".", HEX),
        (BODY[:14], ".atlas", "v1.", BODY, BODY),
        ("EZ", "AK", BODY, BODY[:22]),
        ("FLW", "SECK_TEST-", HEX[:32], "-X"),
        ("xkey", "sib-", HEX, "-", BODY[:16]),
        ("lsv2", "_pt_", HEX[:32], "_", HEX[:10]),
        ("oy2", "abcdefghijk234567lmnopqrstuvwxyz234567abcde"),
        ("eyJ", "hbGciOiJIUzI1NiJ9", ".eyJ", "zdWIiOiIxMjM0In0", ".sflKxwRJ-SM_eK"),
        ("00", BODY, "-_cdEF12"),
        ("v1", ".0-", HEX[:24], "-", HEX * 2, HEX[:18]),
        ("1/", "1234567890123456", ":", HEX[:32]),
        ("fm2_", BODY * 4),
        (HEX[:32], "-", HEX[:8], "-", HEX[:8]),
        ("aB3", "8", "Q~", BODY[:20], "~", BODY[:12]),
        ("aB3dE5", "_", BODY[:29], "_mmk"),
        ("123456789012345", "|", BODY[:27]),
        ("A" * 22, BODY * 3),
        ("access-", "sandbox-", "f47ac10b-58cc-4372-a567-0e02b2c3d479"),
        ("s.", BODY[:24]),
        ("pk.", "eyJ1", BODY, ".", BODY[:22]),
        ("abcdefghij", "msh", "0123456789abcde", "p1", "012345", "jsn", "0123456789ab"),
        ("pcsk_", BODY, BODY),
        ("hf_", "abcdefghijklmnopqrstuvwxyzabcdefgh"),
        ("fc-", HEX[:32]),
        ("pa-", BODY[:30], "-_", BODY[:11]),
        ("cal_live_", HEX[:32]),
        ("st.", HEX[:24], ".", HEX[:32], ".", HEX[:32]),
        ("access_token", "$sandbox$", BODY[:16].lower(), "$", HEX[:32]),
        ("cfut_", BODY, BODY[:8], HEX[:8]),
        ("1//", "0", BODY, "-_", BODY),
        ("mdb_sa_sk_", BODY, "-_-_-_-_"),
        ("snyk_uat.", HEX[:8], ".", BODY, ".", BODY),
        (BODY, BODY[:20], "JQQJ99", BODY[:26]),
        ("sig=", BODY, BODY[:11], "%3D"),
        ("eyJ", "hbGciOiJub25lIn0", ".eyJ", "zdWIiOiIxMjM0In0", "."),
    ],
)
def test_finds_keys_of_known_shapes(found: Found, pieces: tuple[str, ...]) -> None:
    key = "".join(pieces)
    for text in (
        key,
        f"key: {key}\n",
        f'"{key}"',
        f"X-Api-Key={key}, and",
        f"`{key}`",
        f"https://x.example/?k={key}&b",
    ):
        assert found(API_KEY, text) == [key]


@pytest.mark.parametrize(
    "block",
    [
        PEM,
        PEM.replace("RSA ", ""),
        PEM.replace("\n", "\r\n"),
        PEM.replace("\n", "\\n"),
        PEM.replace("-----\nMII", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,3F17F5316E2BAC89\n\nMII", 1),
        PEM.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
        PEM.partition("\nQIDAQAB")[0],
    ],
)
def test_finds_private_key_blocks_to_their_end(found: Found, block: str) -> None:
    for text in (block, f"here:\n{block}\nkeep it secret", f"```\n{block}\n```"):
        assert found(API_KEY, text) == [block]


@pytest.mark.parametrize(
    "text",
    [
        "sk-fading-circle-container-element",
        "sk-abcdefghijklmnopqrstuvwxyz",
        "risk-" + BODY,
        "AKIA" + "SHORT",
        "AKIA" + "IOSFODNN7EXAMPLEX",
        "ghp_" + "short",
        "xAIza" + BODY + "-_x",
        "eyJ" + "hbGciOiJIUzI1NiJ9",
        "kg_live_id_secret",
        "kg_per_m3_of_concrete_and_more",
        "-----BEGIN CERTIFICATE-----\n" + LINES,
        "-----BEGIN PUBLIC KEY-----\n" + LINES,
        f"{BEGIN}PRIVATE KEY-----",
        f"files that start with {BEGIN}PRIVATE KEY----- are private keys and more",
        HEX,
        BODY,
        "ghp_" + "x" * 36,
        "AKIA" + "X" * 16,
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "00-" + HEX[:32] + "-" + HEX[:16] + "-01",
        "00" + HEX[:40],
        "0049 30 1234567",
        "s.someMethodNameThatIsLong",
        "test_" + "someFunctionOfExactlyThoseLett",
        "1/2 and 0/1:5",
        "sha512-" + BODY * 2,
        "pa-" + "amount-of-something-that-nobody-will-ever-pa",
        "access_token$production$",
        "sig=" + HEX[:40] + "%3D",
        "1//0 and 2//3",
    ],
)
def test_leaves_words_hashes_and_public_things(found: Found, text: str) -> None:
    assert found(API_KEY, text) == []


def test_redacts_a_key_without_end_up_to_the_longest(found: Found) -> None:
    (key,) = found(API_KEY, "sk-" + "proj-" + "a1" * 10_000)
    assert len(key) == API_KEY.longest - 1


@pytest.mark.parametrize(
    "pieces", [("Fly", "V1 fm2_", BODY * 4), ("fm2_", BODY * 4, ",fm2_", BODY), ("xoxe.", "xoxb-1-", BODY)]
)
def test_finds_keys_around_others(found: Found, pieces: tuple[str, ...]) -> None:
    key = "".join(pieces)
    assert found(API_KEY, f"key {key}, and")[0] == key
