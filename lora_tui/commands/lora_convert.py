"""LoRA files of another kind written as plain LoRAs, and plain ones under another program's keys: `lora convert`."""

from pathlib import Path

import click

from lora_tui.commands.exits import exits, print_json, print_note
from lora_tui.commands.lora_options import (
    FORCE,
    JSON,
    OUT,
    PRECISION,
    base_named,
    output,
    rank_rule,
    references,
    tell_made,
)
from lora_tui.commands.options import WORKSPACE
from trainer.errors import ExitCode
from trainer.text import printable

PLAIN = "lora"
"""What a file becomes unless somebody says otherwise."""


@click.command()
@click.argument("file", metavar="FILE")
@click.option(
    "--to",
    "kind",
    default=PLAIN,
    metavar="KIND",
    help="What it becomes: `lora`, a plain LoRA; or a plain one's keys for `comfyui` or `diffusers`, where its family has such.",
)
@click.option("--rank", type=int, metavar="R", help="Keep R directions of each change.")
@click.option(
    "--energy", type=float, metavar="SHARE", help="Keep as few as hold this share of the change, as squares: 0.99."
)
@click.option(
    "--base",
    "base_path",
    metavar="PATH",
    help="Base that it was trained on, or `demo`: the change of a DoRA depends on it.",
)
@OUT
@PRECISION
@FORCE
@JSON
@WORKSPACE
@exits
def convert(
    file: str,
    kind: str,
    rank: int | None,
    energy: float | None,
    base_path: str | None,
    out: Path,
    precision: str | None,
    force: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Write a LoHa, LoKr, DoRA or full difference as a plain LoRA, and say what of it is lost; or a plain LoRA under other keys.

    Each change becomes the best approximation of it in that rank. A LoHa of rank r has up to r², a LoKr often more than any LoRA is given: try a few ranks and look at the loss.
    """
    from lora_tui.commands.progress_line import ProgressLine
    from lora_tui.wording.bench import made_notes
    from lora_tui.wording.converted import converted_json, converted_lines
    from trainer.lora_tools.convert import convert_lora
    from trainer.lora_tools.key_forms import write_keys

    rule = rank_rule(rank, energy, None, None)
    if kind != PLAIN:
        if rule is not None:
            raise click.UsageError(
                f"--to {printable(kind, 40)} changes keys alone: --rank and --energy go with --to {PLAIN}"
            )
        target = output(out, precision, "none", force=force)
        (reference,) = references([file], folder)
        with ProgressLine() as line:
            renamed = write_keys(
                reference,
                kind,
                target,
                base=base_named(base_path),
                progress=lambda done, total: line(f"writing modules: {done:,} of {total:,}"),
            )
        return tell_made(renamed, as_json=as_json)
    if rule is None:
        raise click.UsageError("give --rank, or --energy such as 0.99")
    target = output(out, precision, "keep", force=force)
    (reference,) = references([file], folder)
    with ProgressLine() as line:
        made, loss = convert_lora(
            reference,
            rule,
            target,
            base=base_named(base_path),
            progress=lambda done, total: line(f"converting modules: {done:,} of {total:,}"),
        )
    if as_json:
        print_json(converted_json(made, loss))
        return ExitCode.DONE
    for text in converted_lines(made, loss):
        click.echo(text)
    for note in made_notes(made):
        print_note(note)
    return ExitCode.DONE
