"""The gate of the example policy on the wire: what browsers of pages are told, and whose address is let in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kapagate.demo.stage import Stage
from tests.acceptance.peer import message, peer
from tests.acceptance.served import ADA, BOB, newest, served

APP = "https://app.example"
CHAT, STREAM = "/query/v1/projects/default/chat/", "/query/v1/projects/default/chat/stream/"
DENIED = 'ip_allow: {deny: ["203.0.113.0/24"]}'
EXPOSED = "Kapagate-Policy, RateLimit, RateLimit-Policy, Retry-After, X-Correlation-ID"


class Answer:
    """An answer's status, its fields in the order of the wire, and what follows them."""

    def __init__(self, wire: bytes) -> None:
        head, _, self.body = wire.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        self.status = int(line.split()[1])
        self.fields = [(name.lower(), value) for name, _, value in (field.partition(": ") for field in fields)]

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.fields if known == name]

    @property
    def cors(self) -> dict[str, str]:
        ours = [
            (name.removeprefix("access-control-"), value) for name, value in self.fields if "access-control" in name
        ]
        assert len(ours) == len(dict(ours)), "no field stands twice"
        return dict(ours)


async def send(stage: Stage, method: str, path: str, *fields: str, body: bytes = b"") -> Answer:
    """One request on a connection of its own, every byte as it is written here."""
    address = urlsplit(stage.gateway.data_url)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address.netloc}", "Connection: close", *fields]
    lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"] if body else []
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    try:
        return Answer(await reader.read())
    finally:
        writer.close()


def preflight(origin: str = APP, method: str = "POST", headers: str = "authorization,content-type") -> list[str]:
    return [
        f"Origin: {origin}",
        f"Access-Control-Request-Method: {method}",
        f"Access-Control-Request-Headers: {headers}",
    ]


def known(stage: Stage, who: tuple[str, str, str] = ADA) -> str:
    return f"Authorization: Bearer {stage.token(*who)}"


async def test_a_preflight_is_answered_on_the_wire(tmp_path: Path) -> None:
    async with served(tmp_path) as stage:
        for path in (CHAT, STREAM, "/api/kapa/query", "/crm/customers/42", "/nowhere"):
            told = await send(stage, "OPTIONS", path, *preflight(method="GET" if "crm" in path else "POST"))
            assert (told.status, told.body) == (204, b"")
            assert told.cors == {
                "allow-origin": APP,
                "allow-methods": "GET, HEAD, POST",
                "allow-headers": "Authorization, Content-Type, X-API-Key, X-Correlation-ID",
                "max-age": "600",
            }
            assert told.all("vary") == ["Origin"]
            assert told.all("content-length") == []
        assert stage.kapa.requests == []
        record = await newest(stage)
        assert (record["operation"], record["outcome"], record["tenant"]) == ("other", "answered", "none")


async def test_a_streamed_answer_tells_the_page_before_its_first_byte(tmp_path: Path) -> None:
    async with served(tmp_path) as stage:
        told = await send(stage, "POST", STREAM, f"Origin: {APP}", known(stage), body=b'{"query": "How do I start?"}')
        assert told.status == 200
        assert told.all("transfer-encoding") == ["chunked"]
        assert told.cors == {"allow-origin": APP, "expose-headers": EXPOSED}
        assert told.all("vary") == ["Origin"]
        assert told.body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *((CHAT, 401), ("/nowhere", 401), ("/query/v1/projects/default/chat", 401), ("/crm/customers/42", 401)),
        *(("/crm/../admin", 400), ("/crm//42", 400)),
    ],
)
async def test_a_stranger_behind_a_page_can_read_why(tmp_path: Path, path: str, status: int) -> None:
    async with served(tmp_path) as stage:
        told = await send(stage, "POST", path, f"Origin: {APP}", body=b"{}")
        assert told.status == status
        assert told.cors == {"allow-origin": APP, "expose-headers": EXPOSED}


async def test_what_comes_before_the_gate_is_told_to_the_page_too(tmp_path: Path) -> None:
    async with served(tmp_path) as stage:
        told = await send(stage, "GET", "/crm/customers/42", f"Origin: {APP}", "Expect: the unexpected")
        assert (told.status, told.all("vary")) == (417, ["Origin"])
        assert told.cors == {"allow-origin": APP, "expose-headers": EXPOSED}
        told = await send(stage, "GET", "/crm/../admin", "Origin: https://other.example")
        assert (told.status, told.all("vary"), told.cors) == (400, ["Origin"], {})


async def test_a_failing_upstream_is_told_to_the_page(tmp_path: Path) -> None:
    async with peer(b"") as silent, served(tmp_path, environment={"CRM_URL": silent.url}) as stage:
        told = await send(stage, "GET", "/crm/customers/42", f"Origin: {APP}", known(stage, BOB))
        assert told.status == 502
        assert told.cors == {"allow-origin": APP, "expose-headers": EXPOSED}


async def test_the_backends_own_word_is_not_relayed(tmp_path: Path) -> None:
    own = ("Access-Control-Allow-Origin: *", "ACCESS-CONTROL-ALLOW-CREDENTIALS: true", "Vary: Accept-Language, Origin")
    async with peer(message(b"{}", *own)) as backend, served(tmp_path, environment={"CRM_URL": backend.url}) as stage:
        for origin, cors in ((APP, {"allow-origin": APP, "expose-headers": EXPOSED}), ("https://other.example", {})):
            told = await send(stage, "GET", "/crm/customers/42", f"Origin: {origin}", known(stage, BOB))
            assert (told.status, told.cors) == (200, cors)
            assert told.all("vary") == ["Accept-Language, Origin"]


@pytest.mark.parametrize(
    "origins",
    [
        ["null"],
        [""],
        ["https://app.example:443"],
        ["https://app.example:8443"],
        ["http://app.example"],
        ["HTTPS://APP.EXAMPLE"],
        ["https://App.example"],
        ["https://app.example."],
        ["https://app.example/"],
        ["https://app.example.evil.example"],
        ["https://evil.example/https://app.example"],
        ["https://evil-app.example"],
        ["https://user@app.example"],
        ["https://xn--pp-1ja.example"],
        ["https://\xe4pp.example"],
        ["https://app.example https://evil.example"],
        ["https://app.example, https://app.example"],
        [APP, APP],
        [APP, "https://evil.example"],
        ["https://evil.example", APP],
        ["*"],
    ],
)
async def test_nobody_elses_page_is_told_anything(tmp_path: Path, origins: list[str]) -> None:
    async with served(tmp_path) as stage:
        fields = [f"Origin: {origin}" for origin in origins]
        refused = await send(stage, "OPTIONS", CHAT, *fields, *preflight()[1:])
        assert (refused.status, refused.cors, refused.all("vary")) == (403, {}, ["Origin"])
        assert b"origin-refused" in refused.body
        answered = await send(stage, "POST", CHAT, *fields, known(stage), body=b'{"query": "How do I start?"}')
        assert (answered.status, answered.cors, answered.all("vary")) == (200, {}, ["Origin"])


async def test_an_address_that_is_denied_gets_no_further(tmp_path: Path) -> None:
    async with served(tmp_path, (DENIED, 'ip_allow: {deny: ["127.0.0.0/8"]}')) as stage:
        told = await send(stage, "POST", CHAT, f"Origin: {APP}", known(stage), body=b'{"query": "How do I start?"}')
        assert told.status == 403
        assert b"address-refused" in told.body
        assert told.cors == {"allow-origin": APP, "expose-headers": EXPOSED}
        assert stage.kapa.requests == []
        assert (await newest(stage))["verdicts"]["ip_allow"]["outcome"] == "refused"


async def test_an_address_is_the_true_clients(tmp_path: Path) -> None:
    hops = ("  limits: {head: 32KiB,", '  trusted_hops: ["127.0.0.0/8"]\n  limits: {head: 32KiB,')
    async with served(tmp_path, hops) as stage:
        for client, status in (("203.0.113.7", 403), ("::ffff:203.0.113.7", 403), ("198.51.100.7", 200)):
            field = f"X-Forwarded-For: {client}"
            told = await send(stage, "POST", CHAT, field, known(stage), body=b'{"query": "How do I start?"}')
            assert told.status == status


async def test_who_is_no_trusted_hop_chooses_no_address(tmp_path: Path) -> None:
    async with served(tmp_path, (DENIED, 'ip_allow: {allow: ["203.0.113.0/24"]}')) as stage:
        for field in ("X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.7", "X-Real-IP: 203.0.113.7"):
            assert (await send(stage, "POST", CHAT, field, known(stage), body=b"{}")).status == 403


async def test_a_public_route_is_open_to_strangers_and_no_other_is(tmp_path: Path) -> None:
    line = '  - {name: health, match: "GET /api/system/health", serve: system_health}\n'
    status = '  - {name: status, match: "GET /status", upstream: crm, on_uninspectable: pass, public: true}\n'
    known_only = "    when: {public: false}\n"
    changes = [
        (line, line + status),
        ("  - rbac: {}\n", "  - rbac: {}\n" + known_only),
        ("    on_error: allow\n  - enrich:\n", f"    on_error: allow\n{known_only}  - enrich:\n"),
        ("  - guard_question:", f"{known_only}  - guard_question:"),
    ]
    async with (
        peer(message(b"{}")) as backend,
        served(tmp_path, *changes, environment={"CRM_URL": backend.url}) as stage,
    ):
        told = await send(stage, "GET", "/status", f"Origin: {APP}", "X-Api-Key: kg_live_x_y", known(stage))
        assert (told.status, told.body, told.cors["allow-origin"]) == (200, b"{}", APP)
        assert b"authorization" not in backend.heads[0].lower()
        assert b"x-api-key" not in backend.heads[0].lower()
        record = await newest(stage)
        assert (record["tenant"], record["subject"], record["route"]) == ("none", "", "status")
        assert record["verdicts"].keys() >= {"door", "audit"}
        assert record["verdicts"].keys().isdisjoint({"identify", "rbac", "enrich"})
        for path in ("/crm/customers/42", "/status/", "/nowhere", "/api/system/health"):
            assert (await send(stage, "GET", path)).status == 401
        assert (await send(stage, "POST", "/status")).status == 401
        assert len(backend.heads) == 1


async def test_a_list_in_a_file_is_in_force_soon_after_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kapagate.remote.watched.PERIOD", 0.01)
    listed = tmp_path / "denied.txt"
    listed.write_text("203.0.113.0/24\n")
    async with served(tmp_path, (DENIED, f"ip_allow: {{deny: {{file: {listed}}}}}")) as stage:
        assert (await send(stage, "GET", "/nowhere")).status == 401
        new = tmp_path / "denied.new"
        new.write_text("# us as well\n127.0.0.0/8\n")
        new.replace(listed)
        async with asyncio.timeout(20):
            while (told := await send(stage, "GET", "/nowhere")).status == 401:
                continue
        assert told.status == 403
        listed.write_text("nobody at all\n")
        async with asyncio.timeout(20):
            while "kapagate_watched_file_failures_total{" not in await stage.metrics():
                continue
        assert (await send(stage, "GET", "/nowhere")).status == 403
