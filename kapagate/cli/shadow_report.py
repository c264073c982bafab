"""`kapagate shadow-report`: what steps in shadow would have done, as a gateway that runs counted it."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click
import orjson

from kapagate.access.endpoints import ENDPOINTS
from kapagate.cli.codes import FAILED
from kapagate.policy.report import escaped

KEY = "KAPAGATE_ADMIN_KEY"
SECONDS = 10.0
_COLUMNS = ("tenant", "step", "exchanges", "would_refuse", "would_change", "failed", "skipped", "disagreements")


class Unreachable(click.ClickException):
    """The gateway did not tell."""

    exit_code = FAILED


@click.command("shadow-report")
@click.option("--admin", default="http://127.0.0.1:8081", show_default=True, metavar="URL", help="The admin address.")
@click.option("--tenant", help="Of this tenant alone.")
@click.option("--step", help="Of this step alone.")
@click.option("--format", "form", default="text", show_default=True, type=click.Choice(["text", "json"]))
def shadow_report(admin: str, tenant: str | None, step: str | None, form: str) -> None:
    """Say what steps in shadow would have done: where they disagree with what was done, and when they last did.

    Asks the admin address of a gateway that runs (permission admin.shadow.read), with the API key in
    KAPAGATE_ADMIN_KEY where the policy has admin keys. Exit codes: 0 good, 1 the gateway did not tell, 2 usage.
    """
    report = asked(admin, os.environ.get(KEY, ""))
    wanted = {"tenant": tenant, "step": step}
    shadows = [each for each in report["shadows"] if all(value in (None, each[name]) for name, value in wanted.items())]
    report = {**report, "shadows": shadows}
    click.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode() if form == "json" else text(report))


def asked(admin: str, key: str) -> Any:
    """What the gateway tells. Raises Unreachable, and click's UsageError for an address that is none."""
    try:
        address = urlsplit(admin)
    except ValueError:
        raise click.UsageError(f"{admin} is no address") from None
    if address.scheme not in ("http", "https") or not address.hostname:
        raise click.UsageError(f"{admin} is no http:// or https:// address")
    if key != key.strip() or not (key.isascii() and key.isprintable()):
        raise click.UsageError(f"{KEY} holds no API key: it has blanks or other characters that no key has")
    try:
        status, body = _told(address, {"Authorization": f"Bearer {key}"} if key else {})
        document = orjson.loads(body)
    except (OSError, http.client.HTTPException, ValueError) as cause:
        raise Unreachable(f"{admin} does not tell: {cause}") from None
    if status != http.HTTPStatus.OK:
        hint = f" (the key is taken from {KEY})" if status == http.HTTPStatus.UNAUTHORIZED else ""
        detail = document.get("detail", "") if isinstance(document, dict) else ""
        raise Unreachable(f"{admin} answers {status}: {escaped(str(detail))}{hint}")
    if not isinstance(document, dict) or not {"steps", "shadows", "since"} <= document.keys():
        raise Unreachable(f"{admin} is no admin address of a gateway: it answers something else")
    return document


def _told(address: SplitResult, headers: Mapping[str, str]) -> tuple[int, bytes]:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=SECONDS)
    try:
        connection.request("GET", ENDPOINTS["shadow"].path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def text(report: Mapping[str, Any]) -> str:
    """A row for each tenant and step, and below it one for each rule; then how long ago the last disagreement was."""
    steps, shadows = report["steps"], report["shadows"]
    if not steps:
        return "no step is in shadow"
    head = f"in shadow: {', '.join(map(escaped, steps))}; counted since {report['since']}"
    if not shadows:
        return f"{head}\n\nno exchange came to them"
    rows = [_COLUMNS, *(tuple(escaped(str(each[name])) for name in _COLUMNS) for each in shadows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [head, "", _row(_COLUMNS, widths)]
    for each, row in zip(shadows, rows[1:], strict=True):
        lines += [_row(row, widths), *(f"    {line}" for line in _rules(each["rules"]))]
        lines.append(f"    {_last(each['last_disagreement'])}")
    return "\n".join(lines)


def _row(cells: Iterable[str], widths: Iterable[int]) -> str:
    tenant, step, *numbers = zip(cells, widths, strict=True)
    names = [cell.ljust(width) for cell, width in (tenant, step)]
    return "  ".join([*names, *(cell.rjust(width) for cell, width in numbers)])


def _rules(rules: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for rule in rules:
        counts = [f"would {verb} {rule[f'would_{verb}']}" for verb in ("refuse", "change") if rule[f"would_{verb}"]]
        yield f"{escaped(rule['rule'])}: {', '.join(counts)}; decisions {' '.join(map(escaped, rule['decisions']))}"


def _last(last: Mapping[str, Any] | None) -> str:
    if last is None:
        return "no disagreement"
    return f"last disagreement {ago(last['seconds_ago'])} ago, at {last['at']}, decision {escaped(last['decision'])}"


def ago(seconds: float) -> str:
    """`3 h 20 min`: the two largest units."""
    parts: list[str] = []
    rest = int(seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])
