from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from trainer.errors import ModelError, SettingsError
from trainer.network.injection import LayerRules, LoraNetwork, inject
from trainer.network.lora_file import network_like_file, save_lora, warm_start
from trainer.settings.parts import Part, all_parts

CONV_TOO = LayerRules(4, 2, conv_dim=2, conv_alpha=1)


def detached(model: SimpleNamespace, rules: LayerRules, seed: int, *parts: Part) -> LoraNetwork:
    """Return a network that is not in the model's way, its up weights random too."""
    network = inject(model, rules, seed, parts or all_parts())
    network.remove()
    generator = torch.Generator().manual_seed(seed)
    for layer in network:
        layer.up.data.normal_(generator=generator)
    return network


def saved(network: LoraNetwork, folder: Path, precision: str = "float") -> Path:
    save_lora(network, folder / "x.safetensors", precision=precision, metadata={})  # type: ignore[arg-type]  # the texts are precisions
    return folder / "x.safetensors"


def weights(network: LoraNetwork) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    return {layer.name: (layer.down.detach().clone(), layer.up.detach().clone()) for layer in network}


def same(one: tuple[torch.Tensor, torch.Tensor], other: tuple[torch.Tensor, torch.Tensor]) -> bool:
    return all(map(torch.equal, one, other))


@pytest.mark.parametrize("family", ["tiny_sd1", "tiny_sdxl"])
def test_a_network_starts_with_the_weights_of_the_file(
    request: pytest.FixtureRequest, tmp_path: Path, family: str
) -> None:
    model = request.getfixturevalue(family)
    trained, fresh = detached(model, CONV_TOO, 1), detached(model, CONV_TOO, 2)
    assert warm_start(fresh, saved(trained, tmp_path)) == []
    begun = weights(fresh)
    assert all(same(begun[name], pair) for name, pair in weights(trained).items())


def test_what_either_side_lacks_is_left_alone_and_reported(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    path = saved(detached(tiny_sd1, CONV_TOO, 1, "unet"), tmp_path)
    fresh = detached(tiny_sd1, LayerRules(4, 2), 2)
    before = weights(fresh)
    lines = warm_start(fresh, path)
    # In resnets: 4 × 4 on the way up, 4 + 3 on the way down, 2 × 3 in the middle; and two samplers.
    assert lines[0].startswith(
        "31 of 79 modules of x.safetensors have no layer here and are ignored, for example lora_unet_down_"
    )
    assert lines[1].startswith(
        "18 of 66 layers have no weights in x.safetensors and start from zero, for example lora_te_text_"
    )
    after = weights(fresh)
    assert {name.split("_")[1] for name in after if same(before[name], after[name])} == {"te"}


@pytest.mark.parametrize("rules", [LayerRules(8, 4), LayerRules(4, 4)])
def test_another_rank_or_alpha_is_refused_and_the_way_out_named(
    tiny_sd1: SimpleNamespace, tmp_path: Path, rules: LayerRules
) -> None:
    path = saved(detached(tiny_sd1, LayerRules(4, 2), 1), tmp_path)
    fresh = detached(tiny_sd1, rules, 2)
    before = weights(fresh)
    with pytest.raises(ModelError, match=r"has rank 4 and alpha 2; expected rank . and alpha 4, .* dim_from_weights"):
        warm_start(fresh, path)
    assert all(same(before[name], pair) for name, pair in weights(fresh).items())


def test_an_alpha_that_the_files_precision_rounded_is_the_same_alpha(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    path = saved(detached(tiny_sd1, LayerRules(4, 0.3), 1), tmp_path, "bf16")
    fresh = detached(tiny_sd1, LayerRules(4, 0.3), 2)
    warm_start(fresh, path)
    assert {layer.alpha for layer in fresh} == {0.3}


def test_a_file_with_nothing_in_common_is_refused(
    tiny_sd1: SimpleNamespace, tiny_sdxl: SimpleNamespace, tmp_path: Path
) -> None:
    path = saved(detached(tiny_sdxl, LayerRules(4, 2), 1, "text_encoder_2"), tmp_path)
    with pytest.raises(ModelError, match="18 of 18 modules do not belong to the network"):
        warm_start(detached(tiny_sd1, LayerRules(4, 2), 2), path)


def test_ranks_alphas_and_weights_can_come_from_the_file(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    trained = detached(tiny_sd1, CONV_TOO, 1)
    like_it = network_like_file(tiny_sd1, saved(trained, tmp_path), LayerRules(16, 1), all_parts())
    like_it.remove()
    assert [(layer.name, layer.rank, layer.alpha) for layer in like_it] == [
        (layer.name, layer.rank, layer.alpha) for layer in trained
    ]
    begun = weights(like_it)
    assert all(same(begun[name], pair) for name, pair in weights(trained).items())


def test_the_dropouts_come_from_the_rules(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    path = saved(detached(tiny_sd1, LayerRules(4, 2), 1), tmp_path)
    network = network_like_file(tiny_sd1, path, LayerRules(16, 1, module_dropout=0.5), all_parts())
    network.remove()
    network.start_pass(0, 1, 0)
    assert 0 < sum(layer.dropped for layer in network) < len(network)


def test_only_the_parts_to_train_get_layers(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    path = saved(detached(tiny_sd1, LayerRules(4, 2), 1), tmp_path)
    network = network_like_file(tiny_sd1, path, LayerRules(4, 2), ["unet"])
    network.remove()
    assert network.parts == ("unet",)


def test_a_file_without_layers_of_the_parts_to_train_is_refused(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    path = saved(detached(tiny_sd1, LayerRules(4, 2), 1, "text_encoder"), tmp_path)
    with pytest.raises(ModelError, match="no layer of the parts to train"):
        network_like_file(tiny_sd1, path, LayerRules(4, 2), ["unet"])


def test_no_part_to_train_is_refused(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    path = saved(detached(tiny_sd1, LayerRules(4, 2), 1), tmp_path)
    with pytest.raises(SettingsError, match="no part to train"):
        network_like_file(tiny_sd1, path, LayerRules(4, 2), [])
