"""`kind: PolicyTest`: who asks what, what the upstream says to it, and what is expected of the policy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from kapagate.chain.units import Duration
from kapagate.chain.verdict import Decision
from kapagate.ledger.outcome import Outcome
from kapagate.policy.gateway import Name, Settings

PARTS = ("audit", "limits", "ownership", "deliveries")
Cuts = Literal["whole", "records", "bytes"] | tuple[int, ...]


def _listed(value: Any) -> Any:
    """A text alone is a list of one."""
    return (value,) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Caller(Settings):
    """Somebody who asks. The credential is made by the runner, with what the policy verifies it with."""

    tenant: str | None = Field(None, description="The tenant that the credential names.")
    subject: str | None = Field(None, description="The caller's stable name within the tenant.")
    roles: tuple[str, ...] = Field((), description="The roles that the token carries; a key has those of the policy.")
    session: str | None = Field(None, description="The session that the token names.")
    claims: dict[str, Any] = Field({}, description="Further claims of the token; they win over those made from above.")
    issuer: str | None = Field(None, description="Whose token it is, where the policy knows several issuers.")
    expires: Duration = Field(3600.0, description="How long after the case's beginning the token holds.")
    api_key: str | None = Field(None, description="The key of the policy, by its subject or id, in place of a token.")
    webhook: bool = Field(False, description="Signs what it sends as the route's webhook signature asks for.")
    forged: bool = Field(False, description="The credential is made with another secret.")
    ip: str = Field("198.51.100.7", description="The address that it asks from.")
    headers: dict[str, str] = Field({}, description="Header fields of every call.")


class Script(Settings):
    """What an upstream says to a call, and how it comes."""

    answer: str | None = Field(None, description="The words of a Kapa answer; put into an object or records as asked.")
    sources: tuple[str | dict[str, Any], ...] = Field(
        ("Documentation",), description="Its sources: titles, or objects as Kapa has them."
    )
    uncertain: bool = Field(False, description="Kapa calls the answer uncertain.")
    records: tuple[dict[str, Any], ...] | None = Field(
        None, description="A Kapa stream, record by record: `{type: ..., content: {...}}`."
    )
    body: Any = Field(None, description="Any other answer: a text as it is, anything else as JSON.")
    status: int = Field(200, ge=200, le=599, description="The answer's status.")
    headers: dict[str, str] = Field({}, description="Its header fields; `Content-Type` says itself.")
    cut: Cuts = Field("whole", description="How the bytes come: at once, by record, one by one, or cut at offsets.")
    latency: Duration = Field(0.0, description="How long the head takes; the clock of the case moves on as long.")
    fault: Literal["unreachable", "truncated"] | None = Field(
        None, description="Nobody is there, or the answer breaks off behind its first half."
    )


class Text(Settings):
    """What a text says and does not."""

    equals: str | None = Field(None, description="The whole text.")
    contains: Words = Field((), description="What stands in it.")
    lacks: Words = Field((), description="What does not.")


class Sent(Settings):
    """What the upstream received."""

    calls: int | None = Field(None, ge=0, description="How many requests.")
    name: str | None = Field(None, description="The upstream of the last one; the rest is about that one too.")
    request: str | None = Field(None, description="Its method and target: `POST /query/v1/...`.")
    headers: dict[str, str | None] = Field({}, description="Its fields; nothing: there is none.")
    body: Any = Field(None, description="Its JSON body; of mappings only what is named is looked at.")
    text: Text | None = Field(None, description="Its body as text.")


class Expectation(Settings):
    """What is expected of one call."""

    outcome: Outcome | None = Field(None, description="How the exchange ended, as audit and metrics say it.")
    status: int | None = Field(None, description="The status that the client was told.")
    problem: str | None = Field(None, description="The kind of problem that it was refused with.")
    step: str | None = Field(None, description="The step that refused.")
    rule: str | None = Field(None, description="The rule of that step.")
    headers: dict[str, str | None] = Field({}, description="The answer's fields; nothing: there is none.")
    text: Text | None = Field(None, description="The running text of Kapa's answer; of others the whole body.")
    body: Any = Field(None, description="The JSON body; of mappings only what is named is looked at.")
    upstream: Sent | None = Field(None, description="What the upstream received.")
    decisions: dict[str, Decision] = Field({}, description="What steps decided, on request and answer together.")
    audit: dict[str, Any] | None = Field(None, description="The audit's record; only what is named is looked at.")
    metrics: dict[str, float] = Field({}, description="By how much series grew: `name{label=value}`, summed up.")


class Call(Settings):
    """One request."""

    caller: str | None = Field(None, description="Who asks; nobody in particular when left out.")
    route: str | None = Field(None, description="The route or operation: `crm`, `kapa.chat`.")
    path: dict[str, str] = Field({}, description="Its path's parameters; `project_id` is `default` by itself.")
    request: str | None = Field(None, description="In place of `route`: method and target, `POST /crm/notes?draft=1`.")
    method: str | None = Field(
        None, description="The method, where the route takes several; by itself GET, and POST with a body."
    )
    query: dict[str, str] = Field({}, description="Parameters of the query.")
    headers: dict[str, str] = Field({}, description="Header fields.")
    body: Any = Field(None, description="A text as it is, anything else as JSON.")
    delivery: str | None = Field(None, description="The id of a webhook's message.")
    after: Duration = Field(0.0, description="How far the clock moves on before it.")
    upstream: Script | None = Field(None, description="What the upstream says to it.")
    expect: Expectation | None = Field(None, description="What is expected of it.")


class Case(Call):
    """One test: one request, or several in a row. What stands beside `calls` holds for each that says nothing else."""

    name: str = Field(min_length=1, max_length=200, description="What is required, as a sentence.")
    now: AwareDatetime | None = Field(None, description="Where the clock stands at the beginning.")
    environment: dict[str, str] = Field({}, description="What `${env:...}` stands for, beside the document's.")
    failing: tuple[str, ...] = Field(
        (), description="What cannot be reached: `audit`, `ownership`, `deliveries`, `limits`, or those of a step's id."
    )
    calls: tuple[Call, ...] = Field((), description="The requests, in order; none: the case itself is the request.")


class PolicyTest(Settings):
    """Cases about the policy beside which this document is given. They see nothing of each other."""

    name: Name = Field(description="The name of these tests.")
    now: AwareDatetime | None = Field(None, description="Where the clock stands when a case begins.")
    environment: dict[str, str] = Field(
        {}, description="What `${env:...}` stands for where a policy needs more than any value that it takes."
    )
    callers: dict[Name, Caller] = Field({}, description="Who asks.")
    upstream: Script | None = Field(None, description="What the upstream says where a case says nothing else.")
    cases: tuple[Case, ...] = Field(min_length=1, description="The tests.")
