"""Stable Diffusion 1.x as a bake sees it: texts to embeddings, pictures to latents, noisy latents to predicted noise."""

from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from trainer.errors import ModelError
from trainer.foreign_text import shown
from trainer.models.diffusers_folder import weights_file
from trainer.models.identify import Base
from trainer.models.quiet import hush_libraries

# The forward process SD1.x was trained with (sd-scripts: DDPMScheduler(0.00085, 0.012, "scaled_linear", 1000)).
TIMES = 1000
_BETA_START, _BETA_END = 0.00085, 0.012

# BOS + 75 tokens + EOS: the longest text CLIP's position embeddings reach.
_MAX_TOKENS = 77


class SD1:
    """A loaded base: frozen, in evaluation mode.

    Attributes:
        unet: predicts noise; latents [batch, 4, height/f, width/f].
        text_encoder: CLIP's.
        vae: pictures to latents and back, always fp32.
        tokenizer: captions to token numbers.
        alphas_cumprod: [1000], fp32, on the U-Net's device: the share of signal (as variance) left at each time.
        scaling: what latents are multiplied by (0.18215), from the VAE's config.
    """

    def __init__(self, unet: Any, text_encoder: Any, vae: Any, tokenizer: Any) -> None:
        """Take the loaded parts; the first three are diffusers' and transformers' modules."""
        self.unet = unet
        self.text_encoder = text_encoder
        self.vae = vae
        self.tokenizer = tokenizer
        self.device: torch.device = unet.device
        self.alphas_cumprod = scaled_linear_alphas_cumprod().to(self.device)
        self.scaling = float(vae.config.scaling_factor)

    def tokenize(self, captions: list[str]) -> Tensor:
        """Return token numbers, int64 [batch, 77], on the CPU; longer captions are cut, shorter ones filled with EOS."""
        tokens: Tensor = self.tokenizer(
            captions, padding="max_length", truncation=True, max_length=_MAX_TOKENS, return_tensors="pt"
        ).input_ids
        return tokens

    def encode_tokens(self, tokens: Tensor, clip_skip: int) -> Tensor:
        """Return embeddings [batch, 77, channels] from the `clip_skip`-th layer counted from the end, after the final norm.

        sd-scripts' clip_skip: `final_layer_norm(hidden_states[-clip_skip])`; 1 is the encoder's own output.

        Args:
            tokens: int64 [batch, 77].
            clip_skip: 1 to the number of layers; identify.check_clip_skip sees to it.
        """
        tokens = tokens.to(self.device, non_blocking=True)
        if clip_skip == 1:
            last: Tensor = self.text_encoder(tokens).last_hidden_state
            return last
        hidden: Tensor = self.text_encoder(tokens, output_hidden_states=True).hidden_states[-clip_skip]
        # Before transformers 5 the encoder was wrapped once more.
        inner = getattr(self.text_encoder, "text_model", self.text_encoder)
        normed: Tensor = inner.final_layer_norm(hidden)
        return normed

    def encode_text(self, captions: list[str], clip_skip: int) -> Tensor:
        """Return embeddings [batch, 77, channels] of the captions; see encode_tokens."""
        return self.encode_tokens(self.tokenize(captions), clip_skip)

    @torch.no_grad()
    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """Return scaled latents, fp32 [batch, 4, height/f, width/f]: the mean of the VAE's distribution.

        Args:
            pixels: uint8 [batch, height, width, 3].
        """
        images = pixels.to(self.vae.device).permute(0, 3, 1, 2).to(self.vae.dtype) / 127.5 - 1
        latents: Tensor = self.vae.encode(images).latent_dist.mean.float() * self.scaling
        return latents

    def add_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return sqrt(a) latents + sqrt(1 - a) noise with a = alphas_cumprod at each picture's time (Ho et al. 2020, eq. 4).

        Args:
            latents, noise: [batch, 4, height/f, width/f], fp32.
            times: int64 [batch], 0 to 999.
        """
        signal = self.alphas_cumprod[times].view(-1, 1, 1, 1)
        return signal.sqrt() * latents + (1 - signal).sqrt() * noise

    def predict(self, noisy: Tensor, times: Tensor, text: Tensor) -> Tensor:
        """Return the noise the U-Net sees in `noisy`, same shape, in the U-Net's type.

        Args:
            noisy: [batch, 4, height/f, width/f].
            times: int64 [batch].
            text: [batch, 77, channels].
        """
        dtype = self.unet.dtype
        predicted: Tensor = self.unet(noisy.to(dtype), times, text.to(dtype), return_dict=False)[0]
        return predicted

    def put_vae_away(self) -> None:
        """Move the VAE off the card; once latents are cached a bake has no use for it."""
        self.vae.to("cpu")

    def enable_checkpointing(self) -> None:
        """Let U-Net and text encoder compute activations again in the backward pass instead of keeping them."""
        self.unet.enable_gradient_checkpointing()
        # transformers renamed the method in 5.x and warns at the old name; it heeds the switch in training mode only.
        encoder = self.text_encoder
        enable = getattr(encoder, "activation_checkpointing_enable", None) or encoder.gradient_checkpointing_enable
        enable({"use_reentrant": False})
        encoder.train()
        for module in encoder.modules():
            if isinstance(module, torch.nn.Dropout):
                module.eval()


def scaled_linear_alphas_cumprod() -> Tensor:
    """Return the cumulated products of 1 - beta, fp32 [1000], betas linear in their square root."""
    betas = torch.linspace(_BETA_START**0.5, _BETA_END**0.5, TIMES, dtype=torch.float32) ** 2
    return torch.cumprod(1 - betas, dim=0)


def load_sd1(base: Base, *, device: torch.device | str, dtype: torch.dtype) -> SD1:
    """Load `base` from its folder, without network, prints or gradients.

    The VAE stays fp32 in every precision: fp16 overflows in several SD1.x VAEs, and latents are made only once.

    Args:
        base: from identify_base.
        device: where the parts go.
        dtype: type of U-Net and text encoder; weights are read straight into it.

    Raises:
        ModelError: a part cannot be loaded.
    """
    hush_libraries()
    try:
        unet = _whole(UNet2DConditionModel, base, "unet", dtype=dtype)
        text_encoder = _whole(CLIPTextModel, base, "text_encoder", dtype=dtype)
        vae = AutoencoderKL.from_pretrained(base.folder, dtype=torch.float32, **_source(base, "vae"))
        tokenizer = CLIPTokenizer.from_pretrained(base.folder, subfolder="tokenizer", local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = shown(" ".join(str(error).split()), 300)
        raise ModelError(
            shown(str(base.folder)), found=f"cannot be loaded: {reason}", expected="a whole SD1.x diffusers folder"
        ) from error
    for module in (unet, text_encoder, vae):
        module.requires_grad_(False)
        module.eval()
        module.to(device)
    return SD1(unet, text_encoder, vae, tokenizer)


def _whole(kind: Any, base: Base, component: str, dtype: torch.dtype) -> Any:
    """Load one part and see that nothing was missing: the libraries fill gaps with random numbers and only warn."""
    model, report = kind.from_pretrained(base.folder, output_loading_info=True, dtype=dtype, **_source(base, component))
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            shown(str(weights_file(base.folder, component).path)),
            found=f"{len(missing)} weights are missing, {shown(missing[0], 80)} first",
            expected="the whole model",
            way_out="fetch the file again",
        )
    return model


def _source(base: Base, component: str) -> dict[str, Any]:
    return {
        "subfolder": component,
        "variant": weights_file(base.folder, component).variant,
        "local_files_only": True,
        "use_safetensors": True,
    }
