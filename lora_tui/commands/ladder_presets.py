"""The list of preset ladders: `ladder presets`."""

import click

from lora_tui.commands.exits import exits, print_json
from trainer.errors import ExitCode


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exits
def presets(as_json: bool) -> ExitCode:
    """List the preset ladders: what each varies, and which sentence of the notes it tests."""
    from lora_tui.wording.ladder_presets import preset_lines, presets_json

    if as_json:
        print_json({"presets": presets_json()})
        return ExitCode.DONE
    for line in preset_lines():
        click.echo(line)
    return ExitCode.DONE
