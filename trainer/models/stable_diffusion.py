"""Stable Diffusion as a bake sees it, 1.x and XL: captions to embeddings, pictures to latents, noisy latents to a prediction."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from trainer.lean.compute_options import ComputeOptions, apply_compute_options
from trainer.lean.patch import make_lean
from trainer.lean.quantized import Kind
from trainer.models.clip_chunks import CHUNK, CHUNK_TOKENS, chunked, joined
from trainer.models.identify import Base
from trainer.models.loading import load_parts
from trainer.models.noise_schedule import NoiseSchedule
from trainer.settings.parts import Family, Part, is_encoder, parts_of

TYPE_NAMES = {torch.float16: "fp16", torch.bfloat16: "bf16", torch.float32: "fp32"}


@dataclass(frozen=True)
class Encoded:
    """What one text encoder makes of captions.

    Attributes:
        hidden: [batch, tokens, channels]; tokens is 77, 152 or 227.
        pooled: [batch, width], the whole caption in one vector; only SDXL's second encoder gives it.
    """

    hidden: Tensor
    pooled: Tensor | None

    def each(self, change: Callable[[Tensor], Tensor]) -> "Encoded":
        """Return the same with both tensors changed."""
        return Encoded(change(self.hidden), None if self.pooled is None else change(self.pooled))


@dataclass(frozen=True)
class Text:
    """What the U-Net is told of captions.

    Attributes:
        embeddings: [batch, tokens, channels], all encoders' side by side.
        pooled: [batch, width]; None in SD1.x.
    """

    embeddings: Tensor
    pooled: Tensor | None


class StableDiffusion:
    """A loaded base: frozen, in evaluation mode.

    Its parts may wait in the computer's memory: the U-Net comes to the device by itself when it is first asked, VAE and encoders
    are brought and put away by those who need them. Where the device is the CPU nothing moves.

    Args:
        family, unet, encoders, vae, tokenizers: the loaded parts; the modules are diffusers' and transformers'.
        device: where it computes; None for where the U-Net lies.

    Attributes:
        family: SD1.x or SDXL.
        unet: predicts noise or v; latents [batch, 4, height/f, width/f].
        encoders: CLIP's text encoders by part, one in SD1.x, two in SDXL.
        vae: pictures to latents and back.
        tokenizers: captions to token numbers, by part.
        device: where the parts compute.
        scaling: what latents are multiplied by (0.18215 in SD1.x, 0.13025 in SDXL), from the VAE's config.
        schedule: the noise at each time and what is predicted of it; epsilon until something else is decided.
        vae_notes: a line for each time the VAE had to go to a wider type.
    """

    def __init__(
        self,
        family: Family,
        unet: Any,
        encoders: Mapping[Part, Any],
        vae: Any,
        tokenizers: Mapping[Part, Any],
        device: torch.device | str | None = None,
    ) -> None:
        """Take the loaded parts."""
        self.family = family
        self.unet = unet
        self.encoders: dict[Part, Any] = dict(encoders)
        self.vae = vae
        self.tokenizers: dict[Part, Any] = dict(tokenizers)
        self.device: torch.device = unet.device if device is None else numbered(device)
        self.scaling = float(vae.config.scaling_factor)
        self.schedule = NoiseSchedule(device=self.device)
        self.vae_notes: list[str] = []
        self._vae_as_read = vae
        self._encoder_parts = tuple(part for part in parts_of(family) if is_encoder(part))

    @property
    def text_encoder(self) -> Any:
        """The first text encoder, in SD1.x the only one."""
        return self.encoders["text_encoder"]

    def tokenize(self, captions: Sequence[str], max_token_length: int = CHUNK) -> Tensor:
        """Return token numbers, int64 [batch, encoders, chunks, 77], on the CPU; longer captions are cut, shorter ones filled.

        Args:
            captions: of any length.
            max_token_length: 75, 150 or 225: one, two or three chunks.
        """
        chunks = max_token_length // CHUNK
        return torch.stack(
            [
                # sd-scripts fills with 0 for SDXL's second encoder, as it was trained, and with EOS for CLIP-L.
                chunked(tokenizer, captions, chunks, pad=0 if part == "text_encoder_2" else tokenizer.eos_token_id)
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
        if self.family == "sdxl":
            out = encoder(own, output_hidden_states=True)
            hidden: Tensor = out.hidden_states[-2]
            if part == "text_encoder_2":
                pooled = out.text_embeds[::chunks]
        elif clip_skip == 1:
            hidden = encoder(own).last_hidden_state
        else:
            skipped = encoder(own, output_hidden_states=True).hidden_states[-clip_skip]
            # Before transformers 5 the encoder was wrapped once more.
            hidden = getattr(encoder, "text_model", encoder).final_layer_norm(skipped)
        return Encoded(joined(hidden, chunks), pooled)

    def join(self, encoded: Mapping[Part, Encoded]) -> Text:
        """Return what the U-Net takes: the encoders' channels side by side, pooled from the last that has it.

        Args:
            encoded: of every encoder, for the same captions.
        """
        each = [encoded[part] for part in self._encoder_parts]
        if len(each) == 1:
            return Text(each[0].hidden, None)
        return Text(torch.cat([one.hidden for one in each], dim=-1), each[-1].pooled)

    def encode_tokens(self, tokens: Tensor, clip_skip: int) -> Text:
        """Return what the U-Net takes of captions; see encode_part."""
        return self.join({part: self.encode_part(part, tokens, clip_skip) for part in self._encoder_parts})

    def encode_text(self, captions: Sequence[str], clip_skip: int, max_token_length: int = CHUNK) -> Text:
        """Return what the U-Net takes of captions, from their texts; see tokenize and encode_part."""
        return self.encode_tokens(self.tokenize(captions, max_token_length), clip_skip)

    @torch.no_grad()
    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """Return scaled latents, fp32 [batch, 4, height/f, width/f]: the mean of the VAE's distribution.

        In half precision some VAEs overflow. Pictures that come out as no numbers are encoded again in a wider type; the VAE
        stays in the one that serves, and vae_notes gets a line. What is no number in fp32 either is returned as it is.

        Args:
            pixels: uint8 [batch, height, width, 3]; they are encoded where the VAE lies.
        """
        latents = self._encoded(self.vae, pixels)
        broken = _not_finite(latents)
        if bool(broken.any()) and self.vae.dtype != torch.float32:
            latents[broken] = self._encoded_wider(pixels[broken.to(pixels.device)])
        return latents

    def _encoded_wider(self, pixels: Tensor) -> Tensor:
        """Return latents of pictures that overflow the VAE's type, and go over to the wider type that holds them."""
        narrow = self.vae
        for dtype in wider_types(narrow):
            # From the weights as they were read: what went through bf16 has lost digits that fp32 would want.
            self.vae = copy.deepcopy(narrow).to(dtype)
            latents = self._encoded(self.vae, pixels)
            if not bool(_not_finite(latents).any()):
                break
        if narrow.device.type != "cpu":
            narrow.to("cpu")
        count = "1 picture" if len(pixels) == 1 else f"{len(pixels)} pictures"
        self.vae_notes.append(
            f"the VAE overflows in {TYPE_NAMES[narrow.dtype]} on {count}: "
            f"encoded again, and all after, in {TYPE_NAMES[self.vae.dtype]}"
        )
        return latents

    def _encoded(self, vae: Any, pixels: Tensor) -> Tensor:
        images = (pixels.to(vae.device).permute(0, 3, 1, 2).float() / 127.5 - 1).to(vae.dtype)
        return cast(Tensor, vae.encode(images).latent_dist.mean.float() * self.scaling)

    def predict(self, noisy: Tensor, times: Tensor, text: Text, sizes: Tensor | None = None) -> Tensor:
        """Return what the U-Net sees in `noisy`, the noise or v, same shape, in the U-Net's type.

        Args:
            noisy: [batch, 4, height/f, width/f].
            times: int64 [batch].
            text: what it is told.
            sizes: SDXL: int64 [batch, 6], the picture's height and width, the crop's top and left, the bucket's height and
                width, in pixels; not looked at in SD1.x.
        """
        # Of one weight: unet.dtype goes through all of them, 1.2 ms a call in the demo base.
        weight: Tensor = self.unet.conv_in.weight
        if weight.device != self.device:
            self.bring_unet()
        dtype = weight.dtype
        added: dict[str, Tensor] | None = None
        if self.family == "sdxl":
            if text.pooled is None or sizes is None:
                raise ValueError("SDXL's U-Net takes a pooled embedding and the pictures' sizes")
            added = {"text_embeds": text.pooled.to(dtype), "time_ids": sizes.to(noisy.device)}
        predicted: Tensor = self.unet(
            noisy.to(dtype), times, text.embeddings.to(dtype), added_cond_kwargs=added, return_dict=False
        )[0]
        return predicted

    @property
    def vae_is_widened(self) -> bool:
        """Whether the VAE overflowed and went over to a wider type than it was read in."""
        return self.vae is not self._vae_as_read

    def bring_unet(self) -> None:
        """Move the U-Net's weights to the device; LoRA layers on it stay where they are."""
        self.unet.to(self.device)

    def put_unet_away(self) -> None:
        """Move the U-Net's weights off the card; `predict` brings them back."""
        self.unet.to("cpu")

    def bring_vae(self) -> None:
        """Move the VAE to the device."""
        self.vae.to(self.device)

    def put_vae_away(self) -> None:
        """Move the VAE off the card; once latents are cached a bake has no use for it."""
        self.vae.to("cpu")

    def put_encoder_away(self, part: Part) -> None:
        """Move a text encoder's frozen weights off the card; LoRA layers on it keep theirs where they are.

        With a LoRA on it it cannot encode until it is brought back.
        """
        self.encoders[part].to("cpu")

    def bring_encoder_back(self, part: Part) -> None:
        """Move a text encoder's weights to the device again, LoRA layers and all as they were."""
        self.encoders[part].to(self.device)

    def rest(self) -> None:
        """Be as when it was read: every part in the computer's memory, VAE and schedule as they were."""
        for module in (self.unet, *self.encoders.values(), self._vae_as_read):
            module.to("cpu")
        self.vae = self._vae_as_read
        self.vae_notes.clear()
        self.schedule = NoiseSchedule(device=self.device)

    def set_compute_options(self, arrangement: ComputeOptions) -> None:
        """Let U-Net and text encoders compute in this way from now on.

        Raises:
            SettingsError: a name in it is no block's, or this machine cannot.
        """
        apply_compute_options(self.unet, self.encoders, arrangement)


def numbered(device: torch.device | str) -> torch.device:
    """Return a device by the name that tensors on it have: `cuda` is the card in use, by its number."""
    device = torch.device(device)
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def wider_types(vae: Any) -> tuple[torch.dtype, ...]:
    """Return what a VAE in half precision may go to: bf16 has fp32's range at fp16's size, fp32 its digits too."""
    # A card without bf16 emulates it, slower than fp32 and not in every kernel.
    lacks_bf16 = vae.device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False)
    return (torch.float32,) if vae.dtype == torch.bfloat16 or lacks_bf16 else (torch.bfloat16, torch.float32)


def _not_finite(latents: Tensor) -> Tensor:
    """Return which pictures have a value that is no number, bool [batch]."""
    return ~torch.isfinite(latents).flatten(1).all(dim=1)


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
    """Load `base`, without network, prints or gradients; its schedule predicts epsilon until something else is decided.

    Args:
        base: from identify_base.
        device: where the parts compute.
        dtype: type of U-Net and text encoders; weights are read straight into it.
        vae: path of a VAE to take in place of the base's.
        vae_dtype: type of the VAE; fp16 overflows in several of them.
        quantized: in which 8 bits the large weights of U-Net and text encoders are held; None for `dtype`.
        waiting: whether the parts wait in the computer's memory until they are brought to the device.

    Raises:
        ModelError: a part cannot be loaded.
    """
    place = "cpu" if waiting else device
    parts = load_parts(base, device=place, dtype=dtype, vae=vae, vae_dtype=vae_dtype, quantized=quantized)
    make_lean(parts.unet, *parts.encoders.values())
    return StableDiffusion(parts.family, parts.unet, parts.encoders, parts.vae, parts.tokenizers, device)
