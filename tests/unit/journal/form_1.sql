-- A journal as form 1 wrote it, dumped by SQLite; test_migration.py opens it with the program of today.
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
        peak_vram INTEGER
    );
INSERT INTO "bake" VALUES(1,'hifumi','bakes/0001-hifumi','first try','output_name = "hifumi"
unet_lr = 1e-4
','a1',NULL,'done','step',8,8,'',4711,1000.0,1.79537660445460844037e+09,1.79537660445515108104e+09,1.79537660445820522305e+09,8,4,5368709120);
INSERT INTO "bake" VALUES(2,'hifumi','bakes/0002-hifumi','TE a bit over','output_name = "hifumi"
unet_lr = 5e-5
','a1',1,'paused','',0,0,'',4712,2000.0,1.79537660445486545561e+09,1.79537660445828151705e+09,NULL,8,4,NULL);
INSERT INTO "bake" VALUES(3,'school','bakes/0003-school','','output_name = "school"
','a1',NULL,'queued','',0,0,'',NULL,NULL,1.79537660445496439934e+09,NULL,NULL,12,4,NULL);
INSERT INTO "bake" VALUES(4,'frills','bakes/0004-frills','','output_name = "frills"
','b2',NULL,'queued','',0,0,'',NULL,NULL,1.79537660445504260067e+09,NULL,NULL,12,4,NULL);
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
INSERT INTO "block" VALUES(1,1,0,3.33333333333333314829e-01,1.0,1.83333333333333325931e+00,3);
INSERT INTO "block" VALUES(1,1,4,1.42857142857142849212e-01,0.25,7.59523809523809489974e-01,4);
INSERT INTO "block" VALUES(1,1,8,0.125,0.125,0.125,1);
INSERT INTO "block" VALUES(1,2,0,0.125,1.0,2.71785714285714252724e+00,8);
INSERT INTO "block" VALUES(1,3,0,0.125,1.0,2.71785714285714252724e+00,8);
INSERT INTO "block" VALUES(1,4,0,0.125,1.0,2.71785714285714252724e+00,8);
INSERT INTO "block" VALUES(1,5,0,0.125,1.0,2.71785714285714252724e+00,8);
INSERT INTO "block" VALUES(1,6,0,0.125,1.0,2.71785714285714252724e+00,8);
INSERT INTO "block" VALUES(1,7,0,0.125,1.0,2.71785714285714252724e+00,8);
INSERT INTO "block" VALUES(1,8,0,0.125,1.0,2.71785714285714252724e+00,8);
INSERT INTO "block" VALUES(1,9,0,0.125,1.0,2.71785714285714252724e+00,8);
INSERT INTO "block" VALUES(1,10,0,0.125,1.0,2.71785714285714252724e+00,8);
INSERT INTO "block" VALUES(2,1,0,0.0001,0.0001,3.00000000000000027929e-04,3);
INSERT INTO "block" VALUES(2,1,4,0.0001,0.0001,0.0004,4);
INSERT INTO "block" VALUES(2,1,8,0.0001,0.0001,0.0001,1);
INSERT INTO "block" VALUES(2,2,0,0.0001,0.0001,8.00000000000000146757e-04,8);
INSERT INTO "block" VALUES(2,3,0,0.0001,0.0001,8.00000000000000146757e-04,8);
INSERT INTO "block" VALUES(2,4,0,0.0001,0.0001,8.00000000000000146757e-04,8);
INSERT INTO "block" VALUES(2,5,0,0.0001,0.0001,8.00000000000000146757e-04,8);
INSERT INTO "block" VALUES(2,6,0,0.0001,0.0001,8.00000000000000146757e-04,8);
INSERT INTO "block" VALUES(2,7,0,0.0001,0.0001,8.00000000000000146757e-04,8);
INSERT INTO "block" VALUES(2,8,0,0.0001,0.0001,8.00000000000000146757e-04,8);
INSERT INTO "block" VALUES(2,9,0,0.0001,0.0001,8.00000000000000146757e-04,8);
INSERT INTO "block" VALUES(2,10,0,0.0001,0.0001,8.00000000000000146757e-04,8);
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
INSERT INTO "checkpoint" VALUES(1,1,4,'hifumi-000001.safetensors',1234,0.4,0.25,-0.01,0.002,1700000100.0);
INSERT INTO "checkpoint" VALUES(1,2,8,'hifumi.safetensors',1234,0.2,0.2,-0.02,0.002,1700000200.0);
CREATE TABLE folder_loss (
        bake INTEGER NOT NULL REFERENCES bake (number),
        epoch INTEGER NOT NULL,
        folder TEXT NOT NULL,
        loss REAL,
        pictures INTEGER NOT NULL,
        PRIMARY KEY (bake, epoch, folder)
    ) WITHOUT ROWID
    ;
INSERT INTO "folder_loss" VALUES(1,1,'3_school',0.3,12);
INSERT INTO "folder_loss" VALUES(1,2,'3_school',0.2,12);
CREATE TABLE log (
        id INTEGER PRIMARY KEY,
        bake INTEGER REFERENCES bake (number),
        seconds REAL NOT NULL,
        level TEXT NOT NULL,
        text TEXT NOT NULL
    );
INSERT INTO "log" VALUES(1,1,1.79537660445789766308e+09,'info','saved hifumi.safetensors');
CREATE TABLE manifest (bake INTEGER PRIMARY KEY REFERENCES bake (number), blob BLOB NOT NULL);
INSERT INTO "manifest" VALUES(1,X'1F8B64617461');
CREATE TABLE orders (
        id INTEGER PRIMARY KEY,
        bake INTEGER NOT NULL REFERENCES bake (number),
        "order" TEXT NOT NULL,
        given REAL NOT NULL,
        obeyed REAL
    );
INSERT INTO "orders" VALUES(1,1,'save',1.79537660445778179171e+09,1.79537660445783877369e+09);
INSERT INTO "orders" VALUES(2,2,'go on',1.79537660445842385285e+09,NULL);
CREATE TABLE point (
        series INTEGER NOT NULL REFERENCES series (id),
        step INTEGER NOT NULL,
        value REAL,
        PRIMARY KEY (series, step)
    ) WITHOUT ROWID
    ;
INSERT INTO "point" VALUES(1,1,1.0);
INSERT INTO "point" VALUES(1,2,0.5);
INSERT INTO "point" VALUES(1,3,3.33333333333333314829e-01);
INSERT INTO "point" VALUES(1,4,0.25);
INSERT INTO "point" VALUES(1,5,0.2);
INSERT INTO "point" VALUES(1,6,1.66666666666666657414e-01);
INSERT INTO "point" VALUES(1,7,1.42857142857142849212e-01);
INSERT INTO "point" VALUES(1,8,0.125);
INSERT INTO "point" VALUES(2,1,0.0001);
INSERT INTO "point" VALUES(2,2,0.0001);
INSERT INTO "point" VALUES(2,3,0.0001);
INSERT INTO "point" VALUES(2,4,0.0001);
INSERT INTO "point" VALUES(2,5,0.0001);
INSERT INTO "point" VALUES(2,6,0.0001);
INSERT INTO "point" VALUES(2,7,0.0001);
INSERT INTO "point" VALUES(2,8,0.0001);
CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        bake INTEGER NOT NULL REFERENCES bake (number),
        metric TEXT NOT NULL,
        UNIQUE (bake, metric)
    );
INSERT INTO "series" VALUES(1,1,'loss');
INSERT INTO "series" VALUES(2,1,'lr_unet');
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
INSERT INTO "telemetry" VALUES(1,1700000050.0,1,'[]','no card',12.5,1,2,3,4);
CREATE TABLE validation (
        bake INTEGER NOT NULL REFERENCES bake (number),
        step INTEGER NOT NULL,
        loss REAL,
        change REAL,
        error REAL,
        PRIMARY KEY (bake, step)
    ) WITHOUT ROWID
    ;
INSERT INTO "validation" VALUES(1,4,0.25,-0.01,0.002);
INSERT INTO "validation" VALUES(1,8,0.2,-0.02,0.002);
CREATE INDEX bake_by_state ON bake (state, engine, number);
CREATE INDEX orders_by_bake ON orders (bake, obeyed);
CREATE INDEX log_by_bake ON log (bake, id);
CREATE INDEX telemetry_by_time ON telemetry (seconds);
COMMIT;
PRAGMA application_id = 1282364001;
PRAGMA user_version = 1;
