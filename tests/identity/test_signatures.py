from __future__ import annotations

import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.chain.headers import Headers
from kapagate.chain.problem import Problem
from kapagate.identity import signatures
from kapagate.identity.signatures import FORMATS, Format, Rejected, Sent, check_time, matched
from kapagate.identity.signed_text import Template
from tests.identity.webhooks import fields, hmac_sha256, key_of, secret_of

OWN = Format(
    b"x-sign", Template.parsed("{id}|{timestamp}|{body}"), signatures.prefixed(b"sig:"), b"x-time", b"x-id", "base64"
)
KINDS = {**FORMATS, "hmac_sha256": OWN}
BODY = b'{"id": 42, "name": "Sm\xc3\xb8rg\xc3\xa5sbord", "raw": "\xff\x00"}'
AT = 1_800_000_000


def headers(said: dict[str, str] | list[tuple[str, str]]) -> Headers:
    pairs = said.items() if isinstance(said, dict) else said
    return Headers([(name.encode(), value.encode("latin-1")) for name, value in pairs])


def checked(kind: str, said: dict[str, str], body: bytes = BODY, secrets: tuple[str, ...] = ()) -> int | None:
    sent = KINDS[kind].sent(headers(said))
    assert sent is not None
    keys = [signatures.key_of(kind, secret) for secret in secrets or (secret_of(kind),)]
    return matched(KINDS[kind], sent, body, keys)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [BODY, b"", b"x" * 100_000], ids=["json", "empty", "long"])
def test_a_message_of_the_sender_is_accepted(kind: str, body: bytes) -> None:
    assert checked(kind, fields(kind, secret_of(kind), body, at=AT), body) == 0


def test_the_code_is_what_others_make(tmp_path: Any) -> None:
    """openssl's is a third opinion on the tests' own."""
    command = ["openssl", "dgst", "-sha256", "-hmac", "k" * 20, "-r"]
    told = subprocess.run(command, input=BODY, capture_output=True, check=True).stdout
    assert told.split()[0].decode() == hmac_sha256(b"k" * 20, BODY).hex()
    assert (
        hmac_sha256(b"k" * 100, b"m").hex()
        == (
            subprocess.run(
                [*command[:4], "k" * 100, "-r"], input=b"m", capture_output=True, check=True
            ).stdout.decode()[:64]
        )
    )


def test_the_example_of_the_specification_is_accepted() -> None:
    """The worked example of Standard Webhooks, whose secret is public."""
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    said = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert checked("standard", said, b'{"test": 2432232314}', (secret,)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_secret_that_matched_is_told(kind: str) -> None:
    secrets = tuple(secret_of(kind, number) for number in range(4))
    for index, secret in enumerate(secrets):
        assert checked(kind, fields(kind, secret, BODY, at=AT), secrets=secrets) == index


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], BODY.replace(b"42", b"43"), b"", BODY + b"\n"])
def test_a_signature_of_another_body_is_refused(kind: str, body: bytes) -> None:
    assert checked(kind, fields(kind, secret_of(kind), BODY, at=AT), body) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_of_another_secret_is_refused(kind: str) -> None:
    assert checked(kind, fields(kind, secret_of(kind, 2), BODY, at=AT)) is None


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("standard", "webhook-timestamp"),
        ("standard", "webhook-id"),
        ("slack", "X-Slack-Request-Timestamp"),
        ("hmac_sha256", "X-Time"),
        ("hmac_sha256", "X-Id"),
    ],
)
def test_what_is_signed_cannot_be_changed(kind: str, field: str) -> None:
    said = fields(kind, secret_of(kind), BODY, at=AT)
    assert checked(kind, {**said, field: f"{AT + 1}"}) is None


def test_a_time_is_signed_as_it_came() -> None:
    said = fields("standard", secret_of("standard"), BODY, at=f"00{AT}"[:12])
    assert checked("standard", said) == 0
    assert checked("standard", {**said, "webhook-timestamp": f"{int(said['webhook-timestamp'])}"}) is None


@pytest.mark.parametrize("kind", ["standard", "slack", "stripe", "hmac_sha256"])
@pytest.mark.parametrize(
    "time",
    [
        *(
            "",
            " ",
            "+1",
            "-1",
            "1e9",
            "1_0",
            " 1800000000",
            "1800000000 ",
            "1800000000\t",
            "0x10",
            "1.0",
            "\xb2",
            "NaN",
        ),
        *("1" * 13, "1" * 5000, "1800000000\n", "٣".encode().decode("latin-1"), "１".encode().decode("latin-1")),
    ],
)
def test_a_time_has_only_digits_and_few(kind: str, time: str) -> None:
    said = fields(kind, secret_of(kind), BODY, at=time)
    with pytest.raises(Rejected):
        KINDS[kind].sent(headers(said))


@pytest.mark.parametrize("kind", ["standard", "slack", "hmac_sha256"])
def test_a_time_that_is_missing_is_refused(kind: str) -> None:
    said = {k: v for k, v in fields(kind, secret_of(kind), BODY, at=AT).items() if "ime" not in k}
    with pytest.raises(Rejected, match="timestamp"):
        KINDS[kind].sent(headers(said))


@pytest.mark.parametrize("identifier", ["", " ", "a b", "m\xfc", "a\0b", "x" * 257, "\t", "a.1800000000", "."])
def test_an_id_is_visible_and_has_no_separator(identifier: str) -> None:
    said = fields("standard", secret_of("standard"), BODY, at=AT, identifier=identifier)
    with pytest.raises(Rejected, match="id"):
        KINDS["standard"].sent(headers(said))


def test_an_id_that_nobody_signs_may_have_dots() -> None:
    sent = FORMATS["github"].sent(headers(fields("github", secret_of("github"), BODY, identifier="a.b")))
    assert sent is not None
    assert sent.id == b"a.b"


@pytest.mark.parametrize("kind", ["standard", "github", "hmac_sha256"])
def test_an_id_that_is_missing_is_refused(kind: str) -> None:
    said = fields(kind, secret_of(kind), BODY, at=AT)
    kept = {name: value for name, value in said.items() if name.encode().lower() != KINDS[kind].id}
    with pytest.raises(Rejected, match="id"):
        KINDS[kind].sent(headers(kept))


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_stands_twice_is_ambiguous(kind: str) -> None:
    said = fields(kind, secret_of(kind), BODY, at=AT)
    for name in said:
        if name.lower().encode() in KINDS[kind].fields:
            with pytest.raises(Problem) as caught:
                KINDS[kind].sent(headers([*said.items(), (name.upper(), said[name])]))
            assert caught.value.kind.name == "ambiguous-credentials"


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_some_take_for_another_is_ambiguous(kind: str) -> None:
    said = fields(kind, secret_of(kind), BODY, at=AT)
    for name in KINDS[kind].fields:
        alias = name.decode().title().replace("-", "_", 1)
        with pytest.raises(Problem) as caught:
            KINDS[kind].sent(headers([*said.items(), (alias, "evil")]))
        assert caught.value.kind.name == "ambiguous-credentials"
    assert KINDS[kind].sent(headers({**said, "X_Other_Field": "1", "webhook": "1"})) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_without_a_signature_is_for_others(kind: str) -> None:
    form = KINDS[kind]
    said = fields(kind, secret_of(kind), BODY, at=AT)
    kept = {name: value for name, value in said.items() if name.encode().lower() != form.signature}
    assert form.sent(headers(kept)) is None


def test_each_of_several_signatures_is_looked_at() -> None:
    said = fields("standard", secret_of("standard"), BODY, at=AT)
    good = said["webhook-signature"]
    other = fields("standard", secret_of("standard", 2), BODY, at=AT)["webhook-signature"]
    for value in (f"{other} {good}", f"{good} {other}", f"v1a,{good[3:]} v2,{other[3:]} {good}", f" {good} "):
        assert checked("standard", {**said, "webhook-signature": value}) == 0
    both = {**said, "webhook-signature": f"{other} {good}"}
    assert checked("standard", both, secrets=(secret_of("standard", 2), secret_of("standard"))) == 0


def test_stripe_may_send_several_codes_and_one_time() -> None:
    said = fields("stripe", secret_of("stripe"), BODY, at=AT)["Stripe-Signature"]
    code = said.rpartition("=")[2]
    for value in (f"t={AT},v1={'0' * 64},v1={code}", f"v1={code},t={AT},v0={code}", f"t={AT},v1={code},scheme=x"):
        assert checked("stripe", {"Stripe-Signature": value}) == 0
    for value in (f"t={AT},t={AT},v1={code}", f"v1={code}", f"t=,v1={code}", f"t={AT}, v1={code}", f"t={AT};v1={code}"):
        with pytest.raises(Rejected):
            FORMATS["stripe"].sent(headers({"Stripe-Signature": value}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["", " ", "v1,", "sha256=", "v0=", "t=1,v1=", "sha1=" + "a" * 40, "v1," + "A" * 43])
def test_what_is_no_signature_is_refused_before_the_body_is_read(kind: str, value: str) -> None:
    said = fields(kind, secret_of(kind), BODY, at=AT)
    name = next(name for name in said if name.lower().encode() == KINDS[kind].signature)
    with pytest.raises(Rejected):
        KINDS[kind].sent(headers({**said, name: value}))


def test_one_megabyte_of_signatures_is_refused_unread() -> None:
    said = fields("standard", secret_of("standard"), BODY, at=AT)
    many = " ".join([said["webhook-signature"]] * 20_000)
    for value in (many, " ".join([said["webhook-signature"]] * 17)):
        with pytest.raises(Rejected, match="signature"):
            FORMATS["standard"].sent(headers({**said, "webhook-signature": value}))
    sixteen = {**said, "webhook-signature": " ".join([said["webhook-signature"]] * 16)}
    assert checked("standard", sixteen) == 0


def test_a_prefix_is_a_part_of_the_signature() -> None:
    said = fields("github", secret_of("github"), BODY)
    for value in (said["X-Hub-Signature-256"][7:], said["X-Hub-Signature-256"].replace("sha256", "SHA256")):
        with pytest.raises(Rejected):
            FORMATS["github"].sent(headers({**said, "X-Hub-Signature-256": value}))


def test_hexadecimal_digits_may_be_in_upper_case() -> None:
    said = fields("slack", secret_of("slack"), BODY, at=AT)
    upper = "v0=" + said["X-Slack-Signature"][3:].upper()
    assert checked("slack", {**said, "X-Slack-Signature": upper}) == 0


def test_there_is_one_way_to_write_a_base64_code() -> None:
    """The last character before the padding has two bits that a lenient reader ignores."""
    said = fields("standard", secret_of("standard"), BODY, at=AT)
    good = said["webhook-signature"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    sloppy = good[:-2] + alphabet[alphabet.index(good[-2]) + 1] + "="
    assert checked("standard", {**said, "webhook-signature": sloppy}) is None


@pytest.mark.parametrize(("late", "fine"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_a_message_from_too_long_ago_or_too_far_ahead_is_refused(late: int, fine: bool) -> None:
    sent = Sent((b"x",), b"%d" % AT)
    if fine:
        check_time(sent, AT + late, 300)
    else:
        with pytest.raises(Rejected, match="old" if late > 0 else "future"):
            check_time(sent, AT + late, 300)


def test_without_a_time_there_is_no_age() -> None:
    check_time(Sent((b"x",)), AT, 300)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mark_of_the_text_is_the_same_for_all_secrets(kind: str) -> None:
    form = KINDS[kind]
    marks = set()
    for number in (1, 2):
        sent = form.sent(headers(fields(kind, secret_of(kind, number), BODY, at=AT)))
        assert sent is not None
        marks.add(signatures.mark_of_text(form, sent, BODY))
    assert len(marks) == 1
    assert signatures.mark_of_text(form, sent, BODY + b" ") not in marks


def test_the_mark_of_an_id_is_the_ids_alone() -> None:
    assert signatures.mark_of_id(Sent((b"x",), b"1", b"a")) == signatures.mark_of_id(Sent((b"y",), b"2", b"a"))
    assert signatures.mark_of_id(Sent((b"x",), b"1", b"a")) != signatures.mark_of_id(Sent((b"x",), b"1", b"b"))


def test_a_standard_secret_is_decoded_with_and_without_its_prefix() -> None:
    secret = secret_of("standard")
    expected = key_of("standard", secret)
    assert signatures.key_of("standard", secret) == signatures.key_of("standard", secret[6:]) == expected


def test_stripes_secrets_are_taken_as_they_are() -> None:
    secret = secret_of("standard")
    assert signatures.key_of("stripe", secret) == secret.encode()


@pytest.mark.parametrize(
    ("kind", "secret", "why"),
    [
        ("standard", "whsec_" + "QUJD" * 7 + "QUI", "base64"),
        ("standard", "whsk_" + "QUJD" * 8, "base64"),
        ("standard", "whsec_" + "QUJD" * 8 + "\n", "base64"),
        ("standard", "whsec_" + "QUJD" * 7, "at least 24"),
        ("github", "f" * 15, "at least 16"),
        ("hmac_sha256", "", "at least 16"),
    ],
)
def test_a_secret_that_is_weak_or_garbled_is_refused(kind: str, secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        signatures.key_of(kind, secret)


NAMES = sorted({name.decode() for form in KINDS.values() for name in form.fields})
SAID = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [b"v1," + b"A" * 44, b"sha256=" + b"0" * 64, b"v0=" + b"f" * 64, b"t=1,v1=" + b"0" * 64, b"1800000000"]
    ),
)


@given(st.lists(st.tuples(st.sampled_from(NAMES), SAID), max_size=8), st.sampled_from(sorted(KINDS)))
def test_whatever_the_fields_say_it_is_refused_or_for_others_or_not_signed(
    said: list[tuple[str, bytes]], kind: str
) -> None:
    try:
        sent = KINDS[kind].sent(Headers([(name.encode(), value) for name, value in said]))
    except (Rejected, Problem):
        return
    if sent is not None:
        assert matched(KINDS[kind], sent, BODY, [b"k" * 32]) is None
