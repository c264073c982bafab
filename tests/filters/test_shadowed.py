"""A guard in shadow changes nothing that anybody gets, whatever it is set to and however the answer comes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filters.gateway import CARD, EMAIL, PHONE, Gateway, Told, chat, inbound, records, streamed

QUESTION = {"query": f"Whom do I ask? I am {EMAIL}"}
GUARDS = (
    "{pii: refuse, max_response_length: 20, cut_notice: ' (cut)', sources: {min: 5}, at_end: error}",
    "{pii: redact, code: remove, confidence: {uncertain: withhold}, at_end: disclaim}",
    "{pii: allow, blocked_terms: [ask], on_blocked_term: refuse, sources: {deny: ['*']}}",
)
UNREAD = (("  - metrics: {}\n", ""), ("audit: {include: [question, answer]}", "audit: {}"))
TEXTS = st.lists(
    st.sampled_from([EMAIL, PHONE, CARD, "ask ", "word ", "\n```\ncode\n```\n", "ä😀", " ", "x" * 30]), max_size=8
)


def shadowed(guard: str) -> str:
    ask = "  - guard_question: {pii: refuse, max_length: 3}\n    id: asked\n    mode: shadow\n"
    return f"{ask}  - guard_answer: {guard}\n    id: watch\n    mode: shadow\n"


async def asked(chain: str, texts: Sequence[str], form: str, size: int, uncertain: bool, metrics: bool) -> Told:
    """`metrics`: a step that reads answers stands beside the shadow."""
    changes = () if metrics else UNREAD
    gateway = Gateway(chain, "buffer" if form == "buffer" else "window", changes=changes)
    if form == "json":
        return await gateway.ask("chat", QUESTION, chat("".join(texts), uncertain=uncertain))
    stream = records(*texts, uncertain=uncertain)
    cut = [stream[at : at + size] for at in range(0, len(stream), size)]
    return await gateway.ask("chat_stream", QUESTION, streamed(*cut))


def fields_of(told: Told) -> list[tuple[bytes, bytes]]:
    """All but the policy's hash: with a shadow it is another policy."""
    return [pair for pair in told.sink.head.headers if pair[0] != b"Kapagate-Policy"]


@settings(max_examples=60, deadline=None)
@given(
    guard=st.sampled_from(GUARDS),
    texts=TEXTS,
    form=st.sampled_from(["json", "window", "buffer"]),
    size=st.integers(1, 400),
    uncertain=st.booleans(),
    metrics=st.booleans(),
)
async def test_kapas_answers_are_the_same_with_a_shadow_and_without(
    guard: str, texts: list[str], form: str, size: int, uncertain: bool, metrics: bool
) -> None:
    without = await asked("", texts, form, size, uncertain, metrics)
    beside = await asked(shadowed(guard), texts, form, size, uncertain, metrics)
    assert (beside.status, beside.body) == (without.status, without.body)
    assert fields_of(beside) == fields_of(without)
    assert beside.record["verdicts"]["asked"]["outcome"] == "refused"


@pytest.mark.parametrize("fields", [{}, {"content_encoding": "gzip"}, {"etag": '"1"', "digest": "sha-256=x"}])
async def test_a_backends_answer_keeps_its_bytes_and_its_fields(fields: dict[str, str]) -> None:
    body = b'{ "notes" : [ {"text": "' + EMAIL.encode() + b'"} ] }'
    asked = {"Accept-Encoding": "gzip", "Range": "bytes=0-9"}
    found = []
    for chain in ("", shadowed(GUARDS[0])):
        gateway = Gateway(chain, changes=UNREAD)
        told = await gateway.ask("declared", b"", inbound(body, **fields), method="GET", headers=asked)
        found.append((told.status, told.body, fields_of(told), gateway.kapa.heads[0]))
    assert found[0] == found[1]
    assert (b"Range", b"bytes=0-9") in gateway.kapa.heads[0]
    verdict = told.record["verdicts"]["watch"]
    if "content_encoding" in fields:
        assert (verdict["outcome"], verdict["reason"]) == ("skipped", "uninspectable")
    else:
        assert verdict["would_refuse"] == {"email": 1}
