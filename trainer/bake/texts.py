"""What do the text encoders make of the captions? Computed with gradients, without, or once and kept."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from trainer.models.stable_diffusion import Encoded, StableDiffusion, Text
from trainer.settings.parts import Part


class Texts:
    """The captions' embeddings.

    An encoder that trains runs with gradients. One that does not runs without; and where every showing of a picture has the same
    words its outputs are kept, encoded one caption at a time, so that they do not depend on the company a caption came in: a bake
    taken up again makes the same bits. A kept encoder leaves the card.

    Args:
        model: the base with the LoRA on it.
        clip_skip, max_token_length: the settings.
    """

    def __init__(self, model: StableDiffusion, *, clip_skip: int, max_token_length: int) -> None:
        """Begin with no encoder at rest."""
        self._model = model
        self._clip_skip = clip_skip
        self._length = max_token_length
        # None: it runs, without gradients.
        self._resting: dict[Part, dict[str, Encoded] | None] = {}
        self._captions: tuple[str, ...] = ()
        self._bypassed = False
        self._tokenizing = threading.Lock()

    def know(self, captions: Iterable[str]) -> None:
        """Take every text that will be asked for, where no showing has other words; without this call nothing is kept."""
        self._captions = tuple(dict.fromkeys(captions))

    def train(self, part: Part) -> None:
        """Let an encoder run with gradients from now on; what was kept of it goes."""
        if self._resting.pop(part, None):
            self._model.bring_encoder_back(part)

    def rest(self, part: Part) -> None:
        """Let an encoder run without gradients from now on, or not at all where its outputs can be kept."""
        if not self._captions:
            self._resting[part] = None
            return
        self._resting[part] = {caption: self._encode_alone(part, caption) for caption in self._captions}
        self._model.put_encoder_away(part)

    def is_kept(self, part: Part) -> bool:
        """Return whether the encoder runs no more."""
        return bool(self._resting.get(part))

    def of(self, captions: Sequence[str], tokens: Tensor) -> Text:
        """Return the embeddings of a batch.

        Args:
            captions: the batch's words.
            tokens: the same as numbers, int64 [batch, encoders, chunks, 77].
        """
        encoded: dict[Part, Encoded] = {}
        for part in self._model.encoders:
            kept = None if self._bypassed else self._resting.get(part)
            if kept is not None:
                encoded[part] = _together([kept[caption] for caption in captions])
            else:
                trains = part not in self._resting and torch.is_grad_enabled()
                with torch.set_grad_enabled(trains):
                    encoded[part] = self._model.encode_part(part, tokens, self._clip_skip)
        return self._model.join(encoded)

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """Return the captions as numbers, int64 [batch, encoders, chunks, 77], on the CPU."""
        # The libraries' tokenizers are not safe to share, and the thread that makes batches ready uses them too.
        with self._tokenizing:
            return self._model.tokenize(captions, self._length)

    @contextmanager
    def tokenizers_alone(self) -> Iterator[None]:
        """Let nobody else use the tokenizers while the block lasts: whoever makes batches ready waits."""
        with self._tokenizing:
            yield

    @contextmanager
    def bypassed(self) -> Iterator[None]:
        """Let every encoder run while the block lasts, for what was kept holds only at full strength of the LoRA."""
        away = [part for part in self._resting if self.is_kept(part)]
        for part in away:
            self._model.bring_encoder_back(part)
        self._bypassed = True
        try:
            yield
        finally:
            self._bypassed = False
            for part in away:
                self._model.put_encoder_away(part)

    @torch.no_grad()
    def _encode_alone(self, part: Part, caption: str) -> Encoded:
        return self._model.encode_part(part, self.tokenize([caption]), self._clip_skip)


def _together(encoded: Sequence[Encoded]) -> Encoded:
    pooled = [each.pooled for each in encoded if each.pooled is not None]
    return Encoded(torch.cat([each.hidden for each in encoded]), torch.cat(pooled) if pooled else None)
