"""Settings rewritten so that the bake stays the same: `convert`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits
from lora_tui.commands.new_settings import give_settings
from lora_tui.commands.options import PATH, SETTINGS_FILE
from trainer.errors import ExitCode
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.settings.model import Settings
    from trainer.settings.parts import Part


@click.group()
def convert() -> None:
    """Rewrite settings without changing what they train."""


@convert.command()
@click.argument("settings_file", type=SETTINGS_FILE, metavar="SETTINGS.toml")
@click.option(
    "--to", "alpha", type=float, required=True, metavar="ALPHA", help="The new network_alpha; 0 means network_dim."
)
@click.option("--out", type=PATH, metavar="FILE", help="Write to FILE instead of standard output.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@exits
def alpha(settings_file: Path, alpha: float, out: Path | None, force: bool) -> ExitCode:
    """Change network_alpha and compensate for it.

    The LoRA+ ratio is changed so that the bake stays the same. Prints the new settings as TOML; the rates before and after are comments.
    """
    from trainer.settings.convert import convert_alpha, inexact
    from trainer.settings.toml_file import merged_toml, parse_settings
    from trainer.settings.toml_text import read_text

    text, where = read_text(settings_file), printable(str(settings_file))
    before = parse_settings(text, where)
    after = convert_alpha(before, alpha)
    notes = [*_pair_lines(before, after), *(f"not exact: {why}" for why in inexact(before))]
    converted = merged_toml(text, after, where)
    give_settings(converted, notes, out, force=force)
    return ExitCode.DONE


def _pair_lines(before: "Settings", after: "Settings") -> Iterator[str]:
    """Yield a line for each part: alpha, the ratio and the pair, before and after."""
    from trainer.families.registry import FAMILIES
    from trainer.plan.rate_lines import rate_pairs
    from trainer.settings.describe import number_text
    from trainer.settings.parts import label_of

    # Which base it is does not matter: without a rate of its own the second encoder is as the first.
    needed = () if before.text_encoder_lr2 is None else ("text_encoder_lr2",)
    family = next(record.key for record in FAMILIES.values() if not record.unused.keys() & set(needed))

    def short(value: float) -> str:
        return number_text(float(f"{value:.3g}"))

    def text(settings: "Settings", part: "Part") -> str:
        down, up = rate_pairs(settings, family)[part]
        ratio = settings.loraplus_ratio(part)
        return f"alpha {short(settings.alpha)}, LoRA+ ×{short(ratio)}: pair {short(down)} | {short(up)}"

    for part in rate_pairs(before, family):
        yield f"{label_of(part)}: {text(before, part)} → {text(after, part)}"
