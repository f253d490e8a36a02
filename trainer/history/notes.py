"""What the user writes about bakes: notes, tags and the best epoch, kept in the journal and in the bake's own folder."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from trainer.errors import SettingsError, WorkspaceError
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.journal import Journal
from trainer.journal.measure_records import BakeNote
from trainer.text import plural, printable
from trainer.workspace import Workspace

MAX_NOTE = 100_000
"""Characters of a note."""

MAX_TAG = 40
_MAX_TAGS = 50
# What a filter could not name: spaces, quotes, and a sign in front that would turn it around.
_TAG = re.compile(r"[^\s\",:<>=!#-][^\s\",]*")


def keep_note(
    journal: Journal,
    workspace: Workspace,
    number: int,
    *,
    text: str | None = None,
    tags: Sequence[str] | None = None,
    add: Collection[str] = (),
    remove: Collection[str] = (),
) -> BakeNote:
    """Change what the user wrote about a bake, and return it.

    It is in the journal when this returns, and in `bake.json` of the bake's folder, if it has one, from which a lost journal is rebuilt.

    Args:
        journal, workspace: where it is.
        number: the bake's.
        text: the note in markdown; None leaves it as it is, "" removes it.
        tags: all its tags in their order; None leaves them.
        add, remove: tags to be given and taken.

    Raises:
        SettingsError: the text is too long, a tag is none.
        WorkspaceError: there is no such bake, or it cannot be written.
    """
    bake = journal.bakes.read_bake(number)

    def changed(note: BakeNote) -> BakeNote:
        # A tag that is there, from a file that somebody edited, stands in nobody's way.
        there = [tag for tag, given in note.tags.items() if given]
        given = there if tags is None else [_checked(tag) for tag in tags]
        wanted = dict.fromkeys((*given, *(_checked(tag) for tag in add)))
        taken = {tag if tag in there else _checked(tag) for tag in remove}
        note = replace(note, tags={tag: True for tag in wanted if tag not in taken})
        if len(note.tags) > _MAX_TAGS:
            raise SettingsError(
                f"tags of bake {number}", found=plural(len(note.tags), "tag"), expected=f"at most {_MAX_TAGS}"
            )
        return note if text is None else replace(note, text=_checked_text(number, text))

    return _keep(journal, workspace, number, changed, bake.folder)


def tags_in(line: str) -> tuple[str, ...]:
    """Return the tags that a line names, each once: words with blanks or commas between them, with or without a `#`.

    Raises:
        SettingsError: a word is no tag, or there are too many.
    """
    tags = tuple(dict.fromkeys(_checked(word) for word in line.replace(",", " ").split()))
    if len(tags) > _MAX_TAGS:
        raise SettingsError("tags", found=plural(len(tags), "tag"), expected=f"at most {_MAX_TAGS}")
    return tags


def keep_best(journal: Journal, workspace: Workspace, number: int, step: int | None) -> BakeNote:
    """Name the best epoch of a bake by its step, or with None leave it to the verdicts on grids; return what is kept.

    Raises:
        WorkspaceError: there is no such bake, or it saved no LoRA after that step.
    """
    bake = journal.bakes.read_bake(number)
    steps = sorted({saved.step for saved in journal.results.checkpoints(number)})
    if step is not None and step not in steps:
        raise WorkspaceError(
            f"bake {number}",
            found=f"no LoRA of step {step:,}",
            expected=f"one of {', '.join(map(str, steps))}" if steps else "a bake that saved a LoRA",
        )
    return _keep(journal, workspace, number, lambda note: replace(note, best_step=step), bake.folder)


def _keep(
    journal: Journal, workspace: Workspace, number: int, change: Callable[[BakeNote], BakeNote], folder: str
) -> BakeNote:
    note = journal.notes.change(number, change)
    where = workspace.root / folder
    if where.is_dir():
        write_bake_json(journal, number, where)
    return note


def _checked_text(number: int, text: str) -> str:
    if len(text) > MAX_NOTE:
        raise SettingsError(
            f"note on bake {number}", found=f"{len(text):,} characters", expected=f"at most {MAX_NOTE:,}"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        wrong = text[error.start : error.end]
        raise SettingsError(f"note on bake {number}", found=printable(wrong, 60), expected="a text in UTF-8") from None
    return text


def _checked(tag: str) -> str:
    plain = tag.strip().removeprefix("#")
    if not plain or len(plain) > MAX_TAG or not plain.isprintable() or not _TAG.fullmatch(plain):
        raise SettingsError(
            "tag",
            found=printable(tag, 60) or "nothing",
            expected=f"one word of up to {MAX_TAG} characters, such as te or keep",
        )
    return plain
