"""LoRA files by path, by name, and by bake and epoch; what is typed for the bench."""

from pathlib import Path

import pytest
from dense_loras import write_form

from trainer.errors import GridError, LoraTuiError, ModelError, PathError, SettingsError, WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint, NewBake
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.references import find_lora
from trainer.lora_tools.typed import block_weights_for, file_and_weight, rank_rule_typed, weighted_loras
from trainer.workspace import Workspace, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two bakes: the first saved epochs 1 and 2 and step 90, the second nothing."""
    workspace = make_workspace(tmp_path / "ws")
    new = NewBake(name="hifumi", why="", settings_toml="", engine="e", total_steps=120, steps_per_epoch=40)
    with Journal(workspace.journal_path) as journal:
        folder = workspace.root / journal.bakes.add(new).folder
        folder.mkdir(parents=True)
        for epoch, step, name in ((1, 40, "hifumi-000001"), (2, 80, "hifumi-000002"), (2, 90, "hifumi-step00000090")):
            file = write_form(folder / f"{name}.safetensors", "kohya", seed=step)
            journal.results.add_checkpoint(
                1, Checkpoint(epoch, step, file.name, 1, None, None, None, None, float(step))
            )
        journal.bakes.add(new)
    return workspace


@pytest.mark.parametrize(
    ("typed", "name", "label"),
    [
        ("1@2", "hifumi-000002", "bake 1, epoch 2"),
        ("1@e1", "hifumi-000001", "bake 1, epoch 1"),
        ("1@s90", "hifumi-step00000090", "bake 1, step 90"),
        ("1@last", "hifumi-step00000090", "bake 1, step 90"),
        ("hifumi-000001", "hifumi-000001", "hifumi-000001"),
        (" hifumi-000001.safetensors ", "hifumi-000001", "hifumi-000001"),
    ],
)
def test_an_epoch_of_a_bake_and_a_name_are_found(typed: str, name: str, label: str, workspace: Workspace) -> None:
    found = find_lora(typed, workspace)
    assert (found.path.stem, found.label) == (name, label)


def test_a_file_of_that_very_name_comes_first(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_form(tmp_path / "1@2", "kohya")
    assert find_lora("1@2", workspace).path == tmp_path / "1@2"


@pytest.mark.parametrize(
    ("typed", "kind", "reason"),
    [
        ("1@7", ModelError, "bake 1: has no saved epoch 7; expected one of 1, 2, s90, last"),
        ("2@1", ModelError, "bake 2: has not saved a LoRA that is still there"),
        ("9@1", WorkspaceError, "no bake 9"),
        ("12", ModelError, "no file `12`; expected .* or BAKE@EPOCH; `12@last` is the last LoRA of that bake"),
        ("hifumi-00003", GridError, "did you mean hifumi-000002|hifumi-000001"),
        ("  ", ModelError, "blank"),
        ("/not/there.safetensors", ModelError, "no such file"),
        ("~nobody-of-that-name/x", PathError, "no user"),
    ],
)
def test_what_is_not_there_is_named(typed: str, kind: type[LoraTuiError], reason: str, workspace: Workspace) -> None:
    with pytest.raises(kind, match=reason):
        find_lora(typed, workspace)


def test_without_a_workspace_only_files_are_known(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no workspace here"):
        find_lora("1@2", None)
    file = write_form(tmp_path / "a.safetensors", "kohya")
    assert find_lora(str(file), None).path == file


def test_a_folder_of_peft_is_a_lora_and_a_pickle_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    write_form(folder / "adapter_model.safetensors", "diffusers")
    assert find_lora(str(folder), None).label == "adapter"
    (tmp_path / "x.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match="pickle"):
        find_lora(str(tmp_path / "x.pt"), None)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("12@5:0.8", ("12@5", 0.8)),
        ("a.safetensors", ("a.safetensors", 1.0)),
        ("a:b.safetensors", ("a:b.safetensors", 1.0)),
        ("a:-0.5", ("a", -0.5)),
    ],
)
def test_a_weight_stands_behind_a_file(text: str, wanted: tuple[str, float]) -> None:
    assert file_and_weight(text) == wanted


def test_weights_are_of_one_file_or_of_all(workspace: Workspace) -> None:
    loras = weighted_loras(["1@1", "1@2:0.5"], ["2:text_encoder=0"], ["down=2", "1:up=3"], workspace)
    names = {
        "te": "lora_te_text_model_encoder_layers_0_mlp_fc1",
        "down": "lora_unet_down_blocks_0_resnets_0_conv2",
        "up": "lora_unet_up_blocks_0_resnets_0_conv2",
    }
    factors = [{short: lora.factor(name) for short, name in names.items()} for lora in loras]
    assert factors == [{"te": 1.0, "down": 2.0, "up": 3.0}, {"te": 0.0, "down": 1.0, "up": 0.5}]
    with pytest.raises(SettingsError, match="file 3; expected 1 to 2"):
        block_weights_for([], ["3:down=1"], 1, 2)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("16", RankRule(rank=16)),
        ("rank=8, energy=0.9", RankRule(rank=8, energy=0.9)),
        ("ratio=10", RankRule(ratio=10.0)),
        (" ", None),
    ],
)
def test_what_is_kept_is_typed(text: str, rule: RankRule | None) -> None:
    assert rank_rule_typed(text) == rule


@pytest.mark.parametrize("text", ["x", "rank=1.5", "energy=2", "size=3", "rank=-1", "rank=0"])
def test_what_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        rank_rule_typed(text)


@pytest.mark.parametrize("weight", ["nan", "-inf", "1e999"])
def test_a_weight_that_is_no_finite_number_is_named(weight: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"weight of ../twin.safetensors: {weight}; expected a finite number"):
        file_and_weight(f"../twin.safetensors:{weight}")
    # A file of that very name comes first.
    odd = tmp_path / f"odd:{weight}"
    odd.touch()
    assert file_and_weight(str(odd)) == (str(odd), 1.0)
