"""Documents say what they are, and none claims another's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from kapagate.policy.documents import fingerprint, read_documents
from kapagate.policy.finding import Diagnostics
from kapagate.policy.source import Source

HEAD = "apiVersion: kapagate.dev/v1\nkind: "


def read(*texts: str) -> tuple[list[str], list[str]]:
    problems = Diagnostics()
    sources = [Source(f"{index}.yaml", text, Path(".")) for index, text in enumerate(texts)]
    documents = read_documents(sources, problems)
    return [f"{each.kind} {each.name}" for each in documents], [f"{each.span} {each.code.name}" for each in problems]


def test_documents_of_all_files_are_read() -> None:
    text = HEAD + "Gateway\nname: g\n---\n" + HEAD + "Tenant\nname: a\n"
    assert read(text, HEAD + "Tenant\nname: b\n") == (["Gateway g", "Tenant a", "Tenant b"], [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a", "0.yaml:1:1 KG112"),
        ("just text", "0.yaml:1:1 KG112"),
        ("apiVersion: kapagate.dev/v1\nname: x", "0.yaml:1:1 KG202"),
        (HEAD + "[]", "0.yaml:2:7 KG202"),
        (HEAD + "Gatewai", "0.yaml:2:7 KG202"),
        ("kind: Gateway", "0.yaml:1:1 KG201"),
        ("kind: Gateway\napiversion: kapagate.dev/v1", "0.yaml:2:1 KG201"),
        ("apiVersion: v1\nkind: Gateway", "0.yaml:1:13 KG201"),
    ],
)
def test_a_document_that_does_not_say_what_it_is_is_an_error(text: str, problem: str) -> None:
    assert read(text)[1] == [problem]


def test_two_gateways_and_two_tenants_of_one_name_are_errors() -> None:
    gateway, tenant = HEAD + "Gateway", HEAD + "Tenant\nname: a"
    assert read(gateway, tenant, gateway, tenant)[1] == ["2.yaml:2:7 KG203", "3.yaml:2:7 KG203"]


def test_the_fingerprint_does_not_depend_on_files_and_their_order() -> None:
    texts = [HEAD + "Gateway\nname: g", HEAD + "Tenant\nname: a\nx: {b: 1, c: 2}"]
    ways = [
        texts,
        texts[::-1],
        [texts[0] + "\n---\n" + texts[1]],
        [texts[0], texts[1].replace("b: 1, c: 2", "c: 2, b: 1")],
    ]
    prints = set()
    for way in ways:
        sources = [Source(str(index), text, Path(".")) for index, text in enumerate(way)]
        prints.add(fingerprint(read_documents(sources, Diagnostics())))
    assert len(prints) == 1
