"""When a disclaimer is appended besides what decides on an answer: for some roles, tenants, languages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kapagate.guards.messages import Messages


class Disclaim(BaseModel):
    """A condition: lists are OR, its keys are AND; without any it holds for every answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uncertain: Literal[True] | None = Field(None, description="Only answers that are uncertain.")
    role: tuple[str, ...] | None = Field(None, min_length=1, description="Callers who have one of these roles.")
    tenant: tuple[str, ...] | None = Field(None, min_length=1, description="Callers of these tenants.")
    language: tuple[str, ...] | None = Field(
        None, min_length=1, description="Callers who prefer one of these languages: `de`."
    )
    message: Messages | None = Field(
        None, description="What is appended, in one language or by language; the `disclaimer` when left out."
    )

    def is_for(self, roles: Collection[str], tenant: str, language: str) -> bool:
        """Whether it may hold for answers to a caller."""
        return (
            (self.role is None or any(each in roles for each in self.role))
            and (self.tenant is None or tenant in self.tenant)
            and (self.language is None or language in self.language)
        )
