"""Models and pictures outside the workspace that were moved are found by what is in them, and only by that."""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from made_grid import made_grid

from trainer.dataset.manifest import ListedPicture, Manifest
from trainer.errors import ModelError
from trainer.gallery.sidecar import read_sidecar, write_sidecar
from trainer.grid.recipe import LoraUse
from trainer.grid.spec import EpochFile, parse_spec, spec_json
from trainer.jobs.grids import resume_grid
from trainer.jobs.moved_files import moved_lines, with_moved_files
from trainer.jobs.same_content import Provenance, listed_models
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.models.model_content import content_of_model
from trainer.settings.model import Settings
from trainer.workspace_paths import WorkspacePaths

NOWHERE = WorkspacePaths(Path("/nowhere/w"))


def model(place: Path, content: bytes = b"weights") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


def folder_of_weights(place: Path, content: bytes = b"unet") -> Path:
    (place / "unet").mkdir(parents=True)
    (place / "model_index.json").write_text("{}")
    (place / "unet" / "config.json").write_text("{}")
    (place / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(content)
    return place


def pictures(place: Path, *contents: bytes) -> Path:
    place.mkdir(parents=True)
    for number, content in enumerate(contents):
        (place / f"{number}.png").write_bytes(content)
    return place


def stands_on(base: Path, *contents: bytes) -> Provenance:
    content = content_of_model(base)
    assert content is not None
    listed = (
        ListedPicture(f"{number}.png", hashlib.sha256(each).hexdigest(), len(each), 1, 1, 1, "", False, 0, None)
        for number, each in enumerate(contents)
    )
    return Provenance(
        Manifest(pictures=tuple(listed), models=listed_models({"pretrained_model_name_or_path": content})), 1
    )


def base_after(settings: Settings, before: Provenance | None, paths: WorkspacePaths, *look_in: Path) -> str:
    return with_moved_files(settings, before, paths, look_in).pretrained_model_name_or_path


@pytest.mark.parametrize("make", [model, folder_of_weights])
def test_a_model_moved_along_with_the_workspace_is_found_beside_it(tmp_path: Path, make) -> None:
    old, new = tmp_path / "a", tmp_path / "b" / "c"
    base = make(old / "models" / "base.safetensors")
    before, settings = stands_on(base), Settings(pretrained_model_name_or_path=str(base))
    new.parent.mkdir()
    old.rename(new)
    found = base_after(settings, before, WorkspacePaths(new / "work", (tmp_path / "other", old / "work")))
    assert found == str(new / "models" / "base.safetensors")


@pytest.mark.parametrize("make", [model, folder_of_weights])
def test_a_model_is_found_in_a_folder_searched_under_another_name_too(tmp_path: Path, make) -> None:
    base = make(tmp_path / "base.safetensors")
    before, settings = stands_on(base), Settings(pretrained_model_name_or_path=str(base))
    make(tmp_path / "searched" / "a" / "base.safetensors", b"others!")
    (tmp_path / "searched" / "loop").symlink_to(tmp_path / "searched")
    moved = tmp_path / "searched" / "a" / "deep" / "renamed.safetensors"
    moved.parent.mkdir()
    base.rename(moved)
    assert base_after(settings, before, NOWHERE, tmp_path / "searched") == str(moved)
    (line,) = moved_lines(settings, with_moved_files(settings, before, NOWHERE, [tmp_path / "searched"]))
    assert line == f"base model: found by its hash in {moved}"


def test_a_model_with_the_name_and_size_but_another_content_is_refused_with_the_hash_looked_for(tmp_path: Path) -> None:
    base = model(tmp_path / "base.safetensors")
    before, settings = stands_on(base), Settings(pretrained_model_name_or_path=str(base))
    base.unlink()
    model(tmp_path / "searched" / "base.safetensors", b"WEIGHTS")
    with pytest.raises(ModelError) as refused:
        base_after(settings, before, NOWHERE, tmp_path / "searched", tmp_path / "missing")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert refused.value.line() == (
        f"base model {base}: no such file or folder; expected the one with sha256 {digest[:12]}…; put it back, or have it "
        "looked for: `--find FOLDER` of resume, fork and extend"
    )


def test_what_is_in_its_place_is_left_to_those_who_compare_it(tmp_path: Path) -> None:
    base = model(tmp_path / "base.safetensors")
    before, settings = stands_on(base), Settings(pretrained_model_name_or_path=str(base))
    model(tmp_path / "searched" / "base.safetensors")
    base.write_bytes(b"another")
    assert with_moved_files(settings, before, NOWHERE, [tmp_path / "searched"]) == settings


def test_what_the_settings_do_not_name_is_not_looked_for(tmp_path: Path) -> None:
    """A bake of a ladder may have a base that the ladder's own settings do not name."""
    before = stands_on(model(tmp_path / "old" / "base.safetensors"))
    beside = WorkspacePaths(tmp_path / "new", (tmp_path / "old",))
    settings = Settings(pretrained_model_name_or_path="")
    assert with_moved_files(settings, before, beside) == settings


def test_what_no_hash_is_known_of_is_not_looked_for(tmp_path: Path) -> None:
    settings = Settings(
        pretrained_model_name_or_path=str(tmp_path / "gone.safetensors"), vae="/gone/vae", train_data_dir="/gone"
    )
    model(tmp_path / "searched" / "gone.safetensors")
    for before in (None, Provenance(None, 1), Provenance(Manifest(), 1)):
        assert with_moved_files(settings, before, NOWHERE, [tmp_path / "searched"]) == settings


def test_a_data_folder_is_found_by_a_picture_in_it_and_not_by_its_name_alone(tmp_path: Path) -> None:
    base = model(tmp_path / "base.safetensors")
    gone = tmp_path / "gone" / "data"
    settings = Settings(pretrained_model_name_or_path=str(base), train_data_dir=str(gone))
    before = stands_on(base, b"one", b"two", b"three")
    wrong = pictures(tmp_path / "searched" / "a" / "data", b"other", b"pictures")
    assert with_moved_files(settings, before, NOWHERE, [tmp_path / "searched"]) == settings
    # One was changed since: who compares them names it.
    right = pictures(tmp_path / "searched" / "z" / "data" / "10_x", b"ONE", b"two").parent
    found = with_moved_files(settings, before, NOWHERE, [tmp_path / "searched"])
    assert found.train_data_dir == str(right)
    shutil.rmtree(right)
    assert os.path.isdir(wrong)
    beside = WorkspacePaths(tmp_path / "new" / "work", (tmp_path / "gone" / "work",))
    pictures(tmp_path / "new" / "data", b"three")
    assert with_moved_files(settings, before, beside).train_data_dir == str(tmp_path / "new" / "data")


def test_a_grids_loras_moved_along_with_the_workspace_are_found_by_their_hashes(tmp_path: Path) -> None:
    old, new = tmp_path / "a" / "work", tmp_path / "b" / "work"
    loras = [model(tmp_path / "a" / f"{name}.safetensors", name.encode()) for name in ("one", "two")]
    folder = old / "grids" / "0001-grid"
    made = made_grid(folder)
    cells = (
        replace(cell, recipe=replace(cell.recipe, loras=(LoraUse(loras[number % 2]),)))
        for number, cell in enumerate(made.cells)
    )
    hashes = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in loras}
    spec = made.spec.model_copy(update={"epochs": tuple(EpochFile(label=path.stem, file=str(path)) for path in loras)})
    write_sidecar(replace(made, cells=tuple(cells), hashes=hashes, spec=spec), folder)
    with Journal(old / "journal.sqlite") as journal:
        grid = journal.grids.add(name="grid", spec=spec_json(spec))
        journal.grids.set_state(grid.number, GridState.CUT)
    (tmp_path / "a").rename(tmp_path / "b")
    # Of the same name, and another.
    (tmp_path / "b" / "two.safetensors").write_bytes(b"TWO")
    with Journal(new / "journal.sqlite") as journal:
        with pytest.raises(ModelError, match=r"a/two\.safetensors: neither a file"):
            resume_grid(journal, 1, "engine")
        (tmp_path / "b" / "two.safetensors").write_bytes(b"two")
        resume_grid(journal, 1, "engine")
        files = [epoch.file for epoch in parse_spec(journal.grids.read(1).spec, "grid").epochs]
    assert files == [str(tmp_path / "b" / f"{name}.safetensors") for name in ("one", "two")]
    after = read_sidecar(new / "grids" / "0001-grid")
    assert after is not None
    assert {str(cell.recipe.loras[0].path) for cell in after.cells} == set(after.hashes) == set(files)
