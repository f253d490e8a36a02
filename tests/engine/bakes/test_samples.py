"""Sample pictures in the middle of a bake: there when asked for, showing the LoRA as it stands, and leaving no trace in it."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from load_sampler import load_sampler
from PIL import Image
from small_base import small_base

import trainer.bake.loop
import trainer.bake.pictures.samples
import trainer.bake.run
import trainer.sampling.sampler
from trainer.bake.step import train_step
from trainer.formats.infotext import parse_infotext
from trainer.formats.picture_text import read_parameters
from trainer.grid.recipe import LoraUse
from trainer.journal.records import BakeState, Order
from trainer.models.identify import identify_base
from trainer.network.lora_content import load_lora
from trainer.sampling.compute_setup import compute_setup_for
from trainer.sampling.decode import decode

PROMPTS = "1girl, red, smile --d 3\n1girl, blue --n hat --d 4 --ss euler_a --l 1\n"


@pytest.fixture
def make_settings(make_settings: Any) -> Any:
    """As elsewhere, but nothing is validated: that takes time of its own."""
    return partial(make_settings, validation_data_dir="")


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, object]:
    """Settings of samples from two prompts, in few steps."""
    file = tmp_path / "prompts.txt"
    file.write_text(PROMPTS)
    return {"sample_prompts": str(file), "sample_steps": 2, "sample_cfg_scale": 3}


def samples(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "samples").glob("*"))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def bits(folder: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in load_lora(folder / "x.safetensors").tensors.items()}


def log(runner: Any, number: int) -> list[str]:
    return [line.text for line in runner.journal.log.read(bake=number)]


def test_samples_come_before_the_first_step_at_epochs_at_steps_and_at_the_end(
    runner: Any, make_settings: Any, asked: dict[str, object]
) -> None:
    cadence = {"sample_at_first": True, "sample_every_n_epochs": 1, "sample_every_n_steps": 3}
    folder = runner.bake(make_settings(max_train_steps=5, **cadence, **{**asked, "sample_steps": 1}))
    steps = [0, 3, 4, 5]
    assert samples(folder) == [f"step{step:08d}-{prompt}-s1.png" for step in steps for prompt in ("01", "02")]
    assert [line for line in log(runner, 1) if "sample" in line] == [
        f"2 samples after step {step} in samples/" for step in steps
    ]


def test_a_sample_of_nan_is_named_and_not_written_and_the_bake_continues(
    runner: Any, make_settings: Any, asked: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_is_broken(*arguments: Any) -> list[Any]:
        return [None, *decode(*arguments)[1:]]

    monkeypatch.setattr(trainer.sampling.sampler, "decode", first_is_broken)
    settings = make_settings(max_train_steps=1, sample_at_first=True, **{**asked, "sample_steps": 1})
    folder = runner.bake(settings)
    assert runner.journal.bakes.read(1).state is BakeState.DONE
    assert samples(folder) == []
    assert "not written, values are NaN or infinite: sample 01-s1, 02-s1 of step 0" in log(runner, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"network_dropout": 0.2, "rank_dropout": 0.1, "text_encoder_stop": "2"},
        pytest.param(
            {"mixed_precision": "bf16", "gradient_checkpointing": True, "shuffle_caption": True}, marks=pytest.mark.long
        ),
    ],
    ids=["dropouts and a kept encoder", "bf16 and checkpointing"],
)
def test_a_bake_with_samples_is_the_bake_without_them_bit_for_bit(
    runner: Any, make_settings: Any, asked: dict[str, object], changes: dict[str, object]
) -> None:
    plain = runner.bake(make_settings(**changes))
    sampled = runner.bake(make_settings(sample_at_first=True, sample_every_n_steps=2, **asked, **changes))
    assert (samples(plain), len(samples(sampled))) == ([], 8)
    assert bits(sampled) == bits(plain)


def test_a_sample_shows_the_lora_as_it_stands(runner: Any, make_settings: Any, asked: dict[str, object]) -> None:
    settings = make_settings(
        sample_at_first=True, sample_every_n_epochs=1, max_train_steps=4, save_precision="float", unet_lr=5e-2, **asked
    )
    folder = runner.bake(settings)
    before, after = (pixels(folder / "samples" / f"step{step:08d}-01-s1.png") for step in (0, 4))
    assert not np.array_equal(before, after)
    recipe = trainer.bake.pictures.samples.sample_pictures(
        settings, folder / "settings.toml", identify_base(str(small_base())), "epsilon", zero_terminal_snr=False
    )[0].recipe
    with load_sampler(recipe, compute_setup_for("auto")) as sampler:
        alone = sampler.sample([recipe], stop=lambda: False)
        from_file = sampler.sample([replace(recipe, loras=(LoraUse(folder / "x.safetensors"),))], stop=lambda: False)
    assert alone is not None and from_file is not None
    # The samples were made two at once, which moves the last bits of sums.
    assert np.abs(alone[0].astype(int) - before).max() <= 1
    assert np.abs(from_file[0].astype(int) - after).max() <= 1


def test_a_sample_says_what_it_was_made_with_the_lora_saved_just_before_among_it(
    runner: Any, make_settings: Any, asked: dict[str, object]
) -> None:
    folder = runner.bake(make_settings(sample_every_n_steps=2, max_train_steps=4, **asked))
    on_the_way, saved = (
        parse_infotext(read_parameters(folder / "samples" / f"step{step:08d}-02-s1.png")) for step in (2, 4)
    )
    assert (on_the_way.prompt, on_the_way.negative_prompt) == ("1girl, blue", "hat")
    assert {on_the_way.fields[key] for key in ("Sampler", "Seed", "Step", "Bake", "RNG")} == {
        "Euler a",
        "4",
        "2",
        "1",
        "CPU",
    }
    assert saved.prompt == "1girl, blue <lora:x:1:1>"
    assert saved.fields["Lora hashes"] == f"x: {load_lora(folder / 'x.safetensors').metadata['sshs_model_hash'][:12]}"


def test_samples_that_fail_are_reported_and_stop_nothing(runner: Any, make_settings: Any, tmp_path: Path) -> None:
    told: list[str] = []
    settings = make_settings(sample_every_n_steps=1, max_train_steps=2, sample_prompts=str(tmp_path / "gone.txt"))
    bake = runner.queue(settings)
    folder = runner.root / bake.folder
    state = trainer.bake.run.run_bake(bake, settings, folder, runner.journal, told.append)
    assert state is BakeState.DONE
    assert [line.partition(": ")[0] for line in log(runner, 1) if line.startswith("no samples")] == [
        f"no samples made at step {step}" for step in (1, 2)
    ]
    assert len(told) == 1
    assert "gone.txt" in told[0]


def test_a_card_that_is_full_with_two_pictures_makes_them_one_by_one(
    runner: Any, make_settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "two.txt").write_text("a girl --d 1\na girl --d 2")
    sizes: list[int] = []
    sample = trainer.bake.pictures.samples.GridSampler.sample_with_latents

    def tight(self: Any, recipes: Any, **others: Any) -> Any:
        sizes.append(len(recipes))
        if len(recipes) > 1:
            raise torch.OutOfMemoryError("full")
        return sample(self, recipes, **others)

    monkeypatch.setattr(trainer.bake.pictures.samples.GridSampler, "sample_with_latents", tight)
    settings = make_settings(
        sample_every_n_epochs=1, sample_steps=1, max_train_steps=1, sample_prompts=str(tmp_path / "two.txt")
    )
    assert len(samples(runner.bake(settings))) == 2
    assert sizes == [2, 1, 1]


def test_a_stop_does_not_wait_for_the_samples(
    runner: Any, make_settings: Any, asked: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_and_stop(session: Any, work: Any) -> Any:
        runner.journal.orders.give(1, Order.STOP)
        return train_step(session, work)

    monkeypatch.setattr(trainer.bake.loop, "train_step", train_and_stop)
    settings = make_settings(sample_every_n_steps=1, **asked)
    bake = runner.queue(settings)
    assert runner.run(bake, settings) is BakeState.STOPPED
    assert "0 samples of 2 after step 1 in samples/" in log(runner, 1)


def test_the_prompt_file_is_read_again_and_settings_may_change_on_the_way(
    runner: Any, make_settings: Any, asked: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_and_change(session: Any, work: Any) -> Any:
        if work.step == 3:
            Path(str(asked["sample_prompts"])).write_text("a cat --d 1")
            runner.journal.orders.give(1, Order.SET, "sample_every_n_steps=4")
        return train_step(session, work)

    monkeypatch.setattr(trainer.bake.loop, "train_step", train_and_change)
    # The change is seen through another connection's writing; this one looks at every step.
    monkeypatch.setattr(runner.journal, "data_version", iter(range(10_000)).__next__)
    folder = runner.bake(make_settings(sample_every_n_steps=2, max_train_steps=5, **asked))
    assert samples(folder) == [
        "step00000002-01-s1.png",
        "step00000002-02-s1.png",
        "step00000004-01-s1.png",
        "step00000005-01-s1.png",
    ]
    assert read_parameters(folder / "samples" / "step00000004-01-s1.png").startswith("a cat")
