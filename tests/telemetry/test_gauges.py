from __future__ import annotations

from dataclasses import dataclass

from kapagate.stores.ring import MemoryLedger
from kapagate.telemetry.gauges import watch_audit, watch_key_sets, watch_policy, watch_upstreams
from kapagate.telemetry.prometheus import PrometheusMeter
from tests.telemetry.test_prometheus import lines


class Pool:
    def __init__(self, size: int, idle: int, queued: int) -> None:
        self.size, self.idle, self.queue = size, idle, [None] * queued


def test_connections_and_waiting_requests_are_told_by_upstream() -> None:
    meter, pools = PrometheusMeter(), [("kapa", Pool(5, 3, 0)), ("crm", Pool(4, 0, 2))]
    watch_upstreams(meter, lambda: pools)
    assert sorted(lines(meter, "kapagate_upstream_connections{")) == [
        'kapagate_upstream_connections{state="busy",upstream="crm"} 4.0',
        'kapagate_upstream_connections{state="busy",upstream="kapa"} 2.0',
        'kapagate_upstream_connections{state="idle",upstream="crm"} 0.0',
        'kapagate_upstream_connections{state="idle",upstream="kapa"} 3.0',
    ]
    assert sorted(lines(meter, "kapagate_upstream_queued{")) == [
        'kapagate_upstream_queued{upstream="crm"} 2.0',
        'kapagate_upstream_queued{upstream="kapa"} 0.0',
    ]


def test_pools_of_one_upstream_are_one_and_none_is_less_than_empty() -> None:
    meter = PrometheusMeter()
    watch_upstreams(meter, lambda: [("kapa", Pool(1, 2, 1)), ("kapa", Pool(3, 1, 1))])
    assert 'kapagate_upstream_connections{state="busy",upstream="kapa"} 2.0' in lines(meter, "kapagate_upstream")
    assert lines(meter, "kapagate_upstream_queued{") == ['kapagate_upstream_queued{upstream="kapa"} 2.0']


async def test_the_places_of_the_audit_are_told() -> None:
    meter, ledger = PrometheusMeter(), MemoryLedger()
    watch_audit(meter, ledger)
    await ledger.reserve()
    assert lines(meter, "kapagate_audit_queue") == ["kapagate_audit_queue 1.0"]


@dataclass
class Keys:
    host: str
    age: float | None


def test_key_sets_are_as_old_as_the_oldest_of_their_host() -> None:
    meter = PrometheusMeter()
    watch_key_sets(meter, [Keys("id.example", 5.0), Keys("id.example", 60.0), Keys("other.example", None)])
    assert sorted(lines(meter, "kapagate_key_set_age_seconds{")) == [
        'kapagate_key_set_age_seconds{host="id.example"} 60.0',
        'kapagate_key_set_age_seconds{host="other.example"} +Inf',
    ]


def test_the_live_policy_is_told_by_its_hash_alone() -> None:
    meter, live = PrometheusMeter(), ["sha256:1"]
    watch_policy(meter, lambda: live[0])
    live[0] = "sha256:2"
    assert lines(meter, "kapagate_config_info") == ['kapagate_config_info{hash="sha256:2"} 1.0']
