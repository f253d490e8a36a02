"""LoRA files made of others: `lora resize`, `merge`, `average`, `mix`, `weights`, `alpha`, `extract`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from lora_tui.commands.exits import exits, print_json, print_note, workspace_or_none
from lora_tui.commands.lora_options import (
    ALPHA,
    BASE,
    BLOCKS,
    FORCE,
    JSON,
    OUT,
    PARTS,
    PRECISION,
    alpha_rule,
    base_named,
    output,
    rank_options,
    rank_rule,
    references,
    tell_made,
)
from lora_tui.commands.options import WORKSPACE
from trainer.errors import ExitCode, SettingsError

Progress = Callable[[int, int], None]


@click.command()
@click.argument("file", metavar="FILE")
@rank_options
@OUT
@ALPHA
@PRECISION
@BASE
@FORCE
@JSON
@WORKSPACE
@exits
def resize(
    file: str,
    rank: int | None,
    energy: float | None,
    cumulative: float | None,
    ratio: float | None,
    out: Path,
    alpha: str,
    precision: str | None,
    base_path: str | None,
    force: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Write a LoRA with fewer directions in each module: those that change most, exactly as many as asked for.

    Where several of --rank, --energy, --cumulative and --ratio are given, the fewest are kept.
    """
    from trainer.lora_tools.resize import resize_lora

    rule = rank_rule(rank, energy, cumulative, ratio)
    if rule is None:
        raise click.UsageError("give one of --rank, --energy, --cumulative or --ratio")
    target = output(out, precision, alpha, force=force)
    (reference,) = references([file], folder)
    with _shown("resizing") as progress:
        made = resize_lora(reference, rule, target, base=base_named(base_path), progress=progress)
    return tell_made(made, as_json=as_json)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE[:WEIGHT]...")
@PARTS
@BLOCKS
@rank_options
@click.option("--into", "into", metavar="BASE", help="Merge into this checkpoint, and write a checkpoint.")
@OUT
@ALPHA
@PRECISION
@BASE
@FORCE
@JSON
@WORKSPACE
@exits
def merge(
    files: tuple[str, ...],
    parts: tuple[str, ...],
    blocks: tuple[str, ...],
    rank: int | None,
    energy: float | None,
    cumulative: float | None,
    ratio: float | None,
    into: str | None,
    out: Path,
    alpha: str,
    precision: str | None,
    base_path: str | None,
    force: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Write the weighted sum of LoRAs as one: exactly, with the sum of their ranks, or in the rank asked for.

    A weight may be given for one file alone by its number: `--block 2:down=0.5`, `--part 1:text_encoder=0`.
    """
    from trainer.lora_tools.merge import merge_loras
    from trainer.lora_tools.typed import weighted_loras

    rule = rank_rule(rank, energy, cumulative, ratio)
    target = output(out, precision, alpha, force=force)
    loras = weighted_loras(files, parts, blocks, workspace_or_none(folder))
    if into is None:
        with _shown("merging") as progress:
            made = merge_loras(loras, target, rule, base=base_named(base_path), progress=progress)
        return tell_made(made, as_json=as_json)
    if rule is not None or precision is not None or base_path is not None:
        raise click.UsageError("--into keeps the checkpoint's own types, and takes no rank and no --base")
    from lora_tui.wording.bench import checkpoint_lines
    from trainer.lora_tools.merge_into import merge_into_base

    base = base_named(into)
    assert base is not None
    with _shown("merging", "tensors") as progress:
        checkpoint = merge_into_base(base, loras, target, progress=progress)
    if as_json:
        print_json({"path": str(checkpoint.path), "bytes": checkpoint.size, "changed": checkpoint.changed})
        return ExitCode.DONE
    for line in checkpoint_lines(checkpoint):
        click.echo(line)
    for note in checkpoint.notes:
        print_note(note)
    return ExitCode.DONE


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@rank_options
@OUT
@ALPHA
@PRECISION
@BASE
@FORCE
@JSON
@WORKSPACE
@exits
def average(
    files: tuple[str, ...],
    rank: int | None,
    energy: float | None,
    cumulative: float | None,
    ratio: float | None,
    out: Path,
    alpha: str,
    precision: str | None,
    base_path: str | None,
    force: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Write the mean of LoRAs, such as twins, in their own rank: the best approximation of it that this rank has."""
    from trainer.lora_tools.merge import average_loras

    rule = rank_rule(rank, energy, cumulative, ratio)
    target = output(out, precision, alpha, force=force)
    found = references(files, folder)
    with _shown("averaging") as progress:
        made = average_loras(found, target, rule, base=base_named(base_path), progress=progress)
    return tell_made(made, as_json=as_json)


@click.command()
@click.argument("file", required=False, metavar="[FILE]")
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="PART=FILE",
    help="The file that gives a part: `unet=12@5`, `text_encoder=12@3`; repeatable.",
)
@OUT
@PRECISION
@BASE
@FORCE
@JSON
@WORKSPACE
@exits
def mix(
    file: str | None,
    parts: tuple[str, ...],
    out: Path,
    precision: str | None,
    base_path: str | None,
    force: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Write parts of different LoRAs as one, such as the text encoder of one epoch with the U-Net of another.

    FILE gives every part that no --part names. Without --save-precision the numbers stay to the bit.
    """
    from trainer.lora_tools.copy_modules import PartOf, mix_loras, part_named

    pairs = []
    for text in parts:
        part, sign, name = text.partition("=")
        if not sign:
            raise SettingsError("--part", found=text, expected="PART=FILE, such as unet=12@5")
        pairs.append((part_named(part, "--part"), name))
    if file is not None:
        pairs.append(("", file))
    target = output(out, precision, "keep", force=force)
    found = references([name for _, name in pairs], folder)
    wanted = [PartOf(part, reference) for (part, _), reference in zip(pairs, found, strict=True)]
    with _shown("writing", "tensors") as progress:
        made = mix_loras(wanted, target, base=base_named(base_path), progress=progress)
    return tell_made(made, as_json=as_json)


@click.command()
@click.argument("file", metavar="FILE")
@PARTS
@BLOCKS
@click.option("--weight", type=float, default=1.0, metavar="W", help="Weight of all of it (default: 1).")
@OUT
@PRECISION
@BASE
@FORCE
@JSON
@WORKSPACE
@exits
def weights(
    file: str,
    parts: tuple[str, ...],
    blocks: tuple[str, ...],
    weight: float,
    out: Path,
    precision: str | None,
    base_path: str | None,
    force: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Write a LoRA with weights on its parts and block groups, so that it has them at weight 1 in any program."""
    from trainer.lora_tools.scale import weigh_lora
    from trainer.lora_tools.typed import block_weights_for

    target = output(out, precision, "keep", force=force)
    wanted = block_weights_for(parts, blocks)
    (reference,) = references([file], folder)
    with _shown("writing") as progress:
        made = weigh_lora(reference, wanted, target, weight=weight, base=base_named(base_path), progress=progress)
    return tell_made(made, as_json=as_json)


@click.command()
@click.argument("file", metavar="FILE")
@click.option(
    "--to",
    "alpha",
    default="none",
    metavar="RULE",
    help="`none` (default): no alphas, which diffusers' loader needs where they differ; `rank`; or a number.",
)
@OUT
@PRECISION
@BASE
@FORCE
@JSON
@WORKSPACE
@exits
def alpha(
    file: str,
    alpha: str,
    out: Path,
    precision: str | None,
    base_path: str | None,
    force: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Write a LoRA of the same effect with other alphas: the difference is folded into lora_up.

    diffusers scales modules wrongly where their alphas differ; without alphas every program takes a scale of 1.
    """
    from trainer.lora_tools.scale import write_alpha

    rule = alpha_rule(alpha)
    target = output(out, precision, "keep", force=force)
    (reference,) = references([file], folder)
    with _shown("writing") as progress:
        made = write_alpha(reference, rule, target, base=base_named(base_path), progress=progress)
    return tell_made(made, as_json=as_json)


@click.command()
@click.argument("base_path", metavar="BASE")
@click.argument("tuned", metavar="TUNED")
@rank_options
@click.option("--no-conv", is_flag=True, help="Leave out convolutions and what else lies in resnets.")
@click.option("--ends", is_flag=True, help="Also the layers before and behind the blocks, which many programs ignore.")
@OUT
@ALPHA
@PRECISION
@FORCE
@JSON
@exits
def extract(
    base_path: str,
    tuned: str,
    rank: int | None,
    energy: float | None,
    cumulative: float | None,
    ratio: float | None,
    no_conv: bool,
    ends: bool,
    out: Path,
    alpha: str,
    precision: str | None,
    force: bool,
    as_json: bool,
) -> ExitCode:
    """Write what TUNED has and BASE has not as a LoRA for BASE.

    Modules that differ by the rounding of the files' types alone are left out.
    """
    from trainer.lora_tools.extract import extract_lora

    rule = rank_rule(rank, energy, cumulative, ratio)
    if rule is None:
        raise click.UsageError("give one of --rank, --energy, --cumulative or --ratio")
    target = output(out, precision, alpha, force=force)
    before, after = base_named(base_path), base_named(tuned)
    assert before is not None and after is not None
    with _shown("comparing") as progress:
        made = extract_lora(before, after, rule, target, with_conv=not no_conv, with_ends=ends, progress=progress)
    return tell_made(made, as_json=as_json)


@contextmanager
def _shown(what: str, things: str = "modules") -> Iterator[Progress]:
    """Show how far it is, where there is a terminal."""
    from lora_tui.commands.progress_line import ProgressLine

    with ProgressLine() as line:
        yield lambda done, total: line(f"{what}: {done:,} of {total:,} {things}")
