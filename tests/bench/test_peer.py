"""The peers' configurations: complete, valid to the peer itself where it is here, and doing what the tables say."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import yaml

from bench.entrant import peers
from bench.paired import Contest, Plan
from bench.peer import CONFIGURATIONS, Peer, Setting, configured, libraries, once
from bench.roster import NGINX, PEERS
from bench.site import opened
from bench.subjects import free_ports

SETTING = Setting(8001, 8002, 8003, Path("/nowhere"), "a signing key", "a-key-of-kapa", "a master key")
CONFIGURED = [peer for peer in PEERS if peer.files]
CHECKS = {
    "nginx": ["-t", "-e", "{folder}/log", "-c", "{folder}/nginx.conf"],
    "HAProxy": ["-c", "-f", "{folder}/haproxy.cfg"],
    "Envoy, native": ["--mode", "validate", "--log-level", "error", "-c", "{folder}/native.yaml"],
    "Envoy with Lua": ["--mode", "validate", "--log-level", "error", "-c", "{folder}/lua.yaml"],
}


@pytest.mark.parametrize("peer", CONFIGURED, ids=lambda peer: peer.name)
def test_no_placeholder_is_left_in_a_configuration(peer: Peer, tmp_path: Path) -> None:
    configured(peer.files, replace(SETTING, folder=tmp_path))
    for name in peer.files:
        text = (tmp_path / Path(name).name).read_text()
        assert re.findall(r"@[A-Z]+@", text) == []
        if name.endswith(".yaml"):
            assert yaml.safe_load(text)


@pytest.mark.parametrize("peer", CONFIGURED, ids=lambda peer: peer.name)
def test_a_configuration_gives_reasons(peer: Peer) -> None:
    for name in peer.files:
        mark = "--" if name.endswith(".lua") else "#"
        assert (CONFIGURATIONS / name).read_text().count(mark) >= 3, f"{name} says too little about its choices"


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_says_what_of_the_chain_it_does_not_do(peer: Peer) -> None:
    assert len(peer.lacks) > 20


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer.name in CHECKS], ids=lambda peer: peer.name)
def test_a_peer_finds_its_configuration_valid(peer: Peer, tmp_path: Path) -> None:
    program = peer.program()
    if program is None:
        pytest.skip(f"{peer.name} is not on this machine")
    port, admin, upstream = free_ports(3)
    configured(peer.files, replace(SETTING, folder=tmp_path, port=port, admin=admin, upstream=upstream))
    arguments = [each.format(folder=tmp_path) for each in CHECKS[peer.name]]
    checked = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, check=False, env={**libraries(program)}
    )
    assert checked.returncode == 0, checked.stderr[-800:]


def test_locks_pin_by_hash() -> None:
    for name in ("envoy", "litellm"):
        lines = (CONFIGURATIONS / name / "requirements.txt").read_text()
        assert lines.count("--hash=sha256:") >= len(re.findall(r"^\S+==", lines, re.MULTILINE)) > 0
    lock = orjson.loads((CONFIGURATIONS / "portkey" / "package-lock.json").read_bytes())
    assert all("integrity" in each for name, each in lock["packages"].items() if name)


def test_nginx_is_measured_in_a_tiny_contest() -> None:
    if NGINX() is None:
        pytest.skip("nginx is not on this machine")
    known = peers()
    absent = replace(known["LiteLLM"], absent="left out of this one")
    with opened() as site, site.whole_answers() as upstream:
        found = Contest([known["nginx"], known["naive proxy"], absent], upstream, "naive proxy").held(
            site, Plan(rounds=2, seconds=1.0, warm_up=1.0)
        )
    assert found["absent"] == {"LiteLLM": "left out of this one"}
    assert list(found["entrants"]) == ["nginx", "naive proxy"]
    for each in found["entrants"].values():
        assert len(each["rounds"]) == 2
        assert all(answers > 0 and cpu > 0 for answers, _, cpu, _ in each["rounds"])
        assert each["idle"] > 0


def test_envoys_lua_redacts_enriches_and_keeps_the_rest() -> None:
    entrant = peers()["Envoy with Lua"]
    if entrant.absent:
        pytest.skip("Envoy is not on this machine")
    with opened() as site, site.records() as upstream, entrant.started(site, upstream) as running:
        question = entrant.questions(site.keys, upstream)[0]
        head, _, _ = question.request.partition(b"\r\n\r\n")
        said = b'{"query": "mail a.b@example.org about 4111 1111 1111 1111"}'
        head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(said), head)
        status, answer = once(running.port, replace(question, request=head + b"\r\n\r\n" + said))
        stranger = re.sub(rb"Bearer \S+", b"Bearer nobody", question.request)
        refused, _ = once(running.port, replace(question, request=stranger))
    assert status == 200
    assert question.expected in answer
    assert refused == 401
