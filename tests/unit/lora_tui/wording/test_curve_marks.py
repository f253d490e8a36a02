"""Marks under curves: every kind has a letter, and what happened is told in words, whatever a file calls itself."""

from bake_rows import bake_row

from lora_tui.wording.curve_marks import MARK_KINDS, OF_JOURNAL, marks_of
from trainer.journal.records import BakeState, Checkpoint, Mark, MarkKind


def saved(step: int, file: str = "x-000001.safetensors") -> Checkpoint:
    return Checkpoint(1, step, file, 9, None, None, None, None, 1.0)


def test_every_kind_of_the_journal_has_a_letter_of_its_own() -> None:
    assert set(OF_JOURNAL) == set(MarkKind)
    letters = [kind.letter for kind in MARK_KINDS]
    assert len(set(letters)) == len(letters)
    assert all(letter.isascii() and letter.isupper() for letter in letters)


def test_everything_that_happened_stands_at_its_step_in_words() -> None:
    marks = [
        Mark(30, 1.0, MarkKind.SET, "unet_lr=1e-4"),
        Mark(20, 1.0, MarkKind.RESUME, "resumed from step 20"),
        Mark(40, 1.0, MarkKind.ORDER, "pause"),
    ]
    bake = bake_row(state=BakeState.STOPPED)
    found = marks_of(bake, marks, [saved(40)], {40: 3}, 55)
    assert [(mark.step, mark.kind.letter, mark.text) for mark in found] == [
        (20, "R", "resumed from step 20"),
        (30, "C", "changed: unet_lr=1e-4"),
        (40, "O", "order: pause"),
        (40, "S", "saved x-000001"),
        (40, "P", "3 sample pictures"),
        (55, "E", "stopped"),
    ]


def test_a_failure_says_why_and_a_bake_that_runs_has_no_end() -> None:
    failed = marks_of(bake_row(state=BakeState.FAILED, error="out of\x1b[31m memory"), [], [], {}, 7)
    assert failed[0].text.startswith("failed: out of")
    assert "\x1b" not in failed[0].text
    assert marks_of(bake_row(state=BakeState.BAKING), [], [], {}, 7) == ()
    assert marks_of(bake_row(state=BakeState.QUEUED), [], [], {}, 0) == ()


def test_texts_from_files_are_data() -> None:
    (mark,) = marks_of(bake_row(), [], [saved(1, "a\x1b]0;title\x07[red]b.safetensors")], {}, 1)
    assert "\x1b" not in mark.text and "\x07" not in mark.text
