"""Stable Diffusion, 1.x and XL: captions to embeddings, pictures to latents, noisy latents to a prediction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from trainer.families.record import Prediction
from trainer.families.registry import family_record
from trainer.lean.attention_layer import filled_heads
from trainer.lean.blocks import blocks, text_layers
from trainer.lean.compute_options import ComputeOptions, apply_compute_options
from trainer.lean.kept_outputs import kept_outputs
from trainer.lean.patch import make_lean
from trainer.lean.quantized import Kind
from trainer.models.attributes_meanwhile import attributes_meanwhile
from trainer.models.base_model import BaseModel, Conditioning, Encoded
from trainer.models.identify import Base
from trainer.models.memory_layout import memory_format
from trainer.models.stable_diffusion.clip_chunks import CHUNK, CHUNK_TOKENS, chunked, joined
from trainer.models.stable_diffusion.clip_prompts import PromptText, alike, encode_prompts
from trainer.models.stable_diffusion.loading import load_parts, parts_without_numbers
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule
from trainer.models.vae_identity import has_identity, vae_identity
from trainer.prompts.clip_tokens import BytePairTokenizer
from trainer.settings.parts import Family, Part, is_encoder, parts_of

# The layers at the picture's full size begin on the width of the level below. Measured with SD1.5's VAE on a CPU at 256² and
# 384²: 3.7 tensors of that width at once, 3.8 kB a pixel in fp32; the rest is for what a card's convolutions take beside it.
_TENSORS_AT_ONCE = 6

# SDXL's size conditioning: six numbers of 256 each beside the pooled text.
_SIZES_WIDTH = 6 * 256


class StableDiffusion(BaseModel):
    """A loaded base of SD1.x or SDXL.

    Args:
        family: which of them.
        unet: predicts noise or v; latents [batch, 4, height/f, width/f]. It is the body.
        encoders: CLIP's text encoders by part, one in SD1.x, two in SDXL.
        vae: pictures to latents and back; diffusers' AutoencoderKL.
        tokenizers: captions to token numbers, by part; none where any words are the same tokens.
        device: where it computes; None for where the U-Net lies.
        stays: see BaseModel.

    Attributes:
        scaling: what latents are multiplied by (0.18215 in SD1.x, 0.13025 in SDXL), from the VAE's config.
    """

    latent_channels = 4

    def __init__(
        self,
        family: Family,
        unet: Any,
        encoders: Mapping[Part, Any],
        vae: Any,
        tokenizers: Mapping[Part, BytePairTokenizer],
        device: torch.device | str | None = None,
        *,
        stays: bool = False,
    ) -> None:
        super().__init__(family, unet, encoders, vae, unet.device if device is None else device, stays=stays)
        self.tokenizers: dict[Part, BytePairTokenizer] = dict(tokenizers)
        self.scaling = float(vae.config.scaling_factor)
        self.latent_factor = int(2 ** (len(vae.config.block_out_channels) - 1))
        self._encoder_parts = tuple(part for part in parts_of(family) if is_encoder(part))
        # Beside pooled texts the U-Net takes the pictures' sizes.
        self._takes_sizes = bool(family_record(family).pooled_layers)

    @property
    def unet(self) -> Any:
        """The body."""
        return self.body

    @property
    def text_encoder(self) -> Any:
        """The first text encoder, in SD1.x the only one."""
        return self.encoders["text_encoder"]

    @property
    def body_weight(self) -> Tensor:
        """The U-Net's first weight: unet.dtype goes through all of them, 1.2 ms a call in the demo base."""
        return cast(Tensor, self.body.conv_in.weight)

    def schedule_for(self, prediction: Prediction, zero_terminal_snr: bool = False) -> NoiseSchedule:
        """Return the schedule of a base that predicts this, on the device."""
        return NoiseSchedule(prediction, zero_terminal_snr, self.device)

    def tokenize(self, captions: Sequence[str], max_token_length: int = CHUNK) -> Tensor:
        """Return token numbers, int64 [batch, encoders, chunks, 77], on the CPU; longer captions are cut, shorter ones filled.

        Args:
            captions: of any length.
            max_token_length: 75, 150 or 225: one, two or three chunks.
        """
        chunks = max_token_length // CHUNK
        if not self.tokenizers:
            return torch.zeros(len(captions), len(self._encoder_parts), chunks, CHUNK_TOKENS, dtype=torch.int64)
        return torch.stack(
            [
                # sd-scripts fills with 0 for SDXL's second encoder, as it was trained, and with EOS for CLIP-L.
                chunked(tokenizer, captions, chunks, pad=0 if part == "text_encoder_2" else tokenizer.end)
                for part, tokenizer in ((part, self.tokenizers[part]) for part in self._encoder_parts)
            ],
            dim=1,
        )

    def encode_part(self, part: Part, tokens: Tensor, clip_skip: int) -> Encoded:
        """Return what one encoder makes of captions.

        SD1.x: `final_layer_norm(hidden_states[-clip_skip])` (sd-scripts: clip_skip); 1 is the encoder's own output. SDXL: the
        last layer but one without the final norm, whatever clip_skip says, and of the second encoder the projected state at
        the first chunk's EOS.

        Args:
            part: which encoder; it computes where it lies, and the LoRA on it must lie there too.
            tokens: int64 [batch, encoders, chunks, 77], from tokenize.
            clip_skip: 1 to the number of layers; identify.check_clip_skip sees to it.
        """
        encoder = self.encoders[part]
        chunks = tokens.shape[2]
        own = tokens[:, self._encoder_parts.index(part)].reshape(-1, CHUNK_TOKENS)
        own = own.to(encoder.device, non_blocking=True)
        pooled: Tensor | None = None
        record = family_record(self.family)
        if not record.clip_skip:
            out = encoder(own, output_hidden_states=True)
            hidden: Tensor = out.hidden_states[-record.fixed_skip]
            if part in record.pooled_layers:
                pooled = out.text_embeds[::chunks]
        elif clip_skip == 1:
            hidden = encoder(own).last_hidden_state
        else:
            skipped = encoder(own, output_hidden_states=True).hidden_states[-clip_skip]
            # Before transformers 5 the encoder was wrapped once more.
            hidden = getattr(encoder, "text_model", encoder).final_layer_norm(skipped)
        return Encoded(joined(hidden, chunks), pooled)

    def join(self, encoded: Mapping[Part, Encoded]) -> Conditioning:
        """Return what the U-Net takes: the encoders' channels side by side, pooled from the last that has it.

        Args:
            encoded: of every encoder, for the same captions.
        """
        each = [encoded[part] for part in self._encoder_parts]
        if len(each) == 1:
            return Conditioning(each[0].hidden, None)
        return Conditioning(torch.cat([one.hidden for one in each], dim=-1), each[-1].pooled)

    def encode_prompts(self, prompts: Sequence[str], clip_skip: int) -> list[Conditioning]:
        """Return what the U-Net takes of each prompt, under the webui's rules; see clip_prompts."""
        return list(encode_prompts(self, prompts, clip_skip))

    def guided(self, prompt: Conditioning, negative: Conditioning, *, blank: bool) -> tuple[Conditioning, Conditioning]:
        """Return both with as many tokens; SDXL takes zeros for a blank negative prompt.

        So it was trained, and the webui has it.
        """
        texts = cast(PromptText, prompt), cast(PromptText, negative)
        first, second = alike([texts[0], _zeros(texts[1]) if blank and self._takes_sizes else texts[1]])
        return first, second

    def blank_conditioning(self, count: int) -> Conditioning:
        """Return the shapes of one chunk's conditioning."""
        config, dtype = self.body.config, self.body_weight.dtype
        return Conditioning(
            torch.empty(count, CHUNK_TOKENS, config.cross_attention_dim, dtype=dtype),
            torch.empty(count, config.projection_class_embeddings_input_dim - _SIZES_WIDTH, dtype=dtype)
            if self._takes_sizes
            else None,
        )

    def vae_encode(self, images: Tensor) -> Tensor:
        """Return the mean of the VAE's distribution, fp32."""
        return cast(Tensor, self.vae.encode(images).latent_dist.mean.float())

    def vae_decode(self, latents: Tensor) -> Tensor:
        """Return the VAE's images of latents."""
        return cast(Tensor, self.vae.decode(latents, return_dict=False)[0])

    def normalized(self, latents: Tensor) -> Tensor:
        """Return latents times the scaling."""
        return latents * self.scaling

    def raw(self, latents: Tensor) -> Tensor:
        """Return latents by the scaling."""
        return latents / self.scaling

    def latents_key(self) -> list[object]:
        """Return the VAE's identity, type and scaling."""
        if not has_identity(self.vae):
            self.bring_vae()
        return [vae_identity(self.vae), str(self.vae.dtype), self.scaling]

    def decoding_bytes(self, height: int, width: int) -> int:
        """Return about how much memory the decoding of a picture takes beside the VAE's weights."""
        widths = self.vae.config.block_out_channels
        return int(_TENSORS_AT_ONCE * widths[min(1, len(widths) - 1)] * height * width * self.vae.dtype.itemsize)

    def tiled(self, pixels: int) -> AbstractContextManager[None]:
        """Let the VAE decode in overlapping tiles of `pixels` on a side while the block lasts."""
        return attributes_meanwhile(
            self.vae,
            use_tiling=True,
            tile_sample_min_size=pixels,
            tile_latent_min_size=pixels // self.latent_factor,
        )

    def predict(self, noisy: Tensor, times: Tensor, text: Conditioning, sizes: Tensor | None = None) -> Tensor:
        """Return what the U-Net sees in `noisy`, the noise or v, same shape, in the U-Net's type.

        Args:
            noisy: [batch, 4, height/f, width/f].
            times: int64 [batch].
            text: its conditioning.
            sizes: SDXL: int64 [batch, 6], the picture's height and width, the crop's top and left, the bucket's height and
                width, in pixels; not looked at in SD1.x.
        """
        weight = self.body_weight
        if weight.device != self.device:
            self.bring_body()
        dtype = weight.dtype
        added: dict[str, Tensor] | None = None
        if self._takes_sizes:
            if text.pooled is None or sizes is None:
                raise ValueError("SDXL's U-Net takes a pooled embedding and the pictures' sizes")
            added = {"text_embeds": text.pooled.to(dtype), "time_ids": sizes.to(noisy.device)}
        predicted: Tensor = self.body(
            noisy.to(dtype), times, text.embeddings.to(dtype), added_cond_kwargs=added, return_dict=False
        )[0]
        return predicted

    @contextmanager
    def sampling_mode(self) -> Iterator[None]:
        """Let the U-Net make keys and values of the same text once, and take narrow heads in the kernel's width."""
        with kept_outputs(text_layers(self.body)), filled_heads(self.body):
            yield

    def blocks(self) -> dict[str, nn.Module]:
        """Return the U-Net's and encoders' blocks; see lean.blocks."""
        return blocks(self.body, self.encoders)

    def set_compute_options(self, options: ComputeOptions) -> None:
        """Let U-Net and text encoders compute in this way from now on.

        Raises:
            SettingsError: a name in it is no block's, or this machine cannot.
        """
        apply_compute_options(self.body, self.encoders, options)


def load_base(
    base: Base,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
    waiting: bool = False,
) -> StableDiffusion:
    """Load `base`; see engines.load_base. Its schedule predicts epsilon until something else is decided."""
    place = "cpu" if waiting else device
    parts = load_parts(base, device=place, dtype=dtype, vae=vae, vae_dtype=vae_dtype, quantized=quantized)
    make_lean(parts.unet, *parts.encoders.values())
    model = StableDiffusion(parts.family, parts.unet, parts.encoders, parts.vae, parts.tokenizers, device)
    model.vae_reader = parts.vae_reader
    return model


def load_shapes(
    base: Base,
    *,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
) -> StableDiffusion:
    """Return the base without numbers; see engines.load_shapes."""
    parts = parts_without_numbers(base, dtype=dtype, vae=vae, vae_dtype=vae_dtype, quantized=quantized)
    make_lean(parts.unet, *parts.encoders.values())
    parts.unet.to(memory_format=memory_format())
    return StableDiffusion(parts.family, parts.unet, parts.encoders, parts.vae, {}, "cpu", stays=True)


def _zeros(text: PromptText) -> PromptText:
    pooled = None if text.pooled is None else torch.zeros_like(text.pooled)
    return replace(
        text, embeddings=torch.zeros_like(text.embeddings), pooled=pooled, empty=torch.zeros_like(text.empty)
    )
