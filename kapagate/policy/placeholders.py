"""Checking a policy where its secrets are not, as in CI: placeholders stand for references that resolve to nothing.

What a reference has to hold is known only to the declaration that takes it. So a first guess is made from its name,
and where an error then points to the reference, the next form is tried. Each round is a load; mostly one is enough.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from msgspec import Struct, field

from kapagate.policy.interpolation import DOCUMENTS, Resolve
from kapagate.policy.load import Loaded
from kapagate.policy.position import Span

_FORMS: Mapping[str, Callable[[str], str]] = {  # of a digest of the reference, so that no two are the same
    "key": lambda digest: digest,
    "number": lambda digest: "60",
    "url": lambda digest: "https://placeholder.example",
    "uuid": lambda digest: f"{digest[:8]}-{digest[8:12]}-4{digest[12:15]}-8{digest[15:18]}-{digest[18:30]}",
    "signing key": lambda digest: f"whsec_{b64encode(bytes.fromhex(digest)).decode()}",
    "word": lambda digest: f"placeholder{int(digest, 16) % 10}",
    "file": lambda digest: "placeholder.db",
}
_DOCUMENT_FORMS = ("[]", "{}", "placeholder")
_GUESSES = (
    (re.compile(r"(?<![A-Z])(URL|HOST|ENDPOINT|ISSUER)"), "url"),
    (re.compile(r"(?<![A-Z])(LIMIT|BURST|RATE|PORT|COUNT|SIZE|MINUTE|SECONDS)"), "number"),
    (re.compile(r"(?<![A-Z])(PROJECT|INTEGRATION|UUID|GROUP)"), "uuid"),
    (re.compile(r"(?<![A-Z])(HOOK|WEBHOOK)"), "signing key"),
    (re.compile(r"(?<![A-Z])(STATE|PATH|FILE)"), "file"),
    (re.compile(r"_ID$|(?<![A-Z])(NAME|TENANT|SUBJECT)"), "word"),
)


class Placeholders(Struct):
    """A resolver that stands in for another where that finds nothing. `taken` counts the forms tried so far."""

    resolve: Resolve
    taken: dict[str, int] = field(default_factory=dict)

    def __call__(self, kind: str, name: str, folder: Path) -> str:
        try:
            return self.resolve(kind, name, folder)
        except LookupError:
            reference = f"{kind}:{name}"
            forms = forms_of(kind, name)
            return forms[min(self.taken.setdefault(reference, 0), len(forms) - 1)]

    def refine(self, loaded: Loaded) -> bool:
        """Takes the next form for what an error points to; whether there was one."""
        blamed = [_blamed(loaded, found.span) for found in loaded.diagnostics if found.is_error]
        moved = False
        for reference in self.taken:
            kind, _, name = reference.partition(":")
            if self.taken[reference] + 1 < len(forms_of(kind, name)):
                wrong = any(f"${{{reference}}}" in text for text in blamed)
                self.taken[reference] += wrong
                moved = moved or wrong
        return moved


def forms_of(kind: str, name: str) -> tuple[str, ...]:
    """What may stand for a reference, the likeliest first."""
    if kind == "file" and name.endswith(DOCUMENTS):
        return _DOCUMENT_FORMS
    first = next((form for pattern, form in _GUESSES if pattern.search(name.upper())), "key")
    order = (first, *(form for form in _FORMS if form != first))
    digest = sha256(f"{kind}:{name}".encode()).hexdigest()
    return tuple(_FORMS[form](digest) for form in order)


def load_with_placeholders(load: Callable[[Resolve], Loaded], resolve: Resolve) -> tuple[Loaded, list[str]]:
    """The policy, and the references for which placeholders stand: `env:NAME`, `file:PATH`."""
    placeholders = Placeholders(resolve)
    loaded = load(placeholders)
    while placeholders.refine(loaded):
        loaded = load(placeholders)
    return loaded, sorted(placeholders.taken)


def _blamed(loaded: Loaded, span: Span) -> str:
    """What an error points to; all of its line where that has no reference in it."""
    source = loaded.sources.get(span.file)
    line = source.lines[span.line - 1] if source and 0 < span.line <= len(source.lines) else ""
    own = line[span.column - 1 : span.end_column - 1] if span.end_line == span.line else ""
    return own if "${" in own else line
