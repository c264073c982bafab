"""The policy of a command that serves nothing: placeholders stand for the secrets that are not here."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from kapagate.cli.codes import INVALID_POLICY
from kapagate.cli.colour import is_coloured
from kapagate.machine.heap import uncollected
from kapagate.policy.load import Layers, Loaded
from kapagate.policy.placeholders import load_with_placeholders
from kapagate.policy.report import render_all
from kapagate.remote.references import References
from kapagate.run import offline


def load_offline(paths: Sequence[Path], environment: str | None = None) -> tuple[Loaded, list[str]]:
    """The policy in an environment, and the references that placeholders stand for."""
    layers = Layers(environment)
    with uncollected():
        return load_with_placeholders(lambda resolve: offline(paths, resolve, layers), References(os.environ))


def report(loaded: Loaded) -> str:
    """All problems, as standard error shows them."""
    return render_all(loaded.diagnostics, loaded.sources, is_coloured(sys.stderr))


def refuse(loaded: Loaded) -> NoReturn:
    """Tells what is wrong with a policy, and ends the command."""
    click.echo(report(loaded), err=True)
    click.get_current_context().exit(INVALID_POLICY)
