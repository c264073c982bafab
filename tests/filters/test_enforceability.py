"""What a policy may promise is kept: every action of the guards, on every operation, in every form of an answer.

The combinations are those of `kapagate.policy.enforceability`. Of one that is accepted, the forbidden thing is sent
through the composed gateway, and does not arrive; without the guard it does. One that is refused names the reason, and
what it says to change makes the policy load.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from kapagate.answer.event_stream import StreamEvent, written
from kapagate.chain.hop import Inbound
from kapagate.kapa.readings import READINGS
from kapagate.policy.enforceability import ACTIONS, SERVED, Action, Case, Cell, cases, cell
from tests.filters.gateway import EMAIL, PATHS, THREAD, UUID, Gateway, Told, inbound, load, records, streamed

LISTED = {each.name for each in READINGS} | {"analytics_activity"}
DEPRECATED = [name for name, each in SERVED.items() if each.deprecated]
LEGACY = {"legacy_query": "/query/v1", "legacy_query_stream": "/query/v1/stream"}
ROUTES = """
  - {name: news, match: "POST /news", upstream: crm, text: [note], running_text: []}
  - {name: told, match: "POST /told", upstream: crm, question: [query], running_text: [answer]}
  - {name: kept, match: "POST /kept", upstream: slow, question: [query], running_text: [answer]}
  - {name: notes, match: "POST /notes", upstream: crm, text: ["notes[].text"]}
  - {name: closed, match: "POST /closed", upstream: crm, on_uninspectable: refuse}
  - {name: shut, match: "POST /shut", upstream: crm}
"""
WIDGET = f'widget: {{type: kapa_widget, url: "https://proxy.example", integration_id: "{UUID}", source_groups: all'
MCP = 'mcp: {type: kapa_mcp, url: "https://docs.mcp.kapa.example", api_key: "${env:KAPA_KEY}", source_groups: all}'
CHANGES = (
    ("  viewer: {allow: [", '  viewer: {deny: [kapa.internal_data], allow: ["*", '),
    ("  crm: {type: http", '  slow: {type: http, url: "http://127.0.0.1:9001", stream: buffer}\n  crm: {type: http'),
    ("\nroutes:", f"\nroutes:{ROUTES.rstrip()}"),
)
BACKEND = {"opaque": "shut", "json": "told", "sse": "told", "sse buffer": "kept"}
CASES = list(cases())
COMBINATIONS = [(action, case, cell(action.placed(), case.route)) for action in ACTIONS for case in CASES]
Combination = tuple[Action, Case, Cell]
INTERNAL = {
    "source_url": "https://docs.example/internal/pay",
    "title": "Pay",
    "content": "Of pay.",
    "contains_internal_data": True,
}
OPEN = {"source_url": "https://docs.example/open/start", "title": "Start", "content": "Of starts."}
LATE = "a text that is much longer than thirty characters are: LATE"
CODE = "Before.\n```sh\nrm -rf /precious\n```\nBehind."
DISCLAIMER = b"This answer may be incomplete"
WITHHELD = b"This answer cannot be shown"


def combinations(*outcomes: str) -> Any:
    found = [each for each in COMBINATIONS if each[2].outcome in outcomes]
    names = [f"{each.guard} {each.name} on {case.operation} as {case.form}" for each, case, _ in found]
    return pytest.mark.parametrize("combination", found, ids=names)


def route_of(case: Case) -> str:
    """The route of the gateway here that has the case's surfaces."""
    if case.operation in SERVED:
        return f"kapa.{case.operation}"
    if case.operation.startswith("mcp_"):
        return case.operation.replace("_", ".", 1)
    if "running_text: []" in case.operation:
        return "news"
    return "notes" if case.operation == "backend with `text`" else BACKEND[case.form]


@cache
def gateway(action: Action | None, stream: str) -> Gateway:
    """One with a single guard, on everything where it can be enforced."""
    return Gateway(chain_of(action, stream), stream_of(stream), changes=changed(stream))


def chain_of(action: Action | None, stream: str) -> str:
    if action is None:
        return ""
    kept = {each for each in COMBINATIONS if each[0] is action and each[2].outcome == "enforced"}
    names = {route_of(case) for _, case, _ in kept if case.form in {stream, "json", "sse", "sse buffer"}}
    return step(action, sorted(names))


def step(action: Action, routes: Iterable[str]) -> str:
    options = orjson.dumps(dict(action.options)).decode()
    return f"  - {action.guard}: {options}\n    id: guard\n    when: {{route: [{', '.join(routes)}]}}\n"


def changed(stream: str) -> tuple[tuple[str, str], ...]:
    """The changes that make a policy of these, with the widget's streams as Kapa's."""
    return (*CHANGES, ("  slow: {", f"  {MCP}\n  {WIDGET}, stream: {stream.partition(',')[0]}}}\n  slow: {{"))


def stream_of(stream: str) -> str:
    return f"{stream}, deprecated: [{', '.join(DEPRECATED)}]"


class Trial:
    """What is asked and answered so that an action has to act, what must not arrive, and what must in its place."""

    def __init__(self, action: Action, case: Case) -> None:
        name = action.name
        self._flows = case.form == "window"
        self.asked, self.text, self.uncertain, self.sources = "How?", "It is so.", False, [OPEN, INTERNAL]
        self.forbidden: tuple[bytes, ...] = ()
        self.owed = b""
        said = self._said(name)
        if action.guard == "guard_question":
            self.asked = said
        else:
            self.text = said

    def _said(self, name: str) -> str:
        if name.startswith("pii"):
            self.forbidden = (EMAIL.encode(),)
            return f"Ask {EMAIL}, now."
        if name == "detectors":
            self.forbidden = (b"EMP-123456",)
            return "Ask EMP-123456, now."
        if name.startswith("blocked"):
            self.forbidden = (b"Falcon", b"falcon")
            return "All about PROJECT  falcon, Project Falcon!"
        if name.startswith("company_policy"):
            return self._against_policy(name)
        if name.startswith("code"):
            self.forbidden = (b"precious", b"```")
            return CODE
        if "length" in name:
            self.forbidden = (b"LATE",)
            return LATE
        if name.startswith(("sources.allow", "sources.deny", "sources.internal")):
            self.forbidden = (b"internal/pay", b"Of pay.")
            return "See [there](https://docs.example/internal/pay)."
        if name in ("require_approval: true", "disclaim"):
            self.owed = DISCLAIMER if name.startswith("require") else b"For viewers."
            return "It is so."
        return self._unsound(name)

    def _against_policy(self, name: str) -> str:
        """The message is owed where it is told, and the words must not arrive unless they have left already."""
        withholds = "withhold" in name
        stays = self._flows if withholds else "disclaim" in name
        self.forbidden = () if stays else (b"uarantee",)
        self.owed = b"Ask our lawyers." if withholds or stays else b""
        if "at_end: disclaim" in name and self._flows:
            self.owed = DISCLAIMER
        return "It is GUARANTEED, we guarantee."

    def _unsound(self, name: str) -> str:
        """An answer that must not be said as it is."""
        self.sources, self.uncertain = [OPEN], not name.startswith("confidence.below")
        if name in ("uncertain: disclaim", "confidence.below, disclaim") or ("disclaim" in name and self._flows):
            self.owed = DISCLAIMER
        else:
            self.owed = WITHHELD
            self.forbidden = () if self._flows else (b"Perhaps",)
        return "I do not know. Perhaps it is so." if name.startswith("confidence.below") else "Perhaps it is so."


async def ask(trial: Trial, case: Case, at: Gateway, name: str = "") -> Told:
    if case.operation in SERVED:
        return await ask_kapa(trial, case, at)
    if case.operation.startswith("mcp_"):
        return await ask_mcp(trial, case, at)
    path = f"/{name or route_of(case)}"
    return await at.ask("crm", {"query": trial.asked}, backend_answer(trial, case), path=path)


async def ask_mcp(trial: Trial, case: Case, at: Gateway) -> Told:
    listens = case.operation == "mcp_stream"
    called = {"name": "search", "arguments": {"query": trial.asked}}
    document = b"" if listens else {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": called}
    params = {"level": "info", "data": trial.text}
    told = {"id": 7, "result": {"content": [{"type": "text", "text": trial.text}]}}
    message = {"jsonrpc": "2.0", **({"method": "notifications/message", "params": params} if listens else told)}
    answer = inbound(orjson.dumps(message))
    if case.form == "sse":
        event = written(StreamEvent(orjson.dumps(message).decode(), name="message"))
        answer = inbound(*cut_bytes(event), content_type="text/event-stream")
    return await at.ask("mcp", document, answer, method="GET" if listens else "POST", path="/mcp/")


async def ask_kapa(trial: Trial, case: Case, at: Gateway) -> Told:
    operation = SERVED[case.operation]
    path = LEGACY.get(case.operation) or PATHS.get(case.operation)
    path = path or operation.template.replace("{project_id}", "default").replace("{thread_id}", THREAD)
    if operation.method == "GET":
        parameter = "search" if "search" in operation.fields else "query" if "query" in operation.fields else ""
        path += f"?{parameter}={quote(trial.asked)}" if parameter else ""
        return await at.ask(case.operation, b"", kapa_answer(trial, case), method="GET", path=path)
    document: dict[str, Any] = {"query": trial.asked}
    if "comment" in operation.fields:
        document = {"comment": trial.asked, "reaction": "upvote"}
        document["question_answer_id" if operation.ours else "question_answer"] = UUID
    if case.operation == "query":
        document["stream"] = True
    return await at.ask(case.operation, document, kapa_answer(trial, case), path=path)


def kapa_answer(trial: Trial, case: Case) -> Inbound:
    operation, cited = SERVED[case.operation], trial.sources
    if operation.streams:
        raw = records(*cut(trial.text), uncertain=trial.uncertain, sources=())
        listed = orjson.dumps(cited)
        return streamed(
            *(piece for piece in cut_bytes(raw.replace(b'"relevant_sources":[]', b'"relevant_sources":' + listed)))
        )
    if "running text" in operation.shows:
        told = {"answer": trial.text, "is_uncertain": trial.uncertain, "relevant_sources": cited}
        return inbound(orjson.dumps({**told, "thread_id": THREAD, "question_answer_id": UUID}))
    if case.operation in ("retrieval", "search"):
        return inbound(orjson.dumps([*cited, {"source_url": OPEN["source_url"], "content": trial.text}]))
    turn = {"id": UUID, "question": "Q?", "answer": trial.text, "relevant_sources": cited}
    return inbound(orjson.dumps({"id": THREAD, "name": trial.text, "question_answers": [turn], "results": cited}))


def backend_answer(trial: Trial, case: Case) -> Inbound:
    if case.form.startswith("sse"):
        field = "note" if "[]" in case.operation else "answer"
        pieces = [trial.text] if field == "note" else cut(trial.text)
        events = [written(StreamEvent(orjson.dumps({field: piece}).decode())) for piece in pieces]
        return inbound(*cut_bytes(b"".join(events)), content_type="text/event-stream")
    if "running" in case.operation:
        return inbound(orjson.dumps({"answer": trial.text, "id": 1}))
    return inbound(orjson.dumps({"notes": [{"text": trial.text}]}))


def cut(text: str) -> list[str]:
    return [text[at : at + 3] for at in range(0, len(text), 3)]


def cut_bytes(raw: bytes) -> list[bytes]:
    return [raw[at : at + 11] for at in range(0, len(raw), 11)]


def delivered(told: Told, action: Action, at: Gateway) -> bytes:
    """What a guarded side got: of the upstream, or of the client, the text that was cut over events put together."""
    if action.guard == "guard_question":
        return b"".join((*at.kapa.sent, *at.kapa.targets))
    return told.body + joined(told.body)


def joined(body: bytes) -> bytes:
    """The running text of a stream."""
    found = body.replace(b"\n\n", b"\x1e").replace("␞".encode(), b"\x1e").split(b"\x1e")
    texts = []
    for each in found:
        try:
            value = orjson.loads(each.removeprefix(b"event: error\n").removeprefix(b"data: "))
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            content = value.get("chunk", {}).get("content", value)
            texts.append(str(content.get("text", content.get("answer", ""))))
    return "".join(texts).encode()


def stream_form(action: Action, case: Case) -> str:
    """What Kapa's upstream says of streams. An answer that is judged whole has to be whole on every chat, for one name
    means them all.
    """
    judged = "whole answer" in action.placed().step.needs and case.form != "window"
    return "buffer" if judged or case.form == "buffer" else "window"


@combinations("enforced")
async def test_what_is_accepted_is_enforced(combination: Combination) -> None:
    action, case, _ = combination
    at = gateway(action, stream_form(action, case))
    at.kapa.sent.clear()
    at.kapa.targets.clear()
    trial = Trial(action, case)
    told = await ask(trial, case, at)
    got = delivered(told, action, at)
    assert [each for each in trial.forbidden if each in got] == []
    assert trial.owed in got
    assert told.status == (422 if refuses(action, case) and not case.operation.startswith("mcp_") else 200)
    assert told.verdict("guard")["outcome"] in ("changed", "refused", "passed")
    assert told.verdict("guard").get("answer") in (None, "enforced", "incomplete")


def refuses(action: Action, case: Case) -> bool:
    """Whether the client sees a refusal before anything else."""
    if action.guard == "guard_question":
        return "redact" not in action.name and action.name != "detectors"
    return "refuse" in action.name and case.form not in ("window", "sse")


@combinations("enforced")
async def test_without_the_guard_it_would_have_arrived(combination: Combination) -> None:
    action, case, _ = combination
    at = gateway(None, stream_form(action, case))
    at.kapa.sent.clear()
    at.kapa.targets.clear()
    trial = Trial(action, case)
    told = await ask(trial, case, at)
    got = delivered(told, action, at)
    assert told.status == 200
    if action.guard == "guard_question":
        assert any(each in got or quote(each.decode()).encode() in got for each in trial.forbidden)
    else:
        assert not trial.forbidden or any(each in got for each in trial.forbidden)
        assert not trial.owed or trial.owed not in got


@combinations("refused")
def test_what_is_refused_names_the_reason_and_the_change_that_it_needs(combination: Combination) -> None:
    action, case, refusal = combination
    name, stream = route_of(case), stream_of(stream_form(action, case))
    report = load(step(action, [name]), stream, changes=changed(stream)).report()
    said = refusal.why.replace(f'"{case.route.name}"', f'"{name}"')
    assert f'step "guard" {said}' in report
    mends = list(changes_of(action, case, name, refusal.why))
    assert len(mends) >= 2
    for chain, form, changes in mends:
        loaded = load(chain, form, changes=(*changed(form), *changes))
        assert loaded.generation is not None, loaded.report()


def changes_of(action: Action, case: Case, name: str, why: str) -> Iterable[tuple[str, str, Iterable[tuple[str, str]]]]:
    """What the message says can be done, as chain, stream and changes of the policy."""
    same = step(action, [name]), stream_of(stream_form(action, case))
    if "`stream: buffer` at the upstream" in why:
        yield same[0], stream_of("buffer"), ()
    for ending in ("disclaim", "error"):
        if f"`at_end: {ending}`" in why or f"(`{ending}`)" in why:
            also = Action(action.guard, action.name, {**action.options, "at_end": ending})
            yield step(also, [name]), same[1], ()
    line = f'match: "POST /{name}", upstream: crm'
    other = step(action, [name, "kapa.chat"])
    for words in ("text: [note]", "running_text: [answer]", "question: [query]"):
        if f"`{words.partition('[')[0]}[...]`" in why:
            yield other, same[1], [(line, f"{line}, {words}")]
    for choice in ("pass", "refuse"):
        if "`on_uninspectable: pass` (or `refuse`) at the upstream" in why:
            yield other, same[1], [("type: kapa_mcp", f"type: kapa_mcp, on_uninspectable: {choice}")]
        elif "`on_uninspectable: pass` (or `refuse`)" in why:
            yield other, same[1], [(line, f"{line}, on_uninspectable: {choice}")]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: f"{each.guard} {each.name}")
async def test_where_nothing_can_be_seen_the_route_says_what_then(action: Action) -> None:
    case = next(each for each in CASES if each.form == "opaque")
    trial = Trial(action, case)
    stream = stream_form(action, case)
    at = Gateway(step(action, ["crm", "closed", "kapa.chat"]), stream, changes=changed(stream))
    told = await at.ask("crm", {"query": trial.asked}, backend_answer(trial, case))
    assert told.status == 200
    assert told.verdict("guard") == {"outcome": "skipped", "reason": "uninspectable"}
    told = await ask(trial, case, at, "closed")
    assert told.status == (415 if action.guard == "guard_question" else 502)


@combinations("nothing to guard")
async def test_where_there_is_nothing_to_guard_nothing_is_touched(combination: Combination) -> None:
    action, case, _ = combination
    at = untouching(action, stream_form(action, case))
    told = await ask(Trial(action, case), case, at)
    assert told.status == 200
    plain = await ask(Trial(action, case), case, gateway(None, stream_form(action, case)))
    if not action.name.startswith("code") or case.operation not in LISTED:  # answers in threads lose their code too
        assert told.body == plain.body


@combinations("nothing to guard")
def test_a_step_that_has_nothing_to_guard_on_all_of_its_routes_is_refused_and_told_of_one(
    combination: Combination,
) -> None:
    action, case, found = combination
    name, form = route_of(case), stream_form(action, case)
    changes = changed(stream_of(form))
    report = load(step(action, [name]), stream_of(form), changes=changes).report()
    assert "can never act" in found.why
    assert re.search(r'KG330 .*step "guard" `[a-z_.]+(?:\[0\])?` can never act: routes "', report)
    assert f'"{name}"' in report
    such = re.search(r'such as "([a-z_.]+)", or leave the option out', report)
    assert such is not None
    loaded = load(step(action, [name, such[1]]), stream_of(form), changes=changes)
    assert loaded.generation is not None, loaded.report()


@cache
def untouching(action: Action, stream: str) -> Gateway:
    """One whose guard is on everything that it is not refused on."""
    refused = {route_of(case) for each, case, found in COMBINATIONS if each is action and found.outcome == "refused"}
    names = {route_of(case) for case in CASES} - refused
    return Gateway(step(action, sorted(names)), stream_of(stream), changes=changed(stream))


def test_every_operation_and_every_field_of_the_guards_has_its_combinations() -> None:
    assert {case.operation for case in CASES} >= set(SERVED)
    asked = {guard: {key for each in ACTIONS if each.guard == guard for key in each.options} for guard in GUARDS}
    for guard, fields in GUARDS.items():
        assert asked[guard] >= fields


GUARDS = {
    "guard_question": {"max_length", "pii", "detectors", "blocked_terms", "on_blocked_term", "company_policy"},
    "guard_answer": {
        "pii",
        "detectors",
        "blocked_terms",
        "on_blocked_term",
        "company_policy",
        "code",
        "max_response_length",
        "require_approval",
        "disclaim",
        "sources",
        "confidence",
        "at_end",
    },
}
