"""What each part of a LoRA does to the prediction: each on and off, on fixed pictures, at fixed times and with fixed noise."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product

import torch
from torch import Tensor

from trainer.journal.measure_records import MeasuredValue
from trainer.measures.carried import carried
from trainer.measures.intervals import Numbers
from trainer.measures.of_parts import OF_PARTS
from trainer.measures.part_effects import PartEffects, effect_values
from trainer.measures.part_groups import TIMES, groups_of, named_groups
from trainer.models.base_model import BaseModel, Encoded
from trainer.network.draws import generator_for
from trainer.network.injection import LoraNetwork
from trainer.probes.batches import batches_of_one_shape
from trainer.probes.probe import Progress
from trainer.settings.parts import Part

_Set = frozenset[Part]
_NONE: _Set = frozenset()

Encode = Callable[[Sequence[str]], list[Mapping[Part, Encoded]]]
"""Takes captions; returns each one's outputs of every encoder as its LoRA stands now, in the computer's memory."""


@dataclass(frozen=True)
class ProbedPicture:
    """A picture that predictions are made of.

    Attributes:
        latents: fp32 [channels, height/f, width/f], on the CPU.
        sizes: see BaseModel.predict.
        caption: its words.
        scopes: what it counts for beside the whole: its folder, its outfits.
    """

    latents: Tensor
    sizes: tuple[int, ...]
    caption: str
    scopes: tuple[str, ...] = ()


@dataclass
class _Sums:
    """Sums of squares and inner products of each picture over its times; see PartEffects."""

    pictures: int
    values: dict[str, Tensor] = field(default_factory=dict)

    def add(self, name: str, pictures: Sequence[int], first: Tensor, second: Tensor) -> None:
        """Add the inner products of two batches, [batch, ...], divided by the number of elements and of times."""
        products = (first.double() * second.double()).flatten(1).mean(dim=1).cpu() / TIMES
        sums = self.values.setdefault(name, torch.zeros(self.pictures, dtype=torch.float64))
        # A batch may hold two times of one picture.
        sums.index_add_(0, torch.tensor(pictures), products)

    def of(self, name: str) -> Numbers:
        """Return the sums of one name, float64 [pictures]."""
        values: Numbers = self.values[name].numpy()
        return values


class PartsProbe:
    """The probe of what each part of a LoRA does to the prediction.

    Args:
        model, network: the base and the LoRA on it.
        encode: gives the encoders' outputs.
        pictures: what is predicted of, always in the same order.
        seed: of the noise.
        batch_size: predictions made at once.
        say: takes a line on who carries, for the log.
    """

    title = "probing what each part does"
    names = tuple(record.key for record in OF_PARTS)

    def __init__(
        self,
        model: BaseModel,
        network: LoraNetwork,
        encode: Encode,
        pictures: Sequence[ProbedPicture],
        *,
        seed: int,
        batch_size: int,
        say: Callable[[str], object] = lambda line: None,
    ) -> None:
        self._model, self._network, self._encode = model, network, encode
        self._pictures, self._seed, self._batch_size, self._say = pictures, seed, batch_size, say
        self._times = model.schedule.spread_times(len(pictures) * TIMES)
        self._captions = list(dict.fromkeys(picture.caption for picture in pictures))
        # Of the base alone, which stays as it is: kept from the first epoch on, in the computer's memory.
        self._base_texts: list[Mapping[Part, Encoded]] | None = None
        self._base_predictions: dict[int, Tensor] = {}
        self._rounding = _Sums(len(pictures))

    def measure(self, step: int, progress: Progress, stop: Callable[[], bool]) -> Sequence[MeasuredValue]:
        """Return shares and sizes of each part's change after `step` steps; see Probe and trainer.measures.of_parts."""
        sums = _Sums(len(self._pictures))
        batches = self._batches()
        texts = self._encode(self._captions)
        if self._base_texts is None:
            with self._in_force(_NONE):
                self._base_texts = self._encode(self._captions)
        encoded = {True: texts, False: self._base_texts}
        done, total = 0, len(self._pictures) * TIMES
        for number, batch in enumerate(batches):
            if stop():
                return ()
            self._add(sums, number, batch, encoded)
            done += len(batch)
            progress(done, total)
        effects = self._effects(sums)
        values = effect_values(step, effects, self._scopes())
        if (who := carried(values, step)) is not None:
            self._say(f"after step {step}: {who.words}")
        elif len(groups_of(self._network.parts)) > 1 and effects.is_rounding:
            self._say(f"after step {step}: who carries is not known, the LoRA changes hardly more than rounding does")
        return values

    def _add(
        self,
        sums: _Sums,
        number: int,
        batch: Sequence[tuple[int, int]],
        encoded: Mapping[bool, Sequence[Mapping[Part, Encoded]]],
    ) -> None:
        """Add what one batch of (picture, which of its times) shows."""
        pictures = [picture for picture, _ in batch]
        device = self._model.device
        latents = torch.stack([self._pictures[picture].latents for picture in pictures]).to(device)
        noise = torch.stack([self._noise(*each) for each in batch]).to(device)
        times = self._times[[picture + time * len(self._pictures) for picture, time in batch]].to(device)
        noisy = self._model.schedule.add_noise(latents, noise, times)
        sizes = torch.tensor([self._pictures[picture].sizes for picture in pictures]).to(device)
        if number not in self._base_predictions:
            base = self._predicted(_NONE, noisy, times, sizes, pictures, encoded)
            nudged = self._predicted(_NONE, self._nudged(noisy, number), times, sizes, pictures, encoded)
            rounding = nudged.float() - base.float()
            self._rounding.add("rounding", pictures, rounding, rounding)
            self._base_predictions[number] = base.cpu()
        base = self._base_predictions[number].to(device).float()
        made: dict[_Set, Tensor] = {}

        def change(parts: _Set) -> Tensor:
            """Return how the prediction with these parts of the LoRA in force differs from the base's."""
            if parts not in made:
                made[parts] = self._predicted(parts, noisy, times, sizes, pictures, encoded).float() - base
            return made[parts]

        every = frozenset(self._network.parts)
        whole = change(every)
        sums.add("base", pictures, base, base)
        sums.add("whole", pictures, whole, whole)
        for name, group in named_groups(self._network.parts).items():
            alone, last = change(frozenset(group)), whole - change(every.difference(group))
            sums.add(f"along {name}", pictures, whole, alone)
            sums.add(f"alone {name}", pictures, alone, alone)
            sums.add(f"last {name}", pictures, last, last)
        groups = groups_of(self._network.parts)
        if len(groups) > 1:
            interaction = whole - sum(change(frozenset(group)) for group in groups)
            sums.add("interaction", pictures, interaction, interaction)

    def _nudged(self, noisy: Tensor, number: int) -> Tensor:
        """Return the same, each number up or down by the last digit of the arithmetic: what that changes is rounding."""
        dtype = self._model.body.dtype
        digit = torch.finfo(dtype if dtype.is_floating_point else torch.bfloat16).eps
        signs = torch.randint(2, noisy.shape, generator=generator_for(self._seed, "parts rounding", number))
        return noisy * (1 + digit * (2 * signs - 1)).to(noisy)

    def _predicted(
        self,
        parts: _Set,
        noisy: Tensor,
        times: Tensor,
        sizes: Tensor,
        pictures: Sequence[int],
        encoded: Mapping[bool, Sequence[Mapping[Part, Encoded]]],
    ) -> Tensor:
        """Return the prediction of a batch with some parts of the LoRA in force and the others out of it."""
        which = [self._captions.index(self._pictures[picture].caption) for picture in pictures]
        device = self._model.device
        texts = {
            encoder: self._model.batched(
                [
                    encoded[encoder in parts][caption][encoder].each(lambda tensor: tensor.to(device))
                    for caption in which
                ]
            )
            for encoder in self._model.encoders
        }
        with self._in_force(parts):
            return self._model.predict(noisy, times, self._model.join(texts), sizes)

    @contextmanager
    def _in_force(self, parts: _Set) -> Iterator[None]:
        """Let only these parts of the LoRA change anything while the block lasts."""
        before = {part: self._network.strength(part) for part in self._network.parts if part not in parts}
        for part in before:
            self._network.set_strength(part, 0.0)
        try:
            yield
        finally:
            for part, strength in before.items():
                self._network.set_strength(part, strength)

    def _effects(self, sums: _Sums) -> PartEffects:
        names = named_groups(self._network.parts)

        def each(what: str) -> dict[Part, Numbers]:
            return {name: sums.of(f"{what} {name}") for name in names}

        interaction = sums.of("interaction") if "interaction" in sums.values else None
        along, alone, last = each("along"), each("alone"), each("last")
        return PartEffects(
            self._network.parts,
            sums.of("base"),
            sums.of("whole"),
            along,
            alone,
            last,
            interaction,
            self._rounding.of("rounding"),
        )

    def _scopes(self) -> dict[str, list[int]]:
        """Return the pictures of each scope, by index; without those that all pictures are of."""
        scopes: dict[str, list[int]] = {}
        for index, picture in enumerate(self._pictures):
            for scope in picture.scopes:
                scopes.setdefault(scope, []).append(index)
        return {scope: pictures for scope, pictures in scopes.items() if len(pictures) < len(self._pictures)}

    def _noise(self, picture: int, time: int) -> Tensor:
        shape = self._pictures[picture].latents.shape
        return torch.randn(shape, generator=generator_for(self._seed, "parts", picture, time))

    def _batches(self) -> list[list[tuple[int, int]]]:
        """Return (picture, which of its times) in batches of one shape, always the same."""
        passes = product(range(len(self._pictures)), range(TIMES))
        return batches_of_one_shape(passes, lambda each: self._pictures[each[0]].latents.shape, self._batch_size)
