"""Who may ask at all, by the address that they come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kapagate.chain.problem import Problem
from kapagate.chain.services import Services
from kapagate.chain.watched import Watched
from kapagate.filters.ip_allow import IpAllow
from kapagate.remote.watched import WatchedFiles
from kapagate.telemetry.prometheus import PrometheusMeter
from tests.filters.door import ANN, Door, load
from tests.filters.exchanges import exchange

ALLOW = '  - ip_allow: {allow: [192.0.2.0/24, "2001:db8::/32"], deny: [192.0.2.66]}\n'


@pytest.mark.parametrize("client", ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::7", "2001:db8::7%eth0"])
async def test_lets_through_whose_address_is_allowed(client: str) -> None:
    assert (await Door(ALLOW).knock("POST", "chat", ANN, client=client)).status == 200


@pytest.mark.parametrize(
    "client", ["198.51.100.1", "192.0.2.66", "::ffff:192.0.2.66", "2001:db9::1", "::1", "", "here"]
)
async def test_refuses_every_other_before_it_looks_at_credentials(client: str) -> None:
    door = Door(ALLOW)
    for headers in ([], [ANN], [("X-Api-Key", "kg_live_x_y")]):
        told = await door.knock("POST", "chat", *headers, client=client)
        assert told.problem[:3] == (403, "address-refused", "ip_allow")
    assert door.kapa.sent == []
    assert door.series("kapagate_refusals_total") == {'{problem="address-refused",step="ip_allow"}': 3.0}


async def test_without_a_list_of_the_allowed_all_but_the_denied_may_ask() -> None:
    door = Door("  - ip_allow: {deny: [198.51.100.0/24]}\n")
    assert (await door.knock("POST", "chat", ANN, client="198.51.100.9")).status == 403
    assert (await door.knock("POST", "chat", ANN, client="203.0.113.9")).status == 200
    assert (await door.knock("POST", "chat", ANN, client="")).status == 200


async def test_a_route_has_a_list_of_its_own() -> None:
    own = '  - {name: hook, match: "POST /hook", upstream: crm, on_uninspectable: pass, ip_allow: [198.51.100.0/24]}\n'
    door = Door(ALLOW, own, ("route.crm,", "route.crm, route.hook,"))
    assert (await door.knock("POST", "/hook", ANN, client="198.51.100.1")).status == 200
    refused = await door.knock("POST", "/hook", ANN, client="192.0.2.1")
    assert refused.problem[:3] == (403, "address-refused", "hook.ip_allow")
    assert (await door.knock("POST", "chat", ANN, client="198.51.100.1")).status == 403


async def test_in_the_chain_it_is_for_callers_who_are_known() -> None:
    chain = ("  - rbac: {}\n", "  - rbac: {}\n  - ip_allow: {allow: [198.51.100.0/24]}\n")
    door = Door("", "", chain)
    assert (await door.knock("POST", "chat")).status == 401
    assert (await door.knock("POST", "chat", ANN)).status == 403
    assert (await door.knock("POST", "chat", ANN, client="198.51.100.1")).status == 200


async def test_what_it_would_refuse_can_be_counted_first() -> None:
    door = Door(ALLOW + "    mode: shadow\n")
    told = await door.knock("POST", "chat", ANN, client="198.51.100.1")
    assert told.status == 200
    assert told.verdict("ip_allow")["outcome"] == "refused"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("ip_allow: {}", "lets everybody through"),
        ("ip_allow: {deny: []}", "lets everybody through"),
        ("ip_allow: {allow: []}", "lets nobody through"),
        ("ip_allow: {allow: [10.0.0.1/8]}", "the network is 10.0.0.0/8; the address alone is 10.0.0.1"),
        ("ip_allow: {allow: ['fe80::1%eth0']}", "a zone"),
        ("ip_allow: {allow: [partner.example]}", "expected an address or a network"),
        ("ip_allow: {deny: {file: /nowhere/denied.txt}}", "cannot be read"),
        ("ip_allow: {deny: {flie: /nowhere/denied.txt}}", "file"),
        ("ip_allow: {deny: [10.0.0.1]}\n    on_error: allow", "on_error"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_load(step: str, said: str) -> None:
    meter = PrometheusMeter()
    services = Door().services().with_ports({Watched: WatchedFiles(meter)})
    loaded = load(f"  - {step}\n", services=services)
    assert not loaded.ok
    assert said in loaded.report()


class Lists:
    """A step with files, and what is asked of it."""

    def __init__(self, folder: Path, allow: str, deny: str = "") -> None:
        self.allow, self.deny = folder / "allow.txt", folder / "deny.txt"
        self.allow.write_text(allow)
        self.deny.write_text(deny)
        self.meter = PrometheusMeter()
        self.watched = WatchedFiles(self.meter)
        options = {"allow": {"file": str(self.allow)}, "deny": {"file": str(self.deny)}}
        self.step = IpAllow.model_validate(options).compile(Services({Watched: self.watched}))

    async def admits(self, client: str) -> bool:
        ex = exchange()
        ex.request.client = client
        assert self.step.on_request is not None
        try:
            await self.step.on_request(ex)
        except Problem:
            return False
        return True

    async def change(self, file: Path, text: str) -> None:
        """As people should: another file takes the place. It is taken when it has come to rest."""
        new = file.with_suffix(".new")
        new.write_text(text)
        os.replace(new, file)
        await self.watched.look()
        await self.watched.look()

    @property
    def failures(self) -> bytes:
        return self.meter.render()


async def test_lists_in_files_are_read_at_load_and_again_when_they_change(tmp_path: Path) -> None:
    lists = Lists(tmp_path, "192.0.2.0/24 # the office\n", "192.0.2.66\n")
    assert await lists.admits("192.0.2.1")
    assert not await lists.admits("192.0.2.66")
    await lists.change(lists.allow, "198.51.100.0/24\n192.0.2.66\n")
    assert not await lists.admits("192.0.2.1")
    assert await lists.admits("198.51.100.1")
    assert not await lists.admits("192.0.2.66")
    await lists.change(lists.deny, "# nobody\n")
    assert await lists.admits("192.0.2.66")


@pytest.mark.parametrize("bad", ["10.0.0.1/8\n", "", "# nobody\n", "192.0.2.0/24\npartner.example\n"])
async def test_a_bad_new_list_leaves_the_last_good_one_and_is_counted(
    tmp_path: Path, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    lists = Lists(tmp_path, "192.0.2.0/24\n")
    await lists.change(lists.allow, bad)
    assert await lists.admits("192.0.2.1")
    assert not await lists.admits("198.51.100.1")
    assert b'kapagate_watched_file_failures_total{file="%b"} 1.0' % str(lists.allow).encode() in lists.failures
    assert "the last good one stands" in caplog.text
    await lists.change(lists.allow, "198.51.100.0/24\n")
    assert await lists.admits("198.51.100.1")


def test_a_list_of_the_allowed_that_allows_nobody_is_refused_at_load(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="let nobody through"):
        Lists(tmp_path, "# nobody yet\n")
