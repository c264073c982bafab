from __future__ import annotations

import os
import tempfile
from pathlib import Path

import orjson
import pytest

from kapagate.demo.stage import Reply, stage
from kapagate.standin.records import SEPARATOR

RECORD = orjson.dumps({"chunk": {"type": "metadata", "content": {}, "stream_end": False}})


def test_records_are_read_when_each_ends_with_its_separator() -> None:
    assert [each["type"] for each in Reply(200, {}, (RECORD + SEPARATOR) * 2).records()] == ["metadata"] * 2


def test_a_record_without_its_separator_is_none() -> None:
    with pytest.raises(ValueError, match="no separator"):
        Reply(200, {}, RECORD + SEPARATOR + RECORD).records()


async def test_everything_stands_on_loopback_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with stage() as scenery:
        gateway = scenery.gateway
        urls = [gateway.data_url, gateway.probe_url, gateway.admin_url, scenery.kapa.url]
        assert len(set(urls)) == 4
        assert all(url.startswith("http://127.0.0.1:") for url in urls)
        reply = await scenery.ask("GET", "/crm/customers/42", headers={"Authorization": "Bearer nobody"})
        assert reply.status == 401
        assert "http_requests_total{" in await scenery.metrics()
    assert os.listdir(tmp_path) == []
