"""`kapagate schema`: the policy's JSON Schema, for editors."""

from __future__ import annotations

import click
import orjson

from kapagate.policy.schema import schema as schema_of
from kapagate.policy.table import Table
from kapagate.policytest.declaration import PolicyTest


def schema_text() -> str:
    """The schema of all kinds of documents, tests among them."""
    made = schema_of(Table(), {"PolicyTest": PolicyTest})
    return orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()


@click.command("schema")
def schema() -> None:
    """Print the policy's JSON Schema (draft 7), by which editors complete and explain.

    A policy file names it in its first line: `# yaml-language-server: $schema=PATH`.
    """
    click.echo(schema_text())
