"""What is wrong in environments that were not picked, so that none is found broken on the day when it is needed.

Each is laid over the Gateway document alone: tenants, and what only the two together make wrong, are for `--env NAME`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from kapagate.policy.documents import Document
from kapagate.policy.finding import Diagnostic
from kapagate.policy.load import Loaded

Lay = Callable[[Sequence[Document], str], Loaded]
"""Loads documents in the environment of a name."""


def note_elsewhere(loaded: Loaded, picked: str | None, lay: Lay) -> None:
    """Adds to what was found; what stands outside of an environment's own document is not its fault."""
    ground = [each for each in loaded.read if each.kind in ("Gateway", "Environment")]
    known = {(each.code, each.span) for each in loaded.diagnostics}
    for each in ground:
        if each.kind == "Environment" and each.name and each.name != picked:
            for fault in lay(ground, each.name).diagnostics:
                if fault.is_error and _is_in(fault, each) and (fault.code, fault.span) not in known:
                    loaded.diagnostics.note(replace(fault, note=fault.note or f"found with --env {each.name}"))


def _is_in(fault: Diagnostic, document: Document) -> bool:
    span = document.node.span
    return fault.span.file == span.file and span.line <= fault.span.line <= span.end_line
