"""The language server that editors run, with our schema: it explains, completes and refuses as the page says.

Skipped where Node or the server is not here; `make test` installs it where Node is.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from kapagate.cli.schema import schema_text
from tests.policy.language_server import LanguageServer, language_server

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".tools" / "editor" / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
MISSING = (
    "Node is not here"
    if shutil.which("node") is None
    else "the YAML language server is not installed: requirements/editor/install .tools/editor"
    if not PROGRAM.exists()
    else ""
)
pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.asyncio(loop_scope="module")]

EDITOR = "# yaml-language-server: $schema=kapagate.schema.json\n"
HEAD = f"{EDITOR}apiVersion: kapagate.dev/v1\nkind: Gateway\nname: docs\n"
POLICIES = ROOT / "policies"
EXAMPLES = {str(path.relative_to(POLICIES)): path.read_text() for path in sorted(POLICIES.rglob("*.yaml"))}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LanguageServer]:
    """One for all, which reads the schema once: every test has a document of its own."""
    folder = tmp_path_factory.mktemp("editor")
    (folder / "kapagate.schema.json").write_text(schema_text())
    async with language_server(PROGRAM, folder) as server:
        yield server


async def opened(server: LanguageServer, folder: Path, text: str) -> tuple[str, list[dict[str, Any]]]:
    """A document that an editor opened, and what the server says of it."""
    uri = (server.folder / f"{folder.name}.yaml").as_uri()
    server.tell(
        "textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}}
    )
    return uri, await server.diagnostics(uri)


def at(uri: str, text: str, word: str) -> dict[str, Any]:
    """Just behind a word of the text."""
    before = text[: text.index(word) + len(word)]
    return {
        "textDocument": {"uri": uri},
        "position": {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1},
    }


@pytest.mark.parametrize(
    ("below", "word", "said"),
    [
        ("chain:\n  - guard_answer: {max_response_length: 100}\n", "max_resp", "The longest answer in characters"),
        ("log: {sampling: 0.5}\n", "sampl", "evenly spread"),
        ("chain:\n  - rbac: {}\n    mode: shadow\n", "    mod", "only counts what it would have done"),
    ],
)
async def test_a_hover_explains_a_field(
    server: LanguageServer, tmp_path: Path, below: str, word: str, said: str
) -> None:
    text = HEAD + below
    uri, found = await opened(server, tmp_path, text)
    assert found == []
    hover = await server.ask("textDocument/hover", at(uri, text, word))
    assert said in str(hover["contents"])


@pytest.mark.parametrize(
    ("below", "word", "offered"),
    [
        ("chain:\n  - guard_answer:\n      confidence:\n        uncertain: ", "uncertain: ", {"disclaim", "withhold"}),
        ("chain:\n  - guard_answer:\n      max", "      max", {"max_response_length"}),
        ("log:\n  level: ", "level: ", {"debug", "info", "warning", "error"}),
        ("upstreams:\n  kapa:\n    type: ", "type: ", {"kapa", "http"}),
    ],
)
async def test_a_completion_offers_what_may_stand_there(
    server: LanguageServer, tmp_path: Path, below: str, word: str, offered: set[str]
) -> None:
    text = HEAD + below
    uri, _ = await opened(server, tmp_path, text)
    completion = await server.ask("textDocument/completion", at(uri, text, word))
    assert offered <= {each["label"] for each in completion["items"]}


@pytest.mark.parametrize(
    ("below", "said", "line"),
    [
        ("chain:\n  - guard_answer: {max_length: 100}\n", "max_length", 5),
        ("log: {level: loud}\n", "debug", 4),
        ("listen: {limits: {body: many}}\n", "", 4),
        ("lisetn: {}\n", "lisetn", 4),
    ],
)
async def test_a_diagnostic_stands_where_the_mistake_is(
    server: LanguageServer, tmp_path: Path, below: str, said: str, line: int
) -> None:
    _, found = await opened(server, tmp_path, HEAD + below)
    assert found
    assert {each["range"]["start"]["line"] for each in found} == {line}
    assert any(said in each["message"] for each in found)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_nothing_is_said_against_the_examples(server: LanguageServer, tmp_path: Path, name: str) -> None:
    text = EDITOR + EXAMPLES[name].split("\n", 1)[1]
    _, found = await opened(server, tmp_path, text)
    assert found == []
