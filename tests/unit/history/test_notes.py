import threading
import time
from pathlib import Path

import pytest

from trainer.errors import SettingsError, WorkspaceError
from trainer.history.history import BakeHistory
from trainer.history.notes import MAX_NOTE, keep_best, keep_note
from trainer.journal.bake_folder import read_bake_json
from trainer.journal.journal import Journal
from trainer.journal.measure_records import BakeNote
from trainer.recovery.bakes import recover_bakes
from trainer.workspace import Workspace


def test_a_note_survives_the_loss_of_the_journal(add, journal: Journal, workspace: Workspace, tmp_path: Path) -> None:
    number = add(epochs=2, files=True)
    keep_note(journal, workspace, number, text="# ears\nare gone", tags=["te", "keep"])
    keep_best(journal, workspace, number, 80)
    recover_bakes(workspace, tmp_path / "new.sqlite")
    with Journal(tmp_path / "new.sqlite") as rebuilt:
        note = rebuilt.notes.of(number)
    assert (note.text, tuple(note.tags), note.best_step) == ("# ears\nare gone", ("te", "keep"), 80)


def test_tags_are_given_and_taken_in_the_order_they_came(add, journal: Journal, workspace: Workspace) -> None:
    number = add()
    keep_note(journal, workspace, number, add=["te", "#keep"])
    assert tuple(keep_note(journal, workspace, number, add=["te", "coat"], remove=["keep"]).tags) == ("te", "coat")


def test_a_bake_without_a_folder_gets_none_for_its_note(add, journal: Journal, workspace: Workspace) -> None:
    number = add()
    keep_note(journal, workspace, number, text="x")
    assert journal.notes.of(number).text == "x"
    assert not (workspace.root / "bakes").exists()


@pytest.mark.parametrize("tag", ["two words", "a,b", "", "x" * 41, "-x", "a\x1bb", 'q"', ":x"])
def test_what_no_filter_could_name_is_no_tag(tag: str, add, journal: Journal, workspace: Workspace) -> None:
    number = add()
    with pytest.raises(SettingsError, match="expected one word of up to 40 characters"):
        keep_note(journal, workspace, number, add=[tag])
    assert not journal.notes.of(number).tags


def test_a_note_that_is_too_long_leaves_the_former_one(add, journal: Journal, workspace: Workspace) -> None:
    number = add()
    keep_note(journal, workspace, number, text="good")
    with pytest.raises(SettingsError, match="100,001 characters"):
        keep_note(journal, workspace, number, text="x" * (MAX_NOTE + 1))
    assert journal.notes.of(number).text == "good"


def test_a_note_in_another_encoding_is_refused_by_name(add, journal: Journal, workspace: Workspace) -> None:
    number = add()
    with pytest.raises(SettingsError, match=r"note on bake 1: .*expected a text in UTF-8"):
        keep_note(journal, workspace, number, text="caf\udce9")
    assert journal.notes.of(number).text == ""


def test_a_journal_asked_to_keep_half_a_character_says_so(add, journal: Journal) -> None:
    number = add()
    with pytest.raises(WorkspaceError, match="expected a text in UTF-8"):
        journal.log.write("\ud83d", bake=number)


def test_a_tag_that_should_not_be_there_can_be_taken_and_stands_in_nobodys_way(
    add, journal: Journal, workspace: Workspace
) -> None:
    number = add()
    journal.notes.keep(BakeNote(bake=number, tags={"two words": True, "te": True}))
    assert keep_note(journal, workspace, number, text="new", add=["hair"]).text == "new"
    assert list(keep_note(journal, workspace, number, remove=["two words"]).tags) == ["te", "hair"]


def test_two_programs_that_write_at_once_lose_nothing_of_each_other(
    add, journal: Journal, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = add()
    of, started = journal.notes.of, threading.Event()

    def other() -> None:
        with Journal(workspace.journal_path) as theirs:
            started.set()
            keep_note(theirs, workspace, number, add=["te"])

    their_thread = threading.Thread(target=other)

    def slow(bake: int) -> BakeNote:
        found = of(bake)
        their_thread.start()
        started.wait()
        their_thread.join(0.2)
        return found

    monkeypatch.setattr(journal.notes, "of", slow)
    keep_note(journal, workspace, number, text="ours")
    their_thread.join()
    monkeypatch.undo()
    assert (journal.notes.of(number).text, journal.notes.of(number).tags) == ("ours", {"te": True})


def test_a_note_is_seen_whatever_the_clock_said_before(
    add, journal: Journal, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = add(), add()
    monkeypatch.setattr(time, "time", lambda: 5e9)
    keep_note(journal, workspace, first, text="from the future")
    history = BakeHistory(journal)
    history.refresh()
    monkeypatch.undo()
    keep_note(journal, workspace, second, text="from now")
    assert history.refresh()
    assert history.entries[second].note == "from now"


def test_the_best_epoch_is_one_that_was_saved(add, journal: Journal, workspace: Workspace) -> None:
    number = add(epochs=2, files=True)
    with pytest.raises(WorkspaceError, match="no LoRA of step 41; expected one of 40, 80"):
        keep_best(journal, workspace, number, 41)
    keep_best(journal, workspace, number, 40)
    record = read_bake_json(workspace.root / "bakes/0001-hifumi")
    assert record is not None and record.note is not None and record.note.best_step == 40
    assert keep_best(journal, workspace, number, None).best_step is None


def test_a_bake_that_is_not_there_is_named(journal: Journal, workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="no bake 7"):
        keep_note(journal, workspace, 7, text="x")
