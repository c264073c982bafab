"""Programming languages by the names that stand behind a fence, and which of them may stay in answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kapagate.chain.order import Label, Listed

PLAIN, INLINE = "plain", "inline"
_ALIASES = (
    *("python: py python3 py3", "bash: sh shell zsh console shell-session", "javascript: js", "typescript: ts"),
    *("yaml: yml", "go: golang", "cpp: c++", "ruby: rb", "rust: rs", "csharp: cs c#", "powershell: ps1 pwsh"),
    f"{PLAIN}: text txt plaintext",
)
_NAMES = {name: each.partition(":")[0] for each in _ALIASES for name in each.partition(":")[2].split()}


def language(name: str) -> str:
    """A language by the name that lists of languages use."""
    return _NAMES.get(name.lower(), name.lower())


class OnlyCode(BaseModel):
    """Code of some languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    only: tuple[Annotated[str, StringConstraints(min_length=1, max_length=40)], ...] = Field(
        min_length=1,
        max_length=100,
        description="Languages that stay; `plain` for blocks that name none, indented ones too, `inline` for code in "
        "prose.",
    )


class _Less(Listed, frozen=True):
    """Of languages that may stay, fewer are tighter; `allow` is all of them, `remove` none."""

    def compare(self, before: Any, after: Any) -> Label:
        return super().compare(_staying(before), _staying(after))

    def __str__(self) -> str:
        return "fewer languages are tighter: `allow` is all of them, `remove` none"


def _staying(code: Any) -> Any:
    return (
        frozenset(map(language, code.only)) if isinstance(code, OnlyCode) else frozenset() if code == "remove" else code
    )


Code = Annotated[Literal["allow", "remove"] | OnlyCode, _Less("fewer", ("allow",))]
