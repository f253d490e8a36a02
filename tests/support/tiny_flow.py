"""A base of a family that the program does not know: a transformer of a few thousand weights that learnt a flow in continuous time.

Latents of 6 channels, a quarter of the picture's side, normalized by shift and scale; words hashed to tokens, eight of them, and one
encoder that no LoRA sits on; times from 0 to 1. `registry.add_family` with this module's name is all that makes it known.
"""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
from encode_text import encode_text
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from trainer.families.flow_matching import SAMPLERS, TIMES, UNUSED
from trainer.families.record import FamilyRecord, PartRecord, Prediction, SamplingRecord
from trainer.formats.safetensors_header import read_header
from trainer.lean.blocks import names_with_prefixes
from trainer.lean.checkpointing import checkpoint_blocks
from trainer.lean.compute_options import ComputeOptions
from trainer.lean.forward_wrapper import unwrap
from trainer.lean.quantized import Kind
from trainer.models.base_model import BaseModel, Conditioning, Encoded
from trainer.models.flow_schedule import FlowSchedule
from trainer.models.identify import Base, LoraShape
from trainer.models.kohya_names import kohya_name
from trainer.models.prediction_markers import PredictionMarkers
from trainer.models.weight_slice import PlacedWeight, WeightSlice
from trainer.settings.parts import Part

WIDTH, TOKENS, WORDS, CHANNELS, FACTOR, DEPTH = 16, 8, 64, 6, 4, 2
SHIFT, SCALE = 0.1, 0.5
_MARK = "tiny_flow"

FAMILY = FamilyRecord(
    module="tiny_flow",
    key="tiny_flow",
    title="Tiny Flow",
    lora_target="a Tiny Flow base",
    parts=(
        PartRecord(
            "transformer",
            "transformer",
            "unet",
            "lora_transformer_",
            frozenset({"FlowAttention", "FlowMlp"}),
        ),
    ),
    engine="tiny_flow",
    architecture="tiny-flow/lora",
    base_versions={"flow": "tiny_flow"},
    sampling=SamplingRecord(side=64, steps=4, cfg_scale=3.0, sampler="Euler", roomy_bytes=2**28, samplers=SAMPLERS),
    identify="tiny_flow:identify",
    times=TIMES,
    prediction="flow",
    unused=UNUSED,
)


class _Module(nn.Module):
    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


class FlowAttention(nn.Module):
    """Attention of picture tokens to themselves and to the words."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, tokens: Tensor, words: Tensor) -> Tensor:
        everything = torch.cat([tokens, words], dim=1)
        heads = [
            each.unflatten(-1, (2, -1)).transpose(1, 2)
            for each in (self.query(tokens), self.key(everything), self.value(everything))
        ]
        seen = functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        return cast(Tensor, self.out(seen))


class FlowMlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.down(functional.gelu(self.up(tokens))))


class FlowBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attention, self.mlp = nn.LayerNorm(WIDTH), FlowAttention(), FlowMlp()

    def forward(self, tokens: Tensor, words: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm(tokens), words)
        return cast(Tensor, tokens + self.mlp(tokens))


class FlowTransformer(_Module):
    """Predicts noise - latents of each latent, which is a token."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.time, self.out = nn.Linear(CHANNELS, WIDTH), nn.Linear(1, WIDTH), nn.Linear(WIDTH, CHANNELS)
        self.blocks = nn.ModuleList(FlowBlock() for _ in range(DEPTH))

    def forward(self, latents: Tensor, times: Tensor, words: Tensor) -> Tensor:
        height, width = latents.shape[2:]
        tokens = self.into(latents.flatten(2).transpose(1, 2)) + self.time(times[:, None])[:, None]
        for block in self.blocks:
            tokens = block(tokens, words)
        return cast(Tensor, self.out(tokens).transpose(1, 2).unflatten(2, (height, width)))


class WordEncoder(_Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(TOKENS, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.words(tokens) + self.places.weight)


class PatchVae(_Module):
    """Patches of the picture to latents and back, linearly."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, CHANNELS, FACTOR, FACTOR)
        self.decoder = nn.ConvTranspose2d(CHANNELS, 3, FACTOR, FACTOR)


class TinyFlow(BaseModel):
    latent_channels, latent_factor = CHANNELS, FACTOR
    usual_prediction: Prediction = "flow"

    def schedule_for(self, prediction: Prediction, zero_terminal_snr: bool = False) -> FlowSchedule:
        return FlowSchedule()

    @property
    def body_weight(self) -> Tensor:
        return cast(Tensor, self.body.into.weight)

    def predict(self, noisy: Tensor, times: Tensor, text: Conditioning, sizes: Tensor | None = None) -> Tensor:
        weight = self.body_weight
        if weight.device != self.device:
            self.bring_body()
        return cast(Tensor, self.body(noisy.to(weight.dtype), times.to(weight.dtype), text.embeddings.to(weight.dtype)))

    def tokenize(self, captions: Sequence[str], max_token_length: int = 75) -> Tensor:
        rows = [[1 + zlib.crc32(word.encode()) % (WORDS - 1) for word in text.split()[:TOKENS]] for text in captions]
        return torch.tensor([[*row, *[0] * (TOKENS - len(row))] for row in rows], dtype=torch.int64).view(-1, TOKENS)

    def encode_part(self, part: Part, tokens: Tensor, clip_skip: int) -> Encoded:
        encoder = self.encoders[part]
        return Encoded(encoder(tokens.to(encoder.device)), None)

    def join(self, encoded: Mapping[Part, Encoded]) -> Conditioning:
        return Conditioning(encoded["words"].hidden, None)

    @torch.no_grad()
    def encode_prompts(self, prompts: Sequence[str], clip_skip: int) -> list[Conditioning]:
        return [encode_text(self, [prompt], clip_skip) for prompt in prompts]

    def blank_conditioning(self, count: int) -> Conditioning:
        return Conditioning(torch.empty(count, TOKENS, WIDTH, dtype=self.body_weight.dtype), None)

    def vae_encode(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.vae.encoder(images).float())

    def vae_decode(self, latents: Tensor) -> Tensor:
        return cast(Tensor, self.vae.decoder(latents))

    def normalized(self, latents: Tensor) -> Tensor:
        return (latents - SHIFT) / SCALE

    def raw(self, latents: Tensor) -> Tensor:
        return latents * SCALE + SHIFT

    def latents_key(self) -> list[object]:
        return ["tiny flow", str(self.vae.dtype), float(self.vae.encoder.weight.double().sum())]

    def blocks(self) -> dict[str, nn.Module]:
        return {f"blocks.{index}": block for index, block in enumerate(self.body.blocks)}

    def set_compute_options(self, options: ComputeOptions) -> None:
        every = self.blocks()
        twice = set() if options.checkpointed is None else names_with_prefixes(every, options.checkpointed)
        unwrap(self.body)
        checkpoint_blocks(every[name] for name in twice)


def write_base(path: Path) -> Path:
    """Write a base of random weights and return its path."""
    torch.manual_seed(0)
    save_file(_modules().state_dict(), path, {_MARK: "yes"})
    return path


def identify(path: Path) -> Base | None:
    """Return the base in a file that is marked as one of the family."""
    if not path.is_file():
        return None
    header = read_header(path)
    if _MARK not in header.metadata:
        return None
    shapes = {
        kohya_name("transformer", name.removeprefix("body.").removesuffix(".weight"), FAMILY.key): LoraShape(
            inputs=shape[1], outputs=shape[0], kernel=1, is_conv=False, needs_conv_dim=False
        )
        for name, shape in header.shapes.items()
        if len(shape) == 2 and (".attention." in name or ".mlp." in name)
    }
    weights = {
        kohya_name("transformer", name.removeprefix("body.").removesuffix(".weight"), FAMILY.key): PlacedWeight(
            path, WeightSlice(name, shape)
        )
        for name, shape in header.shapes.items()
        if len(shape) == 2
    }
    markers = PredictionMarkers("flow", False, "")
    return Base(path.name, path, FAMILY.key, shapes, markers, {}, weights={name: weights[name] for name in shapes})


def load_base(
    base: Base,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
    waiting: bool = False,
) -> TinyFlow:
    modules = _modules()
    modules.load_state_dict(load_file(base.path))
    return _model(modules, "cpu" if waiting else device, device, dtype, vae_dtype, stays=False)


def load_shapes(
    base: Base,
    *,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
) -> TinyFlow:
    with torch.device("meta"):
        modules = _modules()
    return _model(modules, "meta", "cpu", dtype, vae_dtype, stays=True)


def _modules() -> nn.ModuleDict:
    return nn.ModuleDict({"body": FlowTransformer(), "words": WordEncoder(), "vae": PatchVae()})


def _model(
    modules: nn.ModuleDict,
    place: torch.device | str,
    device: torch.device | str,
    dtype: torch.dtype,
    vae_dtype: torch.dtype,
    *,
    stays: bool,
) -> TinyFlow:
    modules.requires_grad_(False).eval()
    body, words, vae = modules["body"].to(place, dtype), modules["words"].to(place, dtype), modules["vae"]
    return TinyFlow(FAMILY.key, body, {"words": words}, vae.to(place, vae_dtype), device, stays=stays)
