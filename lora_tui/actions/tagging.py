"""A tagger run over pictures of the Dataset screen: what is typed for it, the one run at a time, and the captions that come of it."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.actions.long_job import JobDone, JobFailed, LongJob
from lora_tui.wording.unexpected import as_error
from trainer.errors import SettingsError
from trainer.long_work import WorkProgress, WorkStopped
from trainer.refusals import user_path
from trainer.text import plural, printable
from trainer.workspace import read_note, write_note

if TYPE_CHECKING:
    from lora_tui.actions.dataset import CaptionWork
    from trainer.captions.record import CaptionEditPlan
    from trainer.tagger.plan import TagMode
    from trainer.tagger.record import TaggedRun, Tagger, TagOptions

_NOTE = "tagger"
# What a note has room for.
_MOST_KEPT = 4000
_MODES: "tuple[TagMode, ...]" = ("missing", "add", "replace")
# Tags on which captions and tagger disagree, shown above what would change.
_DISAGREEMENTS = 6


@dataclass(frozen=True)
class TaggerTyped:
    """What somebody types for a tagger, as it stands in the lines; kept for the next time.

    Attributes:
        model: its folder, or its ONNX file.
        tags_file: the CSV file; blank for the one beside the model.
        thresholds: as thresholds_in.
        categories: those that are written, in this order, with commas between; blank for the tagger's usual ones.
        unwanted: tags that are never written, with commas between.
        mode: a TagMode.
    """

    model: str = ""
    tags_file: str = ""
    thresholds: str = "general=0.35, character=0.85"
    categories: str = ""
    unwanted: str = ""
    mode: str = "missing"

    def read(self) -> "TaggerAsked":
        """Return the tagger that is meant, and what becomes of its answers.

        Raises:
            SettingsError: onnxruntime is not installed, or a line is wrong.
            ModelError: the tagger's files cannot be used.
        """
        from trainer.captions.operations import typed_tags
        from trainer.tagger.files import find_tagger
        from trainer.tagger.record import TagOptions, category_name
        from trainer.tagger.run import check_installed
        from trainer.tagger.typed import thresholds_in

        check_installed()
        mode = next((each for each in _MODES if each == self.mode.strip()), None)
        if mode is None:
            raise _wrong("write", self.mode, f"one of {', '.join(_MODES)}")
        if not self.model.strip():
            raise _wrong("tagger", "", "a folder with model.onnx and selected_tags.csv, or an ONNX file")
        tagger = find_tagger(_path(self.model), _path(self.tags_file) if self.tags_file.strip() else None)
        known = tuple(category_name(number) for number in tagger.categories)
        thresholds = thresholds_in(self.thresholds, known, "thresholds")
        categories = tuple(filter(None, (name.strip() for name in self.categories.split(","))))
        for name in categories:
            if name not in known:
                raise _wrong("categories", name, f"one of {', '.join(known)}")
        unwanted = typed_tags(self.unwanted, "never") if self.unwanted.strip() else ()
        options = TagOptions(thresholds, categories or TagOptions().categories, unwanted)
        return TaggerAsked(tagger, options, mode)


@dataclass(frozen=True)
class TaggerAsked:
    """A tagger to be run: its files, what counts of its answers, and which captions are written."""

    tagger: "Tagger"
    options: "TagOptions"
    mode: "TagMode"


@dataclass(frozen=True)
class TaggedPictures:
    """What a tagger said of pictures.

    Attributes:
        asked: the tagger.
        ids: the pictures that were chosen, of the index.
        about: which these are, in words.
        run: what it said.
    """

    asked: TaggerAsked
    ids: Sequence[int]
    about: str
    run: "TaggedRun"


class TaggerRun:
    """One run of a tagger, in a thread that the program does not wait for.

    Args:
        work: finds the pictures.
        asked, ids, about: as in TaggedPictures.

    Attributes:
        job: what is shown of it.
        answer: a JobDone with TaggedPictures, a JobFailed or a WorkEnded; None while it goes on.
        is_watched: whether the user waits for it in a dialog.
    """

    def __init__(self, work: "CaptionWork", asked: TaggerAsked, ids: Sequence[int], about: str) -> None:
        self._work, self._asked, self._ids, self._about = work, asked, ids, about
        self.job = LongJob(
            f"{printable(asked.tagger.name, 40)} looks at {about}",
            self._look,
            lambda error: JobFailed(as_error("the tagger", error)),
        )
        self.answer: Message | None = None
        self.is_watched = True

    def start(self, ended: Callable[[], object]) -> None:
        """Begin; `ended` is called in the run's own thread."""

        def run() -> None:
            self.answer = self.job.answer()
            self.job.ended.set()
            ended()

        # The end of the program does not wait for it: what was looked at is kept.
        threading.Thread(target=run, name="tagger", daemon=True).start()

    def _look(self) -> Message:
        from trainer.tagger.run import run_tagger
        from trainer.tagger.score_cache import ScoreCache, score_cache_of

        tagger, job = self._asked.tagger, self.job
        pictures = self._work.pictures(self._ids)
        if self._asked.mode == "missing":
            pictures = [picture for picture in pictures if picture.caption_file is None]
            if not pictures:
                raise SettingsError(
                    "the tagger",
                    found="every picture has a caption",
                    way_out="write `add` or `replace` to tag them too",
                )

        def show(done: int, total: int) -> None:
            job.progress = WorkProgress("looked at", done, total, "pictures")

        with ScoreCache(score_cache_of(self._work.workspace)) as cache:
            run = run_tagger(
                tagger, [picture.path for picture in pictures], cache, show=show, stop=lambda: job.is_stopping
            )
        if run.stopped:
            raise WorkStopped(job.words)
        return JobDone(TaggedPictures(self._asked, self._ids, self._about, run))


class TaggerDesk:
    """The tagger of this program: one run at a time, which goes on while other screens are shown."""

    def __init__(self) -> None:
        self.run: TaggerRun | None = None
        """The one that goes on, or whose answer nobody has seen yet."""
        self.take_end: Callable[[TaggerRun], object] = lambda run: None
        """Takes a run that has ended, in the app's thread; of the Dataset screen that was opened last."""

    @property
    def line(self) -> str:
        """How far it is, in words; "" where there is nothing to say, or a dialog says it."""
        run = self.run
        if run is None or run.is_watched:
            return ""
        if run.answer is not None:
            return "the tagger is done"
        now = run.job.progress
        return f"{run.job.words}: {now.done:,} of {now.total:,}" if now.total else f"{run.job.words} …"

    def begin(self, run: TaggerRun, ended: Callable[[], object]) -> None:
        """Start a run.

        Raises:
            SettingsError: one goes on already.
        """
        if self.run is not None and self.run.answer is None:
            raise SettingsError("the tagger", found="it is running already", way_out="wait for it, or cancel it")
        self.run = run
        run.start(ended)


def plan_of_tagged(work: "CaptionWork", tagged: TaggedPictures) -> "tuple[CaptionEditPlan, tuple[str, ...]]":
    """Return what it would change to write a tagger's tags, and what it says beside the tags that captions have, a line each.

    The captions are taken as they are now, whatever was edited while it ran.

    Raises:
        SettingsError, DatasetError: the subject or the pictures cannot be read.
    """
    from lora_tui.wording.caption_looks import tagged_lines
    from trainer.data_index.subject_tags import parted
    from trainer.data_index.tagged import tagged_indexed
    from trainer.tagger.plan import plan_captions
    from trainer.tagger.proposals import compare_tags, disagreements

    asked, run = tagged.asked, tagged.run
    pictures = work.pictures(tagged.ids)
    said = compare_tags(tagged_indexed(pictures, every=True), run, asked.tagger, asked.options)
    looked_at = {each.picture for each in said}
    files = work.files([picture for picture in pictures if picture.path in looked_at])
    trigger = work.trigger()
    plan = plan_captions(said, files, mode=asked.mode, tagger=asked.tagger.name, front=parted(trigger))
    found = disagreements(said) if asked.mode != "missing" else ()
    lines = [*tagged_lines(run, said, found[:_DISAGREEMENTS], _DISAGREEMENTS)]
    if len(found) > _DISAGREEMENTS:
        lines.append(f"and {plural(len(found) - _DISAGREEMENTS, 'more tag')}")
    return work.with_bakes(plan), tuple(lines)


def kept_tagger() -> tuple[TaggerTyped, str]:
    """Return what was typed last, and why no tagger can be run here, "" where one can."""
    from trainer.tagger.run import check_installed

    trouble = ""
    try:
        check_installed()
    except SettingsError as error:
        trouble = error.line()
    try:
        found = json.loads(read_note(_NOTE) or "{}")
        texts = {field.name: found[field.name] for field in fields(TaggerTyped) if field.name in found}
        if not all(isinstance(text, str) and text == printable(text) for text in texts.values()):
            return TaggerTyped(), trouble
        return TaggerTyped(**texts), trouble
    except (ValueError, TypeError, RecursionError):
        return TaggerTyped(), trouble


def keep_tagger(typed: TaggerTyped) -> None:
    """Note what was typed, for the next time and for every workspace; a list of tags that is too long for a note is not in it."""
    text = json.dumps(asdict(typed))
    write_note(_NOTE, text if len(text) < _MOST_KEPT else json.dumps(asdict(replace(typed, unwanted=""))))


def _path(text: str) -> Path:
    return user_path(text.strip())


def _wrong(line: str, found: str, expected: str) -> SettingsError:
    return SettingsError(line, found=printable(found, 40) or "blank", expected=expected)
