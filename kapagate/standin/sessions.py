"""Sessions of Kapa's agent: a token with which a browser may talk to it for an hour."""

from __future__ import annotations

from datetime import UTC, datetime

from kapagate.standin.call import Call, Reply, reply, take
from kapagate.standin.fields import read_fields
from kapagate.standin.history import made

_HOUR = 3600


def agent_session(call: Call) -> Reply:
    """The body may be missing; the token says nothing of its owner."""
    project = call.project()
    owner, faults = "", call.faults
    if call.body:
        fields = read_fields(call.content_type, call.body)
        if fields.raw("external_owner_id") is not None:
            owner = fields.text("external_owner_id")
        fields.check()
        owner, faults = take(owner, faults, "external_owner_id")
    ends = datetime.fromtimestamp(call.now + _HOUR, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    token = made(project, f"session/{owner}/{call.now}").replace("-", "")
    return reply({"session_token": f"stand-in-{token}", "expires_at": ends}, faults)
