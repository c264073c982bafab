"""What policies are offered, over several loads."""

from __future__ import annotations

from kapagate.chain.hop import Endpoint, Hops
from kapagate.identity.key_sets import KeySets
from kapagate.identity.published import PublishedKeys
from kapagate.offers import Machine, Remembered
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.stores.memory_replays import MemoryReplays
from kapagate.stores.ring import MemoryLedger
from kapagate.traffic.buckets import Buckets

KAPA, CRM = Endpoint("kapa", "192.0.2.1", 80), Endpoint("crm", "192.0.2.2", 80)
KEYS = "https://id.example/keys"


def offers() -> tuple[Machine, Remembered]:
    machine = Machine.started()
    return machine, Remembered(MemoryLedger(), MemoryReplays(machine.clock), MemoryOwners(machine.clock))


def test_every_load_gets_the_same_pools_sets_and_buckets() -> None:
    machine, remembered = offers()
    first, second = (machine.offer(remembered).services for _ in range(2))
    assert first[Hops].open(KAPA) is second[Hops].open(KAPA)
    assert first[KeySets].open(KEYS, ["RS256"], None) is second[KeySets].open(KEYS, ["RS256"], None)
    assert first[Buckets] is second[Buckets]


def test_what_the_policy_in_use_did_not_take_is_let_go_of() -> None:
    machine, remembered = offers()
    before, now = machine.offer(remembered), machine.offer(remembered)
    before.services[Hops].open(CRM)
    before.services[KeySets].open(KEYS, ["RS256"], None)
    kapa = now.services[Hops].open(KAPA)
    machine.keep(now)
    assert list(machine.hops) == [kapa]
    assert list(machine.key_sets) == []


def test_published_keys_are_those_of_the_policy_in_use() -> None:
    machine, remembered = offers()
    before, now = machine.offer(remembered), machine.offer(remembered)
    before.services[PublishedKeys].add({"kid": "old"})
    now.services[PublishedKeys].add({"kid": "new"})
    machine.keep(now)
    assert machine.published.document() == {"keys": [{"kid": "new"}]}
