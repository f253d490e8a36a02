import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from trainer.errors import SettingsError
from trainer.models.identify import identify_base
from trainer.models.sd1 import SD1
from trainer.network.injection import inject

KOHYA = json.loads((Path(__file__).parent / "kohya_sd15_modules.json").read_text())


@pytest.fixture(scope="module")
def sd15() -> SimpleNamespace:
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        return SimpleNamespace(
            unet=UNet2DConditionModel(cross_attention_dim=768),
            text_encoder=CLIPTextModel(
                CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=12)
            ),
        )


def shapes_of(model: SimpleNamespace, **parts: bool) -> dict[str, list[list[int]]]:
    network = inject(model, 32, 16, seed=0, **parts)
    shapes = {layer.name: [list(layer.down.shape), list(layer.up.shape)] for layer in network}
    network.remove()
    return shapes


def test_names_and_shapes_on_sd15_are_kohyas_264(sd15: SimpleNamespace) -> None:
    assert len(KOHYA) == 264
    assert shapes_of(sd15) == KOHYA


def test_one_part_alone_has_its_own_layers(sd15: SimpleNamespace) -> None:
    assert len(shapes_of(sd15, text_encoder=False)) == 192
    assert len(shapes_of(sd15, unet=False)) == 72


def test_neither_part_is_an_error(sd15: SimpleNamespace) -> None:
    with pytest.raises(SettingsError, match="at least one part"):
        inject(sd15, 4, 4, seed=0, unet=False, text_encoder=False)


def test_a_text_encoder_with_the_old_level_has_the_same_names(demo: SD1) -> None:
    wrapped = SimpleNamespace(unet=demo.unet, text_encoder=torch.nn.Module())
    wrapped.text_encoder.text_model = demo.text_encoder
    network = inject(wrapped, 4, 4, seed=0, unet=False)
    names = [layer.name for layer in network]
    network.remove()
    assert names[0].startswith("lora_te_text_model_encoder_layers_0_")
    assert len(names) == 12


def test_the_headers_foretell_the_layers(demo: SD1) -> None:
    network = inject(demo, 4, 4, seed=0)
    built = {layer.name: (layer.down.shape[1], layer.up.shape[0], layer.is_conv) for layer in network}
    network.remove()
    assert identify_base("demo").lora_shapes == built
