from __future__ import annotations

from typing import Literal

import pytest

from kapagate.answer.codec import Codec
from kapagate.kapa.chat_json import ChatJsonCodec
from kapagate.kapa.operation import Id, Operation
from kapagate.kapa.records import RecordsCodec


def operation(method: Literal["GET", "POST"], codec: type[Codec]) -> Operation:
    return Operation(
        name="x",
        template="/x/{project_id}/",
        permission="kapa.x",
        method=method,
        fields={},
        shows=frozenset({"answer text", "whole answer"}),
        streams=codec is RecordsCodec,
        codec=codec,
        ids=(Id("made", ("thread_id",), "thread"),),
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_route_takes_the_operations_method_under_both_of_its_addresses(method: Literal["GET", "POST"]) -> None:
    route = operation(method, ChatJsonCodec).route(False)
    assert route.methods == {method}
    assert (route.template, route.aliases) == ("/x/{project_id}/", ("/t/{tenant}/x/{project_id}/",))


def test_the_end_of_a_stream_that_flows_is_hidden() -> None:
    streams = operation("POST", RecordsCodec)
    assert streams.route(False).hides == {"whole answer"}
    assert streams.route(True).shows == {"answer text", "whole answer"}
    assert operation("POST", ChatJsonCodec).route(False).hides == frozenset()
