"""Places are told with the layer whose document stands there."""

from __future__ import annotations

from pathlib import Path

from kapagate.policy.documents import read_documents
from kapagate.policy.finding import Diagnostics
from kapagate.policy.origin import DEFAULT, Origin, Origins, layer_of
from kapagate.policy.position import Span
from kapagate.policy.source import Source

TEXT = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: docs
---
apiVersion: kapagate.dev/v1
kind: Environment
name: production
---
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
---
apiVersion: kapagate.dev/v1
kind: Exception
tenant: acme
step: ask
field: max_length
"""
DOCUMENTS = read_documents([Source("all.yaml", TEXT, Path("."))], Diagnostics())


def test_a_layer_is_called_by_its_kind_and_name() -> None:
    assert [layer_of(each) for each in DOCUMENTS] == [
        "gateway",
        "environment production",
        "tenant acme",
        "exception acme ask max_length",
    ]


def test_every_line_of_a_document_is_its_layers() -> None:
    origins = Origins(DOCUMENTS)
    assert str(origins.of(Span("all.yaml", 3, 7))) == "all.yaml:3:7 (gateway)"
    assert origins.of(Span("all.yaml", 11, 1)).layer == "tenant acme"
    assert origins.of(Span("all.yaml", 17, 1)).layer.startswith("exception")


def test_what_a_reference_to_a_file_stands_for_is_of_no_layer() -> None:
    assert Origins(DOCUMENTS).of(Span("keys.yaml", 2, 3)) == Origin("keys.yaml:2:3")
    assert str(Origin("keys.yaml:2:3")) == "keys.yaml:2:3"


def test_a_default_stands_nowhere() -> None:
    assert str(DEFAULT) == "default"
