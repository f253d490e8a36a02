"""The header of a LoRA file: its modules, their ranks, shapes and alphas, or what the file is instead; free of torch."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from trainer.errors import ModelError
from trainer.families.registry import titles
from trainer.file_mark import FileMark
from trainer.formats.safetensors_header import Header, read_header
from trainer.formats.safetensors_numbers import read_number, same_tensor
from trainer.models.adapter_config import AdapterScales, lora_file, scales_of
from trainer.models.kohya_names import part_of
from trainer.models.lora_keys import NAMED_ROLES, Role, is_lora_key, other_kind, parse_key
from trainer.models.lora_module import (
    KIND_TITLES,
    MAX_NUMBERS,
    PLAIN_SHAPES,
    ROLES_BESIDE,
    ROLES_OF_KIND,
    LoraModule,
    WrongShapes,
    dora_axis,
    kind_of,
    sides_of,
)
from trainer.models.model_content import marks_of_model
from trainer.models.numbered_layers import embeddings_in, numbered_keys
from trainer.models.other_loras import model_of
from trainer.settings.parts import is_encoder
from trainer.text import plural, printable

DOWN, UP, MID, ALPHA = ".lora_down.weight", ".lora_up.weight", ".lora_mid.weight", ".alpha"
"""How the keys of a module end in kohya's form."""

MAGNITUDE = ".lora_magnitude_vector"
ENDINGS: Mapping[Role, str] = {
    "down": DOWN,
    "up": UP,
    "mid": MID,
    "alpha": ALPHA,
    "magnitude": MAGNITUDE,
    **{role: f".{role}" for role in NAMED_ROLES},
}
"""The same for every role; those of LyCORIS are called so by every program."""

_MAX_WORDS = 5

# A file in bf16 holds alpha with 8 significant bits.
_ALPHA_ROUNDING = 2**-8

_MERGE = (
    "merge it into its base with the program that made it, and use that as the base or extract a plain LoRA from it "
    "(sd-scripts: extract_lora_from_models.py)"
)
_EXPECTED = "a plain LoRA or LoCon (lora_down, lora_up and alpha), a LoHa, a LoKr or a DoRA"
_PLAIN = "a plain LoRA or LoCon: lora_down, lora_up and alpha"
# How keys end whatever model they are for.
_OF_ANY_MODEL = (
    *(".lora_A.weight", ".lora_down.weight", ".lora.down.weight"),
    *(".hada_w1_a", ".lokr_w1", ".lokr_w1_a", ".lokr_w2"),
)


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
    def is_plain(self) -> bool:
        """Whether all of its layers are up · down, as a bake trains them."""
        return all(module.is_plain for module in self.modules.values())

    @cached_property
    def needs_base(self) -> tuple[str, ...]:
        """The modules whose change depends on the base's weight."""
        return tuple(name for name, module in self.modules.items() if module.needs_base)

    @cached_property
    def kinds(self) -> Mapping[str, int]:
        """What its layers are, in words -> how many of them, the most frequent first."""
        return dict(Counter(module.title for module in self.modules.values()).most_common())

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
        ModelError: it is no whole safetensors file, or no LoRA of a kind that is read here; says what it is instead.
    """
    path = lora_file(path)
    try:
        return _remembered(path, marks_of_model(path))
    except ModelError:
        # Reading it says what is wrong.
        return _read(path)


def read_plain_header(path: Path, way_out: str = "") -> LoraHeader:
    """Return the same of a file that must be a plain LoRA or LoCon, as everything needs that trains on or cuts ranks.

    Args:
        path: the file, or the folder of PEFT or diffusers that holds it.
        way_out: another one than to convert it.

    Raises:
        ModelError: as read_lora_header, or some of its layers are of another kind.
    """
    header = read_lora_header(path)
    if not header.is_plain:
        raise not_plain(path, header, way_out)
    return header


def not_plain(path: Path, header: LoraHeader, way_out: str = "") -> ModelError:
    """Return the refusal of a file with layers of another kind where only plain ones will do.

    Args:
        path: the file.
        header: its header; not a plain one.
        way_out: another one than to convert it.
    """
    name, module = next((name, module) for name, module in header.modules.items() if not module.is_plain)
    count = sum(not module.is_plain for module in header.modules.values())
    some = "" if count == len(header.modules) else f" in {count} of {plural(len(header.modules), 'module')}"
    base = " --base BASE" if header.needs_base else ""
    return ModelError(
        printable(str(path)),
        found=f"it is a {module.title}{some}: {printable(name, 100)}",
        expected=_PLAIN,
        way_out=way_out
        or f"make one of it: lora-tui lora convert {printable(path.name, 80)} --to lora --rank 16{base} --out NEW.safetensors",
    )


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
    roles = _roles(keys)
    if not roles:
        raise _no_lora(path, header)
    scales = scales_of(path, header.metadata)
    modules = {name: _module(path, header, keys, name, of, scales) for name, of in roles.items()}
    return LoraHeader(modules, header.metadata, keys, embeddings_in(header))


def _other_kind(path: Path, keys: list[str]) -> ModelError:
    """Return the refusal of a file that holds something else than layers of a kind that is read."""
    named = next(((kind, key) for key in keys if (kind := other_kind(key)) is not None), None)
    if named is None:
        found = f"tensors …{printable(keys[0].partition('.')[2] or keys[0], 60)}, which no LoRA has"
    else:
        kind, key = named
        found = f"it is {kind.title}: {printable(key, 100)}"
    return ModelError(printable(str(path)), found=found, expected=_EXPECTED, way_out=_MERGE)


def _no_lora(path: Path, header: Header) -> ModelError:
    """Return the refusal of a file without one layer on a part of a base."""
    pairs = [key for key in header.shapes if key.endswith(_OF_ANY_MODEL)]
    if pairs:
        return ModelError(
            printable(str(path)),
            found=f"a LoRA for {model_of(pairs) or 'a model of another architecture'}: {printable(pairs[0], 100)}",
            expected=f"layers of a LoRA for {titles()}",
            way_out="leave it out",
        )
    return ModelError(
        printable(str(path)),
        found="no LoRA in the keys of kohya, diffusers, PEFT, LyCORIS or cloneofsimo",
        expected="keys such as …lora_down.weight or …lora_A.weight",
        way_out="give the LoRA's own .safetensors file",
    )


def _roles(keys: Mapping[tuple[str, Role], str]) -> dict[str, list[Role]]:
    """Return the roles of each module's tensors; a module with no more than an alpha is none."""
    found: dict[str, list[Role]] = {}
    for module, role in keys:
        found.setdefault(module, []).append(role)
    return {name: roles for name, roles in found.items() if roles != ["alpha"]}


def _module(
    path: Path,
    header: Header,
    keys: Mapping[tuple[str, Role], str],
    name: str,
    roles: list[Role],
    scales: AdapterScales,
) -> LoraModule:
    kind = kind_of(roles)
    if kind is None:
        raise _no_change(path, name, roles)

    def shape(role: Role) -> tuple[int, ...]:
        key = keys.get((name, role))
        return () if key is None else header.shapes[key]

    magnitude: Role = "magnitude" if "magnitude" in roles else "dora_scale"
    try:
        # A scalar's shape is as empty as none.
        if any(shape(role) == () for role in roles if role in ROLES_OF_KIND[kind]):
            raise WrongShapes(PLAIN_SHAPES if kind == "lora" else "factors with two sides or more")
        if any(shape(role) not in ((), (1,)) for role in ("alpha", "scalar")):
            raise WrongShapes(PLAIN_SHAPES if kind == "lora" else "a scalar")
        down, up, is_flat, shows_rank = sides_of(kind, shape)
        if kind != "lora" and up[0] * math.prod(down[1:]) > MAX_NUMBERS:
            raise WrongShapes(f"a change of at most {MAX_NUMBERS:,} numbers")
        if shape("diff_b") not in ((), (up[0],)):
            raise WrongShapes(f"a bias of [{up[0]}]")
        dora = None
        if magnitude in roles:
            dora = dora_axis(shape(magnitude), down, up, of_peft=magnitude == "magnitude", is_flat=is_flat)
    except WrongShapes as error:
        if kind == "lora" and "down" not in roles:
            raise ModelError(
                printable(str(path)), found=f"module {printable(name, 80)} has no lora_down", expected="both"
            ) from error
        listed = [role for role in (*_LISTED, *roles) if role in roles or (kind == "lora" and role != "mid")]
        words = ", ".join(f"{role} {shape(role)}" for role in dict.fromkeys(listed))
        raise ModelError(
            printable(str(path)), found=f"module {printable(name, 80)} has {words}", expected=error.expected
        ) from error
    alpha = _alpha(path, header, keys, name, roles, scales, rank=down[0], shows_rank=shows_rank)
    return LoraModule(down, up, alpha, kind, dora, is_flat, has_bias="diff_b" in roles)


# What is listed first of a module whose shapes are wrong; of a plain layer, there or not.
_LISTED: tuple[Role, ...] = ("down", "up", "mid", "alpha")


def _no_change(path: Path, name: str, roles: list[Role]) -> ModelError:
    """Return the refusal of a module whose tensors are of no kind, or of two."""
    kinds = [KIND_TITLES[kind] for kind, of in ROLES_OF_KIND.items() if of & set(roles)]
    words = f"tensors of a {' and of a '.join(kinds)}" if kinds else f"{', '.join(roles)} alone"
    return ModelError(
        printable(str(path)), found=f"module {printable(name, 80)} has {words}", expected="those of one kind of change"
    )


def _alpha(
    path: Path,
    header: Header,
    keys: Mapping[tuple[str, Role], str],
    name: str,
    roles: list[Role],
    scales: AdapterScales,
    *,
    rank: int,
    shows_rank: bool,
) -> float:
    """Return what divided by the rank scales a module's change.

    A LoKr of two whole matrices has the scale 1 whatever its alpha says (LyCORIS, sd-scripts, ComfyUI), but in PEFT, whose config
    knows its rank, and where LyCORIS' rs_lora made it the root of the rank. A full difference has no other.
    """
    factor = keys[name, next(role for role in roles if role not in ROLES_BESIDE)]
    key = keys.get((name, "alpha"))
    if not shows_rank:
        scale = scales.scale_by_config(factor)
        if scale is None and key is not None and _ARGUMENTS in header.metadata and _is_rank_stable(header):
            # It writes rank · √rank into alpha then.
            scale = max(0.0, read_number(path, header, key)) ** (1 / 3)
        return rank * (1.0 if scale is None else _finite(path, name, scale))
    written = scales.alpha(factor, rank) if key is None else read_number(path, header, key)
    # sd-scripts writes alpha as int64 where save_precision was not given, and takes 0 for the rank.
    return _finite(path, name, written) or float(rank)


# sd-scripts keeps the arguments of a network there, as texts.
_ARGUMENTS = "ss_network_args"


def _is_rank_stable(header: Header) -> bool:
    """Return whether LyCORIS trained with rs_lora, as far as the metadata say."""
    try:
        arguments = json.loads(header.metadata[_ARGUMENTS])
    except (ValueError, RecursionError):
        return False
    return isinstance(arguments, dict) and str(arguments.get("rs_lora", "")).lower() in ("true", "1")


def _finite(path: Path, name: str, alpha: float) -> float:
    if math.isfinite(alpha):
        return alpha
    raise ModelError(
        printable(str(path)),
        found=f"alpha of module {printable(name, 80)} is {alpha}",
        expected="a number",
        way_out="its training broke down: take an earlier epoch of it",
    )
