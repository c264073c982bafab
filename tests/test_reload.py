"""A gateway whose policy changes while it serves."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from kapagate.chain.generation import Generation, Live
from kapagate.demo.stage import Stage
from kapagate.ledger.journal import Journal
from kapagate.machine.ids import SystemIds
from kapagate.policy.gateway import Gateway, Limits, Listen, Shutdown, State
from kapagate.policy.load import Layers, Loaded
from kapagate.policy.loader import Loader
from kapagate.policy.work import Work, done
from kapagate.reload import SLICE, Reloads, at_leisure, needs_restart
from kapagate.remote.references import References
from kapagate.stores.ring import MemoryLedger
from tests.acceptance.served import ADA, EVE, bearer, served
from tests.chain.conftest import FakeClock
from tests.filters.gateway import Gateway as Composed
from tests.policy.test_exceptions import EXCEPTION, LOCKED
from tests.records import of_exchanges

ASK, STREAM = "/query/v1/projects/default/chat/", "/query/v1/projects/default/chat/stream/"
NAME = ("name: docs-assistant", "name: docs-helper")
HASH = "Kapagate-Policy"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with served(tmp_path, NAME) as stage:
        yield stage


@pytest.fixture
def gateway_file(tmp_path: Path) -> Path:
    return tmp_path / "policies" / "gateway.yaml"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


async def config(stage: Stage) -> Any:
    async with stage.client.get(f"{stage.gateway.admin_url}/api/admin/config") as answer:
        return await answer.json()


async def test_requests_after_a_reload_are_decided_by_the_new_policy(stage: Stage, gateway_file: Path) -> None:
    before = await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
    edit(gateway_file, "allow: [kapa.chat, kapa.retrieval,", "allow: [kapa.retrieval,")
    attempt = await stage.gateway.reload("test")
    after = await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
    assert (before.status, after.status) == (200, 403)
    assert attempt.success
    assert before.headers[HASH] != after.headers[HASH] == attempt.policy
    await stage.gateway.ledger.flush()
    records = of_exchanges(await stage.gateway.ledger.query(10))
    assert [record["policy"] for record in records] == [after.headers[HASH], before.headers[HASH]]


async def test_what_runs_ends_under_the_policy_that_it_began_with(stage: Stage, gateway_file: Path) -> None:
    url, headers = stage.gateway.data_url + STREAM, bearer(stage)
    async with stage.client.post(url, json={"query": "[[latency=0.2]] how?"}, headers=headers) as answer:
        began_with = answer.headers[HASH]
        edit(gateway_file, "allow: [kapa.chat, kapa.retrieval,", "allow: [kapa.retrieval,")
        assert (await stage.gateway.reload("test")).policy != began_with
        assert b"question_answer_id" in await answer.read()
    await stage.gateway.ledger.flush()
    assert of_exchanges(await stage.gateway.ledger.query(10))[0]["policy"] == began_with


async def test_a_wrong_policy_changes_nothing_and_is_told_everywhere(stage: Stage, gateway_file: Path) -> None:
    good = (await config(stage))["policy"]
    edit(gateway_file, "max_length: 4000", "max_lngth: 4000")
    attempt = await stage.gateway.reload("test")
    assert not attempt.success
    told = await config(stage)
    assert told["policy"] == good
    assert told["reload"]["success"] is False
    assert 'unknown field "max_lngth" in guard_question' in told["reload"]["errors"]
    metrics = await stage.metrics()
    assert "kapagate_config_reload_success 0.0" in metrics
    assert f'kapagate_config_info{{hash="{good}"}} 1.0' in metrics
    async with stage.client.get(f"{stage.gateway.probe_url}/readyz") as ready:
        assert ready.status == 200
    await stage.gateway.ledger.flush()
    record = next(each for each in await stage.gateway.ledger.query(20) if each["operation"] == "system.reload")
    assert (record["outcome"], record["policy"], record["details"]["errors"]) == ("failed", good, 1)
    assert (await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))).status == 200


async def test_a_policy_that_is_right_again_is_told_as_well(stage: Stage, gateway_file: Path) -> None:
    edit(gateway_file, "max_length: 4000", "max_lngth: 4000")
    await stage.gateway.reload("test")
    edit(gateway_file, "max_lngth: 4000", "max_length: 3999")
    assert (await stage.gateway.reload("test")).success
    assert (await config(stage))["reload"]["success"] is True
    assert "kapagate_config_reload_success 1.0" in await stage.metrics()


async def test_limits_are_not_free_again_after_a_reload(tmp_path: Path) -> None:
    limit = {"RATE_LIMIT_PER_MINUTE": "1", "RATE_LIMIT_BURST": "1"}
    async with served(tmp_path, NAME, environment=limit) as stage:
        first = await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
        edit(tmp_path / "policies" / "gateway.yaml", "max_length: 4000", "max_length: 3999")
        assert (await stage.gateway.reload("test")).success
        second = await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
    assert (first.status, second.status) == (200, 429)


async def test_connections_to_upstreams_are_kept(stage: Stage, gateway_file: Path) -> None:
    await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
    edit(gateway_file, "max_length: 4000", "max_length: 3999")
    await stage.gateway.reload("test")
    assert 'kapagate_upstream_connections{state="idle",upstream="kapa"} 1.0' in await stage.metrics()


async def test_what_cannot_change_is_kept_and_told(stage: Stage, gateway_file: Path) -> None:
    edit(gateway_file, "connections: 4096", "connections: 17")
    attempt = await stage.gateway.reload("test")
    assert attempt.needs_restart == ("listen.limits.connections",)
    assert (await config(stage))["reload"]["needs_restart"] == ["listen.limits.connections"]


async def test_an_administrator_reloads(stage: Stage, gateway_file: Path) -> None:
    url = f"{stage.gateway.admin_url}/api/admin/reload"
    edit(gateway_file, "max_length: 4000", "max_length: 3999")
    async with stage.client.post(url) as answer:
        document = await answer.json()
        assert (answer.status, document["success"], document["by"]) == (200, True, "admin")
    edit(gateway_file, "max_length: 3999", "max_lngth: 3999")
    async with stage.client.post(url) as answer:
        document = await answer.json()
        assert (answer.status, document["type"].rpartition("/")[2]) == (422, "policy-refused")
        assert "max_lngth" in document["errors"]


async def test_a_reload_disturbs_nothing_that_runs(stage: Stage, gateway_file: Path) -> None:
    """200 of them, of the Gateway document and of a tenant, while requests and streams run: none fails, none is told
    two policies, and each is decided by one that was live meanwhile.
    """
    acme = gateway_file.parent / "tenants" / "acme.yaml"
    stopped, hashes, answers = asyncio.Event(), {(await config(stage))["policy"]}, 0
    seen: set[str] = set()

    async def keep_asking(client: ClientSession, path: str, who: tuple[str, str, str]) -> None:
        nonlocal answers
        url, headers = stage.gateway.data_url + path, bearer(stage, who)
        while not stopped.is_set():
            async with client.post(url, json={"query": "how do I?"}, headers=headers) as answer:
                body = await answer.read()
                assert (answer.status, b"question_answer_id" in body) == (200, True), body
                told = answer.headers.getall(HASH)
                assert len(told) == 1
                seen.add(told[0])
                answers += 1

    async with asyncio.TaskGroup() as asking:
        for path, who in ((ASK, ADA), (STREAM, ADA), (STREAM, EVE), (ASK, EVE)):
            asking.create_task(keep_asking(stage.client, path, who))
        for number in range(200):
            edit(gateway_file, f"max_length: {4000 - number % 2}", f"max_length: {3999 + number % 2}")
            edit(acme, *(("Acme Ltd", "Acme Inc"), ("Acme Inc", "Acme Ltd"))[number % 2])
            attempt = await stage.gateway.reload("test")
            assert attempt.success
            hashes.add(attempt.policy)
        stopped.set()
    assert answers > 200
    assert seen <= hashes


async def test_an_old_policy_goes_with_its_last_exchange(tmp_path: Path) -> None:
    """At once, without the garbage collector, which never looks at what was loaded."""
    file = tmp_path / "policies" / "gateway.yaml"
    async with served(tmp_path, ("name: docs-assistant", "name: docs-that-no-other-test-has")) as stage:
        hashes = [(await config(stage))["policy"]]
        for number in range(6):
            await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
            edit(file, f"max_length: {4000 - number}", f"max_length: {3999 - number}")
            hashes.append((await stage.gateway.reload("test")).policy)
        await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
        gc.unfreeze()
        alive = {each.policy for each in gc.get_objects() if isinstance(each, Generation)}
        gc.freeze()
    assert alive.intersection(hashes) == {hashes[-1]}


def test_what_needs_a_restart() -> None:
    started = Gateway(listen=Listen(data="127.0.0.1:1"))
    assert needs_restart(started, Gateway(listen=Listen(data="127.0.0.1:1"), name="other")) == ()
    other = Listen(data="127.0.0.1:2", limits=Limits(body="1KiB", exchanges=5), shutdown=Shutdown(timeout="1s"))
    found = needs_restart(started, Gateway(listen=other, state=State("x.db")))
    assert found == ("state", "listen.data", "listen.limits.exchanges")


async def test_work_at_leisure_lets_others_pass_after_each_slice() -> None:
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def wall(self) -> float:
            return self.now

    clock, passed = Clock(), 0

    def work() -> Work[str]:
        for _ in range(9):
            clock.now += SLICE / 3
            yield
        return "done"

    async def others() -> None:
        nonlocal passed
        while True:
            passed += 1
            await asyncio.sleep(0)

    passing = asyncio.create_task(others())
    assert await at_leisure(work(), clock) == "done"
    passing.cancel()
    assert passed >= 3


@pytest.mark.parametrize("broken", [False, True])
async def test_an_exception_lapses_at_its_second_even_if_the_files_are_wrong_by_then(
    tmp_path: Path, broken: bool
) -> None:
    file, clock = tmp_path / "policy.yaml", FakeClock()
    expiry = datetime.fromtimestamp(clock.wall() + 100, UTC).isoformat()
    file.write_text(LOCKED + EXCEPTION.replace("1970-03-01T00:00:00Z", expiry))
    services = Composed().services()
    known = References({"PEPPER": "p" * 40, "KG_ACME_KEY": "k" * 40})
    loader = Loader([file], known, lambda _: services, layers=Layers(None, clock.wall))
    files = loader.read()
    loaded = done(loader.loading(files))
    assert loaded.generation is not None, loaded.report()
    assert loaded.gateway is not None
    live, settled = Live(loaded.generation), asyncio.Event()
    journal = Journal(MemoryLedger(), clock, SystemIds())

    def tell(attempt: Loaded) -> None:
        if attempt.generation is not None:
            settled.set()

    reloads = Reloads(loader, loaded, loaded.gateway, live, clock, journal, tell, files)
    before = live.generation.policy
    if broken:
        file.write_text("kind: nothing\n")
    clock.advance(100)
    running = asyncio.create_task(reloads.run())
    await asyncio.wait_for(settled.wait(), 10)
    running.cancel()
    assert live.generation.policy != before
    assert reloads.lapse is None


async def test_how_long_records_are_kept_changes_with_the_policy(stage: Stage, gateway_file: Path) -> None:
    ledger = stage.gateway.ledger
    for _ in range(2):
        await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
        await ledger.flush()
    edit(gateway_file, "on_full: refuse}", "on_full: refuse, retention: 1ms}")
    await stage.gateway.reload("test")
    await ledger.flush()
    async with asyncio.timeout(30):
        while of_exchanges(await ledger.query(100)):
            await ledger.flush()
    edit(gateway_file, "retention: 1ms}", "retention: 90d}")
    await stage.gateway.reload("test")
    await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
    await ledger.flush()
    await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage))
    await ledger.flush()
    assert len(of_exchanges(await ledger.query(100))) == 2


async def test_a_tenant_that_is_gone_is_gone_from_the_metrics(stage: Stage, tmp_path: Path) -> None:
    globex = tmp_path / "policies" / "tenants" / "globex.yaml"
    series, text = 'kapa_queries_total{status="answered",tenant_id="%s"}', globex.read_text()
    for who in (ADA, EVE):
        await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage, who))
    globex.unlink()
    assert (await stage.gateway.reload("test")).success
    told = await stage.metrics()
    assert series % "acme" in told
    assert series % "globex" not in told
    globex.write_text(text)
    assert (await stage.gateway.reload("test")).success
    await stage.ask("POST", ASK, {"query": "hi"}, bearer(stage, EVE))
    assert f"{series % 'globex'} 2.0" in await stage.metrics()
