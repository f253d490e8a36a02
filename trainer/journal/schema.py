"""The journal's tables, and the check that a file is a journal this program can read."""

import sqlite3

from trainer.errors import WorkspaceError

SCHEMA_VERSION = 4
"""Kept in `PRAGMA user_version`; a journal with a higher one is refused."""

APPLICATION_ID = 0x4C6F5261
"""`LoRa` in ASCII, kept in `PRAGMA application_id`, so that a database of another program is not written into."""

# Form 2 brought the queue's order and conditions, what a bake was begun from and ran on, and what orders were answered.
_BAKE_OF_FORM_2 = (
    "place REAL NOT NULL DEFAULT 0",
    "not_before REAL",
    "held INTEGER NOT NULL DEFAULT 0",
    "on_failure TEXT NOT NULL DEFAULT 'go on'",
    "refers TEXT NOT NULL DEFAULT ''",
    "starts_from TEXT NOT NULL DEFAULT ''",
    "attempt INTEGER NOT NULL DEFAULT 1",
    "device TEXT NOT NULL DEFAULT ''",
    "planned_seconds REAL",
)
_ORDERS_OF_FORM_2 = ("argument TEXT NOT NULL DEFAULT ''", "answer TEXT NOT NULL DEFAULT ''")
_TABLES_OF_FORM_2 = (
    "CREATE INDEX bake_by_place ON bake (state, engine, place)",
    """
    CREATE TABLE mark (
        id INTEGER PRIMARY KEY,
        bake INTEGER NOT NULL REFERENCES bake (number),
        step INTEGER NOT NULL,
        seconds REAL NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL
    )
    """,
    "CREATE INDEX mark_by_step ON mark (bake, step)",
    """
    CREATE TABLE state (
        bake INTEGER NOT NULL REFERENCES bake (number),
        step INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        ends_epoch INTEGER NOT NULL,
        file TEXT NOT NULL,
        size INTEGER NOT NULL,
        seconds REAL NOT NULL,
        cost REAL NOT NULL,
        PRIMARY KEY (bake, file)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE looked (id INTEGER PRIMARY KEY CHECK (id = 1), seconds REAL NOT NULL)",
)

# Form 3 brought grids, and jobs in the queue that make one.
_BAKE_OF_FORM_3 = ("grid INTEGER REFERENCES grid (number)",)
_TABLES_OF_FORM_3 = (
    """
    CREATE TABLE grid (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        folder TEXT NOT NULL,
        spec TEXT NOT NULL,
        bake INTEGER REFERENCES bake (number),
        state TEXT NOT NULL,
        total INTEGER NOT NULL DEFAULT 0,
        done INTEGER NOT NULL DEFAULT 0,
        made INTEGER NOT NULL DEFAULT 0,
        seconds REAL NOT NULL DEFAULT 0,
        work INTEGER NOT NULL DEFAULT 0,
        look TEXT NOT NULL DEFAULT '',
        error TEXT NOT NULL DEFAULT '',
        created REAL NOT NULL,
        started REAL,
        ended REAL
    )
    """,
    "CREATE TABLE picture (fingerprint TEXT PRIMARY KEY, file TEXT NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE cell_note (
        grid INTEGER NOT NULL REFERENCES grid (number),
        cell TEXT NOT NULL,
        favourite INTEGER NOT NULL,
        whole TEXT NOT NULL,
        unet TEXT NOT NULL,
        text_encoder TEXT NOT NULL,
        ticks TEXT NOT NULL,
        seconds REAL NOT NULL,
        PRIMARY KEY (grid, cell)
    ) WITHOUT ROWID
    """,
)

# Form 4 brought the memory predicted for a bake, and what it held beside what the card gave.
_BAKE_OF_FORM_4 = (
    "predicted_peak INTEGER",
    "predicted_peak_parts TEXT NOT NULL DEFAULT ''",
    "measured_peak_allocated INTEGER",
)

# point: one row a step. block: the pyramid over it, level k having one row per 4^k steps; `total` and `count` leave out what is not a number.
_TABLES = (
    f"""
    CREATE TABLE bake (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        folder TEXT NOT NULL,
        why TEXT NOT NULL,
        settings_toml TEXT NOT NULL,
        engine TEXT NOT NULL,
        parent INTEGER REFERENCES bake (number),
        state TEXT NOT NULL,
        stage TEXT NOT NULL DEFAULT '',
        stage_done INTEGER NOT NULL DEFAULT 0,
        stage_total INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '',
        pid INTEGER,
        pid_started REAL,
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        total_steps INTEGER NOT NULL,
        steps_per_epoch INTEGER NOT NULL,
        peak_vram INTEGER,
        {", ".join((*_BAKE_OF_FORM_2, *_BAKE_OF_FORM_3, *_BAKE_OF_FORM_4))}
    )
    """,
    "CREATE TABLE manifest (bake INTEGER PRIMARY KEY REFERENCES bake (number), blob BLOB NOT NULL)",
    f"""
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY,
        bake INTEGER NOT NULL REFERENCES bake (number),
        "order" TEXT NOT NULL,
        given REAL NOT NULL,
        obeyed REAL,
        {", ".join(_ORDERS_OF_FORM_2)}
    )
    """,
    "CREATE INDEX orders_by_bake ON orders (bake, obeyed)",
    """
    CREATE TABLE log (
        id INTEGER PRIMARY KEY,
        bake INTEGER REFERENCES bake (number),
        seconds REAL NOT NULL,
        level TEXT NOT NULL,
        text TEXT NOT NULL
    )
    """,
    "CREATE INDEX log_by_bake ON log (bake, id)",
    """
    CREATE TABLE checkpoint (
        bake INTEGER NOT NULL REFERENCES bake (number),
        epoch INTEGER NOT NULL,
        step INTEGER NOT NULL,
        file TEXT NOT NULL,
        size INTEGER NOT NULL,
        loss REAL,
        val REAL,
        val_change REAL,
        val_error REAL,
        seconds REAL NOT NULL,
        PRIMARY KEY (bake, file)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE validation (
        bake INTEGER NOT NULL REFERENCES bake (number),
        step INTEGER NOT NULL,
        loss REAL,
        change REAL,
        error REAL,
        PRIMARY KEY (bake, step)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE folder_loss (
        bake INTEGER NOT NULL REFERENCES bake (number),
        epoch INTEGER NOT NULL,
        folder TEXT NOT NULL,
        loss REAL,
        pictures INTEGER NOT NULL,
        PRIMARY KEY (bake, epoch, folder)
    ) WITHOUT ROWID
    """,
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
    """
    CREATE TABLE telemetry (
        id INTEGER PRIMARY KEY,
        seconds REAL NOT NULL,
        bake INTEGER REFERENCES bake (number),
        cards TEXT NOT NULL,
        no_card_because TEXT NOT NULL,
        cpu_percent REAL,
        memory_used INTEGER,
        memory_total INTEGER,
        process_memory INTEGER,
        disk_free INTEGER
    )
    """,
    "CREATE INDEX telemetry_by_time ON telemetry (seconds)",
    *_TABLES_OF_FORM_2,
    *_TABLES_OF_FORM_3,
)

# What makes a journal of one form one of the next.
_STEPS = {
    1: (
        *(f"ALTER TABLE bake ADD COLUMN {column}" for column in _BAKE_OF_FORM_2),
        *(f"ALTER TABLE orders ADD COLUMN {column}" for column in _ORDERS_OF_FORM_2),
        "UPDATE bake SET place = number",
        "DROP INDEX bake_by_state",
        *_TABLES_OF_FORM_2,
    ),
    2: (*_TABLES_OF_FORM_3, *(f"ALTER TABLE bake ADD COLUMN {column}" for column in _BAKE_OF_FORM_3)),
    3: tuple(f"ALTER TABLE bake ADD COLUMN {column}" for column in _BAKE_OF_FORM_4),
}


def check_schema(connection: sqlite3.Connection, where: str) -> int:
    """Return the form of the tables that are there, 0 where the file is new and empty.

    Raises:
        WorkspaceError: the file is another program's, or of a newer lora-tui.
    """
    # The tables and the ids come in one commit: read in this order, a journal being laid by another program looks empty, never foreign.
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not tables:
        return 0
    if application != APPLICATION_ID:
        raise WorkspaceError(
            where,
            found="a database of another program",
            expected="a journal of lora-tui",
            way_out="give another folder",
        )
    if version > SCHEMA_VERSION:
        raise WorkspaceError(
            where,
            found=f"a journal of form {version}",
            expected=f"at most form {SCHEMA_VERSION}",
            way_out="it was written by a newer lora-tui: upgrade this one",
        )
    return version


def bring_up(connection: sqlite3.Connection, form: int) -> None:
    """Make a new file, or a journal of an older form, one of the newest; the caller holds the write transaction.

    Args:
        form: from check_schema.
    """
    statements = [each for old in range(form, SCHEMA_VERSION) for each in _STEPS[old]] if form else _TABLES
    for statement in statements:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
