"""What is the U-Net told of a picture, with its prompt and against it? Encoded once per text and strength of the encoders."""

import dataclasses
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from trainer.grid.recipe import Recipe
from trainer.models.stable_diffusion import StableDiffusion, Text
from trainer.sampling.text import PromptText, alike, encode_prompts

# A prompt of one chunk is 0.1 to 0.6 MB on the card.
_MOST_PROMPTS = 256


@dataclass(frozen=True)
class Guidance:
    """What one picture is led by.

    Attributes:
        prompt: what shall be there.
        negative: what shall not, as long; None where guidance is off.
    """

    prompt: Text
    negative: Text | None

    @property
    def tokens(self) -> int:
        """How many tokens the U-Net looks at; only pictures of one number go through it together."""
        return self.prompt.embeddings.shape[1]


class Conditioning:
    """The encoded prompts of one model, the ones used last kept.

    Args:
        model: its encoders are brought to its device and back where they were put away.
    """

    def __init__(self, model: StableDiffusion) -> None:
        """Nothing is encoded yet."""
        self._model = model
        self._texts: OrderedDict[tuple[Hashable, ...], PromptText] = OrderedDict()

    def of(self, recipes: Sequence[Recipe], text_key: Hashable) -> list[Guidance]:
        """Return each picture's guide.

        Args:
            recipes: of one clip skip and CFG scale.
            text_key: what the encoders' output depends on besides; see LoraStack.text_key.
        """
        guided = recipes[0].cfg_scale != 1
        prompts = [recipe.prompt for recipe in recipes]
        negatives = [recipe.negative_prompt for recipe in recipes] if guided else []
        texts = self._encoded([*prompts, *negatives], recipes[0].clip_skip, text_key)
        if not guided:
            return [Guidance(texts[prompt], None) for prompt in prompts]
        return [
            Guidance(*alike([texts[prompt], self._against(negative, texts[negative])]))
            for prompt, negative in zip(prompts, negatives, strict=True)
        ]

    def _against(self, negative: str, text: PromptText) -> PromptText:
        """Return what an SDXL model is told where nothing is spoken against: zeros, as it was trained and the webui has it."""
        if self._model.family != "sdxl" or negative.strip():
            return text
        pooled = None if text.pooled is None else torch.zeros_like(text.pooled)
        return dataclasses.replace(
            text, embeddings=torch.zeros_like(text.embeddings), pooled=pooled, empty=torch.zeros_like(text.empty)
        )

    def _encoded(self, prompts: Sequence[str], clip_skip: int, text_key: Hashable) -> dict[str, PromptText]:
        keys = {prompt: (prompt, clip_skip, text_key) for prompt in prompts}
        missing = [prompt for prompt, key in keys.items() if key not in self._texts]
        if missing:
            with _encoders_there(self._model):
                texts = encode_prompts(self._model, missing, clip_skip)
            self._texts.update({keys[prompt]: text for prompt, text in zip(missing, texts, strict=True)})
        for key in keys.values():
            self._texts.move_to_end(key)
        found = {prompt: self._texts[key] for prompt, key in keys.items()}
        while len(self._texts) > _MOST_PROMPTS:
            self._texts.popitem(last=False)
        return found


@contextmanager
def _encoders_there(model: StableDiffusion) -> Iterator[None]:
    """Have the text encoders on the model's device while the block lasts."""
    away = [part for part, encoder in model.encoders.items() if encoder.device != model.device]
    for part in away:
        model.bring_encoder_back(part)
    try:
        yield
    finally:
        for part in away:
            model.put_encoder_away(part)
