"""LoRAs on a small Anima compute as weights merged by hand would, whatever another program trained, and leave nothing behind."""

from pathlib import Path

import pytest
import torch
from dense_loras import dense
from lora_of_numbers import Layer, write_lora_of_numbers
from tiny_anima import tiny_anima
from torch import Tensor

from trainer.families.anima.lora_names import KEY_FORMS
from trainer.families.anima.model.anima import Anima
from trainer.grid.recipe import LoraUse
from trainer.models.base_model import Conditioning
from trainer.models.block_weights import parse_block_weights
from trainer.models.engines import load_base
from trainer.models.identify import Base, identify_base
from trainer.network.injection import targets
from trainer.sampling.lora_stack import LoraStack
from trainer.settings.parts import is_encoder, parts_of

NOISY = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(3))
TIMES = torch.tensor([0.2, 0.9])
PROMPTS = ["1girl, smile", "a (hat:1.3)"]


@pytest.fixture(scope="module")
def base() -> Base:
    return identify_base(str(tiny_anima()), {})


def loaded(base: Base) -> Anima:
    model = load_base(base, device="cpu", dtype=torch.float32)
    assert isinstance(model, Anima)
    return model


@pytest.fixture(scope="module")
def model(base: Base) -> Anima:
    return loaded(base)


def comfy_keys(name: str) -> dict[str, str]:
    path = KEY_FORMS["comfyui"].path(name)
    return {"down": f"{path}.lora_A.weight", "up": f"{path}.lora_B.weight", "alpha": f"{path}.alpha"}


@pytest.fixture(scope="module")
def file(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layers on every Linear of the body, the conditioner and Qwen3, in ComfyUI's keys."""
    layers = {name: Layer(shape.outputs, shape.inputs, 4, alpha=2.0) for name, shape in base.lora_shapes.items()}
    return write_lora_of_numbers(tmp_path_factory.mktemp("lora") / "a.safetensors", layers, keys=comfy_keys)


@torch.no_grad()
def outputs(model: Anima) -> tuple[Tensor, Tensor]:
    """What the model makes of two prompts, and of latents and the first of these."""
    texts = model.encode_prompts(PROMPTS, 1)
    rows = Conditioning(texts[0].embeddings.expand(len(NOISY), -1, -1), None)
    return texts[1].embeddings, model.predict(NOISY, TIMES, rows)


@torch.no_grad()
def merged(base: Base, file: Path, use: LoraUse) -> tuple[Tensor, Tensor]:
    """The outputs of a model with the changes in its weights."""
    model, changes = loaded(base), dense(file)
    weights = parse_block_weights(use.blocks, "x")
    for part in parts_of(model.family):
        strength = use.text_encoder if is_encoder(part) else use.unet
        for name, layer in targets(model, part, "all").items():
            change = changes.pop(name) * strength * weights.factor(name)
            layer.weight += torch.from_numpy(change).to(layer.weight.dtype)
    assert not changes
    return outputs(model)


@pytest.mark.parametrize(
    "options",
    [{}, {"unet": 0.5, "text_encoder": 0.0}, {"unet": 0.0}, {"blocks": "block 1=0; cross k/v=2; Qwen3 layer 0=0"}],
)
def test_every_layer_of_another_program_is_in_force(
    base: Base, model: Anima, file: Path, options: dict[str, object]
) -> None:
    use = LoraUse(path=file, **options)  # type: ignore[arg-type]
    plain = outputs(model)
    stack = LoraStack(model)
    stack.use([use])
    ours = outputs(model)
    stack.close()
    for before, own, other in zip(plain, ours, merged(base, file, use), strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=1e-4 * max(1.0, float((other - before).abs().max())))
    assert all(torch.equal(one, other) for one, other in zip(plain, outputs(model), strict=True))
    changed = [not torch.equal(own, before) for own, before in zip(ours, plain, strict=True)]
    # The body sees what the conditioner makes of the prompt.
    assert changed == [use.text_encoder != 0, True]
