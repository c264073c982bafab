"""`kapagate completion`: what a shell needs to complete kapagate's commands, options and paths."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_PROGRAM, _VARIABLE = "kapagate", "_KAPAGATE_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion of a shell, to be read when the shell starts.

    \b
    bash: echo 'eval "$(kapagate completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(kapagate completion zsh)"' >> ~/.zshrc
    fish: kapagate completion fish > ~/.config/fish/completions/kapagate.fish
    """
    known = get_completion_class(shell)
    if known is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(known(ctx.find_root().command, {}, _PROGRAM, _VARIABLE).source())
