"""LoHa, LoKr, DoRA, LoCon and full differences change a layer as LyCORIS' own modules do."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from lora_kinds import split
from lycoris.modules.full import FullModule
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from safetensors.torch import save_file
from torch import Tensor, nn

from trainer.network.change_layer import ChangeLayer
from trainer.network.forward_patch import ForwardPatch
from trainer.network.lora_content import load_lora
from trainer.network.lora_file import layer_of

NAME = "lora_unet_mid_block_attentions_0_proj_in"
CLASSES = {"locon": LoConModule, "loha": LohaModule, "lokr": LokrModule}
LAYERS = ("linear", "square", "1x1", "3x3", "strided")


def layer(kind: str) -> nn.Linear | nn.Conv2d:
    """A frozen layer of the base, with numbers of the size that a base has."""
    with torch.random.fork_rng():
        torch.manual_seed(len(kind))
        made: nn.Linear | nn.Conv2d = {
            "linear": lambda: nn.Linear(24, 40),
            "square": lambda: nn.Linear(36, 36, bias=False),
            "1x1": lambda: nn.Conv2d(24, 40, 1),
            "3x3": lambda: nn.Conv2d(24, 40, 3, padding=1),
            "strided": lambda: nn.Conv2d(16, 16, 3, stride=2, padding=1),
        }[kind]()
    return made.requires_grad_(False)


def inputs_for(target: nn.Linear | nn.Conv2d) -> Tensor:
    shape = (2, 5, target.in_features) if isinstance(target, nn.Linear) else (2, target.in_channels, 8, 8)
    return torch.randn(shape, generator=torch.Generator().manual_seed(7))


def randomized(module: Any) -> Any:
    """Give a module's weights random numbers; a magnitude stays near what it is."""
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            numbers = torch.randn(weight.shape, generator=generator)
            weight.copy_(weight * (1 + 0.3 * numbers) if name == "dora_scale" else 0.4 * numbers)
    return module.eval()


def saved(module: Any, path: Path, **texts: str) -> Path:
    """Write what LyCORIS saves of a module, with metadata."""
    state: Mapping[str, Tensor] = module.state_dict()
    tensors = {f"{NAME}.{key}": value.detach().clone().contiguous() for key, value in state.items()}
    save_file(tensors, path, metadata=texts or None)
    return path


def read(path: Path, target: nn.Linear | nn.Conv2d) -> ForwardPatch:
    file = load_lora(path)
    if NAME in file.others:
        return ChangeLayer(NAME, target, file.others[NAME], file.tensors_of(NAME), path)
    return layer_of(file, NAME, target)


@torch.no_grad()
def outputs(
    path: Path, target: nn.Linear | nn.Conv2d, theirs: Any, strength: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the base gives, the base with the file, and the base with their module."""
    x = inputs_for(target)
    plain = target(x)
    expected = theirs(x)
    patch = read(path, target)
    patch.strength = strength
    patch.attach()
    found = target(x)
    patch.remove()
    return plain, found, expected


def check(path: Path, target: nn.Linear | nn.Conv2d, theirs: Any, strength: float = 1.0) -> None:
    plain, found, expected = outputs(path, target, theirs, strength)
    effect = (expected - plain).abs().max()
    assert effect > 0.02 * plain.abs().max()
    assert (found - expected).abs().max() / effect <= 1e-5


FORMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("locon", {}),
    ("locon", {"use_tucker": True}),
    ("locon", {"rs_lora": True}),
    ("loha", {}),
    ("loha", {"use_tucker": True}),
    ("loha", {"rs_lora": True, "alpha": 1.5}),
    ("loha", {"alpha": 0}),
    ("lokr", {}),
    ("lokr", {"factor": 4}),
    ("lokr", {"factor": 2, "decompose_both": True, "lora_dim": 1}),
    ("lokr", {"use_tucker": True}),
    ("lokr", {"full_matrix": True, "alpha": 5}),
    ("lokr", {"lora_dim": 10_000}),
    ("lokr", {"unbalanced_factorization": True, "factor": 4}),
    ("lokr", {"rs_lora": True}),
)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(("algorithm", "options"), FORMS, ids=str)
def test_every_form_gives_what_lycoris_gives(
    tmp_path: Path, kind: str, algorithm: str, options: dict[str, Any]
) -> None:
    target = layer(kind)
    theirs = randomized(CLASSES[algorithm](NAME, target, **{"lora_dim": 2, "alpha": 1} | options))
    # As sd-scripts notes what it gives to LyCORIS.
    arguments = json.dumps({name: str(value) for name, value in options.items()})
    check(saved(theirs, tmp_path / "x.safetensors", ss_network_args=arguments), target, theirs)


def test_of_whole_matrices_no_tensor_tells_a_rank_stable_scale_but_the_metadata(tmp_path: Path) -> None:
    target = layer("strided")
    theirs = randomized(LokrModule(NAME, target, lora_dim=9, alpha=1, rs_lora=True))
    told = saved(theirs, tmp_path / "x.safetensors", ss_network_args='{"rs_lora": "True"}')
    untold = saved(theirs, tmp_path / "y.safetensors", ss_network_args="[")
    assert load_lora(told).others[NAME].scale == pytest.approx(3.0)
    assert load_lora(untold).others[NAME].scale == 1.0


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("on_outputs", [True, False], ids=["outputs", "inputs"])
@pytest.mark.parametrize("algorithm", CLASSES)
def test_a_dora_of_either_axis_gives_what_lycoris_gives(
    tmp_path: Path, kind: str, algorithm: str, on_outputs: bool
) -> None:
    target = layer(kind)
    made = CLASSES[algorithm](NAME, target, lora_dim=2, alpha=1, weight_decompose=True, wd_on_out=on_outputs)
    theirs = randomized(made)
    path = saved(theirs, tmp_path / "x.safetensors")
    assert load_lora(path).others[NAME].dora == ("outputs" if on_outputs else "inputs")
    check(path, target, theirs)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_full_difference_with_its_bias_gives_what_lycoris_gives(tmp_path: Path, kind: str) -> None:
    target = layer(kind)
    theirs = randomized(FullModule(NAME, copy.deepcopy(target)))
    check(saved_difference(theirs, tmp_path / "x.safetensors"), target, theirs)


def saved_difference(module: Any, path: Path) -> Path:
    """Write a full difference as LyCORIS names it; its own state is of a module that took the base's weights over."""
    tensors = {f"{NAME}.diff": module.weight, f"{NAME}.diff_b": module.bias}
    save_file({key: value.detach().clone() for key, value in tensors.items() if value is not None}, path)
    return path


@pytest.mark.parametrize("strength", [0.4, -0.7, 1.6])
@pytest.mark.parametrize("algorithm", CLASSES)
def test_a_strength_scales_the_change(tmp_path: Path, algorithm: str, strength: float) -> None:
    target = layer("3x3")
    theirs = randomized(CLASSES[algorithm](NAME, target, multiplier=strength, lora_dim=2, alpha=1))
    check(saved(theirs, tmp_path / "x.safetensors"), target, theirs, strength)


@pytest.mark.parametrize("on_outputs", [True, False], ids=["outputs", "inputs"])
def test_the_strength_of_a_dora_goes_straight_from_the_base_to_what_was_trained(
    tmp_path: Path, on_outputs: bool
) -> None:
    """W + w (W' - W), as in the webui and ComfyUI; at 0 the base to the bit, which LyCORIS' own multiplier has not."""
    target = layer("linear")
    made = LoConModule(NAME, target, lora_dim=2, alpha=1, weight_decompose=True, wd_on_out=on_outputs)
    theirs = randomized(made)
    path = saved(theirs, tmp_path / "x.safetensors")
    plain, _, whole = outputs(path, target, theirs)
    for strength in (0.3, 1.5):
        _, found, _ = outputs(path, target, theirs, strength)
        torch.testing.assert_close(found, plain + strength * (whole - plain), rtol=1e-5, atol=1e-5)
    _, none, _ = outputs(path, target, theirs, 0.0)
    assert torch.equal(none, plain)


def test_the_sides_are_split_as_lycoris_splits_them() -> None:
    from lycoris.functional import factorization

    assert [split(number) for number in (12, 320, 36, 7, 768)] == [factorization(n, -1) for n in (12, 320, 36, 7, 768)]
