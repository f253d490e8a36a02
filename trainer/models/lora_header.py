"""The header of a LoRA file: its modules, their ranks, shapes and alphas, or what the file is instead; free of torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from trainer.errors import ModelError
from trainer.file_mark import FileMark
from trainer.formats.safetensors_header import Header, read_header
from trainer.formats.safetensors_numbers import read_number, same_tensor
from trainer.models.adapter_config import AdapterScales, lora_file, scales_of
from trainer.models.kohya_names import part_of
from trainer.models.lora_keys import Role, is_lora_key, other_kind, parse_key
from trainer.models.model_content import marks_of_model
from trainer.models.numbered_layers import embeddings_in, numbered_keys
from trainer.settings.parts import is_encoder
from trainer.text import plural, printable

DOWN, UP, MID, ALPHA = ".lora_down.weight", ".lora_up.weight", ".lora_mid.weight", ".alpha"
"""How the keys of a module end in kohya's form."""

ENDINGS: Mapping[Role, str] = {"down": DOWN, "up": UP, "mid": MID, "alpha": ALPHA}

_MAX_WORDS = 5

# A file in bf16 holds alpha with 8 significant bits.
_ALPHA_ROUNDING = 2**-8

_MERGE = (
    "merge it into its base with the program that made it, and use that as the base or extract a plain LoRA from it "
    "(sd-scripts: extract_lora_from_models.py)"
)
_EXPECTED = "a plain LoRA or LoCon: lora_down, lora_up and alpha"


@dataclass(frozen=True)
class LoraModule:
    """The layer on one module, as its file has it.

    Attributes:
        down: shape of lora_down: [rank, inputs], with a kernel on convolutions.
        up: shape of lora_up: [outputs, rank], with a 1x1 kernel on convolutions.
        alpha: the change is scaled by alpha / rank; the rank where the file says nothing, or 0 (sd-scripts: networks.lora).
    """

    down: tuple[int, ...]
    up: tuple[int, ...]
    alpha: float

    @property
    def rank(self) -> int:
        """Its inner size."""
        return self.down[0]


@dataclass(frozen=True)
class LoraHeader:
    """What a LoRA file says before any weight is read.

    Attributes:
        modules: name in kohya's form, however the file writes it -> its layer.
        metadata: the file's own texts.
        keys: module and role -> the file's own key of that tensor.
        embeddings: the words whose embeddings travel in it; they are not read.
    """

    modules: Mapping[str, LoraModule]
    metadata: Mapping[str, str]
    keys: Mapping[tuple[str, Role], str]
    embeddings: tuple[str, ...] = ()

    def unread(self) -> list[str]:
        """Return a line about the embeddings that travel in it, none where there are none."""
        if not self.embeddings:
            return []
        words = ", ".join(printable(word, 40) for word in self.embeddings[:_MAX_WORDS])
        return [f"{plural(len(self.embeddings), 'embedding')} in the file not read, so the LoRA is without: {words}"]

    @cached_property
    def rank(self) -> int:
        """The highest rank of its layers."""
        return max(module.rank for module in self.modules.values())

    @cached_property
    def has_text_encoder(self) -> bool:
        """Whether it has layers for a text encoder."""
        parts = (part_of(name) for name in self.modules)
        return any(part is not None and is_encoder(part) for part in parts)


def read_lora_header(path: Path) -> LoraHeader:
    """Return what the header of a LoRA file says, in the keys of whichever program wrote it.

    Remembered until the file changes.

    Args:
        path: the file, or the folder of PEFT or diffusers that holds it.

    Raises:
        ModelError: it is no whole safetensors file, or no plain LoRA (or LoCon); says what it is instead.
    """
    path = lora_file(path)
    try:
        return _remembered(path, marks_of_model(path))
    except ModelError:
        # Reading it says what is wrong.
        return _read(path)


def check_scale(path: Path, name: str, found: tuple[int, float], wanted: tuple[int, float]) -> None:
    """See that a layer of a file to start from has the rank and alpha of the settings.

    Args:
        path: the file.
        name: the layer.
        found: its rank and alpha.
        wanted: those of the settings.

    Raises:
        ModelError: it does not.
    """
    if found[0] != wanted[0] or not math.isclose(found[1], wanted[1], rel_tol=_ALPHA_ROUNDING):
        raise ModelError(
            printable(str(path)),
            found=f"{printable(name, 80)} has rank {found[0]} and alpha {found[1]:g}",
            expected=f"rank {wanted[0]} and alpha {wanted[1]:g}, as the settings say",
            way_out="set dim_from_weights = true, or network_dim and network_alpha as in the file",
        )


def strangers(path: Path, names: list[str], count: int, whose: str, target: str) -> ModelError:
    """Return the refusal of a file with modules that are not there, which blames the base only if most of them are.

    Args:
        path: the file.
        names: its modules that are unknown.
        count: how many it has.
        whose: what does not have them, in words.
        target: what a LoRA that fits is for.
    """
    example = printable(names[0], 80)
    found = f"module {example} does not belong to {whose}"
    if count > 1:
        verb = "does" if len(names) == 1 else "do"
        found = f"{len(names)} of {count} modules {verb} not belong to {whose}, for example {example}"
    if 2 * len(names) >= count:
        return ModelError(
            printable(str(path)),
            found=found,
            expected=f"a LoRA for {target}",
            way_out="leave it out, or choose a base it was made for",
        )
    return ModelError(
        printable(str(path)),
        found=f"{found}; the others fit",
        expected=f"layers on modules of {target} alone",
        way_out="leave it out, or save it without these layers",
    )


@lru_cache(maxsize=512)
def _remembered(path: Path, marks: tuple[FileMark, ...]) -> LoraHeader:
    return _read(path)


def _read(path: Path) -> LoraHeader:
    header = read_header(path)
    keys: dict[tuple[str, Role], str] = {}
    strange: list[str] = []
    numbered = numbered_keys(path, header)
    for key in header.shapes:
        parsed = numbered.get(key) or parse_key(key)
        if parsed is None:
            # Other keys, as of an embedding that travels in the file, change no weight.
            strange += [key] if is_lora_key(key) else []
        else:
            first = keys.setdefault((parsed.module, parsed.role), key)
            # Some tools write a layer under the keys of two programs, for both to find it.
            if first != key and not same_tensor(path, header, first, key):
                raise ModelError(
                    printable(str(path)),
                    found=f"{printable(key, 80)} is present under two names",
                    expected="one of them",
                )
    if strange:
        raise _other_kind(path, strange)
    names = [module for module, role in keys if role == "down"]
    if not names:
        raise _no_lora(path, header)
    _check_pairs(path, keys)
    scales = scales_of(path, header.metadata)
    modules = {name: _module(path, header, keys, name, scales) for name in names}
    return LoraHeader(modules, header.metadata, keys, embeddings_in(header))


def _other_kind(path: Path, keys: list[str]) -> ModelError:
    """Return the refusal of a file that holds something else than plain layers."""
    named = next(((kind, key) for key in keys if (kind := other_kind(key)) is not None), None)
    if named is None:
        found = f"tensors …{printable(keys[0].partition('.')[2] or keys[0], 60)}, which no plain LoRA has"
    else:
        kind, key = named
        found = f"it is {kind.title}: {printable(key, 100)}"
    return ModelError(printable(str(path)), found=found, expected=_EXPECTED, way_out=_MERGE)


def _no_lora(path: Path, header: Header) -> ModelError:
    """Return the refusal of a file without one layer for a U-Net or a text encoder."""
    pairs = [key for key in header.shapes if key.endswith((".lora_A.weight", ".lora_down.weight", ".lora.down.weight"))]
    if pairs:
        return ModelError(
            printable(str(path)),
            found=f"a LoRA for a model of another architecture: {printable(pairs[0], 100)}",
            expected="layers on a U-Net or a text encoder",
            way_out="leave it out",
        )
    return ModelError(
        printable(str(path)),
        found="no LoRA in the keys of kohya, diffusers, PEFT, LyCORIS or cloneofsimo",
        expected="keys such as …lora_down.weight or …lora_A.weight",
        way_out="give the LoRA's own .safetensors file",
    )


def _check_pairs(path: Path, keys: Mapping[tuple[str, Role], str]) -> None:
    for module, role in keys:
        if role in ("up", "mid") and (module, "down") not in keys:
            raise ModelError(
                printable(str(path)), found=f"module {printable(module, 80)} has no lora_down", expected="both"
            )


def _module(
    path: Path, header: Header, keys: Mapping[tuple[str, Role], str], name: str, scales: AdapterScales
) -> LoraModule:
    def shape(role: Role) -> tuple[int, ...]:
        key = keys.get((name, role))
        return () if key is None else header.shapes[key]

    down, up, mid, alpha = shape("down"), shape("up"), shape("mid"), shape("alpha")
    # A scalar's shape is as empty as none.
    has_mid = (name, "mid") in keys
    if has_mid:
        # Tucker's form: the kernel stands between two 1x1 convolutions.
        is_core = len(mid) == len(down) == 4 and down[2:] == (1, 1) and mid[:2] == (down[0],) * 2
        down = (*down[:2], *mid[2:]) if is_core else ()
    fits = len(up) == len(down) and len(up) in (2, 4) and up[1] == down[0] > 0 and up[2:] in ((), (1, 1))
    if not fits or alpha not in ((), (1,)):
        middle = f", mid {mid}" if has_mid else ""
        raise ModelError(
            printable(str(path)),
            found=f"module {printable(name, 80)} has down {shape('down')}, up {up}{middle}, alpha {alpha}",
            expected="[rank, in], [out, rank] and a scalar",
        )
    rank = down[0]
    key = keys.get((name, "alpha"))
    written = scales.alpha(keys[name, "down"], rank) if key is None else read_number(path, header, key)
    if not math.isfinite(written):
        raise ModelError(
            printable(str(path)),
            found=f"alpha of module {printable(name, 80)} is {written}",
            expected="a number",
            way_out="its training broke down: take an earlier epoch of it",
        )
    # sd-scripts writes alpha as int64 where save_precision was not given, and takes 0 for the rank.
    return LoraModule(down, up, written or float(rank))
