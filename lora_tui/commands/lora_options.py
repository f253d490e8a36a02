"""Options and arguments that the commands of the LoRA bench share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lora_tui.commands.exits import print_json, print_note, workspace_or_none
from lora_tui.commands.options import PATH
from trainer.errors import ExitCode

if TYPE_CHECKING:
    from trainer.lora_tools.decompose import RankRule
    from trainer.lora_tools.made_lora import AlphaRule, MadeLora, Output
    from trainer.lora_tools.references import LoraReference
    from trainer.models.identify import Base

Command = TypeVar("Command", bound=Callable[..., Any])

OUT = click.option("--out", type=PATH, required=True, metavar="FILE", help="The file to write.")
FORCE = click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
BASE = click.option(
    "--base", "base_path", metavar="PATH", help="Base that it is for, or `demo`: its modules give the names."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PRECISION = click.option(
    "--save-precision",
    "precision",
    type=click.Choice(["float", "fp32", "fp16", "bf16"]),
    help="Type of the numbers (default: that of the file; of a sum or mean fp32, of an extracted LoRA fp16).",
)
ALPHA = click.option(
    "--alpha",
    "alpha",
    default="keep",
    metavar="RULE",
    help="Alpha of each module: `keep` its share of the rank (default), `rank`, `none` to write no alphas, or a number. The effect stays the same.",
)
BLOCKS = click.option(
    "--block",
    "blocks",
    multiple=True,
    metavar="GROUP=W",
    help="Weight of a block group, such as `down=0.5`, `up cross k/v=1.2` or `blocks 0-9=0`; repeatable.",
)
PARTS = click.option(
    "--part", "parts", multiple=True, metavar="PART=W", help="Weight of a part, such as `text_encoder=0`; repeatable."
)


def rank_options(command: Command) -> Command:
    """Add the options that say how many directions of each module are kept."""
    for decorate in (
        click.option("--rank", type=int, metavar="R", help="Keep R directions of each module."),
        click.option(
            "--energy",
            type=float,
            metavar="SHARE",
            help="Keep as few as hold this share of the change, as squares: 0.95.",
        ),
        click.option(
            "--cumulative",
            type=float,
            metavar="SHARE",
            help="Keep as few as hold this share of the sum of singular values.",
        ),
        click.option(
            "--ratio", type=float, metavar="X", help="Keep those whose singular value is at least the largest one / X."
        ),
    )[::-1]:
        command = decorate(command)
    return command


def references(files: Sequence[str], folder: Path | None) -> "list[LoraReference]":
    """Return the LoRA files that were typed.

    Raises:
        LoraTuiError: one does not exist.
    """
    from trainer.lora_tools.references import find_lora

    workspace = workspace_or_none(folder)
    return [find_lora(file, workspace) for file in files]


def rank_rule(
    rank: int | None, energy: float | None, cumulative: float | None, ratio: float | None
) -> "RankRule | None":
    """Return how many directions are kept; None where no option says so.

    Raises:
        SettingsError: a number is out of range.
    """
    from trainer.lora_tools.decompose import RankRule

    rule = RankRule(rank, energy, cumulative, ratio)
    return None if rule == RankRule() else rule.check()


def output(out: Path, precision: str | None, alpha: str, *, force: bool) -> "Output":
    """Return where and how a LoRA is written.

    Raises:
        SettingsError: the rule for alphas is not understood.
    """
    from trainer.lora_tools.made_lora import PRECISIONS, Output

    return Output(out, PRECISIONS[precision] if precision else "", alpha_rule(alpha), force)


def alpha_rule(text: str) -> "AlphaRule":
    """Return a rule for alphas: `keep`, `rank`, `none` or a number.

    Raises:
        SettingsError: it is none of these.
    """
    from trainer.lora_tools.made_lora import alpha_rule_named

    return alpha_rule_named(text)


def base_named(text: str | None) -> "Base | None":
    """Return the base that was typed; None where none was.

    Raises:
        ModelError: it is none.
    """
    from trainer.models.identify import identify_base

    return None if text is None else identify_base(text)


def tell_made(made: "MadeLora", *, as_json: bool) -> ExitCode:
    """Print what was made."""
    from lora_tui.wording.bench import made_json, made_lines, made_notes

    if as_json:
        print_json(made_json(made))
        return ExitCode.DONE
    for line in made_lines(made):
        click.echo(line)
    for note in made_notes(made):
        print_note(note)
    return ExitCode.DONE
