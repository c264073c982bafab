"""What a policy says of sources."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kapagate.chain.filter import Invalid
from kapagate.chain.order import FEWER_OR_ALL, HIGHER, MORE, ranked
from kapagate.guards.sources import Named, NamedSources

INTERNAL = "kapa.internal_data"
"""The permission to see what Kapa calls internal."""


def _by_url(value: Any) -> Any:
    """A text alone is the address."""
    return {"url": value} if isinstance(value, str) else value


class SourcePattern(BaseModel):
    """Sources by address, title, or both; `*` stands for anything, and a text alone is the address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = Field(None, min_length=1, max_length=500, description="The address: `https://docs.example/*`.")
    title: str | None = Field(None, min_length=1, max_length=500, description="The title: `*draft*`.")


Patterns = tuple[Annotated[SourcePattern, BeforeValidator(_by_url)], ...]


class SourceLimits(BaseModel):
    """Which sources an answer may rest on, and how many it needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: Annotated[int, HIGHER] = Field(
        0, ge=0, le=100, description="With fewer sources an answer is withheld; a page counts once."
    )
    allow: Annotated[Patterns, FEWER_OR_ALL] = Field((), description="Only these may be named; all when left out.")
    deny: Annotated[Patterns, MORE] = Field(
        (), description="These are never named: they leave the sources, passages and documents, links to them the text."
    )
    internal: Annotated[Literal["allow", "granted", "withhold"], ranked("allow", "granted", "withhold")] = Field(
        "allow",
        description="What Kapa marks as internal (`contains_internal_data`): `granted` leaves it to callers with the "
        "permission `kapa.internal_data`, `withhold` to nobody.",
    )

    @property
    def forbids(self) -> bool:
        """Whether there may be sources that may not be named."""
        return bool(self.allow or self.deny) or self.internal != "allow"

    def named(self, granted: bool) -> NamedSources:
        """For callers with the permission, and for those without. Raises Invalid."""
        internal = self.internal == "withhold" or (self.internal == "granted" and not granted)
        return NamedSources(_named("allow", self.allow), _named("deny", self.deny), internal)


def _named(listed: str, patterns: Patterns) -> list[Named]:
    for index, each in enumerate(patterns):
        if each.url is None and each.title is None:
            raise Invalid("name an address or a title", ("sources", listed, index))
    return [Named(each.url, each.title) for each in patterns]
