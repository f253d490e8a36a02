from types import SimpleNamespace
from typing import Any, Literal

import pytest
import torch
from kohya_modules import CONV_DIM, DIM, kohya_modules
from torch import nn

from trainer.errors import ModelError, SettingsError
from trainer.models.identify import identify_base, layers_of
from trainer.models.kohya_names import ModuleNames, kohya_name, part_of
from trainer.models.stable_diffusion.model import StableDiffusion
from trainer.network.injection import LayerRules, LoraNetwork, inject, targets
from trainer.settings.model import Settings
from trainer.settings.parts import Part, all_parts

RULES = LayerRules(dim=DIM, alpha=16)
WITH_CONV = LayerRules(dim=DIM, alpha=16, conv_dim=CONV_DIM, conv_alpha=2)


def clip(width: int, layers: int, *, projected: bool = False) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_attention_heads=width // 64,
        num_hidden_layers=layers,
        projection_dim=width,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


@pytest.fixture(scope="module")
def sd15() -> SimpleNamespace:
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        return SimpleNamespace(
            family="sd1", body=UNet2DConditionModel(cross_attention_dim=768), encoders={"text_encoder": clip(768, 12)}
        )


@pytest.fixture(scope="module")
def sdxl() -> SimpleNamespace:
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=(320, 640, 1280),
            transformer_layers_per_block=[1, 2, 10],
            attention_head_dim=[5, 10, 20],
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
        encoders = {"text_encoder": clip(768, 12), "text_encoder_2": clip(1280, 32, projected=True)}
        return SimpleNamespace(family="sdxl", body=unet, encoders=encoders)


def injected(model: Any, rules: LayerRules, *parts: Part) -> LoraNetwork:
    network = inject(model, rules, seed=0, parts=parts or all_parts())
    network.remove()
    return network


@pytest.mark.parametrize(
    ("base", "rules", "count"),
    [("sd15", RULES, 264), ("sd15", WITH_CONV, 350), ("sdxl", RULES, 986), ("sdxl", WITH_CONV, 1052)],
)
def test_names_and_shapes_are_those_of_sd_scripts(
    request: pytest.FixtureRequest, base: Literal["sd15", "sdxl"], rules: LayerRules, count: int
) -> None:
    network = injected(request.getfixturevalue(base), rules)
    shapes = {layer.name: [list(layer.down.shape), list(layer.up.shape)] for layer in network}
    assert len(network) == len(shapes) == count
    assert shapes == kohya_modules(base, conv=rules.conv_dim is not None)


def test_3x3_convolutions_alone_get_the_rank_and_alpha_of_convolutions(sd15: SimpleNamespace) -> None:
    resnet = "lora_unet_down_blocks_1_resnets_0_"
    scales = {layer.name: (layer.rank, layer.alpha) for layer in injected(sd15, WITH_CONV, "unet")}
    assert scales[resnet + "conv1"] == scales["lora_unet_up_blocks_0_upsamplers_0_conv"] == (CONV_DIM, 2)
    assert scales[resnet + "time_emb_proj"] == scales[resnet + "conv_shortcut"] == (DIM, 16)
    assert scales["lora_unet_mid_block_attentions_0_proj_in"] == (DIM, 16)


def test_alpha_0_stands_for_the_rank(sd15: SimpleNamespace) -> None:
    network = injected(sd15, LayerRules(dim=4, alpha=0, conv_dim=2, conv_alpha=0), "unet")
    assert {(layer.rank, layer.alpha) for layer in network} == {(4, 4), (2, 2)}


def test_the_rules_are_those_of_the_settings() -> None:
    settings = Settings(
        network_dim=8, network_alpha=4, conv_dim=2, network_dropout=0.1, rank_dropout=0.2, module_dropout=0.3
    )
    assert LayerRules.of(settings) == LayerRules(8, 4, 2, 1, 0.1, 0.2, 0.3)


def test_one_part_alone_has_its_own_layers(sdxl: SimpleNamespace) -> None:
    assert len(injected(sdxl, RULES, "unet")) == 722
    assert len(injected(sdxl, RULES, "text_encoder")) == 72
    second = injected(sdxl, RULES, "text_encoder_2")
    assert (len(second), second.parts) == (192, ("text_encoder_2",))


def test_a_part_that_the_family_lacks_is_passed_over(sd15: SimpleNamespace) -> None:
    assert injected(sd15, RULES, *all_parts()).parts == ("unet", "text_encoder")


@pytest.mark.parametrize("parts", [(), ("text_encoder_2",)])
def test_no_part_to_train_is_an_error(sd15: SimpleNamespace, parts: tuple[Part, ...]) -> None:
    with pytest.raises(SettingsError, match="at least one of U-Net, text encoder"):
        inject(sd15, RULES, seed=0, parts=parts)


def test_a_text_encoder_with_the_old_level_has_the_same_names(sd15: SimpleNamespace) -> None:
    wrapped = nn.Module()
    wrapped.text_model = sd15.encoders["text_encoder"]
    model = SimpleNamespace(family="sd1", body=sd15.body, encoders={"text_encoder": wrapped})
    assert list(targets(model, "text_encoder")) == list(targets(sd15, "text_encoder"))


@pytest.mark.parametrize("conv_dim", [None, 2])
def test_the_headers_foretell_the_layers(demo: StableDiffusion, conv_dim: int | None) -> None:
    settings = Settings(network_dim=4, conv_dim=conv_dim)
    foretold = layers_of(identify_base("demo"), settings)
    network = injected(demo, LayerRules.of(settings))
    assert {layer.name: (list(layer.down.shape), len(layer.up)) for layer in network} == {
        name: ([rank, shape.inputs, *([shape.kernel] * 2 if shape.is_conv else [])], shape.outputs)
        for name, (shape, rank) in foretold.items()
    }


def test_two_modules_of_one_name_are_refused() -> None:
    """A fourth resnet in an SDXL block would be called what the next block's first is called."""

    class ResnetBlock2D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 1, 3)

    unet = nn.Module()
    unet.down_blocks = nn.ModuleList([nn.Module(), nn.Module()])
    for block, count in zip(unet.down_blocks, (4, 1), strict=True):
        block.resnets = nn.ModuleList([ResnetBlock2D() for _ in range(count)])
    with pytest.raises(ModelError, match="input_blocks_4_0_in_layers_2: two modules"):
        targets(SimpleNamespace(family="sdxl", body=unet, encoders={}), "unet", "conv")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("lora_unet_mid_block_attentions_0_proj_in", "unet"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1", "text_encoder"),
        ("lora_te1_text_model_encoder_layers_0_mlp_fc1", "text_encoder"),
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1", "text_encoder_2"),
        ("lora_transformer_x", None),
    ],
)
def test_a_name_shows_its_part(name: str, part: Part | None) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize("base", ["sd15", "sdxl"])
def test_sd_scripts_own_names_stay_as_they_are_in_a_file(base: Literal["sd15", "sdxl"]) -> None:
    family = "sd1" if base == "sd15" else "sdxl"
    assert all(ModuleNames(family, ()).own(name) == name for name in kohya_modules(base, conv=True))


def test_a_file_may_call_sdxls_unet_by_diffusers_names() -> None:
    path = "up_blocks.1.attentions.2.transformer_blocks.1.attn2.to_out.0"
    name = "lora_unet_" + path.replace(".", "_")
    assert ModuleNames("sdxl", ()).own(name) == kohya_name("unet", path, "sdxl") != name


def test_a_file_may_call_sd1s_text_encoder_te1() -> None:
    assert ModuleNames("sd1", ()).own("lora_te1_text_model_x") == "lora_te_text_model_x"
    assert ModuleNames("sdxl", ()).own("lora_te1_text_model_x") == "lora_te1_text_model_x"
