"""The commands. Each stands in its own file and is imported when it is called, so that `--help` is quick."""

from __future__ import annotations

import signal
from importlib import import_module

import click

from kapagate import __version__
from kapagate.machine.heap import uncollected
from kapagate.machine.imports import without_authorities

COMMANDS = {
    "init": ("kapagate.cli.init:init", "Write a small working policy with tests."),
    "run": ("kapagate.cli.run:run", "Run the gateway with a policy."),
    "check": ("kapagate.cli.check:check", "Check policy files and print every problem at its place."),
    "test": ("kapagate.cli.test:test", "Run the tests of a policy, without sockets and without secrets."),
    "explain": ("kapagate.cli.explain:explain", "Explain what a policy does with a request, and where it says so."),
    "guard": ("kapagate.cli.guard:guard", "Show what a policy's guards find in a text, and what would be delivered."),
    "render": ("kapagate.cli.render:render", "Print the policy as it is in force."),
    "diff": ("kapagate.cli.diff:diff", "Say what two policies let through differently."),
    "shadow-report": ("kapagate.cli.shadow_report:shadow_report", "Say what steps in shadow would have done."),
    "keys": ("kapagate.cli.keys:keys", "Make API keys."),
    "audit": ("kapagate.cli.audit:audit", "Read the records of what was asked and decided."),
    "demo": ("kapagate.cli.demo:demo", "Show the chain at work against a stand-in Kapa."),
    "schema": ("kapagate.cli.schema:schema", "Print the JSON Schema of policies, for editors."),
    "completion": ("kapagate.cli.completion:completion", "Print the completion of bash, zsh or fish."),
    "stand-in": ("kapagate.cli.standin:stand_in", "Serve a stand-in Kapa for demos and tests."),
}


class LazyGroup(click.Group):
    """A group whose commands are named in `COMMANDS` and imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        with uncollected(), without_authorities():
            command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A gateway that starts has read no policy yet, so a SIGHUP asks for nothing; it must not end it either. What
        is not UTF-8 nobody downstream could print.
        """
        if any("\udc80" <= character <= "\udcff" for each in args for character in each):
            raise click.UsageError("an argument is not UTF-8 text")
        if args[:1] == ["run"]:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="kapagate")
def main() -> None:
    """A policy-driven gateway in front of Kapa.

    Exit codes: 0 good, 1 failed at run time, 2 usage, 3 invalid policy, 4 tests failed, 5 loosening found.
    """
