"""`lora-tui convert`: the same bake in other settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits
from trainer.errors import ExitCode, SettingsError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.settings.model import Settings
    from trainer.settings.parts import Family, Part

_PATH = click.Path(path_type=Path)


@click.group()
def convert() -> None:
    """Say the same bake in other settings."""


@convert.command()
@click.argument("settings_file", type=_PATH, metavar="SETTINGS.toml")
@click.option(
    "--to", "alpha", type=float, required=True, metavar="ALPHA", help="The new network_alpha; 0 for network_dim."
)
@click.option("--out", type=_PATH, metavar="FILE", help="Write it there instead of printing it.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@exits
def alpha(settings_file: Path, alpha: float, out: Path | None, force: bool) -> ExitCode:
    """Give SETTINGS.toml another alpha, and lora_up the rate that makes up for it (LoRA+ ratio).

    What it prints is TOML; the lines about the pairs are comments.
    """
    from trainer.settings.convert import convert_alpha, inexact
    from trainer.settings.toml_file import merged_toml, parse_settings, save_text
    from trainer.settings.toml_text import read_text

    text, where = read_text(settings_file), printable(str(settings_file))
    before = parse_settings(text, where)
    after = convert_alpha(before, alpha)
    said = [*_pair_lines(before, after), *(f"not exact: {why}" for why in inexact(before))]
    converted = merged_toml(text, after, where)
    if out is None:
        click.echo("".join(f"# {line}\n" for line in said) + converted, nl=False)
        return ExitCode.DONE
    if out.exists() and not force:
        raise SettingsError(
            printable(str(out)),
            found="is there already",
            expected="a new file",
            way_out="name another one, or add --force",
        )
    save_text(converted, out)
    for line in said:
        click.echo(line)
    click.echo(f"wrote {printable(str(out))}")
    return ExitCode.DONE


def _pair_lines(before: "Settings", after: "Settings") -> Iterator[str]:
    """Yield a line for each part: alpha, the ratio and the pair, before and after."""
    from trainer.plan.rate_lines import rate_pairs
    from trainer.settings.describe import number_text
    from trainer.settings.parts import label_of

    # Which base it is does not matter: without a rate of its own the second encoder is as the first.
    family: Family = "sdxl" if before.text_encoder_lr2 is not None else "sd1"

    def short(value: float) -> str:
        return number_text(float(f"{value:.3g}"))

    def text(settings: "Settings", part: "Part") -> str:
        down, up = rate_pairs(settings, family)[part]
        ratio = settings.loraplus_ratio(part)
        return f"alpha {short(settings.alpha)}, LoRA+ ×{short(ratio)}: pair {short(down)} | {short(up)}"

    for part in rate_pairs(before, family):
        yield f"{label_of(part)}: {text(before, part)} → {text(after, part)}"
