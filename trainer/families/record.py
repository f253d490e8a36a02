"""The record of a base family: all that is known of it before a weight is read; free of torch.

A new family is a folder with a record like this, called `FAMILY`, and with the modules that the record names; and a line in
`registry.MODULES`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from trainer.families.conventions import CaptionConvention

if TYPE_CHECKING:
    # Records are read at every start; few who read them need numpy.
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.float64]

Follows = Literal["unet", "text_encoder", "text_encoder_2"]
"""Whose settings a part follows: `unet_lr` and its like, those of the (first) text encoder, those of the second."""

Prediction = Literal["epsilon", "v", "flow"]
"""What a base predicts: the noise, the velocity of Salimans & Ho 2022, or the velocity of a flow, noise - latents (Lipman et al. 2023)."""


MIN_SHIFT, MAX_SHIFT = 0.01, 100.0
"""Between which the shift of a flow's times lies, of those drawn in training and of those that a picture goes through."""

_NUMBERED = re.compile(r"(?:^|_)((?:[a-z]+_)*?(?:block|layer)s?_\d+)(?:_|$)")


def _numbered_group(name: str) -> str:
    """Return the numbered block or layer that a module lies in, as its name says: `single_blocks_7_linear1` is in `single block 7`."""
    match = _NUMBERED.search(name)
    return re.sub("(block|layer)s", r"\1", match[1].replace("_", " ")) if match else "other"


@dataclass(frozen=True)
class BlockGroups:
    """Groups of a part's modules that measures are summed up over.

    Attributes:
        of: name of a LoRA module without the part's prefix, in any form that files have -> its group, in words.
        order: the groups in the order in which the part computes them; others follow, by their words and numbers.
        places: the same name -> the words that a weight may name its module by, where these say more than its group: `block 7 cross k/v`.
        other: the group of modules whose names say no other, those of other architectures among them.
    """

    of: Callable[[str], str] = _numbered_group
    order: tuple[str, ...] = ()
    places: Callable[[str], str] | None = None
    other: str = "other"

    def place(self, name: str) -> str:
        """Return the words that a weight may name a module by."""
        return self.of(name) if self.places is None else self.places(name)


@dataclass(frozen=True)
class PartRecord:
    """A part of a base that LoRA layers may sit on.

    Attributes:
        key: what it is called in optimizer groups, metrics (`lr_<key>`) and metadata; unique among all families' parts that differ.
        label: what it is called where people read.
        short: the same over a narrow plot; "" for the label.
        groups: its block groups; by the numbers of blocks or layers where a family says nothing.
        follows: whose settings it follows.
        lora_prefix: what the names of its LoRA modules start with.
        lora_holders: class names of the modules inside which every Linear and convolution gets a layer.
        conv_holders: those that hold layers only where `conv_dim` is set.
        lora_names: regular expression that the names of its LoRA modules begin with, where parts of other families have the
            same prefix; "" for the prefix alone.
        large: regular expression of what the names of its layers start with, inside the part, that may be held in 8 bits; "" for
            none.
        switch: setting that must be on for bakes to train it, "" for none; where it is off the layers in LoRA files of other
            programs count alone.
    """

    key: str
    label: str
    follows: Follows
    lora_prefix: str
    lora_holders: frozenset[str]
    conv_holders: frozenset[str] = frozenset()
    short: str = ""
    groups: BlockGroups = BlockGroups()
    lora_names: str = ""
    large: str = ""
    switch: str = ""

    @property
    def is_encoder(self) -> bool:
        """Whether it is a text encoder."""
        return self.follows != "unet"


@dataclass(frozen=True)
class KeyForm:
    """How another program calls the tensors of a plain LoRA, where it does not read kohya's names.

    Attributes:
        title: of the program.
        path: name of a LoRA module -> what a key of its tensors begins with; None for a module that the program has no name for.
        down, up: how the keys of the two factors end. There is no alpha: every change is written with a scale of 1.
    """

    title: str
    path: Callable[[str], str | None]
    down: str = ".lora_A.weight"
    up: str = ".lora_B.weight"


def _same(name: str, known: Collection[str]) -> str:
    return name


def _nowhere(path: str) -> str | None:
    return None


def _alike(names: Iterable[str]) -> tuple[str, ...]:
    return ()


def _underscored(part: PartRecord, path: str) -> str:
    return part.lora_prefix + path.replace(".", "_")


@dataclass(frozen=True)
class SamplingRecord:
    """How pictures of a family are made unless somebody says otherwise.

    Attributes:
        side: side of the pictures it was trained on, in pixels.
        grain: pixels that width and height must be a multiple of.
        longest: side in pixels up to which it is made for pictures, in training and in what it draws; 0 where no bound is known.
        steps: sampling steps.
        cfg_scale: factor of classifier-free guidance.
        sampler: name of a sampler.
        samplers: those that fit what it predicts.
        shift: of the times that a picture goes through (Esser et al. 2024, eq. 23), above 1 for more steps at much noise; None
            for families that are sampled without.
        roomy_bytes: bytes free on a card above which everything stays there while pictures are made: the base in half precision
            with its VAE in fp32, and the room for a pass and for decoding a picture of that side in large tiles.
    """

    side: int
    steps: int
    cfg_scale: float
    sampler: str
    samplers: tuple[str, ...]
    roomy_bytes: int
    grain: int = 8
    longest: int = 0
    shift: float | None = None

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Return the largest size that it can make and that is not wider or higher, at least one grain."""
        width, height = (max(self.grain, side // self.grain * self.grain) for side in (width, height))
        return width, height

    def beyond(self, width: int, height: int) -> str:
        """Return what to know of a picture with a side longer than it is made for; "" for none."""
        side = max(width, height)
        if not self.longest or side <= self.longest:
            return ""
        return f"{width} × {height}: it is made for sides of up to {self.longest} px, and how it sees places beyond them is open"


@dataclass(frozen=True)
class TimesRecord:
    """Times of a family's noise, from (nearly) the picture to (nearly) pure noise.

    The settings min_timestep and max_timestep are thousandths of the way.

    Attributes:
        signal: zero_terminal_snr -> share of signal (as variance) left at each time, falling, float64 [times]; of continuous
            times at the middle of that many equal pieces.
        is_continuous: whether the times go from 0 to 1; else they are numbered from 0.
        takes_shift: whether the setting discrete_flow_shift moves them: those of a flow, where it has a meaning.
        band_starts: where form and layout begin to be decided on the way (measures.bands).
    """

    signal: "Callable[[bool], Numbers]"
    is_continuous: bool = False
    takes_shift: bool = False
    band_starts: tuple[float, float] = (0.35, 0.7)


@dataclass(frozen=True)
class FamilyRecord:
    """What is known of a family of bases.

    Attributes:
        module: dotted name of the module that holds this record as `FAMILY`; another process finds it by that name.
        key: its name in settings, journal and metadata.
        title: what it is called where people read.
        lora_target: what a LoRA for it needs, with its article ("an SDXL base").
        parts: what LoRA layers may sit on, the predicting part first.
        engine: dotted name of the module that loads it: a `trainer.models.base_model.BaseLoader`.
        identify: `module:function`, free of torch, of what tells whether a path is such a base: Path -> Base, or None where it
            may be another family's. Families that name the same function share it.
        times: of its noise.
        architecture: modelspec's word for its LoRAs.
        webui_name: the webui's word for it in a LoRA's user metadata; "" where it has none.
        sd_scripts: sd-scripts' program that trains its LoRAs.
        version_start: what sd-scripts' `ss_base_model_version` starts with for it, whatever the version.
        base_versions: sd-scripts' `ss_base_model_version` by what the base predicts.
        sampling: how its pictures are made by default.
        index: of a diffusers base, the file that says what it is.
        folders: of a diffusers base, those that a bake or grid reads; others may lie beside them.
        components: settings that name files of its own for parts of a base that comes in several, `vae` among them.
        complete: `module:function`, free of torch, of what adds these files to a base (Base, setting -> path -> Base, or ModelError
            or SettingsError where one is missing or does not fit); "" where a base is one file or folder.
        check_vae: `module:function`, free of torch, of what sees that a separate VAE fits (Path -> None, or ModelError); ""
            where its bases take none.
        prediction: what every base of it predicts; None where each base may differ, so that files are asked and outputs measured.
        clip_skip: whether the embedding's layer can be chosen.
        first_settings: settings of a first bake that differ from the defaults.
        first_by_memory: further ones by the GPU: (bytes of its memory that it has at least, settings), falling; the first that
            fits holds, none where no GPU is known.
        no_fp16: why its bases cannot compute in fp16; "" where they can.
        no_xformers: why their attention cannot be computed by xformers; "" where it can.
        trained_grain: pixels that the sides of its training pictures must be a multiple of.
        least_area: picture areas below this teach it little at its full size; 0 for no such bound.
        unused: settings that have no effect on it, with the reason.
        module_name: (part, dotted path in the part) -> name of the LoRA module.
        file_name: (another tool's name of a LoRA module, our names of the base's modules) -> ours.
        module_at: what stands before the role of a tensor in any tool's key -> name of the LoRA module, of the forms that are this
            family's alone; None for any other.
        key_forms: what a form of keys is called on the command line -> how a program has them that does not read ours.
        network_module: sd-scripts' module that trains its LoRAs, by which programs know their kind.
        says_prediction: whether its LoRAs say what the base predicts; not where the word that others write is wrong.
        layouts: names of LoRA modules -> which of the family's bases they may be for, in words, where names alone do not show that a
            LoRA is for another one: several where they do not tell; () where all are alike.
        other_layout: the way out with a LoRA for another of these.
        pooled_layers: parts whose last layer counts beside the embedding's: their pooled output comes from it.
        fixed_skip: clip skip of the embedding where it cannot be chosen.
        conventions: how captions are written for its bases, the commonest first; empty where nothing is known.
    """

    module: str
    key: str
    title: str
    lora_target: str
    parts: tuple[PartRecord, ...]
    engine: str
    identify: str
    times: TimesRecord
    architecture: str
    base_versions: Mapping[str, str]
    sampling: SamplingRecord
    webui_name: str = ""
    sd_scripts: str = "train_network.py"
    version_start: str = ""
    index: str = "model_index.json"
    folders: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    complete: str = ""
    check_vae: str = ""
    prediction: Prediction | None = None
    clip_skip: bool = False
    first_settings: Mapping[str, object] = field(default_factory=dict)
    first_by_memory: tuple[tuple[int, Mapping[str, object]], ...] = ()
    no_fp16: str = ""
    no_xformers: str = ""
    trained_grain: int = 1
    least_area: int = 0
    unused: Mapping[str, str] = field(default_factory=dict)
    module_name: Callable[[PartRecord, str], str] = _underscored
    file_name: Callable[[str, Collection[str]], str] = _same
    module_at: Callable[[str], str | None] = _nowhere
    key_forms: Mapping[str, KeyForm] = field(default_factory=dict)
    network_module: str = "networks.lora"
    says_prediction: bool = True
    layouts: Callable[[Iterable[str]], tuple[str, ...]] = _alike
    other_layout: str = ""
    pooled_layers: frozenset[str] = frozenset()
    fixed_skip: int = 1
    conventions: tuple[CaptionConvention, ...] = ()

    def first_settings_on(self, gpu_bytes: int | None) -> dict[str, object]:
        """Return the settings of a first bake that differ from the defaults, on a GPU with so much memory; None for no GPU."""
        fitting = (more for least, more in self.first_by_memory if gpu_bytes is not None and gpu_bytes >= least)
        return {**self.first_settings, **next(fitting, {})}

    def part(self, key: str) -> PartRecord:
        """Return its part of that key.

        Raises:
            KeyError: it has no such part.
        """
        found = next((part for part in self.parts if part.key == key), None)
        if found is None:
            raise KeyError(key)
        return found

    @property
    def encoders(self) -> tuple[PartRecord, ...]:
        """Its parts that are text encoders."""
        return tuple(part for part in self.parts if part.is_encoder)
