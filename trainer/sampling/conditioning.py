"""Encoded prompts and negative prompts of pictures: encoded once per text and strength of the encoders."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from trainer.grid.recipe import Recipe
from trainer.models.base_model import BaseModel, Conditioning

# A prompt of one chunk is 0.1 to 0.6 MB on the card.
_MAX_PROMPTS = 256


@dataclass(frozen=True)
class Guidance:
    """What one picture is led by.

    Attributes:
        prompt: what is wanted.
        negative: what is not wanted, as long; None where guidance is off.
    """

    prompt: Conditioning
    negative: Conditioning | None

    @property
    def tokens(self) -> int:
        """How many tokens the U-Net looks at; only pictures of one number go through it together."""
        return self.prompt.tokens


class PromptCache:
    """The encoded prompts of one model, the ones used last kept.

    Args:
        model: its encoders are brought to its device and back where they were put away.
    """

    def __init__(self, model: BaseModel) -> None:
        self._model = model
        self._texts: OrderedDict[tuple[Hashable, ...], Conditioning] = OrderedDict()

    def of(self, recipes: Sequence[Recipe], text_key: Hashable) -> list[Guidance]:
        """Return each picture's guide.

        Args:
            recipes: of one clip skip and CFG scale.
            text_key: what the encoders' output further depends on; see LoraStack.text_key.
        """
        guided = recipes[0].cfg_scale != 1
        prompts = [recipe.prompt for recipe in recipes]
        negatives = [recipe.negative_prompt for recipe in recipes] if guided else []
        texts = self._encoded([*prompts, *negatives], recipes[0].clip_skip, text_key)
        if not guided:
            return [Guidance(texts[prompt], None) for prompt in prompts]
        return [
            Guidance(*self._model.guided(texts[prompt], texts[negative], blank=not negative.strip()))
            for prompt, negative in zip(prompts, negatives, strict=True)
        ]

    def _encoded(self, prompts: Sequence[str], clip_skip: int, text_key: Hashable) -> dict[str, Conditioning]:
        keys = {prompt: (prompt, clip_skip, text_key) for prompt in prompts}
        missing = [prompt for prompt, key in keys.items() if key not in self._texts]
        if missing:
            with _encoders_there(self._model):
                texts = self._model.encode_prompts(missing, clip_skip)
            self._texts.update({keys[prompt]: text for prompt, text in zip(missing, texts, strict=True)})
        for key in keys.values():
            self._texts.move_to_end(key)
        found = {prompt: self._texts[key] for prompt, key in keys.items()}
        while len(self._texts) > _MAX_PROMPTS:
            self._texts.popitem(last=False)
        return found


@contextmanager
def _encoders_there(model: BaseModel) -> Iterator[None]:
    """Have the text encoders on the model's device while the block lasts."""
    away = [part for part, encoder in model.encoders.items() if encoder.device != model.device]
    for part in away:
        model.bring_encoder_back(part)
    try:
        yield
    finally:
        for part in away:
            model.put_encoder_away(part)
