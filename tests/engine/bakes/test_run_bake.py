"""Whole bakes of a few steps on the demo base."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_base import UNET_LORAS

import trainer.bake.loop
import trainer.bake.run
from trainer.bake.step import train_step
from trainer.errors import DatasetError, LoraTuiError, ModelError, SettingsError, WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Order, Stage
from trainer.network.lora_content import load_lora
from trainer.settings.toml_file import load_settings


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.safetensors"))


def order_after(monkeypatch: pytest.MonkeyPatch, runner: Any, step: int, *orders: Order) -> None:
    """Give orders from another connection once `step` is done."""

    def train_and_order(session: Any, work: Any) -> Any:
        result = train_step(session, work)
        if work.step == step:
            with Journal(runner.journal.path) as other:
                for order in orders:
                    other.orders.give(other.bakes.latest()[0].number, order)
        return result

    monkeypatch.setattr(trainer.bake.loop, "train_step", train_and_order)


def test_files_have_sd_scripts_names_and_say_where_they_stand(runner: Any, make_settings: Any) -> None:
    folder = runner.bake(make_settings(save_every_n_steps=3, max_train_steps=6))
    assert names(folder) == ["x-000001.safetensors", "x-step00000003.safetensors", "x.safetensors"]
    checkpoints = runner.journal.results.checkpoints(1)
    assert [(each.file, each.step, each.epoch) for each in reversed(checkpoints)] == [
        ("x-step00000003.safetensors", 3, 0),
        ("x-000001.safetensors", 4, 1),
        ("x.safetensors", 6, 1),
    ]
    for each in checkpoints:
        metadata = load_lora(folder / each.file).metadata
        assert metadata["ss_output_name"] == Path(each.file).stem
        # At the end sd-scripts writes how many epochs were begun (num_train_epochs), here a half one.
        epoch = 2 if each.file == "x.safetensors" else each.epoch
        assert (metadata["ss_steps"], metadata["ss_epoch"]) == (str(each.step), str(epoch))
        assert each.size == (folder / each.file).stat().st_size


def test_the_folder_holds_settings_data_and_numbers(runner: Any, make_settings: Any) -> None:
    settings = make_settings()
    folder = runner.bake(settings)
    assert load_settings(folder / "settings.toml") == settings
    content = (folder / "data.json.gz").read_bytes()
    assert runner.journal.results.manifest(1) == content
    assert len(json.loads(gzip.decompress(content))["pictures"]) == 5
    with np.load(folder / "metrics.npz") as numbers:
        assert numbers["step"].tolist() == [1, 2, 3, 4, 5, 6]
        assert np.isfinite(numbers["loss"]).all()


def test_the_journal_has_curves_losses_and_verdicts(runner: Any, make_settings: Any) -> None:
    runner.bake(make_settings(max_train_steps=6))
    journal = runner.journal
    bake = journal.bakes.read(1)
    assert (bake.state, bake.total_steps, bake.steps_per_epoch) == (BakeState.DONE, 6, 4)
    assert (bake.stage, bake.stage_done, bake.stage_total) == ("step", 6, 6)
    assert len(journal.curves.read(1, "loss", 100).steps) == 6
    assert journal.curves.last_values(1)["lr_text_encoder"] == (6, pytest.approx(1e-3))
    assert [step for step, _ in journal.results.validations(1)] == [0, 4, 6]
    assert {(epoch, folder, pictures) for epoch, folder, _, pictures in journal.results.folder_losses(1)} == {
        (1, "1_blue", 2),
        (1, "2_red", 6),
    }
    last = journal.results.checkpoints(1)[0]
    assert last.val == journal.results.validations(1)[-1][1]
    assert last.val_change == pytest.approx(last.val - journal.results.validations(1)[0][1])
    assert last.loss == pytest.approx(np.mean(journal.curves.read(1, "loss", 100).mean[4:]), rel=1e-5)


def test_while_steps_run_the_journal_says_so(runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[BakeState, str, int]] = []

    def watched(session: Any, work: Any) -> Any:
        bake = runner.journal.bakes.read(1)
        seen.append((bake.state, bake.stage, bake.stage_total))
        return train_step(session, work)

    monkeypatch.setattr(trainer.bake.loop, "train_step", watched)
    runner.bake(make_settings(max_train_steps=1))
    assert seen == [(BakeState.BAKING, "step", 1)]


def test_without_validation_pictures_none_is_measured(runner: Any, make_settings: Any) -> None:
    runner.bake(make_settings(validation_data_dir=""))
    assert runner.journal.results.validations(1) == []
    assert runner.journal.results.checkpoints(1)[0].val is None


@pytest.mark.long
def test_a_fifth_bake_equals_the_first_of_a_fresh_process(runner: Any, make_settings: Any, tmp_path: Path) -> None:
    settings = make_settings(shuffle_caption=True)
    folder = runner.bake(settings)
    for changes in ({"mixed_precision": "bf16"}, {"gradient_checkpointing": True}, {"mixed_precision": "no"}):
        runner.bake(make_settings(max_train_steps=2, **changes))
    torch.manual_seed(12345)
    fifth = runner.bake(settings)
    script = (
        "import sys; from pathlib import Path; from trainer.bake.run import run_bake; "
        "from trainer.journal.journal import Journal; from trainer.journal.records import NewBake; "
        "from trainer.settings.toml_file import load_settings; "
        "source, folder = map(Path, sys.argv[1:]); folder.mkdir(); journal = Journal(folder / 'journal.sqlite'); "
        "new = NewBake(name='x', settings_toml='', engine='e', total_steps=1, steps_per_epoch=1); bake = journal.bakes.add(new); "
        "run_bake(bake, load_settings(source / 'settings.toml'), folder, journal)"
    )
    command = [sys.executable, "-c", script, str(folder), str(tmp_path / "fresh")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    for name in names(folder):
        fresh, late = load_lora(tmp_path / "fresh" / name), load_lora(fifth / name)
        assert fresh.tensors.keys() == late.tensors.keys()
        assert all(torch.equal(tensor, late.tensors[key]) for key, tensor in fresh.tensors.items())
        assert fresh.metadata["sshs_model_hash"] == late.metadata["sshs_model_hash"]
        assert fresh.tensors["lora_unet_mid_block_attentions_0_proj_in.lora_up.weight"].any()


def test_another_seed_gives_another_lora(runner: Any, make_settings: Any) -> None:
    hashes = {
        load_lora(runner.bake(make_settings(seed=seed, max_train_steps=2)) / "x.safetensors").metadata[
            "sshs_model_hash"
        ]
        for seed in (1, 2)
    }
    assert len(hashes) == 2


def test_the_file_holds_the_parts_asked_for(runner: Any, make_settings: Any) -> None:
    folder = runner.bake(make_settings(max_train_steps=1, network_train_unet_only=True))
    assert len(load_lora(folder / "x.safetensors").modules) == UNET_LORAS
    folder = runner.bake(make_settings(max_train_steps=1, network_train_text_encoder_only=True))
    assert len(load_lora(folder / "x.safetensors").modules) == 12


def test_stop_saves_what_is_there(runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(max_train_steps=100)
    order_after(monkeypatch, runner, 3, Order.STOP)
    bake = runner.queue(settings)
    assert runner.run(bake, settings) is BakeState.STOPPED
    assert names(runner.root / bake.folder) == ["x-step00000003.safetensors"]
    assert runner.journal.bakes.read(1).state is BakeState.STOPPED
    assert runner.journal.curves.last_values(1)["loss"][0] == 3
    assert "stopped after step 3 of 100; the state is saved" in [line.text for line in runner.journal.log.read(bake=1)]


def test_stop_at_a_planned_save_writes_no_second_file(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(max_train_steps=100)
    order_after(monkeypatch, runner, 4, Order.STOP)
    bake = runner.queue(settings)
    runner.run(bake, settings)
    assert names(runner.root / bake.folder) == ["x-000001.safetensors"]


def test_save_now_writes_the_steps_file_and_continues(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_after(monkeypatch, runner, 2, Order.SAVE)
    folder = runner.bake(make_settings(max_train_steps=3))
    assert names(folder) == ["x-step00000002.safetensors", "x.safetensors"]


def test_a_paused_bake_continues_to_the_same_lora(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = load_lora(runner.bake(make_settings(max_train_steps=3)) / "x.safetensors")
    order_after(monkeypatch, runner, 2, Order.PAUSE, Order.RESUME)
    paused = load_lora(runner.bake(make_settings(max_train_steps=3)) / "x.safetensors")
    assert straight.metadata["sshs_model_hash"] == paused.metadata["sshs_model_hash"]
    assert "paused; the model stays loaded" in [line.text for line in runner.journal.log.read(bake=2)]


def test_a_stop_before_the_first_step_saves_nothing(runner: Any, make_settings: Any) -> None:
    settings = make_settings()
    bake = runner.queue(settings)
    runner.journal.orders.give(bake.number, Order.STOP)
    assert runner.run(bake, settings) is BakeState.STOPPED
    assert names(runner.root / bake.folder) == []


def broken_base(tmp_path: Path) -> dict[str, object]:
    source = Path(trainer.bake.run.__file__).parents[1] / "demo" / "model"
    base = Path(shutil.copytree(source, tmp_path / "base"))
    weights = base / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    return {"pretrained_model_name_or_path": str(base)}


@pytest.mark.parametrize("stage", ["load", "cache", "step", "save"])
def test_a_failure_names_its_stage_and_the_next_bake_runs(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stage: str
) -> None:
    good = make_settings(max_train_steps=2)
    expected: type[Exception] = RuntimeError
    settings = good
    bake = runner.queue(good)
    if stage == "load":
        settings, expected = make_settings(**broken_base(tmp_path)), ModelError
    elif stage == "save":
        # A folder in the way of the file.
        (runner.root / bake.folder / "x.safetensors").mkdir()
        expected = WorkspaceError
    else:

        def broken(*_: object) -> None:
            raise RuntimeError("injected")

        where = {"cache": "trainer.bake.run.encode_pictures", "step": "trainer.bake.loop.train_step"}[stage]
        monkeypatch.setattr(where, broken)
    with pytest.raises(expected):
        runner.run(bake, settings)
    assert runner.journal.bakes.read(bake.number).stage == stage
    monkeypatch.undo()
    runner.bake(good)


def test_a_failure_in_the_middle_keeps_the_numbers_before_it(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_at_3(session: Any, work: Any) -> Any:
        if work.step == 3:
            raise RuntimeError("injected")
        return train_step(session, work)

    monkeypatch.setattr(trainer.bake.loop, "train_step", breaks_at_3)
    # As if all steps came within one beat of the hand-over.
    monkeypatch.setattr("trainer.bake.step_metrics._HAND_OVER_EVERY", 1e9)
    settings = make_settings(save_every_n_steps=2)
    bake = runner.queue(settings)
    with pytest.raises(RuntimeError, match="injected"):
        runner.run(bake, settings)
    assert runner.journal.curves.last_values(bake.number)["loss"][0] == 2
    assert names(runner.root / bake.folder) == ["x-step00000002.safetensors"]


def test_a_full_card_says_what_to_lower(runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(session: Any, work: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(trainer.bake.loop, "train_step", full)
    settings = make_settings()
    with pytest.raises(LoraTuiError, match=r"stage step: the GPU's memory is full; lower train_batch_size"):
        runner.run(runner.queue(settings), settings)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"train_data_dir": "/nowhere"}, DatasetError),
        ({"validation_data_dir": "/nowhere"}, DatasetError),
        ({"pretrained_model_name_or_path": "/nowhere"}, ModelError),
        ({"clip_skip": 3}, SettingsError),
        ({"mixed_precision": "fp16"}, SettingsError),
        ({"unet_lr": 0, "text_encoder_lr": 0}, SettingsError),
    ],
)
def test_wrong_settings_are_refused_while_loading(
    runner: Any, make_settings: Any, changes: dict[str, object], error: type[Exception]
) -> None:
    settings = make_settings(**changes)
    bake = runner.queue(settings)
    with pytest.raises(error):
        runner.run(bake, settings)
    assert runner.journal.bakes.read(bake.number).stage is Stage.LOAD
