"""Writes the table of what guards can enforce where into `docs/guards.md`, between its marks: `make reference`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import ascii_uppercase

from kapagate.policy.enforceability import ACTIONS, Case, Cell, cases, cell

PAGE = Path(__file__).parent / "guards.md"
BEGIN, END = "<!-- enforceability: written by `make reference` -->\n", "<!-- end of enforceability -->\n"
_SAID = {"enforced": "yes", "nothing to guard": "–", "refused": "**no**", "skipped": "skipped"}
_FORMS = {
    "json": "JSON",
    "window": "`stream: window`",
    "buffer": "`stream: buffer`",
    "sse": "events",
    "sse buffer": "events, `stream: buffer`",
    "opaque": "anything",
}
Column = tuple[Cell, ...]


def written(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, behind = rest.partition(END)
    return "\n\n".join([before + BEGIN.rstrip(), *_parts(), END]).rstrip() + "\n" + behind


def _parts() -> Iterator[str]:
    columns = _columns()
    letters = dict(zip(columns, ascii_uppercase, strict=False))
    yield "\n".join(_legend(letter, columns[column]) for column, letter in letters.items())
    header = ["guard", "action", *letters.values()]
    rows = [
        [f"`{action.guard}`", f"`{action.name}`", *(_SAID[column[at].outcome] for column in columns)]
        for at, action in enumerate(ACTIONS)
    ]
    yield "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])
    yield "Where it says **no**, the policy is refused when it is loaded, with the change that it needs:"
    yield "\n".join(f"- {mend}" for mend in _mends(columns))


def _columns() -> dict[Column, list[Case]]:
    """Operations and forms where every action has the same outcome, for the same reason."""
    steps = [action.placed() for action in ACTIONS]
    found: dict[Column, list[Case]] = {}
    for case in cases():
        cells = [cell(step, case.route) for step in steps]
        column = tuple(Cell(each.outcome, each.why.partition(", which hides ")[2]) for each in cells)
        found.setdefault(column, []).append(case)
    return found


def _legend(letter: str, found: list[Case]) -> str:
    by_form: dict[str, list[str]] = {}
    for case in found:
        name = f"`{case.operation}`" if "backend" not in case.operation else f"a {case.operation}"
        by_form.setdefault(_FORMS[case.form], []).append(name)
    return f"- **{letter}**: " + "; ".join(f"{form}: {', '.join(names)}" for form, names in by_form.items())


def _mends(columns: dict[Column, list[Case]]) -> list[str]:
    whys = [each.why for column in columns for each in column if each.outcome == "refused"]
    return [f"it hides {why}" for why in dict.fromkeys(whys)]


def write() -> None:
    PAGE.write_text(written(PAGE.read_text()))


if __name__ == "__main__":
    write()
