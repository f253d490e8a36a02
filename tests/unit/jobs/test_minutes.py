"""Minutes where nothing bakes: in an export, in a comparison of trainers, and beside a script's own reading of them."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.demo.workspace import make_demo
from trainer.interop.documents import read_document
from trainer.interop.export.export import export_settings
from trainer.interop.export.targets import TARGETS
from trainer.interop.importer import import_documents
from trainer.jobs.bakes import check, queue_bake
from trainer.jobs.minutes import minutes_as_steps, speed_known_at
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.parity.compare import parity_table
from trainer.parity.comparison import read_comparison
from trainer.parity.table import ParityCell
from trainer.plan.minutes import TimePlan, minutes_lines, planned_steps
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings
from trainer.workspace import Workspace

ANON = "anon-1337 2023-02"


@pytest.fixture
def demo(tmp_path: Path) -> Workspace:
    return make_demo(tmp_path / "demo")


@pytest.fixture
def measured(demo: Workspace) -> Callable[[float], None]:
    """Return a function that lets a bake have been measured at so many seconds a step."""

    def bake(seconds: float) -> None:
        path = demo.root / "hifumi.toml"
        with Journal(demo.journal_path) as journal:
            number = queue_bake(journal, demo, check(load_settings(path), path), why="", engine="").number
            journal.curves.add(number, "seconds_per_step", [(step, seconds) for step in range(1, 31)])
            journal.bakes.set_state(number, BakeState.DONE)

    return bake


def asked(demo: Workspace, *overrides: str) -> Settings:
    path = demo.root / "hifumi.toml"
    return resolve(load_settings(path, ("train_minutes=40", *overrides)), path)


def test_a_measured_speed_makes_steps_of_them(demo: Workspace, measured: Callable[[float], None]) -> None:
    measured(0.8)
    found = minutes_as_steps(asked(demo), demo.root / "hifumi.toml")
    assert (found.settings.max_train_steps, found.settings.max_train_epochs, found.known) == (3000, None, True)
    assert found.settings.train_minutes is None
    # 1 / 0.8 is 1.25 it/s, which the script inverts.
    assert found.by_script is not None
    assert found.by_script.steps == 1920


def test_without_a_speed_what_stands_beside_them_counts(demo: Workspace) -> None:
    found = minutes_as_steps(asked(demo), demo.root / "hifumi.toml")
    assert (found.settings.max_train_epochs, found.settings.train_minutes, found.known) == (6, None, False)
    assert "max_train_epochs = 6 stands in for what 40 min come to" in found.note
    steps = minutes_as_steps(asked(demo, "max_train_epochs=", "max_train_steps=77"), demo.root / "hifumi.toml")
    assert "max_train_steps = 77" in steps.note


def test_settings_without_minutes_stay_as_they_are(demo: Workspace) -> None:
    settings = asked(demo, "train_minutes=")
    assert minutes_as_steps(settings, demo.root / "hifumi.toml").settings is settings


def test_a_settings_file_outside_of_a_workspace_knows_no_speed(demo: Workspace, tmp_path: Path) -> None:
    assert not minutes_as_steps(asked(demo), tmp_path / "elsewhere.toml").known


@pytest.mark.parametrize("target", TARGETS)
def test_an_export_has_the_steps_and_says_where_they_are_from(
    demo: Workspace, measured: Callable[[float], None], tmp_path: Path, target: str
) -> None:
    measured(0.8)
    file = tmp_path / "out"
    made = export_settings(asked(demo), demo.root / "hifumi.toml", TARGETS[target], file, tmp_path / "data.toml")
    reports = {each.setting: each for each in made.report.settings}
    assert (reports["train_minutes"].fate, reports["train_minutes"].to) == ("translated", "max_train_steps = 3000")
    assert {reports[name].fate for name in ("max_train_epochs", "max_train_steps")} == {"not needed"}
    back = import_documents([read_document(made.text.encode(), str(file))]).settings
    assert (back.max_train_steps, back.max_train_epochs) == (3000, None)


def test_an_export_without_a_speed_says_that_the_minutes_are_lost(demo: Workspace, tmp_path: Path) -> None:
    made = export_settings(
        asked(demo), demo.root / "hifumi.toml", TARGETS["sd-scripts"], tmp_path / "a", tmp_path / "b"
    )
    lost = {each.setting: each.why for each in made.report.settings if each.fate == "lost"}
    assert "was measured here" in lost["train_minutes"]
    assert "max_train_epochs = 6" in made.text


def test_the_table_of_trainers_has_the_steps_and_those_of_the_script(
    demo: Workspace, measured: Callable[[float], None]
) -> None:
    measured(0.8)
    compared = read_comparison(asked(demo), demo.root / "hifumi.toml")
    table = parity_table(compared.asked, compared.data, family="sd1", profiles=[ANON, "kohya_ss 2023-02"])
    cells: tuple[ParityCell, ...] = next(row.cells for row in table.rows if row.key == "steps_run")
    assert [cell.text for cell in cells] == ["3,000", "1,920", "3,000"]
    assert "inverts every speed in it/s" in cells[1].reason
    assert any(note.startswith("train_minutes: 40 min → ≈ 3,000 steps") for note in compared.notes)


@pytest.mark.parametrize(
    ("speed", "why"),
    [
        ("1.23it/s", "inverts every speed in it/s"),
        ("2s/it", "does not invert s/it"),
        ("1.23it/s | 1.23s/it", "the number 1.231.23 and fails"),
        ("1.5s/it", ""),
    ],
)
def test_an_imported_script_keeps_its_minutes_and_says_what_it_made_of_its_speed(speed: str, why: str) -> None:
    lines = (
        f'$desired_training_time = 40\n$gpu_training_speed = "{speed}"\n$is_random_seed = 0\n$max_train_epochs = 10\n'
    )
    found = import_documents([read_document(lines.encode(), "train_network.ps1")])
    assert found.settings.train_minutes == 40
    assert found.settings.behave_like == ANON
    said = next(key for key in found.report.keys if key.key.endswith("gpu_training_speed"))
    assert said.fate == "without effect"
    assert said.why.startswith("the speed is measured here")
    assert (why in said.why) if why else ("reading" not in said.why)


def test_what_a_bake_did_between_its_steps_counts_where_the_next_one_does_the_same(
    demo: Workspace, measured: Callable[[float], None]
) -> None:
    measured(0.5)
    with sqlite3.connect(demo.journal_path) as connection:
        # 30 steps of half a second, 5 s before them and 15 s between.
        connection.execute("UPDATE bake SET started = 1000, ended = 1035, setup_seconds = 5")
    path = demo.root / "hifumi.toml"
    same = speed_known_at(asked(demo), path)
    assert same is not None
    assert same.between_seconds == pytest.approx(0.5)
    assert planned_steps(asked(demo), 40, same) == 2395
    assert minutes_as_steps(asked(demo), path).settings.max_train_steps == 2395
    more = speed_known_at(asked(demo, "sample_every_n_epochs=1"), path)
    assert more is not None
    assert (more.seconds, more.between_seconds) == (0.5, None)
    lines = list(minutes_lines(TimePlan(40.0, same), asked(demo), 2395))
    assert any(line.startswith("20 min of them for validation and saving, as in bake 1") for line in lines)
