"""What a shell and `man` need of the program: completion scripts and the man page: `completions` and `man`."""

from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits
from trainer.errors import ExitCode

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

PROGRAM = "lora-tui"
_VARIABLE = "_LORA_TUI_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS), metavar="bash|zsh|fish")
@click.pass_context
def completions(context: click.Context, shell: str) -> None:
    """Print a script that lets your shell complete commands, options, bake numbers and settings files.

    \b
    bash: lora-tui completions bash > ~/.local/share/bash-completion/completions/lora-tui
    zsh:  lora-tui completions zsh > ~/.zfunc/_lora-tui   (a folder in $fpath)
    fish: lora-tui completions fish > ~/.config/fish/completions/lora-tui.fish
    """
    _print_script(context.find_root().command, shell)


@click.command()
@click.pass_context
def man(context: click.Context) -> None:
    """Print the man page: `lora-tui man | man -l -`."""
    _print_page(context.find_root().command)


@exits
def _print_script(program: click.Command, shell: str) -> ExitCode:
    click.echo(completion_script(program, shell), nl=False)
    return ExitCode.DONE


@exits
def _print_page(program: click.Command) -> ExitCode:
    from lora_tui.commands.man_page import man_page

    click.echo(man_page(program), nl=False)
    return ExitCode.DONE


def completion_script(program: click.Command, shell: str) -> str:
    """Return the script of a shell, by click's own mechanism.

    Args:
        program: the whole command line.
        shell: `bash`, `zsh` or `fish`.
    """
    from click.shell_completion import get_completion_class

    kind: type[ShellComplete] | None = get_completion_class(shell)
    assert kind is not None
    made = kind(program, {}, PROGRAM, _VARIABLE)
    # As its `source`, which starts bash to ask for its version.
    return made.source_template % made.source_vars()
