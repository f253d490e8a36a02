"""A journal with a value that no record has, in every column of every table: its row is named, all others are read as before."""

import inspect
import itertools
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainer.errors import WorkspaceError
from trainer.journal.before_resume import note_before_resume, restore_before_resume
from trainer.journal.damage import REBUILD
from trainer.journal.derived_records import BakeFacts, GridTally, NewestLora
from trainer.journal.family_records import BakeFamily
from trainer.journal.grid_records import CellNote, GridState, ProposedTicks
from trainer.journal.journal import Journal
from trainer.journal.ladder_records import LadderBakeRow
from trainer.journal.measure_records import BakeNote, MeasuredValue
from trainer.journal.records import (
    Bake,
    BakeState,
    Checkpoint,
    ImportedFile,
    Mark,
    MarkKind,
    NewBake,
    Order,
    SavedState,
)
from trainer.journal.search_records import SearchBakeRow
from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.settings.random_numbers import RandomSource
from trainer.text import MAX_MESSAGE

ODD = ("abc", b"\xff\xfe", -7, 2**62, 1e300, float("-inf"), 0.5, "x" * 5000, "[" * 5000, None)

# Every method that reads, as `store.method` -> what calls it for bake 1 or grid 1, or for bake 2 or grid 2.
READS: dict[str, Callable[[Journal, int], object]] = {
    "bakes.read": lambda journal, number: journal.bakes.read(number),
    "bakes.read_bake": lambda journal, number: journal.bakes.read_bake(number),
    "bakes.find": lambda journal, number: journal.bakes.find(number),
    "bakes.is_orphan": lambda journal, number: journal.bakes.is_orphan(journal.bakes.read(number)),
    "bakes.latest": lambda journal, number: journal.bakes.latest(),
    "bakes.last_that_ran": lambda journal, number: journal.bakes.last_that_ran(),
    "bakes.neighbour": lambda journal, number: journal.bakes.neighbour(number, 1),
    "queue.waiting": lambda journal, number: journal.queue.waiting(),
    "orders.read": lambda journal, number: journal.orders.read(number),
    "orders.pending": lambda journal, number: journal.orders.pending(number),
    "log.read": lambda journal, number: journal.log.read(bake=number),
    "log.last_id": lambda journal, number: journal.log.last_id(),
    "results.checkpoints": lambda journal, number: journal.results.checkpoints(number),
    "results.states": lambda journal, number: journal.results.states(number),
    "results.marks": lambda journal, number: journal.results.marks(number),
    "results.validations": lambda journal, number: journal.results.validations(number),
    "results.folder_losses": lambda journal, number: journal.results.folder_losses(number),
    "results.imported": lambda journal, number: journal.results.imported(number),
    "results.bake_with_content": lambda journal, number: journal.results.bake_with_content(f"{number}" * 64),
    "results.bake_with_file": lambda journal, number: journal.results.bake_with_file(f"{number}.safetensors"),
    "results.bake_of_session": lambda journal, number: journal.results.bake_of_session(f"id {number}"),
    "results.manifest": lambda journal, number: journal.results.manifest(number),
    "curves.read": lambda journal, number: [journal.curves.read(number, "loss", columns) for columns in (2, 500)],
    "curves.extents": lambda journal, number: journal.curves.extents(number),
    "curves.at": lambda journal, number: [journal.curves.at(number, ["loss", "lr"], step) for step in (1, 2**40)],
    "curves.columns": lambda journal, number: journal.curves.columns(number),
    "curves.after": lambda journal, number: journal.curves.after(number, 1),
    "curves.between": lambda journal, number: journal.curves.between(number, 1, 5),
    "curves.last_values": lambda journal, number: journal.curves.last_values(number),
    "curves.measured_speed": lambda journal, number: journal.curves.measured_speed(lambda toml: "unet_lr" in toml),
    "measures.of_bake": lambda journal, number: journal.measures.of_bake(number),
    "measures.kinds": lambda journal, number: journal.measures.kinds(number),
    "measures.kinds_by_scope": lambda journal, number: journal.measures.kinds_by_scope(number, ["size"]),
    "measures.steps": lambda journal, number: journal.measures.steps(number, "size"),
    "measures.counts": lambda journal, number: journal.measures.counts([number]),
    "notes.of": lambda journal, number: journal.notes.of(number),
    "notes.find": lambda journal, number: journal.notes.find(number),
    "notes.all": lambda journal, number: journal.notes.all(),
    "searches.find": lambda journal, number: journal.searches.find(number),
    "searches.all": lambda journal, number: journal.searches.all(),
    "searches.bakes_of": lambda journal, number: journal.searches.bakes_of(number),
    "symptoms.of_bake": lambda journal, number: journal.symptoms.of_bake(number),
    "derived.facts": lambda journal, number: journal.derived.facts([number]),
    "derived.without_facts": lambda journal, number: journal.derived.without_facts("other", 9),
    "derived.metadata": lambda journal, number: journal.derived.metadata("ss_seed"),
    "derived.metadata_of": lambda journal, number: journal.derived.metadata_of(number),
    "derived.metadata_keys": lambda journal, number: journal.derived.metadata_keys(),
    "derived.without_metadata": lambda journal, number: journal.derived.without_metadata(9),
    "derived.tallies": lambda journal, number: journal.derived.tallies(),
    "derived.without_tally": lambda journal, number: journal.derived.without_tally(9),
    "listing.bakes": lambda journal, number: journal.listing.bakes([number]),
    "listing.sums": lambda journal, number: journal.listing.sums(),
    "listing.imported_files": lambda journal, number: journal.listing.imported_files(),
    "listing.stamps": lambda journal, number: journal.listing.stamps(),
    "listing.saved": lambda journal, number: journal.listing.saved([number]),
    "listing.reached": lambda journal, number: journal.listing.reached([number]),
    "listing.training_seconds": lambda journal, number: journal.listing.training_seconds([number]),
    "listing.notes": lambda journal, number: journal.listing.notes(),
    "families.without_row": lambda journal, number: journal.families.without_row("other", as_long_as=number),
    "families.of": lambda journal, number: journal.families.of(number, "us"),
    "families.members": lambda journal, number: journal.families.members(f"f{number}", "us"),
    "families.kin": lambda journal, number: journal.families.kin(f"k{number}", "us"),
    "families.first_step": lambda journal, number: journal.families.first_step(number),
    "ladders.find": lambda journal, number: journal.ladders.find(number),
    "ladders.all": lambda journal, number: journal.ladders.all(),
    "ladders.bakes_of": lambda journal, number: journal.ladders.bakes_of(number),
    "ladders.with_bake": lambda journal, number: journal.ladders.with_bake(number),
    "grids.read": lambda journal, number: journal.grids.read(number),
    "grids.find": lambda journal, number: journal.grids.find(number),
    "grids.latest": lambda journal, number: journal.grids.latest(),
    "grids.being_made": lambda journal, number: journal.grids.being_made(),
    "grids.seconds_per_unet_pass": lambda journal, number: journal.grids.seconds_per_unet_pass("fast"),
    "grids.picture": lambda journal, number: journal.grids.picture(f"{number}" * 64),
    "grids.cell_notes": lambda journal, number: journal.grids.cell_notes(number),
    "grids.proposed_ticks": lambda journal, number: journal.grids.proposed_ticks(number),
    "telemetry.read": lambda journal, number: journal.telemetry.read(0.0, number),
    "digests.read": lambda journal, number: journal.digests.read(0.0),
    "digests.last_viewed": lambda journal, number: journal.digests.last_viewed(),
    "ladders.members": lambda journal, number: journal.ladders.members().get(number),
    "records.read": lambda journal, number: journal.records.read(number),
}
WRITES = {
    "bakes": "add set_state set_stage set_plan fix_steps set_setup_seconds set_device set_peak set_peak_allocated set_predicted_peak set_settings add_energy mark_lost",
    "queue": "claim requeue move remove set_held change take_over hold_following give_up",
    "orders": "give mark_obeyed",
    "log": "write",
    "results": "add_checkpoint add_state forget_state add_mark add_validation add_folder_losses set_manifest add_imported",
    "curves": "add",
    "measures": "add",
    "notes": "change keep",
    "symptoms": "keep",
    "searches": "add keep_bake",
    "derived": "keep_facts keep_metadata keep_tally",
    "listing": "",
    "families": "keep",
    "ladders": "add change keep_bakes restore open_places",
    "grids": "add set_state set_spec set_progress cut note_picture set_cell_note propose_ticks",
    "telemetry": "add",
    "digests": "set_last_viewed",
    "records": "add add_next bring_home",
}

OF_ITS_NUMBER = [
    name
    for name in READS
    if name.split(".")[1]
    not in (
        "latest",
        "last_that_ran",
        "neighbour",
        "waiting",
        "all",
        "stamps",
        "sums",
        "imported_files",
        "notes",
        "without_row",
        "last_id",
    )
]
OF_ITS_NUMBER = [
    name for name in OF_ITS_NUMBER if not name.startswith("derived") or name in ("derived.facts", "derived.metadata_of")
]
OF_ITS_NUMBER = [name for name in OF_ITS_NUMBER if not name.startswith("digests") and "being_made" not in name]
OF_ITS_NUMBER = [name for name in OF_ITS_NUMBER if name not in ("grids.seconds_per_unet_pass", "curves.measured_speed")]
_SERIES = "series IN (SELECT id FROM series WHERE bake = 1 AND metric = 'loss')"
# Table -> which row of it is changed.
OF_ONE = dict.fromkeys(
    [
        "orders",
        "log",
        "mark",
        "checkpoint",
        "state",
        "validation",
        "folder_loss",
        "manifest",
        "telemetry",
        "before_resume",
        "measure",
        "bake_note",
        "symptom_tick",
        "bake_facts",
        "bake_metadata",
        "bake_family",
        "imported_file",
        "ladder_bake",
    ],
    "bake = 1",
) | {
    "bake": "number = 1",
    "grid": "number = 1",
    "ladder": "number = 1",
    "cell_note": "grid = 1",
    "proposed_ticks": "grid = 1",
    "series": "bake = 1 AND metric = 'loss'",
    "point": f"{_SERIES} AND step = 8",
    "block": f"{_SERIES} AND level = 1 AND step = 8",
    "picture": "fingerprint LIKE '1%'",
    "looked": "id = 1",
    "grid_tally": "grid = 1",
    "search": "number = 1",
    "search_bake": "search = 1",
}


def fill(journal: Journal) -> None:
    for number in (1, 2):
        toml = f"unet_lr = {number}e-4"
        journal.bakes.add(NewBake(name=f"b{number}", settings_toml=toml, engine="e", total_steps=8, steps_per_epoch=4))
        journal.grids.add(name=f"g{number}", spec="{}")
        journal.orders.give(number, Order.SET, "unet_lr=1e-4")
        journal.log.write(f"line of {number}", bake=number, level="warning")
        journal.results.add_checkpoint(number, Checkpoint(1, 4, "a.safetensors", 9, 0.1, None, None, None, 1e9))
        source = ImportedFile(f"{number}.safetensors", f"{number}" * 64, f"id {number}")
        journal.results.add_imported(number, Checkpoint(2, 8, source.file, 9, None, None, None, None, 1e9), source)
        journal.results.add_state(number, SavedState(4, 1, True, "state/a", 9, 1e9, 0.1))
        journal.results.add_mark(number, Mark(4, 1e9, MarkKind.RESUME, "resumed"))
        journal.results.add_validation(number, 4, 0.2, 0.1, None)
        journal.results.add_folder_losses(number, 1, {"3_a": (0.1, 3)})
        journal.results.set_manifest(number, b"data")
        journal.curves.add(number, "loss", [(step, 1 / step) for step in range(1, 9)])
        journal.curves.add(number, "seconds_per_step", [(step, 0.5) for step in range(1, 9)])
        journal.measures.add(number, [MeasuredValue(step=4, name="size", part="unet", value=0.1)])
        journal.notes.keep(BakeNote(bake=number, text="good", tags={"te": True}, best_step=4))
        journal.symptoms.keep(number, ["static"])
        journal.searches.add(spec="{}", settings_toml=toml, of_bake=number)
        journal.searches.keep_bake(SearchBakeRow(search=number, trial=0, bake=number))
        journal.grids.note_picture(f"{number}" * 64, "grids/a.png")
        journal.grids.set_progress(number, done=1, sampled=1, sampling_seconds=3.0, unet_passes=4, speed_class="fast")
        journal.grids.set_state(number, GridState.MAKING)
        journal.grids.set_cell_note(CellNote(number, "x1-y1-z1-s1", True, ticks={"ears": True}))
        journal.grids.propose_ticks(number, [ProposedTicks(number, "x1-y1-z1-s1", {"ears": False}, "wd-tiny", 1.0)])
        journal.telemetry.add(MachineReading(1e9, (CardReading(0, "GPU", 5),), "", HostReading(5.0)), number)
        journal.derived.keep_facts([BakeFacts(bake=number, made_by="us", settings={"unet_lr": 1e-3}, data="d")])
        journal.derived.keep_metadata([(NewestLora(number, "bakes/1", "a.safetensors"), {"ss_seed": "1"})])
        journal.derived.keep_tally(GridTally(grid=number, counts={"1": {"4": {"right": 2}}}))
        family = BakeFamily(
            bake=number, made_by="us", family=f"f{number}", kin=f"k{number}", seeds={RandomSource.INIT: 1}
        )
        journal.families.keep([family])
        ladder = journal.ladders.add(title=f"l{number}", spec_toml="", settings_toml=toml, of_bake=number)
        journal.ladders.keep_bakes([LadderBakeRow(ladder=ladder.number, rung="×1", twin=0, bake=number)])
        journal.bakes.set_state(number, BakeState.BAKING)
        journal.bakes.set_state(number, BakeState.DONE)
        with journal._database.writing() as connection:
            note_before_resume(connection, number)
    journal.digests.set_last_viewed(5.0)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "journal.sqlite"
    with Journal(path) as journal:
        journal._database._connection.execute("PRAGMA synchronous = OFF")
        fill(journal)
    return path


def columns_of(path: Path) -> Iterator[tuple[str, str]]:
    connection = sqlite3.connect(path)
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for column in connection.execute(f"PRAGMA table_info({table})"):
            yield table, column[1]


def read_all(journal: Journal, number: int) -> dict[str, Any]:
    """Call every method that reads; an error that is not the journal's own ends the test."""
    found: dict[str, Any] = {}
    for name, read in READS.items():
        try:
            found[name] = read(journal, number)
        except WorkspaceError as error:
            found[name] = error
    return found


def test_no_method_of_a_store_is_forgotten(filled: Path) -> None:
    with Journal(filled) as journal:
        stores = {name: store for name, store in vars(journal).items() if type(store).__name__.endswith("Store")}
    methods = {
        f"{name}.{method}"
        for name, store in stores.items()
        for method, _ in inspect.getmembers(store, inspect.ismethod)
        if not method.startswith("_")
    }
    assert methods == {*READS, *(f"{store}.{method}" for store, names in WRITES.items() for method in names.split())}


def change(journal: Journal, table: str, column: str, value: object) -> bool:
    """Put a value where bake 1 or grid 1 has its last row in the table; return whether SQLite takes it there."""
    try:
        journal._database._connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE {OF_ONE[table]}', (value,))
    except sqlite3.Error:
        return False
    return True


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.long)])
def test_a_wrong_value_in_any_column_spoils_no_other_row(filled: Path, tmp_path: Path, every: int) -> None:
    path = tmp_path / "journal.sqlite"
    shutil.copy(filled, path)
    refused = dict.fromkeys(OF_ONE, 0)
    with Journal(path) as journal:
        connection = journal._database._connection
        connection.execute("PRAGMA foreign_keys = OFF")
        before = read_all(journal, 2)
        assert not any(isinstance(value, WorkspaceError) for value in before.values())
        # Ten values and a step that has no divisor in common with ten: in time each meets columns of each type.
        for (table, column), value in itertools.islice(itertools.product(columns_of(path), ODD), None, None, every):
            connection.execute("BEGIN")
            if change(journal, table, column, value):
                where = f"{table}.{column} = {value!r:.30}"
                after = read_all(journal, 2)
                assert {name: repr(after[name]) for name in OF_ITS_NUMBER} == {
                    name: repr(before[name]) for name in OF_ITS_NUMBER
                }, where
                assert [bake for bake in after["bakes.latest"] if bake.number == 2], where
                assert [grid for grid in after["grids.latest"] if grid.number == 2], where
                errors = [error for error in read_all(journal, 1).values() if isinstance(error, WorkspaceError)]
                refused[table] += bool(errors)
                for error in errors:
                    line = error.line()
                    assert any(
                        words in line for words in (REBUILD, "no bake 1", "no grid 1", "job 1: it makes grid")
                    ), line
                    assert len(line) <= MAX_MESSAGE
            connection.execute("ROLLBACK")
    assert refused["bake"] > 100 / every
    assert refused["grid"] > 50 / every


@pytest.mark.parametrize(
    ("table", "column", "value", "words"),
    [
        ("bake", "state", "flying", "bake 1 (state: 'flying'; expected one of queued, starting, "),
        ("bake", "created", "yesterday", "bake 1 (created: 'yesterday'; expected a number)"),
        (
            "bake",
            "folder",
            "../../elsewhere",
            "bake 1 (folder: '../../elsewhere'; expected a folder inside the workspace)",
        ),
        ("bake", "ended", 1e300, "bake 1 (ended: 1e+300; expected at most 253402300799)"),
        ("grid", "state", b"\x00", "grid 1 (state: 1 byte; expected one of waiting, making, "),
        ("mark", "kind", "gossip", "mark of step 4 (kind: 'gossip'; expected one of set, order, "),
        ("cell_note", "ticks", "[", "note on picture x1-y1-z1-s1 (ticks: '['; expected a table)"),
        ("log", "text", b"\xff", "log line 1 (text: 1 byte; expected a text)"),
    ],
)
def test_a_damaged_row_is_named_with_what_is_wrong_and_the_way_out(
    filled: Path, tmp_path: Path, table: str, column: str, value: object, words: str
) -> None:
    path = tmp_path / "journal.sqlite"
    shutil.copy(filled, path)
    with Journal(path) as journal:
        assert change(journal, table, column, value)
        assert journal.damage() is None
        read_all(journal, 1)
        damage = journal.damage()
        assert damage is not None
        assert words in damage.line()
        assert damage.line().endswith(f" is damaged; {REBUILD}")
        assert len(damage.line()) <= MAX_MESSAGE


def test_several_damaged_rows_are_counted_once_each(filled: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    shutil.copy(filled, path)
    with Journal(path) as journal:
        journal._database._connection.execute("UPDATE bake SET state = 'flying'")
        for _ in range(3):
            assert journal.bakes.latest() == []
        damage = journal.damage()
        assert damage is not None
        assert "bake 2 (state: 'flying'; " in damage.line()
        assert " and 1 more row are damaged; " in damage.line()


def test_work_goes_on_beside_a_damaged_bake_that_waits(journal: Journal, queue: Callable[..., Bake]) -> None:
    first, second, third = queue("a"), queue("b"), queue("c")
    journal._database._connection.execute("UPDATE bake SET place = 'x', created = 'y' WHERE number = 1")
    with pytest.raises(WorkspaceError, match=r"bake 1 .* is damaged"):
        journal.queue.move(third.number, before=first.number)
    journal.queue.move(third.number, before=second.number)
    assert [bake.number for bake in journal.queue.waiting()] == [3, 2]
    assert (
        journal.bakes.add(NewBake(name="d", settings_toml="", engine="engine", total_steps=1, steps_per_epoch=1)).place
        > 2
    )
    claimed = journal.queue.claim("engine", 1, 1.0)
    assert claimed is not None and claimed.number == 3
    journal.bakes.set_state(3, BakeState.DONE)
    assert journal.queue.requeue(3, "engine").state is BakeState.QUEUED
    assert journal.bakes.mark_lost(lambda pid, started: False) == []
    # It can still be removed, which needs nothing of what is damaged.
    journal.queue.remove(first.number)
    journal._database._connection.execute("UPDATE bake SET state = 'flying' WHERE number = 2")
    for attempt in (journal.queue.remove, lambda number: journal.queue.requeue(number, "engine")):
        with pytest.raises(WorkspaceError, match=r"bake 2 \(state: 'flying'; .* is damaged"):
            attempt(second.number)


@pytest.mark.parametrize("odd", ["", "[", "[" * 5000, "null", "{}", b"\xff", '{"state": "flying"}', '{"pid": []}'])
def test_a_damaged_note_of_what_a_bake_was_changes_nothing(
    journal: Journal, queue: Callable[..., Bake], odd: str | bytes
) -> None:
    number = queue("a").number
    journal.bakes.set_state(number, BakeState.LOST)
    with journal._database.writing() as connection:
        note_before_resume(connection, number)
        whole = json.loads(connection.execute("SELECT columns FROM before_resume").fetchone()[0])
        if isinstance(odd, str) and odd.startswith('{"'):
            odd = json.dumps(whole | json.loads(odd))
        connection.execute("UPDATE before_resume SET columns = ?", (odd,))
    before = journal.bakes.read(number)
    with journal._database.writing() as connection:
        assert restore_before_resume(connection, number) is False
    assert journal.bakes.read(number) == before


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE checkpoint",
        "ALTER TABLE bake DROP COLUMN why",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -3",
        "UPDATE bake SET name = CAST(x'ff41' AS TEXT), settings_toml = CAST(x'fe' AS TEXT)",
    ],
)
def test_damage_of_the_tables_names_the_way_out(filled: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "journal.sqlite"
    shutil.copy(filled, path)
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()
    with pytest.raises(WorkspaceError, match=r"is damaged.*`lora-tui journal rebuild`"), Journal(path) as journal:
        journal.bakes.read(1)
        journal.results.checkpoints(1)
