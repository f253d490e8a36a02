"""Tags from a tagger that the user has on disk: `captions tag`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lora_tui.commands.caption_edits import FOLDER, JSON, ONLY, PLACE, YES, carry_out
from lora_tui.commands.exits import exits, print_json, print_note
from lora_tui.commands.options import PATH
from trainer.errors import ExitCode, SettingsError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_tui.actions.captioned_data import CaptionedData
    from lora_tui.actions.captions import CaptionPlace
    from trainer.captions.record import CaptionEditPlan
    from trainer.tagger.record import Channels, PictureTags, TaggedRun, Tagger, TagOptions
    from trainer.workspace import Workspace

_THRESHOLD = click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="[CATEGORY=]P",
    help="Probability from which a tag counts (default: general 0.35, character 0.85); repeatable.",
)
_GAP = click.option(
    "--mcut",
    "gaps",
    multiple=True,
    metavar="CATEGORY",
    help="Let the largest gap between probabilities decide in a category, picture by picture; repeatable.",
)
_TAGS = click.option(
    "--tags", "tags_file", type=PATH, metavar="FILE", help="The CSV file, if it is not beside the model."
)
_CHANNELS = click.option(
    "--channels",
    type=click.Choice(["BGR", "RGB"]),
    help="Order of the colours, where it is not what the model's files say.",
)
_BATCH = click.option("--batch", type=int, default=8, metavar="N", help="Pictures at once (default: 8).")


@click.command()
@click.argument("model", type=PATH, metavar="MODEL")
@_TAGS
@_THRESHOLD
@_GAP
@click.option(
    "--category",
    "categories",
    multiple=True,
    metavar="NAME",
    help="Categories that are written, in this order (default: character, series, general); repeatable.",
)
@click.option("--unwanted", multiple=True, metavar="TAG", help="A tag that is never written; repeatable.")
@click.option("--underscores", is_flag=True, help="Keep underscores (default: blanks; faces such as >_< keep theirs).")
@click.option(
    "--mode",
    type=click.Choice(["missing", "add", "replace"]),
    default="missing",
    help="Write captions where they are missing (default), add what is missing to all, or replace all.",
)
@click.option("--front", metavar="TEXT", help="What stands in front of new captions (default: the trigger).")
@_CHANNELS
@_BATCH
@ONLY
@FOLDER
@PLACE
@click.option("--dry-run", is_flag=True, help="Print what the tagger sees and what would change, and write nothing.")
@click.option("--all", "all_of_them", is_flag=True, help="Print all tags on which captions and tagger disagree.")
@YES
@JSON
@exits
def tag(model: Path, **options: Any) -> ExitCode:
    """Tag pictures with a tagger of the WD kind: a folder with model.onnx and selected_tags.csv, or an ONNX file.

    What it sees is shown beside the tags that captions have. It runs on the CPU in a process of its own, and what it says is
    kept, so that another threshold costs nothing. Written captions are a step of the history, which can be undone.
    """
    from lora_tui.wording.caption_looks import MOST, tagged_json, tagged_lines, tagger_lines
    from trainer.tagger.proposals import disagreements

    tagger, asked = tagger_options(model, options)
    dry_run, as_json = options["dry_run"], options["as_json"]

    def plan(where: "CaptionPlace") -> "CaptionEditPlan":
        data, run, pictures = _looked_at(where, tagger, asked, options)
        if as_json:
            if dry_run:
                print_json(tagged_json(tagger, run, pictures))
        else:
            found = disagreements(pictures)
            most = len(found) if options["all_of_them"] else MOST
            for line in (*tagger_lines(tagger), *tagged_lines(run, pictures, found, most)):
                click.echo(line, err=not dry_run)
        return _plan(data, pictures, tagger, options)

    if dry_run and as_json:
        from lora_tui.actions.captions import caption_place

        plan(caption_place(options["folder"]))
        return ExitCode.DONE
    return carry_out(plan, folder=options["folder"], dry_run=dry_run, yes=options["yes"], as_json=as_json)


def tagger_options(model: Path, options: dict[str, Any]) -> "tuple[Tagger, TagOptions]":
    """Return a tagger and what becomes of its answers, as options of a command say.

    Raises:
        ModelError, SettingsError: the files do not fit, or an option is wrong.
    """
    from trainer.tagger.files import find_tagger
    from trainer.tagger.record import TagOptions, category_name
    from trainer.tagger.typed import typed_thresholds

    channels: Channels | None = options.get("channels")
    tagger = find_tagger(model, options.get("tags_file"), channels=channels)
    known = tuple(category_name(number) for number in tagger.categories)
    thresholds = typed_thresholds(options.get("thresholds", ()), options.get("gaps", ()), known)
    categories = tuple(options.get("categories") or TagOptions().categories)
    for name in categories if options.get("categories") else ():
        if name not in known:
            raise SettingsError("--category", found=printable(name, 40), expected=f"one of {', '.join(known)}")
    unwanted = tuple(options.get("unwanted", ()))
    return tagger, TagOptions(thresholds, categories, unwanted, spaces=not options.get("underscores", False))


def _looked_at(
    where: "CaptionPlace", tagger: "Tagger", asked: "TagOptions", options: dict[str, Any]
) -> "tuple[CaptionedData, TaggedRun, tuple[PictureTags, ...]]":
    """Run the tagger over the chosen pictures."""
    from lora_tui.actions.captioned_data import captioned_data
    from lora_tui.actions.captions import chosen_files
    from trainer.tagger.proposals import compare_tags

    data = captioned_data(where)
    chosen = data.pictures
    if options["only"] or options["of_folder"]:
        files = {file.picture for file in chosen_files(where, only=options["only"], folder=options["of_folder"])}
        chosen = tuple(picture for picture in data.pictures if picture.path in files)
    if options["mode"] == "missing" and not options["dry_run"]:
        chosen = tuple(picture for picture in chosen if not picture.captioned)
    run = run_shown(tagger, [each.path for each in chosen if each.path is not None], where.workspace, options["batch"])
    return data, run, compare_tags(chosen, run, tagger, asked)


def run_shown(tagger: "Tagger", pictures: "Sequence[Path]", workspace: "Workspace", batch: int) -> "TaggedRun":
    """Run a tagger over pictures with a line of progress; what could not be looked at is named.

    Args:
        tagger: from find_tagger.
        pictures: their files.
        workspace: whose cache keeps the answers; the user's own where it is not there yet.
        batch: pictures at once.

    Raises:
        ModelError, SettingsError: it cannot run.
    """
    from lora_tui.commands.progress_line import ProgressLine
    from trainer.tagger.run import run_tagger
    from trainer.tagger.score_cache import ScoreCache, score_cache_of

    with ProgressLine() as line, ScoreCache(score_cache_of(workspace)) as cache:
        run = run_tagger(
            tagger,
            pictures,
            cache,
            show=lambda done, total: line(f"{tagger.name}: {done:,} of {plural(total, 'picture')}"),
            batch=batch,
        )
    for file, reason in list(run.faults.items())[:20]:
        print_note(f"{printable(file.name, 60)}: {printable(reason, 80)}", err=True)
    return run


def _plan(
    data: "CaptionedData", pictures: "Sequence[PictureTags]", tagger: "Tagger", options: dict[str, Any]
) -> "CaptionEditPlan":
    from trainer.data_index.subject_tags import parted
    from trainer.tagger.plan import plan_captions

    front = data.subject.trigger if options["front"] is None else options["front"]
    files = data.files(frozenset(picture.picture for picture in pictures))
    return plan_captions(pictures, files, mode=options["mode"], tagger=tagger.name, front=parted(front))
