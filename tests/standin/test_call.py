from __future__ import annotations

import pytest

from kapagate.standin.call import Call, reply, take
from kapagate.standin.directives import Faults
from kapagate.standin.errors import KapaError
from kapagate.standin.projects import Projects


def call(key: str) -> Call:
    return Call(Projects({"p1": "k1"}, "seed"), key, {"project_id": "p1"}, b"", "", Faults())


def test_a_call_has_the_project_of_its_path_where_the_key_opens_it() -> None:
    assert call("k1").project() == "p1"
    with pytest.raises(KapaError):
        call("k2").project()


def test_a_reply_is_one_json_value() -> None:
    made = reply({"a": [1]}, Faults())
    assert (made.pieces, made.status, made.streamed) == ((b'{"a":[1]}',), 200, False)


def test_a_directive_with_a_bad_value_is_a_complaint_about_its_field() -> None:
    assert take("[[pii]] q", Faults(), "query") == ("q", Faults(pii=True))
    with pytest.raises(KapaError) as caught:
        take("[[size=x]] q", Faults(), "query")
    assert (caught.value.status, list(caught.value.body)) == (400, ["query"])
