"""An epoch is used under a clear name, with the picture that shows it best and the words a webui asks for."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_host import FakeHost
from lora_on_disk import write_lora
from made_grid import made_grid

from trainer.demo.workspace import make_demo
from trainer.errors import DeliveryError, GridError, ModelError
from trainer.gallery.sidecar import write_sidecar
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint, NewBake
from trainer.publish.epoch import LoraToPublish, lora_of_cell, lora_of_epoch, publish
from trainer.settings.subject import load_subject, resolve, save_subject
from trainer.settings.toml_file import load_settings, settings_toml
from trainer.workspace import Workspace

PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a bake of three epochs and what was saved after step 100."""
    workspace = make_demo(tmp_path_factory.mktemp("demo") / "workspace")
    path = workspace.root / "hifumi.toml"
    with Journal(workspace.journal_path) as journal:
        bake = journal.bakes.add(
            NewBake(
                name="hifumi",
                why="more of the same",
                settings_toml=settings_toml(resolve(load_settings(path), path)),
                engine="e",
                total_steps=120,
                steps_per_epoch=40,
            )
        )
        saves = [(epoch, epoch * 40, f"hifumi-{epoch:06d}.safetensors") for epoch in (1, 2, 3)]
        for epoch, step, file in (*saves, (2, 100, "hifumi-step00000100.safetensors")):
            lora = write_lora(workspace.root / bake.folder / file, metadata={"ss_base_model_version": "sd_v1"})
            journal.results.add_checkpoint(
                bake.number, Checkpoint(epoch, step, file, lora.stat().st_size, None, None, None, None, float(step))
            )
    return workspace


@pytest.fixture
def demo(baked: Workspace, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(baked.root, tmp_path / "workspace")))


@pytest.fixture
def journal(demo: Workspace) -> Iterator[Journal]:
    with Journal(demo.journal_path) as opened:
        yield opened


def lora(demo: Workspace, file: str = "hifumi-000002.safetensors") -> Path:
    return demo.bakes / "0001-hifumi" / file


def grid_of(demo: Workspace, journal: Journal, *weights: float) -> tuple[int, Path]:
    """Make a grid whose rows are epoch 2 at these weights."""
    row = journal.grids.add(name="weights", spec="{}", bake=None)
    folder = demo.root / row.folder
    made = made_grid(folder, (1, len(weights), 1, 1))
    cells = []
    for cell, weight in zip(made.cells, weights, strict=True):
        one = replace(cell.recipe.loras[0], path=lora(demo), unet=weight, text_encoder=weight)
        cells.append(replace(cell, recipe=replace(cell.recipe, loras=(one,))))
    write_sidecar(replace(made, cells=tuple(cells)), folder)
    return row.number, folder


def written(folder: Path, name: str) -> dict[str, object]:
    table: dict[str, object] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return table


# What is found


def test_an_epoch_is_named_after_its_bake_and_epoch(demo: Workspace, journal: Journal) -> None:
    found = lora_of_epoch(journal, demo, 1, "2")
    assert (found.name, found.lora) == ("hifumi-b1-e2", lora(demo))


def test_what_was_saved_at_a_step_is_named_after_the_step(demo: Workspace, journal: Journal) -> None:
    assert lora_of_epoch(journal, demo, 1, "s100").name == "hifumi-b1-s100"


def test_the_newest_is_found_without_its_label(demo: Workspace, journal: Journal) -> None:
    assert lora_of_epoch(journal, demo, 1, "last").lora == lora(demo, "hifumi-000003.safetensors")


def test_an_epoch_that_is_not_there_is_refused_with_those_that_are(demo: Workspace, journal: Journal) -> None:
    with pytest.raises(GridError, match=r"bake 1: has no epoch 9; expected one of 1, 2, s100, 3, last"):
        lora_of_epoch(journal, demo, 1, "9")


def test_the_words_are_those_of_the_subject(demo: Workspace, journal: Journal) -> None:
    found = lora_of_epoch(journal, demo, 1, "2")
    assert found.activation_text == "hifumi_chan"
    assert "bake 1, epoch 2: more of the same" in found.notes
    assert "base: demo" in found.notes


def test_brackets_of_the_trigger_are_escaped_for_the_webuis_prompt(demo: Workspace, journal: Journal) -> None:
    file = demo.subjects / "hifumi.toml"
    save_subject(load_subject(file).model_copy(update={"trigger": "knight (rose)"}), file)
    assert lora_of_epoch(journal, demo, 1, "2").activation_text == r"knight \(rose\)"


def test_without_a_grid_the_sample_of_its_own_step_is_its_picture(demo: Workspace, journal: Journal) -> None:
    samples = demo.bakes / "0001-hifumi" / "samples"
    samples.mkdir()
    for step in (40, 120):
        (samples / f"step{step:08d}-face-1.png").write_bytes(PNG)
    assert lora_of_epoch(journal, demo, 1, "3").picture == samples / "step00000120-face-1.png"
    assert lora_of_epoch(journal, demo, 1, "2").picture is None


def test_the_picture_is_the_one_nearest_to_full_weight(demo: Workspace, journal: Journal) -> None:
    _, folder = grid_of(demo, journal, 0.5, 1.25, 0.9)
    assert lora_of_epoch(journal, demo, 1, "2").picture == folder / "x1-y3-z1-s1.png"


def test_a_favourite_goes_before_and_gives_its_weight(demo: Workspace, journal: Journal) -> None:
    number, folder = grid_of(demo, journal, 0.8, 1.0)
    journal.grids.set_cell_note(CellNote(number, "x1-y1-z1-s1", favourite=True))
    found = lora_of_epoch(journal, demo, 1, "2")
    assert (found.picture, found.preferred_weight) == (folder / "x1-y1-z1-s1.png", 0.8)


def test_a_picture_of_a_grid_is_used_as_it_is(demo: Workspace, journal: Journal) -> None:
    number, folder = grid_of(demo, journal, 1.0, 0.6)
    found = lora_of_cell(journal, demo, number, "x1-y2-z1-s1")
    assert (found.name, found.lora) == ("hifumi-b1-e2", lora(demo))
    assert (found.picture, found.preferred_weight) == (folder / "x1-y2-z1-s1.png", 0.6)


def test_a_lora_from_elsewhere_keeps_its_name(demo: Workspace, journal: Journal, tmp_path: Path) -> None:
    row = journal.grids.add(name="foreign", spec="{}", bake=None)
    made_grid(demo.root / row.folder, (1, 1, 1, 1))
    assert lora_of_cell(journal, demo, row.number, "x1-y1-z1-s1").name == "hifumi-000001"


def test_a_picture_of_the_base_alone_cannot_be_used(demo: Workspace, journal: Journal) -> None:
    number, folder = grid_of(demo, journal, 0.0)
    made = made_grid(folder, (1, 1, 1, 1))
    bare = replace(made.cells[0], recipe=replace(made.cells[0].recipe, loras=()))
    write_sidecar(replace(made, cells=(bare,)), folder)
    with pytest.raises(GridError, match=r"x1-y1-z1-s1 was made without a LoRA"):
        lora_of_cell(journal, demo, number, "x1-y1-z1-s1")


# What is written


def test_lora_preview_and_sidecar_stand_side_by_side(demo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "shot.png").write_bytes(PNG)
    used = publish(LoraToPublish(lora(demo), "hifumi v3", tmp_path / "shot.png"), str(tmp_path))
    assert used.sent == ("hifumi v3.safetensors", "hifumi v3.json", "hifumi v3.png")
    assert (tmp_path / "hifumi v3.safetensors").read_bytes() == lora(demo).read_bytes()
    assert (tmp_path / "hifumi v3.png").read_bytes() == PNG


def test_the_sidecar_has_the_webuis_keys(demo: Workspace, tmp_path: Path) -> None:
    wanted = LoraToPublish(lora(demo), "x", None, "hifumi_chan, é 日本", 0.8, "lowres", "a\nb", "one line")
    publish(wanted, str(tmp_path))
    assert written(tmp_path, "x") == {
        "description": "one line",
        "sd version": "SD1",
        "activation text": "hifumi_chan, é 日本",
        "preferred weight": 0.8,
        "negative text": "lowres",
        "notes": "a\nb",
    }


@pytest.mark.parametrize(("reported", "version"), [("sdxl_base_v1-0", "SDXL"), ("sd_v1_v", "SD1"), ("", "Unknown")])
def test_the_family_has_the_webuis_name(tmp_path: Path, reported: str, version: str) -> None:
    metadata = {"ss_base_model_version": reported} if reported else {}
    path = write_lora(tmp_path / "files" / "a.safetensors", metadata=metadata)
    publish(LoraToPublish(path, "b"), str(tmp_path))
    assert written(tmp_path, "b")["sd version"] == version


def test_it_goes_to_another_machine_too(demo: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = FakeHost(tmp_path / "box")
    monkeypatch.setenv("PATH", f"{box.bin}:{os.environ['PATH']}")
    (box.home / "Lora").mkdir()
    used = publish(LoraToPublish(lora(demo), "hifumi"), "me@box:Lora")
    assert used.where == "me@box:./Lora"
    assert (box.home / "Lora" / "hifumi.safetensors").read_bytes() == lora(demo).read_bytes()


@pytest.mark.parametrize(
    "name", ["", "../up", "a/b", "-rf", ".hidden", "a:b", "<lora>", "a=b", "a\nb", "two,words", "x" * 101, "dot."]
)
def test_a_name_that_a_tag_or_a_file_system_cannot_hold_is_refused(demo: Workspace, tmp_path: Path, name: str) -> None:
    (tmp_path / "models").mkdir()
    with pytest.raises(DeliveryError, match=r"^name: "):
        publish(LoraToPublish(lora(demo), name), str(tmp_path / "models"))
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_refused(demo: Workspace, tmp_path: Path, weight: float) -> None:
    with pytest.raises(DeliveryError, match=r"^weight: "):
        publish(LoraToPublish(lora(demo), "a", preferred_weight=weight), str(tmp_path))


def test_a_preview_that_is_no_png_is_refused(demo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "shot.png").write_bytes(b"GIF89a")
    with pytest.raises(DeliveryError, match=r"shot\.png: not a PNG file"):
        publish(LoraToPublish(lora(demo), "a", tmp_path / "shot.png"), str(tmp_path))


def test_what_is_no_lora_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError):
        publish(LoraToPublish(tmp_path / "a.safetensors", "b"), str(tmp_path))


def test_a_blank_target_is_refused(demo: Workspace) -> None:
    with pytest.raises(DeliveryError, match="target: blank"):
        publish(LoraToPublish(lora(demo), "a"), "  ")
