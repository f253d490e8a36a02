"""One loaded base waits for the next borrower, if it is the one asked for and bare."""

import gc
import os
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from encode_text import encode_text
from replaced_file import ReplacedFile

import trainer.models.base_cache
from trainer.errors import ModelError
from trainer.lean.compute_options import ComputeOptions
from trainer.models.base_cache import WantedBase, acquire_base, forget_base
from trainer.models.identify import Base, identify_base
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule
from trainer.network.injection import LayerRules, inject
from trainer.settings.subject import DEMO_BASE

pytestmark = pytest.mark.usefixtures("nothing_kept")

DEMO = WantedBase(identify_base(DEMO_BASE), "cpu", torch.float32)
HALF = WantedBase(DEMO.base, "cpu", torch.bfloat16)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[torch.dtype]]:
    """The types of the bases loaded so far."""
    loaded: list[torch.dtype] = []

    def counted(base: Base, **others: Any) -> StableDiffusion:
        loaded.append(others["dtype"])
        return load_base(base, **others)

    monkeypatch.setattr(trainer.models.base_cache, "load_base", counted)
    yield loaded


def borrow(wanted: WantedBase = DEMO) -> int:
    with acquire_base(wanted) as model:
        return id(model)


def test_the_same_base_is_lent_again(loads: list[torch.dtype]) -> None:
    with acquire_base(DEMO) as first:
        pass
    with acquire_base(DEMO) as second:
        assert second is first
    assert len(loads) == 1


def test_another_form_is_another_base_and_the_old_one_is_gone_before_it_comes(
    loads: list[torch.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    with acquire_base(DEMO) as model:
        old = weakref.ref(model.unet)
    del model
    counted, there = trainer.models.base_cache.load_base, []

    def look(base: Base, **others: Any) -> StableDiffusion:
        there.append(old() is not None)
        return counted(base, **others)

    monkeypatch.setattr(trainer.models.base_cache, "load_base", look)
    borrow(HALF)
    borrow(DEMO)
    assert (there, loads) == ([False, False], [torch.float32, torch.bfloat16, torch.float32])


def test_two_at_once_have_a_base_each(loads: list[torch.dtype]) -> None:
    with acquire_base(DEMO) as first, acquire_base(DEMO) as second:
        assert first is not second
    borrow()
    assert len(loads) == 2


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_another_base_under_the_same_path_is_loaded_though_size_and_time_are_the_same(
    tmp_path: Path, loads: list[torch.dtype], part: str
) -> None:
    folder = Path(shutil.copytree(DEMO.base.path, tmp_path / "base"))
    wanted = WantedBase(identify_base(str(folder)), "cpu", torch.float32)
    borrow(wanted)
    borrow(wanted)
    assert len(loads) == 1
    (weights,) = (folder / part).glob("*.safetensors")
    ReplacedFile(weights).replace()
    borrow(wanted)
    assert len(loads) == 2


def test_another_vae_under_the_same_path_is_another_base(tmp_path: Path, loads: list[torch.dtype]) -> None:
    vae = Path(shutil.copytree(DEMO.base.path / "vae", tmp_path / "vae"))
    wanted = WantedBase(DEMO.base, "cpu", torch.float32, vae=str(vae))
    borrow(wanted)
    ReplacedFile(vae / "diffusion_pytorch_model.safetensors").replace()
    borrow(wanted)
    assert len(loads) == 2


def test_the_same_content_is_the_same_base_wherever_it_lies_and_whenever_it_was_written(
    tmp_path: Path, loads: list[torch.dtype]
) -> None:
    borrow()
    folder = Path(shutil.copytree(DEMO.base.path, tmp_path / "base"))
    os.utime(folder / "unet" / "diffusion_pytorch_model.safetensors", (1, 1))
    borrow(WantedBase(identify_base(str(folder)), "cpu", torch.float32))
    assert len(loads) == 1


def test_a_base_written_to_while_it_is_read_is_refused_and_not_kept(
    tmp_path: Path, loads: list[torch.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(DEMO.base.path, tmp_path / "base"))
    counted = trainer.models.base_cache.load_base

    def slowly(base: Base, **others: Any) -> StableDiffusion:
        model = counted(base, **others)
        ReplacedFile(folder / "vae" / "diffusion_pytorch_model.safetensors").replace()
        return model

    monkeypatch.setattr(trainer.models.base_cache, "load_base", slowly)
    with pytest.raises(ModelError, match="replaced or written to while"):
        borrow(WantedBase(identify_base(str(folder)), "cpu", torch.float32))
    assert not forget_base()


def test_after_a_failure_the_base_is_released(loads: list[torch.dtype]) -> None:
    with pytest.raises(RuntimeError, match="injected"), acquire_base(DEMO):
        raise RuntimeError("injected")
    borrow()
    assert len(loads) == 2


def test_a_base_with_a_lora_left_on_it_is_never_lent_again(loads: list[torch.dtype]) -> None:
    with acquire_base(DEMO) as model:
        inject(model, LayerRules(dim=2, alpha=2), seed=1, parts=["unet"])
    with acquire_base(DEMO) as model:
        assert all("forward" not in module.__dict__ for module in model.unet.modules())
    assert len(loads) == 2


def test_a_hook_left_on_a_base_is_seen_too(loads: list[torch.dtype]) -> None:
    with acquire_base(DEMO) as model:
        model.vae.encoder.conv_in.register_forward_hook(lambda *_: None)
    borrow()
    assert len(loads) == 2


def test_lora_schedule_and_arrangement_of_one_borrower_do_not_reach_the_next(loads: list[torch.dtype]) -> None:
    def seen(model: StableDiffusion) -> torch.Tensor:
        return model.predict(torch.ones(1, 4, 8, 8), torch.tensor([500]), encode_text(model, ["a"], 1))

    with acquire_base(DEMO) as model:
        fresh = seen(model)
        model.set_compute_options(ComputeOptions(checkpointed=(), attention="math"))
        model.schedule = NoiseSchedule("v", zero_terminal_snr=True)
        inject(model, LayerRules(dim=2, alpha=2), seed=1, parts=["unet", "text_encoder"]).remove()
    with acquire_base(DEMO) as model:
        assert (model.schedule.prediction, model.schedule.zero_terminal_snr) == ("epsilon", False)
        assert torch.equal(seen(model), fresh)
    assert len(loads) == 1


def test_a_vae_that_went_over_to_a_wider_type_comes_back_as_it_was_read(loads: list[torch.dtype]) -> None:
    wanted = WantedBase(DEMO.base, "cpu", torch.float32, vae_dtype=torch.float16)
    with acquire_base(wanted) as model:
        hook = model.vae.encoder.conv_in.register_forward_hook(lambda *given: given[2] * float("inf"))
        model.encode_pictures(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))
        assert model.vae_is_widened and model.vae_notes
        hook.remove()
    with acquire_base(wanted) as model:
        assert (model.vae.dtype, model.vae_is_widened, model.vae_notes) == (torch.float16, False, [])
    assert len(loads) == 1


def test_where_there_is_no_room_for_it_a_base_is_not_kept(
    loads: list[torch.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer.models.base_cache, "_has_room", lambda model: False)
    borrow()
    assert not forget_base()


def test_a_forgotten_base_is_gone(loads: list[torch.dtype]) -> None:
    with acquire_base(DEMO) as model:
        there = weakref.ref(model.unet)
    del model
    assert there() is not None
    assert forget_base()
    gc.collect()
    assert there() is None
    assert not forget_base()
