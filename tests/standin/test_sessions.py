from __future__ import annotations

from datetime import UTC, datetime

from kapagate.standin.sessions import agent_session
from tests.standin.calls import Kapa


def test_a_token_is_good_for_an_hour() -> None:
    made = Kapa().ask(agent_session)
    assert datetime.fromisoformat(made["expires_at"]) == datetime.fromtimestamp(1_000 + 3_600, UTC)
    assert made["session_token"].startswith("stand-in-")


def test_each_owner_has_a_token_of_their_own() -> None:
    kapa = Kapa()
    tokens = {kapa.ask(agent_session, body=body)["session_token"] for body in ({}, {"external_owner_id": "ann"})}
    assert len(tokens) == 2


def test_an_owner_is_a_text() -> None:
    assert Kapa().refusal(agent_session, body={"external_owner_id": 7})[0] == 400
    assert Kapa().refusal(agent_session, body=[])[0] == 400
