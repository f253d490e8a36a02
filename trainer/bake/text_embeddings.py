"""Embeddings of the captions: computed with gradients, without, ahead on the CPU, or once and kept."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.models.base_model import BaseModel, Conditioning, Encoded
from trainer.network.injection import LoraNetwork
from trainer.settings.parts import Part


@dataclass(frozen=True)
class _Ahead:
    """What encoders off the card made of a batch that will be asked for."""

    captions: tuple[str, ...]
    encoded: Mapping[Part, Encoded]


class TextEmbeddings:
    """The captions' embeddings.

    An encoder that trains runs with gradients. One that does not runs without; and where every showing of a picture has the same
    words its outputs are kept, encoded one caption at a time, so that they do not depend on the company a caption came in: a bake
    taken up again makes the same bits. A kept encoder leaves the card, and its outputs wait in the computer's memory. One whose
    outputs cannot be kept may leave it too: then it computes on the CPU, as soon as a batch's words are known.

    Args:
        model: the base with the LoRA on it.
        network: that LoRA.
        clip_skip, max_token_length: the settings.
        off_card: whether an encoder that neither trains nor is kept computes on the CPU.
    """

    def __init__(
        self,
        model: BaseModel,
        network: LoraNetwork,
        *,
        clip_skip: int,
        max_token_length: int,
        off_card: bool = False,
    ) -> None:
        self._model = model
        self._network = network
        self._clip_skip = clip_skip
        self._length = max_token_length
        self._off_card = off_card
        # None: it runs, without gradients.
        self._resting: dict[Part, dict[str, Encoded] | None] = {}
        self._captions: tuple[str, ...] = ()
        self._bypassed = False
        # Oldest first. They are asked for in the order they were made in.
        self._ahead: list[_Ahead] = []
        # Captions to be made at once; None for a whole batch.
        self._together: int | None = None
        # Held by whoever uses the tokenizers, computes ahead, or moves what that computes with.
        self._alone = threading.RLock()

    def cache_for(self, captions: Iterable[str]) -> None:
        """Take every text that will be asked for, where no showing has other words; without this call nothing is kept."""
        self._captions = tuple(dict.fromkeys(captions))

    def unfreeze(self, part: Part) -> None:
        """Let an encoder run with gradients from now on; what was kept of it goes."""
        with self._alone:
            self._resting.pop(part, None)
            self._ahead.clear()
            self._network.move_to(self._model.device, part)
            self._model.bring_encoder_back(part)

    def freeze(self, part: Part) -> None:
        """Let an encoder run without gradients from now on, or not at all where its outputs can be kept."""
        with self._alone:
            self._ahead.clear()
            if self._captions:
                self._model.bring_encoder_back(part)
                self._resting[part] = {caption: self._encode_alone(part, caption) for caption in self._captions}
            else:
                self._resting[part] = None
            if self._off_card and not self._captions:
                self._network.move_to("cpu", part)
            if self._off_card or self._captions:
                self._model.put_encoder_away(part)

    def place(self) -> None:
        """Bring the encoders that run in a step to the device."""
        for part in self._model.encoders:
            if not self.is_cached(part) and not self._is_off(part):
                self._model.bring_encoder_back(part)

    def is_cached(self, part: Part) -> bool:
        """Return whether the encoder runs no more."""
        return bool(self._resting.get(part))

    def of(self, captions: Sequence[str], tokens: Tensor, *, apart: bool = False) -> Conditioning:
        """Return the embeddings of a batch, on the model's device.

        Args:
            captions: the batch's words.
            tokens: the same as numbers, int64 [batch, ...].
            apart: whether it is no batch of a step: what was computed ahead, maybe of the same words, stays for the one it is meant for.
        """
        made = None if self._bypassed or apart else self._made_ahead(tuple(captions))
        encoded: dict[Part, Encoded] = {}
        for part in self._model.encoders:
            kept = None if self._bypassed else self._resting.get(part)
            if kept is not None:
                encoded[part] = self._model.batched([self._there(kept[caption]) for caption in captions])
            elif self._is_off(part):
                encoded[part] = self._there(made[part] if made else self._encode(part, tokens, trains=False))
            else:
                if self._model.encoders[part].device != self._model.device:
                    self._model.bring_encoder_back(part)
                encoded[part] = self._encode(part, tokens, trains=part not in self._resting)
        return self._model.join(encoded)

    def each_alone(self, captions: Sequence[str]) -> list[Mapping[Part, Encoded]]:
        """Return each caption's outputs of every encoder as its LoRA stands now, whatever is kept; in the computer's memory."""
        with self._alone, self.bypassed():
            return [{part: self._encode_alone(part, caption) for part in self._model.encoders} for caption in captions]

    def compute_ahead(self, captions: Sequence[str], tokens: Tensor) -> None:
        """Let the encoders that are off the card compute what `of` will be asked for; any thread may say so, before it is.

        Args:
            captions, tokens: as for `of`, on the CPU.
        """
        with self._alone:
            off = [part for part in self._model.encoders if self._is_off(part)]
            if not off:
                return
            size = self._together or len(captions)
            for start in range(0, len(captions), size):
                words, numbers = captions[start : start + size], tokens[start : start + size]
                made = {part: self._waiting(self._encode(part, numbers, trains=False)) for part in off}
                self._ahead.append(_Ahead(tuple(words), made))

    def forget_ahead(self) -> None:
        """Forget what was computed ahead of batches that will not be asked for, and in which pieces they passed."""
        with self._alone:
            self._ahead.clear()
            self._together = None

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """Return the captions as numbers, int64 [batch, ...], on the CPU."""
        # A family's tokenizer may be a library's, not safe to share, and the thread that makes batches ready uses it too.
        with self._alone:
            return self._model.tokenize(captions, self._length)

    @contextmanager
    def tokenizers_alone(self) -> Iterator[None]:
        """Let nobody else use tokenizers and encoders while the block lasts: whoever makes batches ready waits."""
        with self._alone:
            yield

    @contextmanager
    def bypassed(self) -> Iterator[None]:
        """Let every encoder run while the block lasts, for what was kept holds only at full strength of the LoRA."""
        away = [part for part in self._resting if self.is_cached(part)]
        for part in away:
            self._model.bring_encoder_back(part)
        self._bypassed = True
        try:
            yield
        finally:
            self._bypassed = False
            for part in away:
                self._model.put_encoder_away(part)

    def _is_off(self, part: Part) -> bool:
        """Return whether the encoder computes on the CPU whatever the model's device is."""
        return self._off_card and part in self._resting and not self.is_cached(part)

    def _made_ahead(self, captions: tuple[str, ...]) -> Mapping[Part, Encoded] | None:
        """Return what was computed ahead of a batch, None where nothing was; what is older will not be asked for any more."""
        place = next((place for place, each in enumerate(self._ahead) if each.captions == captions), None)
        if place is None:
            # A batch that passes in pieces: from the next one on it is made in pieces of the first one's size.
            if any(each.captions[0] == captions[0] for each in self._ahead):
                self._together = len(captions)
            return None
        made = self._ahead[place]
        del self._ahead[: place + 1]
        return made.encoded

    def _encode(self, part: Part, tokens: Tensor, *, trains: bool) -> Encoded:
        with torch.set_grad_enabled(trains and torch.is_grad_enabled()):
            return self._model.encode_part(part, tokens, self._clip_skip)

    @torch.no_grad()
    def _encode_alone(self, part: Part, caption: str) -> Encoded:
        return self._waiting(self._model.encode_part(part, self.tokenize([caption]), self._clip_skip))

    def _waiting(self, encoded: Encoded) -> Encoded:
        """Return the same in the computer's memory, from where a card can fetch it by itself."""
        if self._model.device.type == "cpu":
            return encoded
        return encoded.each(lambda tensor: tensor.cpu().pin_memory())

    def _there(self, encoded: Encoded) -> Encoded:
        return encoded.each(lambda tensor: tensor.to(self._model.device, non_blocking=True))
