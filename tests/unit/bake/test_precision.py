import pytest
import torch
from accelerate import Accelerator

from trainer.bake.precision import check_xformers, fresh_accelerator, resolve_precision
from trainer.errors import DeviceError, SettingsError
from trainer.models.memory_layout import cpu_threads, tuned

CPU, CARD = torch.device("cpu"), torch.device("cuda")


def test_auto_on_a_cpu_is_fp32() -> None:
    precision = resolve_precision("auto", CPU)
    assert (precision.name, precision.dtype) == ("no", torch.float32)


@pytest.mark.parametrize(("card_has_it", "name"), [(True, "bf16"), (False, "no")])
def test_auto_on_a_card_is_bf16_where_it_has_it(monkeypatch: pytest.MonkeyPatch, card_has_it: bool, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: card_has_it)
    assert resolve_precision("auto", CARD).name == name


def test_fp16_without_a_card_is_refused_naming_bf16() -> None:
    with pytest.raises(SettingsError, match=r"fp16 without a GPU.*set bf16"):
        resolve_precision("fp16", CPU)


def test_bf16_on_a_card_without_it_is_refused_naming_fp16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    with pytest.raises(SettingsError, match="set fp16"):
        resolve_precision("bf16", CARD)


def test_bf16_on_a_cpu_is_taken() -> None:
    assert resolve_precision("bf16", CPU).dtype == torch.bfloat16


def test_xformers_without_a_card_is_a_device_error() -> None:
    with pytest.raises(DeviceError, match="no NVIDIA GPU"):
        check_xformers(CPU)


def test_xformers_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"lora-tui\[xformers\]"):
        check_xformers(CARD)


def test_precision_may_change_from_bake_to_bake() -> None:
    names = []
    for wanted in ("no", "bf16", "no"):
        accelerator, _ = fresh_accelerator(wanted)
        names.append(accelerator.mixed_precision)
    assert names == ["no", "bf16", "no"]


def test_a_foreign_accelerator_before_does_not_matter() -> None:
    fresh_accelerator("bf16")
    Accelerator(gradient_accumulation_steps=4)
    accelerator, _ = fresh_accelerator("no")
    assert (accelerator.mixed_precision, accelerator.gradient_accumulation_steps) == ("no", 1)


def test_small_models_get_one_thread_and_large_ones_all() -> None:
    assert cpu_threads(2_910_000, 8) == 1
    assert cpu_threads(860_000_000, 8) == 8


def test_what_was_set_for_the_bake_is_set_back() -> None:
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError), tuned(torch.nn.Linear(2, 2)):
            assert (torch.get_num_threads(), torch.backends.cudnn.deterministic) == (1, True)
            raise RuntimeError
        assert (torch.get_num_threads(), torch.backends.cudnn.deterministic) == (2, False)
    finally:
        torch.set_num_threads(1)
