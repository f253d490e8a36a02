"""Captions as a convention has them: what it would change of a line, and how far captions keep to it already."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.captions.operations import TAG_OPERATIONS, LineEditor, is_face
from trainer.captions.plan import Progress, plan_texts
from trainer.captions.record import CaptionEditPlan, CaptionFile, TagEdit
from trainer.captions.tags import TaggedLine, is_sentence, lines_of, mapped_tag, names_of, reads_as_sentences
from trainer.dataset.caption_file import read_caption_file
from trainer.dataset.records import CaptionRules
from trainer.dataset.trigger import compared
from trainer.errors import DatasetError
from trainer.families.conventions import CaptionConvention, TagKind
from trainer.settings.model import Settings
from trainer.text import plural

_GENERAL: TagKind = "general"


@dataclass(frozen=True)
class ConventionEdit:
    """Captions put into the order and the spelling of a convention.

    Underscores become blanks where the convention does not keep them, brackets lose their backslashes, repeated tags go, and tags
    move: the trigger to the front, the others by their kinds, those of one kind in the order they have. Nothing is added, and
    sentences stay as they are.

    Attributes:
        convention: whose.
        trigger: the subject's; its tags stand in front. "" where there is none.
        kinds: tag as it is compared -> its kind, where somebody knows more than the letters say: a tagger's file does.
    """

    convention: CaptionConvention
    trigger: str = ""
    kinds: Mapping[str, TagKind] | None = None

    @property
    def words(self) -> str:
        """What it does, as the history shows it."""
        return f"captions by the convention {self.convention.key}"

    def editor(self) -> LineEditor:
        """Return what it makes of a line."""
        first = {compared(tag): place for place, tag in enumerate(self.trigger.split(",")) if compared(tag)}
        tidy = [TAG_OPERATIONS[each].editor(TagEdit(each), {}) for each in ("unescape", "dedupe")]

        def edited(line: str, rules: CaptionRules) -> str:
            if self.convention.style == "sentences" or reads_as_sentences(line):
                return _arranged(line, rules, lambda tag: first.get(compared(tag), len(first)))
            parts = TaggedLine.of(line, rules)
            spelled = str(
                replace(
                    parts,
                    sections=tuple(
                        tuple(
                            piece
                            if is_sentence(piece.tag)
                            else replace(piece, tag=mapped_tag(piece.tag, self._spelled, parts.held))
                            for piece in section
                        )
                        for section in parts.sections
                    ),
                )
            )
            for each in tidy:
                spelled = each(spelled, rules)
            return _arranged(spelled, rules, lambda tag: self._place(tag, first))

        return edited

    def _spelled(self, name: str) -> str:
        if self.convention.keeps_underscores(name):
            return "_".join(name.split())
        return name if is_face(name) else " ".join(name.replace("_", " ").split()) or name

    def _place(self, tag: str, first: Mapping[str, int]) -> int:
        """Return where a tag stands: the trigger's in their order, then by kind."""
        plain = compared(tag)
        if plain in first:
            return first[plain]
        kind = self.convention.kind_of(plain) or (self.kinds or {}).get(plain, _GENERAL)
        order = self.convention.order
        return len(first) + (order.index(kind) if kind in order else order.index(_GENERAL) if _GENERAL in order else 0)


@dataclass(frozen=True)
class ConventionPlan:
    """What a convention would change of captions.

    Attributes:
        plan: the change.
        captions: that were looked at.
        of_sentences: of them, that are sentences rather than tags.
    """

    plan: CaptionEditPlan
    captions: int
    of_sentences: int


def plan_convention(
    edit: ConventionEdit,
    files: Sequence[CaptionFile],
    *,
    show: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> ConventionPlan:
    """Return what a convention would change of captions; nothing is written yet.

    Args:
        edit: the convention.
        files: the captions; those that are not there yet are left out.
        show: takes how many are done, and of how many.
        stop: asked at each; once it is true nothing more is looked at, and the plan changes nothing.
    """
    editor = edit.editor()
    there = [file for file in files if file.exists]
    texts: dict[Path, str] = {}
    sentences = 0
    for number, file in enumerate(there, start=1):
        if stop():
            return ConventionPlan(plan_texts({}, files, words=edit.words), number - 1, sentences)
        try:
            lines = list(_lines(file))
        except DatasetError:
            # The plan of the texts says why it cannot be read.
            texts[file.path] = ""
            continue
        sentences += any(map(reads_as_sentences, lines))
        texts[file.path] = "\n".join(editor(line, file.rules) for line in lines)
        show(number, len(there))
    return ConventionPlan(plan_texts(texts, files, words=edit.words), len(there), sentences)


def _lines(file: CaptionFile) -> Iterator[str]:
    """Yield the lines of a caption file that are read."""
    lines = [line for line, _ in lines_of(read_caption_file(file.path).text)]
    yield from [line for line in lines if line.strip()] if file.rules.wildcards else lines[:1]


def keep_tokens_advice(settings: Settings, trigger: str) -> str:
    """Return what settings should say so that the trigger stays in front while tags are shuffled, "" where they do or nothing moves it.

    Args:
        settings: as they will run.
        trigger: the subject's.
    """
    tags = sum(1 for tag in trigger.split(",") if tag.strip())
    if not tags or not settings.shuffle_caption or settings.keep_tokens_separator or settings.keep_tokens >= tags:
        return ""
    return (
        f"shuffle_caption moves the trigger too: keep_tokens = {tags} keeps {plural(tags, 'tag')} in front"
        f" (it is {settings.keep_tokens})"
    )


def _arranged(line: str, rules: CaptionRules, place: Callable[[str], int]) -> str:
    """Return a line with the tags that may move sorted by place; those of one place stay in their order."""
    parts = TaggedLine.of(line, rules)
    section = parts.sections[parts.loose]
    tags = [piece.tag for piece in section if piece.tag]
    ordered = sorted(tags, key=lambda tag: place(next(names_of(tag), tag)))
    if ordered == tags:
        return line
    given = iter(ordered)
    return str(parts.arranged(parts.loose, [next(given) if piece.tag else "" for piece in section]))
