"""Who takes part: the gateway with some policy, or a peer; how it is started, and what it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Question, post
from bench.peer import Peer
from bench.process import Process
from bench.roster import PEERS
from bench.site import Site, Upstream
from bench.subjects import BODY, CHAT, LIMITS, STREAM, SUBJECT_CORE, Gateway
from bench.upstream import ANSWER
from bench.variants import PASS_THROUGH, SHIPPED, Edit, gate_only, keys_of, written
from kapagate.demo.people import Keys

WHOLE, STREAMED = ANSWER[:40].encode(), b'"question_answer_id"'
LONGEST_ANSWER = 8000
PASSING, GATE, FULL = "pass-through", "gate only", "full chain"


@dataclass(frozen=True, slots=True)
class Running:
    """One that was started: `ready` is the seconds that it took."""

    process: Process
    port: int
    ready: float


@dataclass(frozen=True, slots=True)
class Entrant:
    """`absent` says why it cannot take part; `lacks` what of the chain it cannot do; `version` is empty for ours."""

    name: str
    started: Callable[[Site, Upstream], AbstractContextManager[Running]]
    questions: Callable[[Keys, Upstream], Sequence[Question]]
    lacks: str = ""
    version: str = ""
    absent: str = ""
    slowness: float = 1.0
    """Its rounds are so many times as long: what 32 connections still wait for at the end must not weigh."""


def gateway(
    name: str,
    policy: Callable[[Path], Path],
    questions: Callable[[Keys, Upstream], Sequence[Question]],
    more: Mapping[str, str] | None = None,
) -> Entrant:
    """Ours, run as a user runs it. `policy` gets a folder to write into."""

    @contextmanager
    def started(site: Site, upstream: Upstream) -> Iterator[Running]:
        place = site.place()
        asked = {**site.keys.environment(upstream.url, upstream.url, str(place / "state.db")), **LIMITS, **(more or {})}
        with Gateway(policy(place), asked).started() as (process, port, took):
            yield Running(process, port, took)

    return Entrant(name, started, questions)


def variant(name: str, *edits: Edit, streamed: bool = False, tenants: int = 0) -> Entrant:
    """The example policy with edits."""
    return gateway(name, lambda folder: written(folder, *edits, tenants=tenants), bearer(streamed), keys_of(tenants))


def pass_through(streamed: bool = False) -> Entrant:
    def asked(keys: Keys, upstream: Upstream) -> Sequence[Question]:
        return [_question({"X-Api-Key": keys.reporter.text}, streamed)]

    return gateway(PASSING, lambda folder: PASS_THROUGH, asked)


def full_chain(streamed: bool = False) -> Entrant:
    """The example policy as it is shipped."""
    return gateway(FULL, lambda folder: SHIPPED, bearer(streamed))


def gate() -> Entrant:
    return variant(GATE, gate_only)


def peers(streamed: bool = False, longest_answer: int = LONGEST_ANSWER) -> dict[str, Entrant]:
    """By name; absent ones too."""
    return {each.name: _peer(each, streamed, longest_answer) for each in PEERS}


def _peer(peer: Peer, streamed: bool, longest_answer: int) -> Entrant:
    asked = _QUESTIONS.get(peer.name, bearer(streamed))
    program = peer.program()

    @contextmanager
    def started(site: Site, upstream: Upstream) -> Iterator[Running]:
        setting = site.setting(upstream, longest_answer)
        with peer.started(setting, asked(site.keys, upstream)[0], SUBJECT_CORE) as (process, took):
            yield Running(process, setting.port, took)

    version, absent = (peer.version(program), "") if program else ("", "not on this machine")
    return Entrant(peer.name, started, asked, peer.lacks, version, absent, _SLOWNESS.get(peer.name, 1.0))


def bearer(streamed: bool = False, tenant: str = "acme") -> Callable[[Keys, Upstream], Sequence[Question]]:
    """A viewer's token."""

    def asked(keys: Keys, upstream: Upstream) -> Sequence[Question]:
        return [_question(_token(keys, "bench", tenant), streamed)]

    return asked


def many_askers(count: int, tenants: int) -> Callable[[Keys, Upstream], Sequence[Question]]:
    """So many people, spread over tenants `t0` and up: a token each."""

    def asked(keys: Keys, upstream: Upstream) -> Sequence[Question]:
        people = ((f"person-{number}", f"t{number % tenants}") for number in range(count))
        return [_question(_token(keys, person, tenant), False) for person, tenant in people]

    return asked


def _token(keys: Keys, subject: str, tenant: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys.token(subject, tenant, 'viewer', time.time() + 36_000)}"}


def _question(headers: dict[str, str], streamed: bool) -> Question:
    return post(STREAM if streamed else CHAT, BODY, headers, STREAMED if streamed else WHOLE)


def _of_litellm(keys: Keys, upstream: Upstream) -> Sequence[Question]:
    return [_question({"Authorization": f"Bearer sk-{keys.pepper}"}, False)]


def _of_portkey(keys: Keys, upstream: Upstream) -> Sequence[Question]:
    headers = {
        "Authorization": "Bearer of-the-upstream",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"{upstream.url}/query/v1",
    }
    return [post("/v1/chat/completions", BODY, headers, WHOLE)]


_SLOWNESS = {"LiteLLM": 3.0, "Portkey": 2.0}
_QUESTIONS = {"LiteLLM": _of_litellm, "Portkey": _of_portkey}
