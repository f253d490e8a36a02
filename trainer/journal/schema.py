"""The journal's tables, and the check that a file is a journal this program can read.

Columns of a table that holds records are the record's fields (see `rows`). A column added to a record needs a new version here and,
in `_UPGRADES`, the statement that adds it to the journals there are.
"""

import sqlite3
from collections.abc import Sequence

from trainer.errors import WorkspaceError
from trainer.journal.damage import REBUILD
from trainer.journal.derived_records import BakeFacts, GridTally, MetadataText
from trainer.journal.family_records import BakeFamily
from trainer.journal.grid_records import CellNote, Grid, ProposedTicks
from trainer.journal.ladder_records import LadderBakeRow, LadderRow
from trainer.journal.measure_records import BakeNote, MeasuredValue, SymptomTick
from trainer.journal.records import (
    Bake,
    Checkpoint,
    FolderLoss,
    GivenOrder,
    ImportedFile,
    LogLine,
    Mark,
    SavedState,
    ValidationRow,
)
from trainer.journal.rows import column_definitions
from trainer.journal.search_records import SearchBakeRow, SearchRow
from trainer.machine.readings import HostReading

SCHEMA_VERSION = 5
"""Kept in `PRAGMA user_version`; a journal with a higher one is refused."""

APPLICATION_ID = 0x4C6F5261
"""`LoRa` in ASCII, kept in `PRAGMA application_id`, so that a database of another program is not written into."""

_NUMBERED = {"number": "PRIMARY KEY"}
_OF_BAKE = "bake INTEGER NOT NULL REFERENCES bake (number)"
_TO_BAKE = {"bake": "REFERENCES bake (number)"}

# What a bake was before it was queued to be resumed, as JSON of the columns that change; gone once it continues.
_BEFORE_RESUME = "CREATE TABLE before_resume (bake INTEGER PRIMARY KEY REFERENCES bake (number), columns TEXT NOT NULL)"

_MEASURE = f"""
    CREATE TABLE measure ({_OF_BAKE}, {column_definitions(MeasuredValue)}, PRIMARY KEY (bake, step, name, part, scope)) WITHOUT ROWID
    """
_BAKE_NOTE = (
    f"CREATE TABLE bake_note ({column_definitions(BakeNote, {'bake': 'PRIMARY KEY REFERENCES bake (number)'})})"
)

_IMPORTED_FILE = f"""
    CREATE TABLE imported_file ({_OF_BAKE}, {column_definitions(ImportedFile)}, PRIMARY KEY (bake, file)) WITHOUT ROWID
    """

_LADDERS = (
    f"CREATE TABLE ladder ({column_definitions(LadderRow, {**_NUMBERED, 'of_bake': 'REFERENCES bake (number)'})})",
    f"""
    CREATE TABLE ladder_bake ({
        column_definitions(LadderBakeRow, {"ladder": "REFERENCES ladder (number)", **_TO_BAKE})
    }, PRIMARY KEY (ladder, rung, twin)) WITHOUT ROWID
    """,
    "CREATE INDEX ladder_bake_by_bake ON ladder_bake (bake)",
)

_SYMPTOM_TICK = f"""
    CREATE TABLE symptom_tick ({column_definitions(SymptomTick, _TO_BAKE)}, PRIMARY KEY (bake, symptom)) WITHOUT ROWID
    """

_PROPOSED_TICKS = f"""
    CREATE TABLE proposed_ticks ({
    column_definitions(ProposedTicks, {"grid": "REFERENCES grid (number)"})
}, PRIMARY KEY (grid, cell)) WITHOUT ROWID
    """

_SEARCHES = (
    f"CREATE TABLE search ({column_definitions(SearchRow, {**_NUMBERED, 'of_bake': 'REFERENCES bake (number)'})})",
    f"""
    CREATE TABLE search_bake ({
        column_definitions(SearchBakeRow, {"search": "REFERENCES search (number)", **_TO_BAKE})
    }, PRIMARY KEY (search, trial)) WITHOUT ROWID
    """,
)

# What follows from other rows is deleted when they change, and made again by whoever needs it (`derived`).
_DERIVED = (
    f"CREATE TABLE bake_facts ({column_definitions(BakeFacts, {'bake': 'PRIMARY KEY REFERENCES bake (number)'})})",
    f"""
    CREATE TABLE bake_metadata ({column_definitions(MetadataText, _TO_BAKE)}, PRIMARY KEY (key, bake)) WITHOUT ROWID
    """,
    "CREATE INDEX bake_metadata_by_bake ON bake_metadata (bake)",
    f"CREATE TABLE grid_tally ({column_definitions(GridTally, {'grid': 'PRIMARY KEY REFERENCES grid (number)'})})",
    """
    CREATE TRIGGER settings_changed AFTER UPDATE OF settings_toml ON bake WHEN NEW.settings_toml IS NOT OLD.settings_toml
    BEGIN DELETE FROM bake_facts WHERE bake = NEW.number; END
    """,
    "CREATE TRIGGER data_listed AFTER INSERT ON manifest BEGIN DELETE FROM bake_facts WHERE bake = NEW.bake; END",
    "CREATE TRIGGER picture_judged AFTER INSERT ON cell_note BEGIN DELETE FROM grid_tally WHERE grid = NEW.grid; END",
)

# Which bakes are twins follows from other rows: a row goes when one of them is written, and is made again by whoever needs it.
_FAMILIES = (
    f"CREATE TABLE bake_family ({column_definitions(BakeFamily, {'bake': 'PRIMARY KEY REFERENCES bake (number)'})})",
    "CREATE INDEX family_members ON bake_family (family)",
    "CREATE INDEX family_kin ON bake_family (kin)",
    "CREATE INDEX bake_by_length ON bake (total_steps, steps_per_epoch)",
    """
    CREATE TRIGGER family_settings AFTER UPDATE OF settings_toml, starts_from, device ON bake
    BEGIN DELETE FROM bake_family WHERE bake = NEW.number; END
    """,
    "CREATE TRIGGER family_data AFTER INSERT ON manifest BEGIN DELETE FROM bake_family WHERE bake = NEW.bake; END",
    "CREATE TRIGGER family_marks AFTER INSERT ON mark BEGIN DELETE FROM bake_family WHERE bake = NEW.bake; END",
)

# point: one row a step. block: the pyramid over it, level k having one row per 4^k steps; `total` and `count` leave out NaN values.
_TABLES = (
    f"""
    CREATE TABLE bake ({
        column_definitions(
            Bake, {**_NUMBERED, "parent": "REFERENCES bake (number)", "grid": "REFERENCES grid (number)"}
        )
    })
    """,
    "CREATE INDEX bake_by_place ON bake (state, engine, place)",
    f"CREATE TABLE orders ({column_definitions(GivenOrder, {'id': 'PRIMARY KEY', **_TO_BAKE})})",
    "CREATE INDEX orders_by_bake ON orders (bake, obeyed)",
    f"CREATE TABLE log ({column_definitions(LogLine, {'id': 'PRIMARY KEY', **_TO_BAKE})})",
    "CREATE INDEX log_by_bake ON log (bake, id)",
    f"CREATE TABLE mark (id INTEGER PRIMARY KEY, {_OF_BAKE}, {column_definitions(Mark)})",
    "CREATE INDEX mark_by_step ON mark (bake, step)",
    f"CREATE TABLE checkpoint ({_OF_BAKE}, {column_definitions(Checkpoint)}, PRIMARY KEY (bake, file)) WITHOUT ROWID",
    f"CREATE TABLE state ({_OF_BAKE}, {column_definitions(SavedState)}, PRIMARY KEY (bake, file)) WITHOUT ROWID",
    f"CREATE TABLE validation ({_OF_BAKE}, {column_definitions(ValidationRow)}, PRIMARY KEY (bake, step)) WITHOUT ROWID",
    f"""
    CREATE TABLE folder_loss ({_OF_BAKE}, {column_definitions(FolderLoss)}, PRIMARY KEY (bake, epoch, folder)) WITHOUT ROWID
    """,
    "CREATE TABLE manifest (bake INTEGER PRIMARY KEY REFERENCES bake (number), blob BLOB NOT NULL)",
    """
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        bake INTEGER NOT NULL REFERENCES bake (number),
        metric TEXT NOT NULL,
        UNIQUE (bake, metric)
    )
    """,
    """
    CREATE TABLE point (
        series INTEGER NOT NULL REFERENCES series (id),
        step INTEGER NOT NULL,
        value REAL,
        PRIMARY KEY (series, step)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE block (
        series INTEGER NOT NULL REFERENCES series (id),
        level INTEGER NOT NULL,
        step INTEGER NOT NULL,
        low REAL,
        high REAL,
        total REAL,
        count INTEGER NOT NULL,
        PRIMARY KEY (series, level, step)
    ) WITHOUT ROWID
    """,
    f"""
    CREATE TABLE telemetry (
        id INTEGER PRIMARY KEY,
        seconds REAL NOT NULL,
        bake INTEGER REFERENCES bake (number),
        cards TEXT NOT NULL,
        no_card_because TEXT NOT NULL,
        {column_definitions(HostReading)}
    )
    """,
    "CREATE INDEX telemetry_by_time ON telemetry (seconds)",
    f"CREATE TABLE grid ({column_definitions(Grid, {**_NUMBERED, **_TO_BAKE})})",
    "CREATE TABLE picture (fingerprint TEXT PRIMARY KEY, file TEXT NOT NULL) WITHOUT ROWID",
    f"""
    CREATE TABLE cell_note ({
        column_definitions(CellNote, {"grid": "REFERENCES grid (number)"})
    }, PRIMARY KEY (grid, cell)) WITHOUT ROWID
    """,
    _BEFORE_RESUME,
    _MEASURE,
    _BAKE_NOTE,
    *_DERIVED,
    *_FAMILIES,
    _IMPORTED_FILE,
    *_LADDERS,
    _SYMPTOM_TICK,
    *_SEARCHES,
    _PROPOSED_TICKS,
    "CREATE TABLE looked (id INTEGER PRIMARY KEY CHECK (id = 1), seconds REAL NOT NULL)",
)

_UPGRADES: dict[int, Sequence[str]] = {
    1: (_BEFORE_RESUME,),
    2: tuple(
        f"ALTER TABLE bake ADD COLUMN {name} REAL"
        for name in ("setup_seconds", "asked_minutes", "expected_step_seconds")
    ),
    3: (
        _MEASURE,
        _BAKE_NOTE,
        *_DERIVED,
        *_FAMILIES,
        "ALTER TABLE bake ADD COLUMN imported INTEGER NOT NULL DEFAULT 0",
        _IMPORTED_FILE,
    ),
    4: (
        *_LADDERS,
        _SYMPTOM_TICK,
        *_SEARCHES,
        _PROPOSED_TICKS,
        "ALTER TABLE bake ADD COLUMN energy_joules REAL",
        "ALTER TABLE bake ADD COLUMN energy_by TEXT NOT NULL DEFAULT ''",
    ),
}
"""Version -> the statements that make a journal of it one of the next version. They are never changed once released."""


def check_schema(connection: sqlite3.Connection, where: str) -> int:
    """Return the version of the tables in the file, 0 where the file is new and empty.

    Raises:
        WorkspaceError: the file is another program's, or of a newer lora-tui.
    """
    # The tables and the ids come in one commit: read in this order, a journal that another program is creating looks empty, never foreign.
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not tables:
        return 0
    if application != APPLICATION_ID:
        raise WorkspaceError(
            where,
            found="another program's database",
            expected="a lora-tui journal",
            way_out="choose another folder",
        )
    if version < 1:
        raise WorkspaceError(where, found=f"the journal is damaged (version {version})", way_out=REBUILD)
    if version > SCHEMA_VERSION:
        raise WorkspaceError(
            where,
            found=f"journal version {version}; this lora-tui reads up to version {SCHEMA_VERSION}",
            way_out="it was written by a newer lora-tui: upgrade this one",
        )
    return version


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Create the tables of a new file, or bring those of an older version up to date; the caller holds the write transaction.

    Args:
        connection: to the journal.
        version: from check_schema.
    """
    old = range(version, SCHEMA_VERSION)
    for statement in [each for step in old for each in _UPGRADES[step]] if version else _TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
