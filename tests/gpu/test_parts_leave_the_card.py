"""A part that is put away gives its memory back, and comes back as it was."""

import torch
from encode_text import encode_text
from torch import nn

from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.model import load_base
from trainer.network.lora import LoraLayer
from trainer.settings.subject import DEMO_BASE

CAPTIONS = ["1girl, upper body, smile"]


def test_an_encoder_leaves_the_card_and_comes_back_to_the_same_bits() -> None:
    model = load_base(identify_base(DEMO_BASE), device="cuda", dtype=torch.float32)
    target = model.text_encoder.get_submodule("encoder.layers.0.self_attn.v_proj")
    assert isinstance(target, nn.Linear)
    layer = LoraLayer("lora", target, rank=2, alpha=2)
    with torch.no_grad():
        layer.down.fill_(0.1)
        layer.up.fill_(0.1)
    layer.attach()
    before = encode_text(model, CAPTIONS, 1).embeddings.detach()
    there = torch.cuda.memory_allocated()
    weights = sum(weight.numel() * weight.element_size() for weight in model.text_encoder.parameters())
    model.put_encoder_away("text_encoder")
    assert torch.cuda.memory_allocated() <= there - weights
    assert layer.down.device.type == "cuda"
    model.bring_encoder_back("text_encoder")
    assert torch.equal(encode_text(model, CAPTIONS, 1).embeddings, before)


def test_the_vae_leaves_the_card() -> None:
    model = load_base(identify_base(DEMO_BASE), device="cuda", dtype=torch.float32)
    there = torch.cuda.memory_allocated()
    model.put_vae_away()
    assert torch.cuda.memory_allocated() < there
