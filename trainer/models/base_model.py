"""The base model as bakes, memory predictions and grids see it, whatever its family: texts, latents, noise and predictions.

A family's module (`FamilyRecord.engine`) gives a subclass of `BaseModel` and the functions of `BaseLoader`.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from trainer.errors import SettingsError
from trainer.families.record import Prediction
from trainer.lean.compute_options import ComputeOptions
from trainer.lean.quantized import Kind
from trainer.lean.streaming import BlockStream, chosen_blocks, weight_bytes
from trainer.lean.transfers import transfers_for
from trainer.machine.free_memory import return_free_memory
from trainer.models.identify import Base
from trainer.models.time_schedule import TimeSchedule
from trainer.settings.parts import Family, Part, body_label
from trainer.text import plural

TYPE_NAMES = {torch.float16: "fp16", torch.bfloat16: "bf16", torch.float32: "fp32"}

SHORTEST_TEXT = 75
"""The setting max_token_length where it is left alone."""


@dataclass(frozen=True)
class Encoded:
    """The output of one text encoder for captions.

    Attributes:
        hidden: [batch, tokens, channels].
        pooled: [batch, width], the whole caption in one vector; None where the encoder gives none.
    """

    hidden: Tensor
    pooled: Tensor | None

    def each(self, change: Callable[[Tensor], Tensor]) -> "Encoded":
        """Return the same with both tensors changed."""
        return Encoded(change(self.hidden), None if self.pooled is None else change(self.pooled))

    @staticmethod
    def joined(each: Sequence["Encoded"]) -> "Encoded":
        """Return the outputs for several captions as one batch."""
        pooled = [one.pooled for one in each if one.pooled is not None]
        return Encoded(torch.cat([one.hidden for one in each]), torch.cat(pooled) if pooled else None)


@dataclass(frozen=True)
class Conditioning:
    """What the predicting part gets of captions or prompts.

    Attributes:
        embeddings: [batch, tokens, channels], all encoders' side by side.
        pooled: [batch, width]; None where the family has none.
    """

    embeddings: Tensor
    pooled: Tensor | None

    def __len__(self) -> int:
        """Return how many texts there are."""
        return len(self.embeddings)

    @property
    def tokens(self) -> int:
        """How many tokens each text has; only texts of one number go through the model together."""
        return self.embeddings.shape[1]

    def rows(self, which: slice) -> "Conditioning":
        """Return some of the texts."""
        return Conditioning(self.embeddings[which], None if self.pooled is None else self.pooled[which])

    @staticmethod
    def joined(each: Sequence["Conditioning"]) -> "Conditioning":
        """Return several as one batch; all have the same number of tokens."""
        pooled = [one.pooled for one in each if one.pooled is not None]
        return Conditioning(torch.cat([one.embeddings for one in each]), torch.cat(pooled) if pooled else None)


class VaeReader(Protocol):
    """Where a VAE was read from."""

    def read(self, vae: nn.Module) -> None:
        """Fill the VAE, on the meta device, with the weights that it had; on the CPU.

        Raises:
            ModelError: they are not there any more.
        """

    def is_there(self) -> bool:
        """Return whether they lie there as they were."""


class BaseModel(ABC):
    """A loaded base: frozen, in evaluation mode.

    Its parts may wait in the computer's memory: the body comes to the device by itself when it is first asked, VAE and encoders
    are brought and put away by those who need them. Where the device is the CPU nothing moves; the VAE, put away, is let go there
    and read again when it is brought.

    Args:
        family: its family.
        body: the predicting module. It, encoders and VAE have `device` and `dtype`, as modules of diffusers and transformers do.
        encoders: text encoders by key; those that LoRA layers may sit on are parts of the family's record.
        vae: pictures to latents and back.
        device: where it computes.
        stays: whether its parts stay where they are whoever brings them or puts them away: tensors without numbers cannot move.

    Attributes:
        schedule: noise, targets and times in use.
        vae_notes: a line for each time the VAE had to go to a wider type.
        stream: of the body's blocks that lie in the computer's memory; None where all are on the device.
        latent_channels: of the latents.
        latent_factor: pixels a latent stands for, in each direction.
        vae_reader: reads the VAE again after it was let go; None where it cannot be.
    """

    latent_channels: int
    latent_factor: int
    vae_reader: VaeReader | None = None

    def __init__(
        self,
        family: Family,
        body: Any,
        encoders: Mapping[Part, Any],
        vae: Any,
        device: torch.device | str,
        *,
        stays: bool = False,
    ) -> None:
        self.family = family
        self.body = body
        self.encoders: dict[Part, Any] = dict(encoders)
        self.vae = vae
        self.device: torch.device = numbered(device)
        self.stays = stays
        self.schedule: TimeSchedule = self.schedule_for(self.usual_prediction)
        self.vae_notes: list[str] = []
        self.stream: BlockStream | None = None
        self._vae_as_read = vae

    # Noise and predictions

    usual_prediction: Prediction = "epsilon"

    @abstractmethod
    def schedule_for(self, prediction: Prediction, zero_terminal_snr: bool = False) -> TimeSchedule:
        """Return the schedule of a base that predicts this, on the device."""

    @abstractmethod
    def predict(self, noisy: Tensor, times: Tensor, text: Conditioning, sizes: Tensor | None = None) -> Tensor:
        """Return what the body predicts of `noisy`, same shape, in the body's type.

        Args:
            noisy: [batch, channels, height/f, width/f].
            times: [batch], as the schedule has them.
            text: of the captions.
            sizes: int64 [batch, 6], the picture's height and width, the crop's top and left, the bucket's height and width, in
                pixels, for families that take them.
        """

    def sampling_mode(self) -> AbstractContextManager[None]:
        """Let `predict` be quick where it is asked many times with the same conditioning, without gradient, while the block lasts.

        What follows from the text alone may be computed once, and the last bits may be others. Neither weights nor LoRAs change
        meanwhile. A family without such ways leaves its body as it is.
        """
        return nullcontext()

    @property
    @abstractmethod
    def body_weight(self) -> Tensor:
        """One frozen weight of the body, whose device and type are those it computes on and in."""

    # Texts

    @abstractmethod
    def tokenize(self, captions: Sequence[str], max_token_length: int = SHORTEST_TEXT) -> Tensor:
        """Return token numbers, int64 [batch, ...], on the CPU; `encode_part` alone knows their form.

        Args:
            captions: of any length.
            max_token_length: the setting, for families whose texts are cut.
        """

    @abstractmethod
    def encode_part(self, part: Part, tokens: Tensor, clip_skip: int) -> Encoded:
        """Return one encoder's output for captions; it computes where it lies.

        Args:
            part: key in `encoders`.
            tokens: from tokenize.
            clip_skip: which layer, for families with a choice.
        """

    @abstractmethod
    def join(self, encoded: Mapping[Part, Encoded]) -> Conditioning:
        """Return what the body takes of every encoder's output for the same captions."""

    def batched(self, encoded: Sequence[Encoded]) -> Encoded:
        """Return one encoder's outputs for single captions as those of a batch; a family may fill shorter ones up."""
        return Encoded.joined(encoded)

    @abstractmethod
    def encode_prompts(self, prompts: Sequence[str], clip_skip: int) -> list[Conditioning]:
        """Return what the body takes of each prompt, as the family's user interfaces read prompts, without gradients."""

    def guided(self, prompt: Conditioning, negative: Conditioning, *, blank: bool) -> tuple[Conditioning, Conditioning]:
        """Return prompt and negative prompt as they go through the body together: of one number of tokens.

        Args:
            prompt, negative: from encode_prompts.
            blank: whether the negative prompt has no words.
        """
        return prompt, negative

    @abstractmethod
    def blank_conditioning(self, count: int) -> Conditioning:
        """Return the shapes of prompts' conditioning, empty tensors in the body's type, for the memory prediction."""

    # Latents

    @abstractmethod
    def vae_encode(self, images: Tensor) -> Tensor:
        """Return the VAE's raw latents, fp32, of images [batch, 3, height, width] from -1 to 1 in its type."""

    @abstractmethod
    def vae_decode(self, latents: Tensor) -> Tensor:
        """Return images [batch, 3, height, width] from -1 to 1 of the VAE's raw latents in its type."""

    @abstractmethod
    def normalized(self, latents: Tensor) -> Tensor:
        """Return latents as the body knows them, of the VAE's raw ones."""

    @abstractmethod
    def raw(self, latents: Tensor) -> Tensor:
        """Return the VAE's raw latents of those that the body knows."""

    @abstractmethod
    def latents_key(self) -> list[object]:
        """Return what else than the picture decides its latents: the VAE's weights, type and normalization, as JSON values."""

    def decoding_bytes(self, height: int, width: int) -> int:
        """Return about how much memory the decoding of a picture of that many pixels takes beside the VAE's weights."""
        return 0

    def tiled(self, pixels: int) -> AbstractContextManager[None]:
        """Let the VAE decode in overlapping tiles of `pixels` on a side while the block lasts, where it can."""
        return nullcontext()

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """Return the shape of a picture's latents: channels, height/f, width/f."""
        return self.latent_channels, height // self.latent_factor, width // self.latent_factor

    @torch.no_grad()
    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """Return latents as the body knows them, fp32 [batch, channels, height/f, width/f].

        In half precision some VAEs overflow. Pictures that come out as no numbers are encoded again in a wider type; the VAE
        stays in the one that serves, and vae_notes gets a line. What is no number in fp32 either is returned as it is.

        Args:
            pixels: uint8 [batch, height, width, 3]; they are encoded where the VAE lies.
        """
        latents = self._encoded(pixels)
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
            latents = self._encoded(pixels)
            if not bool(_not_finite(latents).any()):
                break
        if narrow.device.type != "cpu":
            narrow.to("cpu")
        self.vae_notes.append(
            f"the VAE overflows in {TYPE_NAMES[narrow.dtype]} on {plural(len(pixels), 'picture')}: "
            f"this and all after encoded in {TYPE_NAMES[self.vae.dtype]}"
        )
        return latents

    def _encoded(self, pixels: Tensor) -> Tensor:
        images = (pixels.to(self.vae.device).permute(0, 3, 1, 2).float() / 127.5 - 1).to(self.vae.dtype)
        return self.normalized(self.vae_encode(images))

    @property
    def vae_is_widened(self) -> bool:
        """Whether the VAE overflowed and went over to a wider type than it was read in."""
        return self.vae is not self._vae_as_read

    # Blocks

    @abstractmethod
    def blocks(self) -> dict[str, nn.Module]:
        """Return every block that can compute its activations again, by name, in the order of the forward pass."""

    @abstractmethod
    def set_compute_options(self, options: ComputeOptions) -> None:
        """Let body and text encoders compute in this way from now on, whatever they did before.

        Raises:
            SettingsError: a name in it is no block's, or this machine cannot.
        """

    def body_blocks(self) -> dict[str, nn.Module]:
        """Return those of `blocks` that are the body's."""
        inside = set(self.body.modules())
        return {name: block for name, block in self.blocks().items() if block in inside}

    def stream_blocks(self, count: int) -> None:
        """Let so many of the body's blocks lie in the computer's memory and come to the device one by one as they compute.

        Call it after set_compute_options, before LoRA layers are put on, with the body away from the device; 0 ends it. On a CPU
        it does nothing.

        Args:
            count: of blocks; which ones is `streaming.chosen_blocks`.

        Raises:
            SettingsError: there are fewer.
        """
        if self.stream is not None:
            self.stream.end()
            self.stream = None
        blocks = self.body_blocks() if count else {}
        if count > len(blocks):
            raise SettingsError(
                "blocks_to_swap",
                found=str(count),
                expected=f"at most {len(blocks)}, as many blocks as the base's {body_label(self.family)} has",
                way_out=f"set blocks_to_swap = {len(blocks)} for all of them",
            )
        transfers = transfers_for(self.device) if count else None
        if transfers is not None:
            chosen = chosen_blocks({name: weight_bytes(block) for name, block in blocks.items()}, count)
            self.stream = BlockStream([blocks[name] for name in chosen], transfers)

    # Places

    @property
    def modules(self) -> Iterator[nn.Module]:
        """The body, the encoders and the VAE."""
        return iter((self.body, *self.encoders.values(), self.vae))

    def bring_body(self) -> None:
        """Move the body's weights to the device, those of streamed blocks aside; LoRA layers on it stay where they are."""
        self._move(self.body, self.device)
        if self.stream is not None:
            self.stream.begin()

    def put_body_away(self) -> None:
        """Move the body's weights off the card; `predict` brings them back."""
        if self.stream is not None:
            self.stream.close()
        self._move(self.body, "cpu")

    def bring_vae(self) -> None:
        """Move the VAE to the device, read again where it was let go.

        Raises:
            ModelError: it cannot be read any more.
        """
        self._read_what_was_let_go()
        self._move(self.vae, self.device)

    def put_vae_away(self, *, for_good: bool = True) -> None:
        """Move the VAE off the card, or let its weights go on a CPU; once latents are cached a bake has no use for it.

        Args:
            for_good: whether nothing will ask for it soon: only then is it worth reading its weights again.
        """
        if self.device.type == "cpu" and self.vae_reader is not None and not self.vae_is_widened:
            if for_good:
                self._move(self.vae, "meta")
                return_free_memory()
        else:
            self._move(self.vae, "cpu")

    def can_bring_vae(self) -> bool:
        """Return whether the VAE, once it was let go, could be read again."""
        return self.vae_reader is None or self.vae_reader.is_there()

    def _read_what_was_let_go(self) -> None:
        if self.vae_reader is not None and self._vae_as_read.device.type == "meta":
            self.vae_reader.read(self._vae_as_read)

    def put_encoder_away(self, part: Part) -> None:
        """Move a text encoder's frozen weights off the card; LoRA layers on it keep theirs where they are.

        With a LoRA on it it cannot encode until it is brought back.
        """
        self._move(self.encoders[part], "cpu")

    def bring_encoder_back(self, part: Part) -> None:
        """Move a text encoder's weights to the device again, LoRA layers and all as they were."""
        self._move(self.encoders[part], self.device)

    def rest(self) -> None:
        """Be as when it was read: every part in the computer's memory, VAE and schedule as they were.

        Raises:
            ModelError: the VAE was let go and cannot be read any more.
        """
        self._read_what_was_let_go()
        for module in (self.body, *self.encoders.values(), self._vae_as_read):
            self._move(module, "cpu")
        self.vae = self._vae_as_read
        self.vae_notes.clear()
        self.schedule = self.schedule_for(self.usual_prediction)

    def _move(self, module: Any, place: torch.device | str) -> None:
        if self.stays:
            return
        if self.stream is not None and module is self.body:
            self.stream.move_others(module, place)
        else:
            module.to(place)


class BaseLoader(Protocol):
    """The functions of a family's module."""

    def load_base(
        self,
        base: Base,
        *,
        device: torch.device | str,
        dtype: torch.dtype,
        vae: str = "",
        vae_dtype: torch.dtype = torch.float32,
        quantized: Kind | None = None,
        waiting: bool = False,
    ) -> BaseModel:
        """Load a base of the family; see engines.load_base."""

    def load_shapes(
        self,
        base: Base,
        *,
        dtype: torch.dtype,
        vae: str = "",
        vae_dtype: torch.dtype = torch.float32,
        quantized: Kind | None = None,
    ) -> BaseModel:
        """Return the base without numbers; see engines.load_shapes."""


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
