"""The LoRA bench: what LoRA files hold, whether they are whole, their metadata, and files made of others: `lora`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, print_note, workspace_or_none
from lora_tui.commands.lora_convert import convert
from lora_tui.commands.lora_make import alpha, average, extract, merge, mix, resize, weights
from lora_tui.commands.lora_options import (
    BASE,
    FORCE,
    JSON,
    base_named,
    references,
)
from lora_tui.commands.options import PATH, WORKSPACE
from trainer.errors import ExitCode, ModelError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.lora_tools.verify import VerifiedFact


@click.group()
def lora() -> None:
    """Inspect, change and combine LoRA files, without a GPU.

    A FILE is a path, the name of a LoRA of the workspace, or bake and epoch: `12@5`, `12@last`.
    """


@lora.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@BASE
@JSON
@WORKSPACE
@exits
def inspect(files: tuple[str, ...], base_path: str | None, as_json: bool, folder: Path | None) -> ExitCode:
    """Show what LoRA files hold: parts, ranks, alphas, sizes by block group, the ranks that shares of the change need, training."""
    from lora_tui.commands.progress_line import ProgressLine
    from lora_tui.wording.bench import inspected_json, inspected_lines
    from lora_tui.wording.measures import needs_base_line
    from trainer.lora_tools.inspect import inspect_lora

    base = base_named(base_path)
    with ProgressLine() as line:
        found = [
            inspect_lora(each, lambda done, total: line(f"reading modules: {done:,} of {total:,}"), base=base)
            for each in references(files, folder)
        ]
    if as_json:
        print_json([inspected_json(each) for each in found])
        return ExitCode.DONE
    for number, each in enumerate(found):
        if number:
            click.echo()
        for text in inspected_lines(each):
            click.echo(text)
        if each.needs_base:
            print_note(needs_base_line(each.needs_base))
        for note in each.notes:
            print_note(note)
    return ExitCode.DONE


@lora.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@BASE
@JSON
@WORKSPACE
@exits
def verify(files: tuple[str, ...], base_path: str | None, as_json: bool, folder: Path | None) -> ExitCode:
    """Check LoRA files: whole, finite numbers, shapes, hashes, and whether they fit on a base and are as the journal knows them.

    The exit code is 2 where something is wrong.
    """
    from lora_tui.commands.progress_line import ProgressLine
    from lora_tui.wording.bench import verified_json, verified_lines
    from trainer.lora_tools.verify import CheckOutcome, verify_lora

    base = base_named(base_path)
    workspace = workspace_or_none(folder)
    wanted = references(files, folder)
    with ProgressLine() as line:
        found = [verify_lora(each, base=base, workspace=workspace, show=line) for each in wanted]
    wrong = sum(fact.verdict is CheckOutcome.WRONG for facts in found for fact in facts)
    if as_json:
        print_json(
            [
                {
                    "path": str(each.path),
                    "wrong": _is_wrong(facts),
                    "checks": verified_json(facts),
                }
                for each, facts in zip(wanted, found, strict=True)
            ]
        )
    else:
        for each, facts in zip(wanted, found, strict=True):
            click.echo(printable(each.label, 100))
            for text in verified_lines(facts):
                click.echo(f"  {text}")
    if wrong:
        faulty = [str(each.path) for each, facts in zip(wanted, found, strict=True) if _is_wrong(facts)]
        more = f" and {plural(len(faulty) - 1, 'other file')}" if len(faulty) > 1 else ""
        raise ModelError(
            f"{printable(faulty[0], 200)}{more}", found=f"{plural(wrong, 'fault')} found", expected="a sound LoRA file"
        )
    return ExitCode.DONE


@lora.command()
@click.argument("file", metavar="FILE")
@click.option("--set", "put", multiple=True, metavar="KEY=VALUE", help="Set a key; repeatable.")
@click.option("--unset", multiple=True, metavar="KEY", help="Remove a key; repeatable.")
@click.option("--share", is_flag=True, help="Shorten every path to its last name, in whatever key it stands.")
@click.option("--out", type=PATH, metavar="FILE", help="Write the changed file here.")
@FORCE
@JSON
@WORKSPACE
@exits
def metadata(
    file: str,
    put: tuple[str, ...],
    unset: tuple[str, ...],
    share: bool,
    out: Path | None,
    force: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Show the metadata of a LoRA file, or write it with others.

    What is written has the same tensors, and its hashes computed from them. To change FILE itself give it as `--out` with `--force`.
    """
    from lora_tui.wording.bench import edited_lines
    from trainer.lora_tools.edit_metadata import edited, path_words, read_metadata, without_paths, write_metadata
    from trainer.lora_tools.made_lora import Output

    (reference,) = references([file], folder)
    before = read_metadata(reference.path)
    changed = edited(before, dict(_pair(each) for each in put), unset)
    if share:
        shortened = without_paths(changed)
        told, changed = path_words(changed, shortened), shortened
    if out is None:
        if put or unset or share:
            raise click.UsageError("--out says where the changed file is written")
        _show(before, as_json=as_json)
        return ExitCode.DONE
    made = write_metadata(reference.path, changed, Output(out, replace=force))
    if as_json:
        print_json(
            {"path": str(made.path), "bytes": made.size, "changed": list(made.changed), "notes": list(made.notes)}
        )
        return ExitCode.DONE
    for text in edited_lines(made):
        click.echo(text)
    if share:
        print_note(told)
    for note in made.notes:
        print_note(note)
    return ExitCode.DONE


def _is_wrong(facts: "Sequence[VerifiedFact]") -> bool:
    return any(fact.verdict == "wrong" for fact in facts)


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError(f"--set {printable(text, 60)}: expected KEY=VALUE")
    return key.strip(), value


def _show(texts: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print_json(texts)
        return
    if not texts:
        print_note("the file has no metadata")
    for key, text in sorted(texts.items()):
        click.echo(f"{printable(key)} = {printable(text)}")


for _command in (resize, convert, merge, average, mix, weights, alpha, extract):
    lora.add_command(_command)
