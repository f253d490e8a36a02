"""What a bake's epochs have shown: of its own list of pictures, at its saved epochs, whatever the folders hold today."""

from lora_tui.wording.history import exposure_lines, one_bake_json
from trainer.dataset.manifest import ListedPicture, Manifest, manifest_bytes
from trainer.history.one_bake import one_bake
from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint, NewBake
from trainer.workspace import Workspace


def listed(path: str, repeats: int, caption: str) -> ListedPicture:
    return ListedPicture(path, "0" * 64, 1, 64, 64, repeats, caption, False, 0, None)


def test_folders_outfits_and_tags_are_shown_at_the_saved_epochs(journal: Journal, workspace: Workspace, read) -> None:
    workspace.subjects.mkdir(exist_ok=True)
    (workspace.subjects / "hifumi.toml").write_text('[outfits]\nschool = "school uniform"\n')
    new = NewBake(name="x", settings_toml='subject = "hifumi"', engine="", total_steps=60, steps_per_epoch=10)
    journal.bakes.add(new)
    for epoch in (1, 3, 6):
        journal.results.add_checkpoint(
            1, Checkpoint(epoch, 10 * epoch, f"{epoch}.safetensors", 9, 0.1, None, None, None, 1.0)
        )
    pictures = (listed("5_a/1.png", 5, "hifumi, school uniform"), listed("5_a/2.png", 5, "hifumi"))
    journal.results.set_manifest(1, manifest_bytes(Manifest(pictures=pictures)))
    one = one_bake(read(), journal, workspace, 1)
    title, *rows = exposure_lines(one)
    assert title == "shown by epoch:"
    table = {row[:32].strip(): row[32:].split() for row in rows}
    assert table[""] == ["1", "3", "6"]
    assert table["folder 5_a"] == ["10", "30", "60"]
    assert table["outfit school"] == ["5", "15", "30"]
    assert table["no outfit"] == ["5", "15", "30"]
    assert table["hifumi"] == ["10", "30", "60"]
    exposures = one_bake_json(one)["exposures"]
    assert isinstance(exposures, list)
    assert exposures[0]["after"] == {1: 10, 3: 30, 6: 60}


def test_a_bake_without_a_list_of_pictures_says_nothing(journal: Journal, workspace: Workspace, read) -> None:
    journal.bakes.add(NewBake(name="x", settings_toml="", engine="", total_steps=60, steps_per_epoch=10))
    journal.results.add_checkpoint(1, Checkpoint(1, 10, "a.safetensors", 9, 0.1, None, None, None, 1.0))
    assert list(exposure_lines(one_bake(read(), journal, workspace, 1))) == []
    journal.results.set_manifest(1, b"damaged")
    assert list(exposure_lines(one_bake(read(), journal, workspace, 1))) == []
