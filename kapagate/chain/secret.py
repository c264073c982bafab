"""Secrets and the references that name them in a policy."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Resolved(str):
    """Text that came out of exactly one reference (`${env:NAME}`, `${file:PATH}`); `reference` is what the file
    says.
    """

    __slots__ = ("reference",)
    reference: str

    def __new__(cls, value: str, reference: str) -> Resolved:
        self = super().__new__(cls, value)
        self.reference = reference
        return self

    def __repr__(self) -> str:
        """Errors show what they were given, and this may become a secret."""
        return f"Resolved({self.reference})"


class Composed(str):
    """Text in which references stood among other words; `written` is what the file says."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, value: str, written: str) -> Composed:
        self = super().__new__(cls, value)
        self.written = written
        return self

    def __repr__(self) -> str:
        return f"Composed({self.written})"


class Secret:
    """A value that no repr, log, error or dump shows; `reveal()` is the only way to it.

    In a policy a secret is exactly one reference, never clear text.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, reference: str = "") -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda secret: secret.reference),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\$\{[a-z]+:[^}]+\}$", "description": "a reference to a secret"}

    @classmethod
    def _validate(cls, value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, Resolved):
            raise ValueError("a secret must be exactly one reference, such as ${env:NAME} or ${file:PATH}")
        if not value.strip():
            raise ValueError(f"the secret behind {value.reference} is empty")
        return cls(value.strip(), value.reference)
