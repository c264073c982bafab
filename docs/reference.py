"""Writes `docs/reference.md`, and the table of `enforceability.py`: `make reference`."""

from __future__ import annotations

from pathlib import Path

from docs.enforceability import write
from kapagate.demo.people import Keys
from kapagate.policy.reference import reference
from kapagate.policy.table import Table
from kapagate.remote.references import References
from kapagate.run import offline

DOCS = Path(__file__).parent
POLICIES = DOCS.parent / "policies"


def written() -> str:
    """The reference, with the example policy's steps, and lines of it and of two pages."""
    environment = Keys.made(bytes).environment("http://127.0.0.1:1", "http://127.0.0.1:2", "example.db")
    generation = offline([POLICIES], References(environment)).generation
    if generation is None:
        raise SystemExit("the example policy does not load: kapagate check policies")
    steps = (*generation.steps.gate, *generation.steps.chain)
    shown = (POLICIES / "gateway.yaml", DOCS / "widget.md", DOCS / "mcp.md")
    return reference(Table(), steps, "\n".join(path.read_text() for path in shown))


if __name__ == "__main__":
    write()
    (DOCS / "reference.md").write_text(written())
