"""How well mistakes are found: every edit of one character inside the words of a policy that mean something.

    python -m bench.mutants [--sample N] [--list]

Words are the keys of fields, words of a choice, quantities (number and unit), references `${...}`, and names that refer
to what is declared elsewhere. In each a character is dropped, doubled, swapped with the next, or replaced. A mutant is
found when an error covers the edit. Mutants that spell another valid policy (`30s` to `39s`) are listed apart. Names
that the policy gives itself (of roles, upstreams, tenants) are edited too and told of apart: what is wrong then is the
place that still has the old name.
"""

from __future__ import annotations

import os
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel

from kapagate.access.roles import RoleDeclaration
from kapagate.chain.options import Options
from kapagate.demo.people import Keys
from kapagate.policy.finding import Diagnostic, Diagnostics
from kapagate.policy.gateway import Gateway, RouteDeclaration
from kapagate.policy.load import Loaded
from kapagate.policy.nodes import Mapping, Node, Scalar
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.source import Source
from kapagate.policy.syntax import parse
from kapagate.policy.table import Table
from kapagate.policy.tenant import Change, TenantDocument
from kapagate.remote.references import References
from kapagate.run import offline_everywhere

POLICIES = Path(__file__).resolve().parent.parent / "policies"
Kind = Literal["key", "choice", "quantity", "reference", "name", "given"]
WORDS: tuple[Kind, ...] = ("key", "choice", "name")
_GIVEN = frozenset({"roles", "upstreams", "add", "headers", "cost", "sources"})  # below these, keys are names
_REFERRING = frozenset(
    {"allow", "deny", "includes", "roles", "role", "route", "upstream", "serve", "tenant", "at", "after", "before"}
)
_QUANTITY = re.compile(r"\d+(\.\d+)?(ms|s|m|h|d|B|KiB|MiB|GiB)|\d+/(s|min|h|day|month)")
_REFERENCE = re.compile(r"\$\{[a-z]+:[^}]+\}")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a file: where it begins (from 1), and what it is."""

    file: str
    line: int
    column: int
    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit. `at` counts from the token's first character; `new` stands for what was there."""

    token: Token
    at: int
    edit: str
    new: str


@dataclass(slots=True)
class Figures:
    """What became of mutants, by kind of word."""

    made: Counter[Kind] = field(default_factory=Counter)
    valid: list[Mutant] = field(default_factory=list)
    found: Counter[Kind] = field(default_factory=Counter)
    missed: list[tuple[Mutant, str]] = field(default_factory=list)
    meant: Counter[Kind] = field(default_factory=Counter)
    unmeant: list[tuple[Mutant, str]] = field(default_factory=list)

    def refused(self, *kinds: Kind) -> int:
        return sum(self.found[kind] for kind in kinds) + sum(each.token.kind in kinds for each, _ in self.missed)

    def share_found(self, *kinds: Kind) -> float:
        return sum(self.found[kind] for kind in kinds) / max(1, self.refused(*kinds))

    def share_meant(self, *kinds: Kind) -> float:
        told = sum(self.meant[kind] for kind in kinds)
        return told / max(1, told + sum(each.token.kind in kinds for each, _ in self.unmeant))


def choices() -> frozenset[str]:
    """Every word that some field of the policy takes from a fixed few, and the names of filters, schemes and types."""
    table = Table()
    models: list[type[BaseModel]] = [Gateway, TenantDocument, Change, RouteDeclaration, RoleDeclaration, Options]
    models += [table.filter(name) for name in table.filters] + [table.scheme(name) for name in table.schemes]
    models += [table.upstream(name) for name in table.upstreams]
    words = {word for model in models for word in _literals(model)}
    return frozenset({*words, *table.upstreams})


def _literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if isinstance(word, str))
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for info in annotation.model_fields.values():
            yield from _literals(info.annotation)
    for argument in get_args(annotation) if get_origin(annotation) is not Literal else ():
        yield from _literals(argument)


def tokens(name: str, text: str, known: frozenset[str]) -> list[Token]:
    """The words of a file's Gateway, Environment, Exception and Tenant documents, in order."""
    found: list[Token] = []
    for document in parse(Source(name, text, Path(".")), Diagnostics()):
        kind = document.get("kind") if isinstance(document, Mapping) else None
        if not (isinstance(kind, Scalar) and kind.value == "PolicyTest"):
            found += _below(document, "", "", known)
    lines = text.splitlines()
    return [each for each in found if lines[each.line - 1][each.column - 1 :].startswith(each.text)]


def _below(node: Node, key: str, above: str, known: frozenset[str]) -> Iterator[Token]:
    if isinstance(node, Scalar):
        yield from _in_value(node, key, above, known)
    elif isinstance(node, Items):
        for item in node.items:
            yield from _below(item, key, above, known)
    elif isinstance(node, Mapping):
        for name, entry in node.entries.items():
            span = entry.span
            quoted = span.end_column - span.column - len(name) == 2
            yield Token(span.file, span.line, span.column + quoted, name, "given" if key in _GIVEN else "key")
            yield from _below(entry.value, name, key, known)


def _in_value(node: Scalar, key: str, above: str, known: frozenset[str]) -> Iterator[Token]:
    span, text = node.span, node.text
    start = span.column + (span.end_column - span.column - len(text)) // 2

    def token(kind: Kind, at: int = 0, part: str = text) -> Token:
        return Token(span.file, span.line, start + at, part, kind)

    if "${" in text:
        yield from (token("reference", each.start(), each[0]) for each in _REFERENCE.finditer(text))
    elif _QUANTITY.fullmatch(text):
        yield token("quantity")
    elif key in ("id", "name", "display_name"):
        yield token("given")
    elif key in _REFERRING and above not in ("claims", "ip_allow"):
        yield token("name")
    elif text in known or key in ("apiVersion", "kind"):
        yield token("choice")


def mutants(token: Token) -> Iterator[Mutant]:
    """Every edit of one character inside the word that changes it."""
    text = token.text
    for at, character in enumerate(text):
        yield Mutant(token, at, "drop", "")
        yield Mutant(token, at, "double", character * 2)
        if at + 1 < len(text) and text[at + 1] != character:
            yield Mutant(token, at, "swap", text[at + 1] + character)
        yield Mutant(token, at, "replace", _other(character))


def _other(character: str) -> str:
    if character.isdigit():
        return str((int(character) + 1) % 10)
    if character.isalpha():
        following = chr(ord(character) + 1)
        return following if following.isalpha() and following.isascii() else "a" if character.islower() else "A"
    return "x"


def edited(text: str, mutant: Mutant) -> str:
    """The file with the edit in it."""
    lines = text.splitlines(keepends=True)
    line, column = mutant.token.line - 1, mutant.token.column - 1 + mutant.at
    length = 2 if mutant.edit == "swap" else 1
    lines[line] = lines[line][:column] + mutant.new + lines[line][column + length :]
    return "".join(lines)


def covers(found: Diagnostic, mutant: Mutant) -> bool:
    """Whether an error's place has the edit in it; at its edges counts, where something was dropped."""
    span, token = found.span, mutant.token
    if not span.file.endswith(token.file) or not span.line <= token.line <= span.end_line:
        return False
    at = token.column + mutant.at
    return (span.line < token.line or span.column <= at) and (span.end_line > token.line or at <= span.end_column)


def judge(figures: Figures, mutant: Mutant, loaded: Loaded) -> None:
    """Counts one mutant."""
    kind, errors = mutant.token.kind, [each for each in loaded.diagnostics if each.is_error]
    figures.made[kind] += 1
    if not errors:
        figures.valid.append(mutant)
        return
    there = [each for each in errors if covers(each, mutant)]
    said = f"{errors[0].span.line}:{errors[0].span.column} {errors[0].code.name} {errors[0].message}"
    if there:
        figures.found[kind] += 1
    else:
        figures.missed.append((mutant, said))
    if kind in WORDS and any(each.suggestion == mutant.token.text for each in there):
        figures.meant[kind] += 1
    elif kind in WORDS:
        figures.unmeant.append((mutant, f"{said}; suggested {[each.suggestion for each in there]}"))


def measured(
    policies: Path, environment: dict[str, str], chosen: Callable[[list[Mutant]], Sequence[Mutant]]
) -> Figures:
    """Loads every chosen mutant of every file below the folder, one at a time."""
    figures, known = Figures(), choices()
    with tempfile.TemporaryDirectory() as folder:
        copy = {path.relative_to(policies): path.read_text() for path in sorted(policies.rglob("*.yaml"))}
        for path, text in copy.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(text)
        words = [token for path, text in copy.items() for token in tokens(str(path), text, known)]
        for mutant in chosen([each for token in words for each in mutants(token)]):
            path = Path(mutant.token.file)
            (Path(folder) / path).write_text(edited(copy[path], mutant))
            judge(figures, mutant, offline_everywhere([Path(folder)], References(environment)))
            (Path(folder) / path).write_text(copy[path])
    return figures


def sampled(number: int, seed: int) -> Callable[[list[Mutant]], Sequence[Mutant]]:
    """As many mutants, the same for the same seed; 0: all of them."""
    return lambda found: random.Random(seed).sample(found, min(number, len(found))) if number else found


BAR: tuple[Kind, ...] = ("key", "choice", "quantity", "reference", "name")


def report(figures: Figures) -> str:
    """The figures as a table and a verdict."""
    lines = ["kind       made   valid  refused  span covers  right suggestion"]
    for kind in (*BAR, "given"):
        valid = sum(each.token.kind == kind for each in figures.valid)
        meant = f"{figures.share_meant(kind):.1%}" if kind in WORDS else ""
        counts = f"{figures.made[kind]:5} {valid:7} {figures.refused(kind):8}"
        lines.append(f"{kind:9} {counts} {figures.share_found(kind):12.1%}  {meant}")
    found, meant = figures.share_found(*BAR), figures.share_meant(*WORDS)
    lines.append(f"refused where the edit is: {found:.2%} (99 % wanted); right suggestion: {meant:.2%} (90 % wanted)")
    return "\n".join(lines)


def described(mutant: Mutant) -> str:
    token = mutant.token
    new = token.text[: mutant.at] + mutant.new + token.text[mutant.at + (2 if mutant.edit == "swap" else 1) :]
    return f"{token.file}:{token.line}:{token.column} {token.kind} {token.text} -> {new}"


@click.command()
@click.option("--sample", default=0, help="That many mutants only.")
@click.option("--seed", default=0)
@click.option("--list", "listed", is_flag=True, help="Each mutant that was valid, missed or not understood.")
@click.option("--policies", default=str(POLICIES), type=click.Path(exists=True))
def main(sample: int, seed: int, listed: bool, policies: str) -> None:
    """Edits the example policies and prints what was found."""
    environment = dict(Keys.made(os.urandom).environment("http://127.0.0.1:1", "http://127.0.0.1:2", "example.db"))
    figures = measured(Path(policies), environment, sampled(sample, seed))
    for title, each in (("missed", figures.missed), ("suggestion", figures.unmeant)) if listed else ():
        for mutant, said in each:
            print(f"{title}: {described(mutant)}: {said}")
    for mutant in figures.valid if listed else ():
        print(f"valid: {described(mutant)}")
    print(report(figures))
    met = figures.share_found(*BAR) >= 0.99 and figures.share_meant(*WORDS) >= 0.9
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
