"""What a look at all captions shows, and conventions of captions: `captions pairs`, `remarks`, `convention`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lora_tui.commands.caption_edits import DRY_RUN, JSON, PLACE, YES, carry_out
from lora_tui.commands.exits import exits, print_json
from lora_tui.commands.options import PATH
from trainer.errors import ExitCode, SettingsError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_tui.actions.captions import CaptionPlace
    from trainer.captions.record import CaptionEditPlan
    from trainer.data_index.remarks import CaptionRemark
    from trainer.families.conventions import CaptionConvention, TagKind

_ALL = click.option("--all", "all_of_them", is_flag=True, help="Show all of them.")


@click.command()
@_ALL
@PLACE
@JSON
@exits
def pairs(all_of_them: bool, folder: Path | None, as_json: bool) -> ExitCode:
    """Show tags that are learned as one thing, and the pictures that would part them.

    Of the tags that the subject's outfits and checklist name; where they name none, of all tags.
    """
    from lora_tui.actions.captioned_data import captioned_data
    from lora_tui.actions.captions import caption_place
    from lora_tui.wording.caption_looks import MOST, pair_json, pair_lines
    from trainer.data_index.pairs import pairs_of

    data = captioned_data(caption_place(folder))
    found = pairs_of(data.pictures, data.subject)
    if as_json:
        print_json([pair_json(pair) for pair in found])
        return ExitCode.DONE
    for line in pair_lines(found, len(found) if all_of_them else MOST):
        click.echo(line)
    return ExitCode.DONE


@click.command()
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(["trigger", "common", "unsaid", "spelling", "once"]),
    help="Only remarks of this kind; repeatable.",
)
@click.option(
    "--fix", "wanted", type=int, metavar="N", help="Do what remark N has in square brackets, as every other edit."
)
@_ALL
@PLACE
@DRY_RUN
@YES
@JSON
@exits
def remarks(
    kinds: tuple[str, ...], wanted: int | None, all_of_them: bool, folder: Path | None, **options: Any
) -> ExitCode:
    """Show what nearly every caption repeats, rare and odd spellings, and what the subject names and no caption has.

    A remark with square brackets can be fixed by the edit that stands in them.
    """
    from lora_tui.actions.captioned_data import captioned_data
    from lora_tui.actions.captions import caption_place
    from lora_tui.wording.caption_looks import MOST, remark_json, remark_lines
    from trainer.data_index.remarks import remarks_of

    if wanted is not None:
        return carry_out(lambda where: _fixed(where, wanted), folder=folder, **options)
    if options["dry_run"] or options["yes"]:
        raise click.UsageError("--dry-run and --yes belong to --fix N")
    data = captioned_data(caption_place(folder))
    found = remarks_of(data.pictures, data.subject)
    shown = [(number, each) for number, each in enumerate(found, start=1) if not kinds or each.key in kinds]
    if options["as_json"]:
        print_json([remark_json(number, each) for number, each in shown])
        return ExitCode.DONE
    for line in remark_lines(shown, len(found) if all_of_them else MOST):
        click.echo(line)
    return ExitCode.DONE


@click.command()
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--trigger", metavar="TEXT", help="What stands in front (default: the subject's trigger).")
@click.option(
    "--tags",
    "tags_file",
    type=PATH,
    metavar="FILE",
    help="A tagger's selected_tags.csv, which says which tags are characters, series and artists.",
)
@PLACE
@DRY_RUN
@YES
@JSON
@exits
def convention(
    name: str | None, trigger: str | None, tags_file: Path | None, folder: Path | None, **options: Any
) -> ExitCode:
    """Put captions into the order and the spelling that a base was trained with.

    Without NAME, list the conventions of the settings' base and where they are known from. Nothing is added to a caption,
    and sentences stay as they are.
    """
    from lora_tui.actions.captioned_data import conventions_for
    from lora_tui.actions.captions import caption_place
    from lora_tui.wording.caption_looks import convention_json, convention_lines

    if name is not None:
        return carry_out(lambda where: _arranged(where, name, trigger, tags_file), folder=folder, **options)
    if options["dry_run"] or options["yes"]:
        raise click.UsageError("--dry-run and --yes belong to NAME")
    families = conventions_for(caption_place(folder))
    if options["as_json"]:
        print_json([convention_json(title, each) for title, some in families for each in some])
        return ExitCode.DONE
    for title, some in families:
        for line in convention_lines(title, some):
            click.echo(line)
    return ExitCode.DONE


def _fixed(where: "CaptionPlace", number: int) -> "CaptionEditPlan":
    """Plan what a remark offers."""
    from lora_tui.actions.captioned_data import captioned_data
    from trainer.captions.plan import plan_edit
    from trainer.data_index.remarks import remarks_of

    data = captioned_data(where)
    found: Sequence[CaptionRemark] = remarks_of(data.pictures, data.subject)
    remark = found[number - 1] if 1 <= number <= len(found) else None
    if remark is None or not remark.edits or not remark.pictures:
        expected = "the number of a remark with an edit in square brackets"
        way_out = "`lora-tui captions remarks` lists them"
        what = f"no remark {number}" if remark is None else f"remark {number} has no edit"
        raise SettingsError("--fix", found=what, expected=expected, way_out=way_out)
    click.echo(printable(remark.text), err=True)
    return plan_edit(remark.edits, data.files(frozenset(remark.pictures)))


def _arranged(where: "CaptionPlace", name: str, trigger: str | None, tags_file: Path | None) -> "CaptionEditPlan":
    """Plan what a convention makes of the captions."""
    from lora_tui.actions.captioned_data import captioned_data
    from lora_tui.commands.progress_line import ProgressLine
    from trainer.captions.conventions import ConventionEdit, keep_tokens_advice, plan_convention

    found = _named(where, name)
    data = captioned_data(where)
    own = data.subject.trigger if trigger is None else trigger
    edit = ConventionEdit(found, own, _kinds(tags_file))
    with ProgressLine() as line:
        planned = plan_convention(
            edit,
            data.files(frozenset(picture.path for picture in data.pictures if picture.path is not None)),
            show=lambda done, total: line(f"reading {done:,} of {plural(total, 'caption')}"),
        )
    notes = [found.note]
    if planned.of_sentences and found.style == "tags":
        notes.append(f"{plural(planned.of_sentences, 'caption')} of sentences: only the trigger is moved in such a one")
    if where.settings is not None:
        notes.append(keep_tokens_advice(where.settings, own))
    return replace(planned.plan, remarks=(*filter(None, notes), *planned.plan.remarks))


def _named(where: "CaptionPlace", name: str) -> "CaptionConvention":
    from lora_tui.actions.captioned_data import conventions_for

    known = {each.key: each for _, some in reversed(conventions_for(where)) for each in reversed(some)}
    if name not in known:
        raise SettingsError(
            "the convention",
            found=printable(name, 60),
            expected=f"one of {', '.join(sorted(known))}" if known else "a base whose conventions are known",
            way_out="`lora-tui captions convention` lists them",
        )
    return known[name]


def _kinds(tags_file: Path | None) -> "dict[str, TagKind]":
    """Return which tags are characters, series and artists, as a tagger's file has it."""
    if tags_file is None:
        return {}
    from trainer.tagger.selected_tags import kinds_of, read_tags

    return kinds_of(read_tags(tags_file))
