"""Anima: captions to embeddings, pictures to latents, noisy latents to a flow."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.families.anima.model.lean import attentions
from trainer.families.anima.model.loading import LoadedParts, load_parts, parts_without_numbers
from trainer.families.anima.model.prompts import pieces, weighted
from trainer.families.anima.model.text import filled
from trainer.families.anima.model.vae import factor_of
from trainer.families.anima.record import FAMILY
from trainer.families.record import Prediction
from trainer.lean.blocks import names_with_prefixes
from trainer.lean.checkpointing import checkpoint_blocks
from trainer.lean.compiled import check_compiler, compile_blocks
from trainer.lean.compute_options import ComputeOptions
from trainer.lean.eight_bit import int8_layers
from trainer.lean.forward_wrapper import unwrap
from trainer.lean.kept_outputs import kept_outputs
from trainer.lean.quantized import Kind
from trainer.models.attributes_meanwhile import attributes_meanwhile
from trainer.models.base_model import SHORTEST_TEXT, BaseModel, Conditioning, Encoded
from trainer.models.flow_schedule import FlowSchedule
from trainer.models.identify import Base, check_attention
from trainer.models.vae_identity import has_identity, vae_identity
from trainer.settings.parts import Part

_ENCODER = FAMILY.encoders[0].key

# Fills up the shorter token numbers of a batch; no tokenizer has it.
_NOTHING = -1
# At a picture's full size the decoder works on its least width; a normalization's fp32 copies count as two in half precision.
_TENSORS_AT_ONCE = 6


class Anima(BaseModel):
    """A loaded base of Anima's form.

    Args:
        parts: its modules and tokenizers.
        device: where it computes.
        stays: see BaseModel.
    """

    usual_prediction: Prediction = "flow"

    def __init__(self, parts: LoadedParts, device: torch.device | str, *, stays: bool = False) -> None:
        super().__init__(FAMILY.key, parts.body, {_ENCODER: parts.encoder}, parts.vae, device, stays=stays)
        self.vae_reader = parts.vae_reader
        self.tokenizers = parts.tokenizers
        config = parts.vae.config
        self.latent_channels = int(config.z_dim)
        self.latent_factor = factor_of(parts.vae)
        self._mean, self._deviation = (
            torch.tensor(list(numbers)).view(1, -1, 1, 1) for numbers in (config.latents_mean, config.latents_std)
        )
        self._least_tokens = int(parts.encoder.conditioner.config.min_sequence_length)

    def schedule_for(self, prediction: Prediction, zero_terminal_snr: bool = False) -> FlowSchedule:
        """Return the flow's schedule; there is no other."""
        return FlowSchedule()

    @property
    def body_weight(self) -> Tensor:
        """The weight of the first layer."""
        return cast(Tensor, self.body.patch_embed.proj.weight)

    def predict(self, noisy: Tensor, times: Tensor, text: Conditioning, sizes: Tensor | None = None) -> Tensor:
        """Return the velocity of the flow at `noisy`, same shape, in the body's type.

        Args:
            noisy: [batch, 16, height/8, width/8].
            times: [batch], 0 to 1.
            text: its conditioning.
            sizes: not looked at.
        """
        weight = self.body_weight
        if weight.device != self.device:
            self.bring_body()
        # The last channel is that of the padding mask, of which a picture has none; behind it the frames, of which it is one.
        latents = functional.pad(noisy.to(weight.dtype), (0, 0, 0, 0, 0, 1)).unsqueeze(2)
        # Times stay in fp32: in bf16 they are off by up to 0.002.
        predicted: Tensor = self.body(
            latents, times.to(weight.device, torch.float32), text.embeddings.to(weight.dtype), return_dict=False
        )[0]
        return predicted.squeeze(2)

    @contextmanager
    def sampling_mode(self) -> Iterator[None]:
        """Let the body make keys and values of the same text once."""
        layers = [layer for block in self.body.transformer_blocks for layer in (block.attn2.to_k, block.attn2.to_v)]
        with kept_outputs(layers):
            yield

    # Texts

    def tokenize(self, captions: Sequence[str], max_token_length: int = SHORTEST_TEXT) -> Tensor:
        """Return token numbers, int64 [batch, 2, tokens], on the CPU: Qwen3's and T5's, each filled up with -1; nothing is cut."""
        if self.tokenizers is None:
            # For the memory prediction: those of a long one, which rows of zeros follow.
            return torch.zeros(len(captions), 2, self._least_tokens // 2, dtype=torch.int64)
        both = [(self.tokenizers.words([each]), self.tokenizers.queries([each])[0]) for each in captions]
        longest = max((len(tokens) for each in both for tokens in each), default=0)
        rows = [[tokens + [_NOTHING] * (longest - len(tokens)) for tokens in each] for each in both]
        return torch.tensor(rows, dtype=torch.int64).view(len(captions), 2, longest)

    def encode_part(self, part: Part, tokens: Tensor, clip_skip: int) -> Encoded:
        """Return what the body takes of captions, each encoded alone; rows of zeros behind the shorter ones.

        Args:
            part: the one encoder; it computes where it lies.
            tokens: int64 [batch, 2, tokens], from tokenize.
            clip_skip: not looked at.
        """
        encoder = self.encoders[part]
        rows = [encoder(*(self._told(each).to(encoder.device) for each in both)) for both in tokens]
        return Encoded(filled(rows, 0), None)

    def _told(self, tokens: Tensor) -> Tensor:
        """Return token numbers without what fills them up; without a tokenizer nothing does."""
        return tokens if self.tokenizers is None else tokens[tokens != _NOTHING]

    def batched(self, encoded: Sequence[Encoded]) -> Encoded:
        """Return single captions' rows as a batch, with rows of zeros behind the shorter ones."""
        return Encoded(filled([row for each in encoded for row in each.hidden], 0), None)

    def join(self, encoded: Mapping[Part, Encoded]) -> Conditioning:
        """Return what the body takes: rows of zeros behind a text up to at least 512."""
        return Conditioning(filled(list(encoded[_ENCODER].hidden), self._least_tokens), None)

    @torch.no_grad()
    def encode_prompts(self, prompts: Sequence[str], clip_skip: int) -> list[Conditioning]:
        """Return what the body takes of each prompt, its pieces weighted as ComfyUI and the webui's forks do."""
        return [self._encoded_prompt(prompt) for prompt in prompts]

    def _encoded_prompt(self, prompt: str) -> Conditioning:
        encoder = self.encoders[_ENCODER]
        found = pieces(prompt)
        assert self.tokenizers is not None
        texts = [piece.text for piece in found]
        queries, of_piece = self.tokenizers.queries(texts)
        words = torch.tensor(self.tokenizers.words(texts), dtype=torch.int64, device=encoder.device)
        rows = encoder(words, torch.tensor(queries, device=encoder.device))
        rows = weighted(rows, of_piece, [piece.weight for piece in found])
        return Conditioning(filled([rows], self._least_tokens), None)

    def guided(self, prompt: Conditioning, negative: Conditioning, *, blank: bool) -> tuple[Conditioning, Conditioning]:
        """Return both with as many tokens: rows of zeros stand behind the shorter one."""
        longest = max(prompt.tokens, negative.tokens)
        first, second = (Conditioning(filled(list(each.embeddings), longest), None) for each in (prompt, negative))
        return first, second

    def blank_conditioning(self, count: int) -> Conditioning:
        """Return the shapes of the usual length."""
        width = self.encoders[_ENCODER].width
        return Conditioning(torch.empty(count, self._least_tokens, width, dtype=self.body_weight.dtype), None)

    # Latents

    def vae_encode(self, images: Tensor) -> Tensor:
        """Return the mean of the VAE's distribution, fp32."""
        return cast(Tensor, self.vae.encode(images.unsqueeze(2)).latent_dist.mean.squeeze(2).float())

    def vae_decode(self, latents: Tensor) -> Tensor:
        """Return the VAE's images of latents."""
        return cast(Tensor, self.vae.decode(latents.unsqueeze(2), return_dict=False)[0].squeeze(2))

    def normalized(self, latents: Tensor) -> Tensor:
        """Return (latents - mean) / deviation of each channel."""
        return (latents - self._mean.to(latents)) / self._deviation.to(latents)

    def raw(self, latents: Tensor) -> Tensor:
        """Return latents · deviation + mean of each channel."""
        return latents * self._deviation.to(latents) + self._mean.to(latents)

    def latents_key(self) -> list[object]:
        """Return the VAE's identity, type, means and deviations."""
        if not has_identity(self.vae):
            self.bring_vae()
        numbers = [each.flatten().tolist() for each in (self._mean, self._deviation)]
        return [vae_identity(self.vae), str(self.vae.dtype), *numbers]

    def decoding_bytes(self, height: int, width: int) -> int:
        """Return about how much memory the decoding of a picture takes beside the VAE's weights."""
        config = self.vae.config
        wide = int(config.base_dim) * int(config.dim_mult[min(1, len(config.dim_mult) - 1)])
        return _TENSORS_AT_ONCE * wide * height * width * int(self.vae.dtype.itemsize)

    def tiled(self, pixels: int) -> AbstractContextManager[None]:
        """Let the VAE decode in tiles of `pixels` on a side that overlap by a quarter while the block lasts."""
        stride = pixels * 3 // 4
        return attributes_meanwhile(
            self.vae,
            use_tiling=True,
            tile_sample_min_height=pixels,
            tile_sample_min_width=pixels,
            tile_sample_stride_height=stride,
            tile_sample_stride_width=stride,
        )

    # Blocks

    def blocks(self) -> dict[str, nn.Module]:
        """Return the body's blocks: `blocks.0` and on, as the original calls them."""
        return {f"blocks.{index}": block for index, block in enumerate(self.body.transformer_blocks)}

    def set_compute_options(self, options: ComputeOptions) -> None:
        """Let the body compute in this way from now on, and the text encoder, but for its attention, which is always torch's.

        Raises:
            SettingsError: a name in it is no block's, the way is none of the family's, or this machine cannot compile.
        """
        # What may be refused comes first, so that a refusal changes nothing.
        every = self.blocks()
        twice = set() if options.checkpointed is None else names_with_prefixes(every, options.checkpointed)
        check_attention(options.attention == "xformers", FAMILY.key)
        if options.compiled:
            check_compiler(self.device)
        unwrap(self.body)
        for attention in attentions(self.body):
            attention.fused = options.attention == "sdpa"
        for layer in int8_layers(self.body, *self.encoders.values()):
            layer.int8_products = options.int8_products
        if options.compiled:
            compile_blocks(every.values())
        # Around what is compiled, so that the second pass runs the same kernels again.
        checkpoint_blocks(every[name] for name in twice)


def load_base(
    base: Base,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
    waiting: bool = False,
) -> Anima:
    """Load `base`; see engines.load_base."""
    place = "cpu" if waiting else device
    parts = load_parts(base, device=place, dtype=dtype, vae=vae, vae_dtype=vae_dtype, quantized=quantized)
    return Anima(parts, device)


def load_shapes(
    base: Base,
    *,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
) -> Anima:
    """Return the base without numbers; see engines.load_shapes."""
    parts = parts_without_numbers(base, dtype=dtype, vae=vae, vae_dtype=vae_dtype, quantized=quantized)
    return Anima(parts, "cpu", stays=True)
