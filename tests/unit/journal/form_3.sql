-- A journal as form 3 wrote it, dumped by SQLite; test_migration.py opens it with the program of today.
BEGIN TRANSACTION;
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
        place REAL NOT NULL DEFAULT 0, not_before REAL, held INTEGER NOT NULL DEFAULT 0, on_failure TEXT NOT NULL DEFAULT 'go on', refers TEXT NOT NULL DEFAULT '', starts_from TEXT NOT NULL DEFAULT '', attempt INTEGER NOT NULL DEFAULT 1, device TEXT NOT NULL DEFAULT '', planned_seconds REAL, grid INTEGER REFERENCES grid (number)
    );
INSERT INTO "bake" VALUES(1,'hifumi','bakes/0001-hifumi','first try','network_dim = 16
','a1',NULL,'done','',0,0,'',NULL,NULL,1.79541116650872802735e+09,1.79541116650899529455e+09,1.79541116650914049147e+09,8,4,5368709120,1.0,NULL,0,'go on','','',1,'0123-uuid',NULL,NULL);
INSERT INTO "bake" VALUES(2,'hifumi','bakes/0002-hifumi','again','network_dim = 8
','a1',1,'queued','',0,0,'',NULL,NULL,1.79541116650919294357e+09,NULL,NULL,8,4,NULL,2.0,NULL,0,'go on','','',1,'',NULL,NULL);
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
    ;
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
    ;
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
    ;
CREATE TABLE folder_loss (
        bake INTEGER NOT NULL REFERENCES bake (number),
        epoch INTEGER NOT NULL,
        folder TEXT NOT NULL,
        loss REAL,
        pictures INTEGER NOT NULL,
        PRIMARY KEY (bake, epoch, folder)
    ) WITHOUT ROWID
    ;
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
    );
CREATE TABLE log (
        id INTEGER PRIMARY KEY,
        bake INTEGER REFERENCES bake (number),
        seconds REAL NOT NULL,
        level TEXT NOT NULL,
        text TEXT NOT NULL
    );
CREATE TABLE looked (id INTEGER PRIMARY KEY CHECK (id = 1), seconds REAL NOT NULL);
CREATE TABLE manifest (bake INTEGER PRIMARY KEY REFERENCES bake (number), blob BLOB NOT NULL);
CREATE TABLE mark (
        id INTEGER PRIMARY KEY,
        bake INTEGER NOT NULL REFERENCES bake (number),
        step INTEGER NOT NULL,
        seconds REAL NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL
    );
CREATE TABLE orders (
        id INTEGER PRIMARY KEY,
        bake INTEGER NOT NULL REFERENCES bake (number),
        "order" TEXT NOT NULL,
        given REAL NOT NULL,
        obeyed REAL,
        argument TEXT NOT NULL DEFAULT '', answer TEXT NOT NULL DEFAULT ''
    );
CREATE TABLE picture (fingerprint TEXT PRIMARY KEY, file TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE point (
        series INTEGER NOT NULL REFERENCES series (id),
        step INTEGER NOT NULL,
        value REAL,
        PRIMARY KEY (series, step)
    ) WITHOUT ROWID
    ;
CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        bake INTEGER NOT NULL REFERENCES bake (number),
        metric TEXT NOT NULL,
        UNIQUE (bake, metric)
    );
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
    ;
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
    );
CREATE TABLE validation (
        bake INTEGER NOT NULL REFERENCES bake (number),
        step INTEGER NOT NULL,
        loss REAL,
        change REAL,
        error REAL,
        PRIMARY KEY (bake, step)
    ) WITHOUT ROWID
    ;
CREATE INDEX orders_by_bake ON orders (bake, obeyed);
CREATE INDEX log_by_bake ON log (bake, id);
CREATE INDEX telemetry_by_time ON telemetry (seconds);
CREATE INDEX bake_by_place ON bake (state, engine, place);
CREATE INDEX mark_by_step ON mark (bake, step);
COMMIT;
PRAGMA user_version = 3;
PRAGMA application_id = 1282364001;
