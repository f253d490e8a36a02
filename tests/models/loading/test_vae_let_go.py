"""On a CPU the VAE's weights are let go while nobody needs them, and come back as they were."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from replaced_file import ReplacedFile
from torch import Tensor

from trainer.errors import ModelError
from trainer.models.base_cache import WantedBase, acquire_base
from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.settings.subject import DEMO_BASE

PICTURE = torch.arange(64 * 64 * 3, dtype=torch.uint8).view(1, 64, 64, 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(identify_base(DEMO_BASE).path, tmp_path / "base"))


@pytest.fixture
def model(folder: Path) -> Iterator[StableDiffusion]:
    yield load_base(identify_base(str(folder)), device="cpu", dtype=torch.float32)


def _weights(model: StableDiffusion) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in model.vae.state_dict().items()}


def test_it_comes_back_bit_for_bit(model: StableDiffusion) -> None:
    before, latents, vae = _weights(model), model.encode_pictures(PICTURE), model.vae
    model.put_vae_away()
    assert {weight.device.type for weight in model.vae.parameters()} == {"meta"}
    model.bring_vae()
    assert model.vae is vae
    assert not any(weight.requires_grad for weight in model.vae.parameters())
    after = _weights(model)
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    assert torch.equal(model.encode_pictures(PICTURE), latents)


def test_brought_twice_it_is_read_once(model: StableDiffusion) -> None:
    model.put_vae_away()
    model.bring_vae()
    first = next(model.vae.parameters()).data_ptr()
    model.bring_vae()
    assert next(model.vae.parameters()).data_ptr() == first


def test_a_file_written_to_meanwhile_is_refused(model: StableDiffusion, folder: Path) -> None:
    model.put_vae_away()
    (file,) = (folder / "vae").glob("*.safetensors")
    with ReplacedFile(file), pytest.raises(ModelError, match="written to"):
        model.bring_vae()
    file.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        model.bring_vae()


def test_a_kept_base_has_its_vae_again(nothing_kept: None, folder: Path) -> None:
    wanted = WantedBase(identify_base(str(folder)), "cpu", torch.float32)
    with acquire_base(wanted) as first:
        before = _weights(first)
        first.put_vae_away()
    with acquire_base(wanted) as second:
        assert second is first
        assert all(torch.equal(weight, before[name]) for name, weight in _weights(second).items())


def test_a_base_whose_vae_cannot_be_read_again_is_not_kept(nothing_kept: None, folder: Path) -> None:
    wanted = WantedBase(identify_base(str(folder)), "cpu", torch.float32)
    with acquire_base(wanted) as first:
        first.put_vae_away()
        (file,) = (folder / "vae").glob("*.safetensors")
        os.utime(file, (1, 1))
    with acquire_base(wanted) as second:
        assert second is not first


def test_a_model_that_lies_elsewhere_by_now_is_loaded_from_there(nothing_kept: None, folder: Path) -> None:
    with acquire_base(WantedBase(identify_base(str(folder)), "cpu", torch.float32)) as first:
        pass
    moved = folder.rename(folder.with_name("moved"))
    with acquire_base(WantedBase(identify_base(str(moved)), "cpu", torch.float32)) as second:
        assert second is not first
        second.put_vae_away()
        second.bring_vae()
