"""What users and grids wrote into a workspace means its own files after it was moved or copied, absolute paths included."""

import shutil
from pathlib import Path

import pytest
from made_grid import made_grid

from lora_tui.actions.grids import save_spec
from lora_tui.actions.kept_specs import KeptSpecs
from trainer.dataset.dataset_toml import read_dataset_toml
from trainer.demo.workspace import make_demo
from trainer.gallery.sidecar import SIDECAR, read_sidecar
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import EpochFile, GridSpec
from trainer.jobs.grids import check_grid, queue_grid
from trainer.jobs.new_subject import make_subject
from trainer.journal.journal import Journal
from trainer.settings.model import Settings
from trainer.settings.subject import load_subject, resolve
from trainer.settings.toml_file import load_settings
from trainer.workspace import Workspace


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("drawn") / "demo").root


@pytest.fixture
def old(drawn: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(drawn, tmp_path / "old", ignore=lambda *_: ["journal.sqlite", "places.json"])
    Journal(tmp_path / "old" / "journal.sqlite").close()
    return Workspace(tmp_path / "old")


def copied(old: Workspace) -> Path:
    """Copy the workspace; the original stays, and is no longer what it was."""
    place = old.root.with_name("copy")
    shutil.copytree(old.root, place)
    shutil.rmtree(old.root / "data")
    Journal(place / "journal.sqlite").close()
    return place


def test_absolute_paths_in_settings_and_subjects_mean_the_copys_own_files(old: Workspace) -> None:
    (old.root / "own.toml").write_text(f'train_data_dir = "{old.root}/data"\npretrained_model_name_or_path = "demo"\n')
    (old.subjects / "x.toml").write_text(f'train_data_dir = "{old.root}/data/../data"\nvalidation_data_dir = "data"\n')
    (old.root / "x.toml").write_text('subject = "x"\npretrained_model_name_or_path = "demo"\n')
    place = copied(old)
    for name in ("own.toml", "x.toml"):
        settings = resolve(load_settings(place / name), place / name)
        assert settings.train_data_dir == str(place / "data")
    assert settings.validation_data_dir == str(place / "data")


def test_absolute_folders_of_a_data_set_file_mean_the_copys_own(old: Workspace) -> None:
    text = f'[[datasets]]\n[[datasets.subsets]]\nimage_dir = "{old.root}/data/10_hifumi_chan"\nnum_repeats = 1\n'
    (old.root / "data.toml").write_text(text + f'conditioning_data_dir = "{old.root}/masks"\n')
    place = copied(old)
    (source,) = read_dataset_toml(place / "data.toml", Settings(masked_loss=True)).sources
    assert source.path == place / "data" / "10_hifumi_chan"
    assert source.options.masks == place / "masks"


def test_a_new_subject_names_pictures_in_its_workspace_from_there(old: Workspace) -> None:
    made = make_subject("new", old.root / "data", "demo", old.root / "validation", lambda: old)
    subject = load_subject(made.subject_file)
    assert (subject.train_data_dir, subject.validation_data_dir) == ("data", "validation")
    assert resolve(load_settings(made.settings_file), made.settings_file).train_data_dir == str(old.root / "data")


def test_a_new_subject_names_pictures_elsewhere_by_their_whole_path(old: Workspace, tmp_path: Path) -> None:
    shutil.copytree(old.root / "data", tmp_path / "pictures")
    made = make_subject("new", tmp_path / "pictures", "demo", None, lambda: old)
    assert load_subject(made.subject_file).train_data_dir == str(tmp_path / "pictures")


def test_a_grids_sidecar_names_the_loras_of_the_place_it_is_in(old: Workspace) -> None:
    folder = old.grids / "0001-grid"
    before = made_grid(folder)
    assert str(old.root) not in (folder / SIDECAR).read_text()
    place = copied(old)
    after = read_sidecar(place / "grids" / "0001-grid")
    assert after is not None
    for was, cell in zip(before.cells, after.cells, strict=True):
        (one,), (other,) = was.recipe.loras, cell.recipe.loras
        assert other.path == place / one.path.relative_to(old.root)
    assert all(
        ModelFiles(place).path(epoch.file) == place / was.file
        for epoch, was in zip(after.spec.epochs, before.spec.epochs, strict=True)
    )


def test_an_older_versions_sidecar_is_read_as_of_the_place_it_is_in(old: Workspace) -> None:
    folder = old.grids / "0001-grid"
    before = made_grid(folder)
    shown = str(before.cells[0].recipe.loras[0].path.relative_to(old.root))
    text = (folder / SIDECAR).read_text().replace(f'"{shown}"', f'"{old.root / shown}"')
    assert str(old.root) in text
    (folder / SIDECAR).write_text(text)
    place = copied(old)
    after = read_sidecar(place / "grids" / "0001-grid")
    assert after is not None and after.cells[0].recipe.loras[0].path == place / shown


def test_a_queued_grid_and_the_builder_keep_files_of_the_workspace_from_its_root(old: Workspace) -> None:
    (old.root / "models").mkdir()
    shutil.copytree(Path(__file__).parents[2] / "trainer/demo/model", old.root / "models" / "base")
    spec = GridSpec(base=str(old.root / "models" / "base"), vae=str(old.root / "models" / "base" / "vae"), seeds="1")
    with Journal(old.journal_path) as journal:
        grid, _ = queue_grid(journal, old, check_grid(spec, journal, old), engine="")
        kept = KeptSpecs(old)
        epochs = (
            EpochFile(label="1", file=str(old.root / "x.safetensors")),
            EpochFile(label="2", file="/elsewhere.safetensors"),
        )
        kept.note("bake 1", GridSpec(), spec.model_copy(update={"epochs": epochs}))
        kept.write()
        save_spec(spec, old.grids / "mine.json")
        text = "".join((old.grids / name).read_text() for name in (".builder.json", "mine.json"))
        text += journal.grids.read(grid.number).spec
    assert str(old.root) not in text
    assert text.count('"models/base"') == 3 and '"models/base/vae"' in text
    assert '"x.safetensors"' in text and '"/elsewhere.safetensors"' in text
