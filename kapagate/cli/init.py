"""`kapagate init`: a small policy that works, with tests, to begin from."""

from __future__ import annotations

import os.path
from pathlib import Path

import click

from kapagate.cli.schema import schema_text

_EDITOR = "# yaml-language-server: $schema=kapagate.schema.json\n"
_GATEWAY = """\
# Who may ask what of Kapa. `kapagate check .` tells every mistake, `kapagate test .` runs the tests beside it.
apiVersion: kapagate.dev/v1
kind: Gateway
name: docs-assistant

pseudonyms: {key: "${env:KAPAGATE_PSEUDONYM_KEY}"}   # 32 bytes or more, such as of `openssl rand -hex 32`

roles:
  viewer: {allow: [kapa.chat, kapa.feedback]}

upstreams:
  kapa:
    type: kapa
    url: https://api.kapa.ai
    project: "${env:KAPA_PROJECT_ID}"
    api_key: "${env:KAPA_API_KEY}"
    source_groups: all

gate:                               # before anybody is known
  - identify:
      schemes:
        - api_key:
            pepper: "${env:API_KEY_PEPPER}"
            keys:                   # as `kapagate keys create` prints them
              - id: "${env:FIRST_KEY_ID}"
                digest: "${env:FIRST_KEY_DIGEST}"
                tenant: default
                subject: first
                roles: [viewer]

chain:                              # reading down the list is the life of a request
  - audit: {}
    locked: true
  - metrics: {}
  - rbac: {}
    locked: true
  - rate_limit: {per: [tenant, subject], limit: 30/min, burst: 10}
  - enrich: {add: {tenant_id: tenant, user_role: role}}
  - guard_question: {max_length: 4000, pii: redact}
  - guard_answer: {pii: redact, confidence: {uncertain: disclaim}}
"""
_TESTS = """\
# What the policy has to do. `kapagate test . --coverage` tells what no test has reached yet.
apiVersion: kapagate.dev/v1
kind: PolicyTest
name: first
callers:
  first: {api_key: first}
cases:
  - name: who has a key gets an answer
    caller: first
    route: kapa.chat
    body: {query: How do I begin?}
    upstream: {answer: With a test.}
    expect: {status: 200, text: {equals: With a test.}}

  - name: nobody else does
    route: kapa.chat
    body: {query: How do I begin?}
    expect: {status: 401, step: identify, upstream: {calls: 0}}

  - name: an address in a question does not leave
    caller: first
    route: kapa.chat
    body: {query: Write to ada@nimbus.example.}
    expect: {decisions: {guard_question: changed}, upstream: {body: {query: Write to <email>.}}}

  - name: an address in an answer is not told
    caller: first
    route: kapa.chat_stream
    body: {query: Who is in charge?}
    upstream: {answer: Ask ada@nimbus.example., cut: bytes}
    expect: {decisions: {guard_answer: changed}, text: {equals: Ask <email>.}}
"""
FILES = {"gateway.yaml": _EDITOR + _GATEWAY, "tests.yaml": _EDITOR + _TESTS}
_SCHEMA = "kapagate.schema.json"


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Write a small policy that works into DIR, with tests of it and the schema by which editors complete and explain.

    Files that are there are never written over. `kapagate schema > DIR/kapagate.schema.json` renews the schema.
    """
    files = {**FILES, _SCHEMA: f"{schema_text()}\n"}
    there = [name for name in files if os.path.exists(folder / name)]
    if there:
        raise click.UsageError(f"{folder / there[0]} is there already")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as cause:
        raise click.ClickException(f"{folder} cannot be written: {cause.strerror}") from None
    click.echo(f"written: {', '.join(str(folder / name) for name in files)}")
    click.echo(f"next: kapagate test {folder} --coverage")
