import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lora_on_disk import write_lora
from made_history import make_history

from trainer.history import facts
from trainer.history.facts import make_missing
from trainer.history.history import NOT_READ, BakeHistory
from trainer.history.notes import keep_best, keep_note
from trainer.history.one_bake import one_bake
from trainer.history.records import lineage_words
from trainer.history.tree import tree_lines
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.ladder_records import LadderBakeRow
from trainer.journal.records import BakeState, Checkpoint
from trainer.settings.model import Settings
from trainer.settings.toml_file import parse_settings, settings_toml
from trainer.workspace import Workspace


def test_an_entry_says_only_what_changed_from_its_parent(add, read) -> None:
    first = add(unet_lr=1e-4, network_dim=16)
    second = add(unet_lr=3e-4, network_dim=16)
    third = add(parent=first, unet_lr=1e-4, network_dim=32)
    history = read()
    assert history.entries[first].changes == ()
    assert (history.entries[second].compared_with, history.entries[second].changes_line) == (first, "unet_lr ×3")
    assert (history.entries[third].compared_with, history.entries[third].changes_line) == (first, "network_dim 16 → 32")


def test_a_bake_without_parent_is_compared_with_the_one_before_it_of_its_subject(add, read) -> None:
    first = add(subject="hifumi", seed=1)
    add(subject="lantern", seed=2)
    last = add(subject="hifumi", seed=3)
    entry = read().entries[last]
    assert (entry.compared_with, entry.changes_line, lineage_words(entry)) == (first, "seed 1 → 3", "")


def test_a_bake_says_in_words_what_it_was_made_from(add, read) -> None:
    first = add(unet_lr=1e-4)
    add(parent=first, unet_lr=3e-4)
    add(parent=first, unet_lr=1e-4)
    add(parent=first, starts_from="bakes/x.safetensors", unet_lr=5e-5)
    history = read()
    assert [lineage_words(history.entries[number]) for number in (2, 3, 4)] == [
        "re-bake of 1 with unet_lr ×3",
        "re-bake of 1 with the same settings",
        "fork of 1 with unet_lr ×0.5",
    ]


def test_a_twin_says_what_was_drawn_anew_instead_of_its_seeds(add, read) -> None:
    first = add(unet_lr=1e-4)
    add(parent=first, unet_lr=1e-4, order_seed=138340)
    add(parent=first, unet_lr=1e-4, init_seed=7, order_seed=8, noise_seed=9)
    add(parent=first, unet_lr=3e-4, noise_seed=9)
    entries = read().entries
    assert lineage_words(entries[2]) == "re-bake of 1 with other order"
    assert entries[3].changes_line == "other start values, order and noise"
    assert "noise_seed" in entries[4].changes_line


def test_steps_time_losses_and_files_are_told(add, read, journal: Journal) -> None:
    number = add(epochs=3)
    journal.curves.add(number, "loss", [(step, 0.1) for step in range(1, 126)])
    entry = read().entries[number]
    assert (entry.steps, entry.total_steps, entry.saved, entry.loss) == (125, 120, 3, pytest.approx(0.1 / 3))
    assert entry.seconds is not None and 0 <= entry.seconds < 60


def test_a_bake_that_was_resumed_took_the_time_of_its_steps(add, read, journal: Journal) -> None:
    number = add(epochs=1)
    journal.curves.add(number, "seconds_per_step", [(step, 0.5) for step in range(1, 41)])
    journal.queue.requeue(number, "e")
    journal.bakes.set_state(number, BakeState.DONE)
    assert read().entries[number].seconds == 20


def test_settings_that_cannot_be_read_are_named_and_spoil_no_other_bake(add, read, journal: Journal) -> None:
    add(seed=1)
    broken = add(seed=2)
    journal.bakes.set_settings(broken, "unet_lr = 'fast'")
    add(seed=3)
    history = read()
    assert "unet_lr" in history.entries[broken].fault
    assert history.entries[broken].changes == ()
    assert not history.entries[3].fault


def epochs(workspace: Workspace, number: int) -> list[Path]:
    return [workspace.root / f"bakes/{number:04d}-hifumi/hifumi-{epoch:06d}.safetensors" for epoch in (1, 2)]


def test_favourites_and_verdicts_of_grids_name_the_best_epoch(
    judge, add, read, journal: Journal, workspace: Workspace
) -> None:
    number = add(epochs=2, files=True)
    judge(epochs(workspace, number), {(1, 5): CellNote(0, "", whole="under"), (2, 5): CellNote(0, "", True, "right")})
    entry = read().entries[number]
    assert entry.best is not None
    assert (entry.best.step, entry.best.epoch, entry.best.why, entry.verdict) == (80, 2, "1 favourite", "right")
    assert entry.verdicts == {40: {"under": 1}, 80: {"favourite": 1, "right": 1}}


def test_what_is_said_of_a_picture_at_another_weight_is_not_said_of_the_epoch(
    judge, add, read, journal: Journal, workspace: Workspace
) -> None:
    number = add(epochs=2, files=True)
    judge(epochs(workspace, number), {(1, 3): CellNote(0, "", True, "right")})
    entry = read().entries[number]
    assert (entry.best, entry.verdict) == (None, "")


def test_a_verdict_that_is_changed_is_counted_anew(judge, add, journal: Journal, workspace: Workspace) -> None:
    number = add(epochs=2, files=True)
    judge(epochs(workspace, number), {(1, 5): CellNote(0, "", whole="right")})
    history = BakeHistory(journal)
    make_missing(journal, workspace)
    history.refresh()
    assert history.entries[number].verdict == "right"
    journal.grids.set_cell_note(CellNote(1, "x1-y5-z1-s1", whole="over"))
    make_missing(journal, workspace)
    assert history.refresh()
    assert history.entries[number].verdict == "over"


def test_the_epoch_that_the_user_names_goes_before_all_verdicts(
    judge, add, read, journal: Journal, workspace: Workspace
) -> None:
    number = add(epochs=2, files=True)
    judge(epochs(workspace, number), {(2, 5): CellNote(0, "", True, "right")})
    keep_best(journal, workspace, number, 40)
    best = read().entries[number].best
    assert best is not None and (best.step, best.why) == (40, "your choice")


def test_notes_and_tags_are_read_when_they_are_written(add, journal: Journal, workspace: Workspace) -> None:
    number = add()
    history = BakeHistory(journal)
    history.refresh()
    assert not history.refresh()
    keep_note(journal, workspace, number, text="\n# ears are *gone*\nmore", add=["te"])
    assert history.refresh()
    assert (history.entries[number].note_line, history.entries[number].tags) == ("ears are *gone*", ("te",))


def test_the_ladders_of_a_bake_are_seen_when_it_joins_one_and_when_it_is_cut(add, journal: Journal) -> None:
    first, second = add(unet_lr=1e-4), add(unet_lr=3e-4)
    history = BakeHistory(journal)
    history.refresh()
    numbers = [journal.ladders.add(title=title, spec_toml="", settings_toml="").number for title in ("a", "b")]
    rows = [LadderBakeRow(ladder=number, rung="×1", twin=0, bake=first, reused=True) for number in numbers]
    journal.ladders.keep_bakes([*rows, LadderBakeRow(ladder=numbers[0], rung="×3", twin=0, bake=second)])
    assert history.refresh()
    assert (history.entries[first].ladders, history.entries[second].ladders) == (tuple(numbers), (numbers[0],))
    assert not history.refresh()
    journal.ladders.keep_bakes([replace(rows[0], cut=True), LadderBakeRow(ladder=numbers[0], rung="×9", twin=0)])
    assert history.refresh()
    assert history.entries[first].ladders == (numbers[1],)


def test_settings_changed_in_the_queue_are_seen(add, journal: Journal, workspace: Workspace) -> None:
    first, second = add(unet_lr=1e-4), add(unet_lr=1e-4, state=None)
    history = BakeHistory(journal)
    make_missing(journal, workspace)
    history.refresh()
    toml = settings_toml(Settings(unet_lr=2e-4))
    journal.queue.change(second, why="", settings_toml=toml, total_steps=1, steps_per_epoch=1)
    history.refresh()
    make_missing(journal, workspace)
    history.refresh()
    assert history.entries[second].changes_line == "unet_lr ×2"
    assert history.entries[first].changes_line == ""


def test_a_bake_whose_facts_are_still_to_be_made_says_so(add, journal: Journal) -> None:
    number = add(unet_lr=1e-4)
    history = BakeHistory(journal)
    history.refresh()
    assert history.entries[number].fault == NOT_READ


def test_jobs_of_grids_are_no_bakes(add, read, journal: Journal) -> None:
    from trainer.journal.records import NewBake

    number = add()
    grid = journal.grids.add(name="g", spec="{}")
    journal.bakes.add(
        NewBake(name="g", settings_toml="", engine="", total_steps=1, steps_per_epoch=1, grid=grid.number)
    )
    assert list(read().entries) == [number]


def test_the_tree_has_each_bake_once_below_its_parent_however_deep(add, read) -> None:
    add(seed=1)
    add(parent=1, seed=2)
    add(seed=3)
    add(parent=2, seed=4)
    add(parent=1, seed=5)
    history = read()
    lines = tree_lines(history.entries)
    assert [(line.entry.number, line.depth) for line in lines] == [(1, 0), (2, 1), (4, 2), (5, 1), (3, 0)]
    assert [line.last for line in lines] == [(), (False,), (False, True), (True,), ()]
    assert [line.entry.number for line in tree_lines(history.entries, 2)] == [2, 4]
    chain = {number: replace(history.entries[1], number=number, parent=number - 1) for number in range(1, 5000)}
    assert tree_lines(chain)[-1].depth == 4998


def test_one_bake_is_shown_with_parents_children_epochs_and_their_files(
    add, read, journal: Journal, workspace: Workspace
) -> None:
    first = add(epochs=2, files=True, seed=1)
    second = add(parent=first, seed=2)
    third = add(parent=second, seed=3)
    (workspace.root / "bakes/0001-hifumi/hifumi-000001.safetensors").unlink()
    history = read()
    one = one_bake(history, journal, workspace, first)
    assert ([each.number for each in one.children], one.parents) == ([second], ())
    assert [each.number for each in one_bake(history, journal, workspace, third).parents] == [second, first]
    assert [each.step for each in one.checkpoints] == [40, 80]
    assert one.present == {"hifumi-000002.safetensors"}


class Counted:
    """Counts the statements and rows of the reads of a journal."""

    def __init__(self, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads = self.rows = 0
        database: Any = journal._database
        read = database.rows

        def rows(sql: str, parameters: Any = ()) -> Any:
            found = read(sql, parameters)
            self.reads += 1
            self.rows += len(found)
            return found

        monkeypatch.setattr(database, "rows", rows)


def cost(path: Path, bakes: int, monkeypatch: pytest.MonkeyPatch) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (statements, rows) of the first reading of a made journal, and of a second one after a note was written."""
    path.mkdir()
    make_history(path / "journal.sqlite", bakes)
    with Journal(path / "journal.sqlite") as journal:
        counted = Counted(journal, monkeypatch)
        history = BakeHistory(journal)
        history.refresh()
        first = (counted.reads, counted.rows)
        keep_note(journal, Workspace(path), 1, text="x")
        counted.reads = counted.rows = 0
        assert history.refresh()
        return first, (counted.reads, counted.rows)


def test_the_cost_of_a_list_is_bounded_by_its_bakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (reads, rows), (reads_again, rows_again) = cost(tmp_path / "few", 30, monkeypatch)
    (reads_more, rows_more), (reads_again_more, rows_again_more) = cost(tmp_path / "more", 120, monkeypatch)
    # As many statements however many bakes there are, and no more than a few rows for each.
    assert (reads_more, reads_again_more) == (reads, reads_again)
    assert rows_more <= 6 * 120 and rows <= 6 * 30
    # Once they are read, only what changed is read again.
    assert rows_again == rows_again_more <= 20


def test_a_bake_that_runs_costs_the_same_among_few_and_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    for bakes in (20, 100):
        path = tmp_path / f"{bakes}"
        path.mkdir()
        make_history(path / "journal.sqlite", bakes)
        with Journal(path / "journal.sqlite") as journal:
            journal.bakes.set_state(5, BakeState.BAKING)
            history = BakeHistory(journal)
            history.refresh()
            journal.curves.add(5, "loss", [(step, 0.1) for step in range(1, 31)])
            counted = Counted(journal, monkeypatch)
            assert history.refresh()
            assert history.entries[5].steps == 30
            rows.append(counted.rows)
    assert rows[0] == rows[1] <= 15


def test_whether_a_bake_was_run_is_told_by_an_index_alone(journal: Journal) -> None:
    asked: list[str] = []
    database: Any = journal._database
    database._connection.set_trace_callback(asked.append)
    journal.listing.sums()
    journal.listing.stamps()
    database._connection.set_trace_callback(None)
    plans = [row[3] for sql in asked for row in database._connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert plans == ["SCAN bake USING COVERING INDEX bake_by_place"] * 2


def test_a_bake_that_was_run_again_between_two_looks_is_read_again(add, read, journal: Journal) -> None:
    number = add(epochs=1)
    add(epochs=1)
    history = read()
    journal.queue.requeue(number, "e")
    journal.bakes.set_state(number, BakeState.STARTING)
    journal.results.add_checkpoint(number, Checkpoint(2, 80, "b.safetensors", 9, 0.1, None, None, None, 1e9))
    journal.bakes.set_state(number, BakeState.DONE)
    assert history.refresh()
    assert history.entries[number].steps == 80


def test_facts_and_tallies_are_made_once(add, journal: Journal, workspace: Workspace) -> None:
    add(epochs=1, files=True)
    add()
    assert make_missing(journal, workspace) > 0
    assert make_missing(journal, workspace) == 0


def test_equal_settings_are_read_once_and_broken_ones_named_by_their_bake(
    add, journal: Journal, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(facts, "parse_settings", lambda text, where: read.append(where) or parse_settings(text, where))
    for _ in range(120):
        add(seed=5, caption_dropout_rate=0.125)
    with journal._database.writing() as connection:
        connection.execute("UPDATE bake SET settings_toml = 'seed = [' WHERE number IN (3, 4)")
    shown: list[int] = []
    assert make_missing(journal, workspace, show=shown.append) == shown[-1] >= 120
    assert len(shown) > 2
    assert len(read) == 1 + 2 * 2
    made = journal.derived.facts()
    assert [made[number].fault[:6] for number in (2, 3, 4)] == ["", "bake 3", "bake 4"]
    assert made[1].settings["seed"] == made[120].settings["seed"] == 5


def test_the_defaults_of_another_version_are_not_taken_for_ours(add, journal: Journal, workspace: Workspace) -> None:
    number = add(seed=5)
    make_missing(journal, workspace)
    with journal._database.writing() as connection:
        connection.execute("UPDATE bake_facts SET made_by = 'older', settings = ?", (json.dumps({"seed": 7}),))
    history = BakeHistory(journal)
    history.refresh()
    assert history.entries[number].fault == NOT_READ
    make_missing(journal, workspace)
    history.refresh()
    assert history.entries[number].settings["seed"] == 5


def test_what_was_not_kept_of_a_read_only_journal_is_made_in_memory(
    judge, add, journal: Journal, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = add(epochs=2, files=True, seed=5)
    write_lora(
        workspace.root / "bakes/0001-hifumi/hifumi-000002.safetensors",
        metadata={"ss_seed": "5", "ss_sd_model_name": "x"},
    )
    judge(epochs(workspace, number), {(2, 5): CellNote(0, "", whole="right")})
    monkeypatch.setattr(journal, "read_only", True)
    assert make_missing(journal, workspace) == 0
    history = BakeHistory(journal)
    history.refresh()
    assert (history.entries[number].settings["seed"], history.entries[number].verdict) == (5, "right")
    assert history.metadata(["ss_seed", "ss_other"]) == {"ss_seed": {number: "5"}, "ss_other": {}}
    assert journal.derived.facts() == {}
