"""A journal of many made bakes, written with as few statements as it takes."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from random import Random

from trainer.history.facts import facts_of, made_by
from trainer.journal.derived_records import BakeFacts
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.journal.rows import insert, to_row
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml

SUBJECTS = ("hifumi", "backpack", "lantern", "harbour")
STARTED = 1_700_000_000.0
_RATES = (3e-5, 1e-4, 2e-4, 3e-4, 1e-3)


def make_history(path: Path, bakes: int, *, points: int = 0, saved: int = 4, facts: bool = True, seed: int = 0) -> None:
    """Write a new journal of `bakes` bakes that ended, each with `points` points of its loss and `saved` LoRAs.

    Every third bake has the one before it as its parent, every tenth a tag and a note.

    Args:
        path: the file, which does not exist.
        bakes: how many.
        points: steps of each.
        saved: LoRAs of each.
        facts: whether the facts that lists need are there already.
        seed: of what is made up.
    """
    random = Random(seed)
    tomls = _settings(random)
    with Journal(path):
        pass
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    for number in range(1, bakes + 1):
        insert(connection, "bake", to_row(_bake(number, points, tomls[random.randrange(len(tomls))])))
        _add_results(connection, number, points, saved, random)
    if points:
        connection.execute(
            """
            WITH RECURSIVE steps (step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM steps WHERE step < ?)
            INSERT INTO point (series, step, value) SELECT id, step, 0.05 + (id * 31 % 97) / 1000.0 FROM series, steps
            """,
            (points,),
        )
    connection.commit()
    connection.close()
    if facts:
        with Journal(path) as journal:
            _keep_facts(journal)


def _keep_facts(journal: Journal) -> None:
    """Write the facts of all bakes, worked out once for each of their settings."""
    known: dict[str, BakeFacts] = {}
    made = []
    while sources := journal.derived.without_facts(made_by(), 10**6):
        for source in sources:
            if source.settings_toml not in known:
                known[source.settings_toml] = facts_of(journal, source)
            facts = known[source.settings_toml]
            made.append(replace(facts, bake=source.number))
        journal.derived.keep_facts(made)


def _settings(random: Random) -> list[str]:
    return [
        settings_toml(
            Settings(
                subject=random.choice(SUBJECTS),
                unet_lr=random.choice(_RATES),
                text_encoder_lr=random.choice(_RATES),
                network_dim=random.choice((4, 8, 16, 32)),
                max_train_epochs=random.choice((5, 10, 20)),
                output_name=f"made{at}",
            )
        )
        for at in range(40)
    ]


def _bake(number: int, points: int, toml: str) -> Bake:
    started = STARTED + 4000.0 * number
    return Bake(
        number=number,
        name=f"made{number}",
        folder=f"bakes/{number:04d}-made{number}",
        settings_toml=toml,
        engine="",
        state=BakeState.FAILED if number % 17 == 0 else BakeState.DONE,
        total_steps=max(points, 8),
        steps_per_epoch=max(points, 8) // 4,
        created=started,
        started=started,
        ended=started + 60.0 + number % 3000,
        place=float(number),
        parent=number - 1 if number % 3 == 0 else None,
        peak_vram=(4 + number % 8) * 2**30,
    )


def _add_results(connection: sqlite3.Connection, number: int, points: int, saved: int, random: Random) -> None:
    steps = max(points, 8)
    for at in range(1, saved + 1):
        connection.execute(
            "INSERT INTO checkpoint (bake, epoch, step, file, size, loss, val, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (number, at, at * steps // saved, f"e{at}.safetensors", 9, random.uniform(0.05, 0.2), None, STARTED),
        )
    if points:
        connection.execute("INSERT INTO series (bake, metric) VALUES (?, 'loss')", (number,))
    if number % 10 == 0:
        connection.execute(
            "INSERT INTO bake_note (bake, text, tags, seconds) VALUES (?, ?, ?, ?)",
            (number, f"# ears of {number}\nmore", json.dumps({"te": True}), STARTED + number),
        )
