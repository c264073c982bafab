"""`kind: Tenant`: a tenant's account at Kapa, and what its chain has otherwise than the gateway's."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kapagate.chain.options import When
from kapagate.chain.secret import Secret
from kapagate.policy.gateway import Name, Settings


class TenantUpstream(Settings):
    """What a tenant may say about an upstream. Never a URL: no layer's key goes to another layer's host."""

    project: str | None = Field(None, min_length=1, description="The tenant's Kapa project.")
    api_key: Secret | None = Field(None, description="The key of that project.")
    integration_id: str | None = Field(None, min_length=1, description="The integration that its questions count for.")
    source_groups: Literal["all"] | tuple[str, ...] | None = Field(None, description='Source groups, or "all".')
    stream: Literal["buffer"] | None = Field(None, description="Answers are held to their end.")


class Change(Settings):
    """A step that a layer has otherwise: `at` with `set` and common options, `add` with a place, or `remove`."""

    at: str | None = Field(None, description="The id of the step that is otherwise.")
    set: dict[str, Any] | None = Field(None, description="Its options; mappings merge, lists are replaced.")
    when: When | None = Field(None, description="Replaces the step's own.")
    mode: Literal["enforce", "shadow", "off"] | None = Field(None, description="Replaces the step's own.")
    on_error: Literal["deny", "allow"] | None = Field(None, description="Replaces the step's own.")
    add: dict[str, Any] | None = Field(None, description="A step as in the gateway's chain.")
    after: str | None = Field(None, description="The id of the step that the new one follows.")
    before: str | None = Field(None, description="The id of the step that follows the new one.")
    remove: str | None = Field(None, description="The id of a step that the layer does without.")


class TenantDocument(Settings):
    """One tenant."""

    name: Name = Field(description="The name that credentials carry.")
    display_name: str = Field("", max_length=200, description="The name for people.")
    upstreams: dict[str, TenantUpstream] = Field({}, description="The tenant's accounts, by upstream.")
    chain: tuple[Any, ...] = Field((), description="Changes to the gateway's chain, in order.")
