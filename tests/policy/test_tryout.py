from __future__ import annotations

from pathlib import Path

import pytest

from kapagate.chain.generation import Generation
from kapagate.policy.placeholders import load_with_placeholders
from kapagate.policy.tryout import LONGEST, Source, Trial, Tried, try_out
from kapagate.remote.references import References
from kapagate.run import offline
from kapagate.standin.specimens import SPECIMENS

EMAIL, CARD = SPECIMENS["email"], SPECIMENS["card"]
GATEWAY = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: small
pseudonyms: {key: "${env:PSEUDONYMS}"}
roles: {viewer: {allow: [kapa.chat]}}
upstreams:
  kapa: {type: kapa, url: "https://kapa.example"}
  crm: {type: http, url: "https://crm.example"}
gate:
  - identify: {schemes: [{jwt: {issuer: "https://id.example", audience: docs, algorithms: [HS256],
                                secret: "${env:SECRET}", claims: {tenant: org}}}]}
chain:
  - rate_limit: {per: [tenant], limit: 1/min}
  - guard_question: {pii: refuse}
    id: watch
    mode: shadow
  - guard_question: {pii: redact, max_length: 80}
    id: ask
  - guard_question: {pii: allow, blocked_terms: ["<email>", "Project Falcon"]}
    id: terms
    when: {role: [viewer]}
  - guard_answer: {pii: {card: refuse, default: redact}, max_response_length: 60, sources: {min: 1}, at_end: disclaim}
    id: answer
  - guard_answer: {pii: allow, code: remove}
    id: code
    when: {route: [kapa.chat]}
routes:
  - {name: crm, match: "POST /crm/{rest:*}", upstream: crm, question: [body.text], text: [note]}
"""
TENANT = """\
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
upstreams: {kapa: {project: "${env:KG_ACME_PROJECT}", api_key: "${env:KG_ACME_KEY}", source_groups: all}}
"""


def generation_in(folder: Path) -> Generation:
    """Of the small policy above."""
    (folder / "gateway.yaml").write_text(GATEWAY)
    (folder / "acme.yaml").write_text(TENANT)
    loaded, _ = load_with_placeholders(lambda resolve: offline([folder], resolve), References({}))
    assert loaded.generation is not None, loaded.report()
    return loaded.generation


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    return generation_in(tmp_path_factory.mktemp("policy"))


async def tried(generation: Generation, text: str, direction: str = "answer", **more: object) -> Tried:
    return await try_out(
        generation, Trial.model_validate({"text": text, "direction": direction, "tenant": "acme", **more})
    )


async def test_every_finding_of_an_answer_is_told_with_its_step_and_rule(generation: Generation) -> None:
    told = await tried(generation, f"Mail {EMAIL} now.\n```\nx\n```\n")
    assert told.delivered == "Mail <email> now.\n[code removed]\n"
    assert (told.route, told.steps, told.undecided) == ("kapa.chat", ["answer", "code"], ["answer"])
    email, *code = told.findings
    assert (email.step, email.guard, email.rule, email.found) == ("answer", "guard_answer", "email", EMAIL)
    assert (email.start, email.end, email.becomes, email.action) == (5, 5 + len(EMAIL), "<email>", "redact")
    assert {(each.step, each.rule) for each in code} == {("code", "code")}


async def test_a_finding_that_refuses_delivers_nothing(generation: Generation) -> None:
    told = await tried(generation, f"Pay with {CARD}.")
    assert (told.delivered, told.changed) == (None, True)
    assert told.refusal is not None
    assert (told.refusal.step, told.refusal.rule, told.refusal.status) == ("answer", "card", 422)
    assert [(each.action, each.becomes) for each in told.findings] == [("refuse", "")]


async def test_a_limit_cuts_what_would_be_delivered(generation: Generation) -> None:
    told = await tried(generation, "word " * 20)
    assert told.delivered is not None
    assert told.delivered.startswith(("word " * 12).rstrip())
    assert told.delivered.count("word") == 12
    assert told.findings == []


async def test_what_is_decided_on_the_whole_answer_is_tried_where_it_is_told(generation: Generation) -> None:
    told = await tried(generation, "Fine.", sources=(), uncertain=False)
    assert told.delivered is not None
    assert told.delivered.startswith("This answer cannot be shown")
    named = await tried(generation, "Fine.", sources=(Source(source_url="https://docs.example/a"),))
    assert (named.delivered, named.changed, named.undecided) == ("Fine.", False, [])
    streamed = await tried(generation, "Fine.", sources=(), route="kapa.chat_stream")
    assert streamed.delivered is not None
    assert streamed.delivered.startswith("Fine.\n\nThis answer may be incomplete")


async def test_a_question_passes_its_steps_one_after_the_other(generation: Generation) -> None:
    told = await tried(generation, f"Is {EMAIL} right?", "question", roles=("viewer",))
    assert told.refusal is not None
    assert (told.refusal.step, told.refusal.rule, told.delivered) == ("terms", "blocked_term", None)
    assert [(each.step, each.found) for each in told.findings] == [
        ("watch", EMAIL),
        ("ask", EMAIL),
        ("terms", "<email>"),
    ]
    stranger = await tried(generation, f"Is {EMAIL} right?", "question")
    assert (stranger.delivered, stranger.steps) == ("Is <email> right?", ["watch", "ask"])


async def test_a_shadow_is_told_as_one_and_changes_nothing(generation: Generation) -> None:
    told = await tried(generation, "Is 10.1.2.3 up?", "question", route="crm")
    assert told.delivered == "Is <ip> up?"
    assert [(each.step, each.mode) for each in told.findings] == [("watch", "shadow"), ("ask", "enforce")]


async def test_what_is_no_text_rule_refuses_too(generation: Generation) -> None:
    told = await tried(generation, "word " * 20, "question")
    assert told.refusal is not None
    assert (told.refusal.step, told.refusal.rule) == ("ask", "max_length")


async def test_trying_takes_nothing_from_limits(generation: Generation) -> None:
    for _ in range(5):
        assert (await tried(generation, "Hi", "question")).delivered == "Hi"


async def test_an_empty_text_is_delivered_as_it_is(generation: Generation) -> None:
    assert (await tried(generation, "")).delivered == ""
    assert (await tried(generation, "", "question")).delivered == ""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"tenant": "acne"}, 'no tenant "acne"; there are: acme'),
        ({"route": "kapa.feedback"}, 'no route "kapa.feedback" that shows guards a running text'),
        ({"tenant": "acme", "route": "nowhere"}, "nowhere"),
    ],
)
async def test_what_is_not_there_cannot_be_tried(generation: Generation, more: dict[str, str], said: str) -> None:
    with pytest.raises(LookupError, match=said):
        await tried(generation, "Hi", **more)


@pytest.mark.parametrize("wrong", [{"text": "x" * (LONGEST + 1)}, {"text": 5}, {"text": "a", "who": "me"}, {}])
def test_what_is_no_trial_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Trial"):
        Trial.model_validate(wrong)
