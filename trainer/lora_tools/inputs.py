"""LoRA files opened side by side: their modules under one name each, checked to be numbers and of the same shapes."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from trainer.errors import ModelError
from trainer.families.registry import FAMILIES, family_record
from trainer.formats.safetensors_header import Header, read_header
from trainer.lora_tools.references import LoraReference
from trainer.measures.change_factors import Factors
from trainer.measures.interference import common_name
from trainer.measures.lora_factors import LoraFactors
from trainer.models.adapter_config import lora_file
from trainer.models.identify import Base
from trainer.models.kohya_names import ModuleNames, families_with
from trainer.models.lora_fit import check_lora
from trainer.models.lora_header import LoraHeader, not_plain
from trainer.models.lora_module import LoraModule
from trainer.models.lora_numbers import check_lora_numbers
from trainer.settings.parts import Family
from trainer.text import plural, printable

# A layer known by its number (families.numbered_names).
_NUMBERED = re.compile(r"lora_(?:unet|te)_layer_\d+_of_\d+_in_.+")
_FLOATS = ("F64", "F32", "BF16", "F16")


@dataclass(frozen=True)
class ModuleSides:
    """The sides of the matrix that a module's change is.

    Attributes:
        outputs: rows.
        inputs: columns of a matrix, channels of a convolution.
        kernel: of a convolution, () for a Linear.
    """

    outputs: int
    inputs: int
    kernel: tuple[int, ...] = ()

    @property
    def columns(self) -> int:
        """Inputs times the kernel's places."""
        return self.inputs * math.prod(self.kernel)

    @property
    def most(self) -> int:
        """The largest rank that a change of it can have."""
        return min(self.outputs, self.columns)

    def down(self, rank: int) -> tuple[int, ...]:
        """Return the shape of lora_down."""
        return (rank, self.inputs, *self.kernel)

    def up(self, rank: int) -> tuple[int, ...]:
        """Return the shape of lora_up."""
        return (self.outputs, rank, *(1 for _ in self.kernel))

    def words(self) -> str:
        """Return them for an error: `320 inputs and 640 outputs, a kernel of 3 × 3`."""
        kernel = f", a kernel of {' × '.join(map(str, self.kernel))}" if math.prod(self.kernel) > 1 else ""
        return f"{self.inputs:,} inputs and {self.outputs:,} outputs{kernel}"


def matrix_sides(module: LoraModule) -> ModuleSides:
    """Return the sides of a module by its layer."""
    return ModuleSides(module.up[0], module.down[1], tuple(module.down[2:]))


@dataclass(frozen=True)
class OpenedLora:
    """One of the files that are open.

    Attributes:
        reference: what was asked for.
        header: what its header says.
        raw: the header of the safetensors file itself.
        own: the modules' common names -> those in the file.
    """

    reference: LoraReference
    header: LoraHeader
    raw: Header
    own: Mapping[str, str]

    def module(self, name: str) -> LoraModule:
        """Return its layer on a module by that one's common name."""
        return self.header.modules[self.own[name]]

    def dtypes(self) -> set[str]:
        """Return the types of its factors."""
        return {self.raw.dtypes[key] for (_, role), key in self.header.keys.items() if role != "alpha"}


class OpenedLoras:
    """LoRA files open for reading, module by module; a context manager.

    Args:
        references: the files.
        base: whose modules they are for; None where none is named, then names are compared as the families' records turn them.
        finite: whether every number is read first and has to be one.

    Raises:
        ModelError: a file is no LoRA, holds what is no number, is for another base, or has layers that are known by numbers and no
            base is named; or two of them are for bases of different shapes.
    """

    def __init__(self, references: Sequence[LoraReference], base: Base | None = None, *, finite: bool = True) -> None:
        if finite:
            for reference in references:
                check_lora_numbers(reference.path)
        self.base = base
        names = None if base is None else ModuleNames(base.family, base.lora_shapes)
        self.own_name: Callable[[str], str] = common_name if names is None else names.own
        weights = None if base is None else base.weights
        self._closing = ExitStack()
        self._factors: list[LoraFactors] = []
        self.files: list[OpenedLora] = []
        try:
            for reference in references:
                factors = self._closing.enter_context(LoraFactors(reference.path, self.own_name, weights))
                own = {self.own_name(name): name for name in factors.header.modules}
                raw = read_header(lora_file(reference.path))
                self._factors.append(factors)
                self.files.append(OpenedLora(reference, factors.header, raw, own))
            self._check()
        except BaseException:
            self._closing.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._closing.close()

    @property
    def family(self) -> Family | None:
        """What they are for, where base or metadata say so."""
        if self.base is not None:
            return self.base.family
        return next((found for file in self.files if (found := family_of(file.header)) is not None), None)

    def check_plain(self) -> None:
        """See that every layer is a plain one, as whatever changes ranks, weights or alphas needs.

        Raises:
            ModelError: one is of another kind; names the command that makes a plain LoRA of the file.
        """
        for file in self.files:
            if not file.header.is_plain:
                raise not_plain(file.reference.path, file.header)

    def check_changes(self) -> None:
        """See that the change of every layer can be computed, whatever its kind.

        Raises:
            ModelError: a DoRA has no base beside it.
        """
        for file, factors in zip(self.files, self._factors, strict=True):
            if not factors.needs_base:
                continue
            way_out = "name it with --base"
            if self.base is not None:
                way_out = "give the base as one file, or as a folder of diffusers"
            raise ModelError(
                printable(str(file.reference.path)),
                found=f"a DoRA in {plural(len(factors.needs_base), 'module')}",
                expected="its base: what a DoRA changes depends on the base's weights",
                way_out=way_out,
            )

    def names(self) -> list[str]:
        """Return the common names of all modules that any of them changes, in the order of their first file."""
        return list(dict.fromkeys(name for file in self.files for name in file.own))

    def written_name(self, name: str) -> str:
        """Return what a module is called in a file that is written: as on the base, else as the first file has it."""
        return name if self.base is not None else next(file.own[name] for file in self.files if name in file.own)

    def sides(self, name: str) -> ModuleSides:
        """Return the sides of a module; of a 1x1 convolution those of the first file, which may write it as a matrix."""
        if self.base is not None:
            place = self.base.lora_shapes[name]
            return ModuleSides(place.outputs, place.inputs, (place.kernel, place.kernel) if place.is_conv else ())
        return matrix_sides(next(file.module(name) for file in self.files if name in file.own))

    def most_rank(self, number: int, name: str) -> int:
        """Return the largest rank that the change of a module in one of the files can have; 0 where that file has none."""
        file = self.files[number]
        return min(file.module(name).rank, self.sides(name).most) if name in file.own else 0

    def read(self, number: int, name: str) -> Factors | None:
        """Return the change of a module in one of the files; None where that file has none.

        Raises:
            ModelError: the file cannot be read.
        """
        return self._factors[number].read(name) if name in self.files[number].own else None

    def dtype(self) -> str:
        """Return the type that holds the numbers of all these files: the one they share, else fp32."""
        found = {dtype for file in self.files for dtype in file.dtypes()}
        (only, *others) = sorted(found)
        return only if not others and only in _FLOATS else "F64" if "F64" in found else "F32"

    def _check(self) -> None:
        if self.base is not None:
            for file in self.files:
                check_lora(file.reference.path, {name: file.module(name) for name in file.own}, self.base)
            return
        _check_families(self.files)
        first: dict[str, tuple[OpenedLora, ModuleSides]] = {}
        for file in self.files:
            for name, own in file.own.items():
                if _NUMBERED.fullmatch(own):
                    raise ModelError(
                        printable(str(file.reference.path)),
                        found="its layers have numbers in place of names (cloneofsimo/lora)",
                        expected="a base, which tells the names",
                        way_out="name it with `--base`",
                    )
                sides = matrix_sides(file.module(name))
                other, wanted = first.setdefault(name, (file, sides))
                if (sides.outputs, sides.columns) != (wanted.outputs, wanted.columns):
                    raise ModelError(
                        printable(str(file.reference.path)),
                        found=f"{printable(own, 80)} has {sides.words()}",
                        expected=f"{wanted.words()}, as in {printable(other.reference.label, 80)}",
                        way_out="give LoRAs for bases of one family",
                    )


def family_of(header: LoraHeader) -> Family | None:
    """Return the family of bases that a LoRA is for, by its metadata, else by a part that one family alone has; None where neither tells."""
    version = header.metadata.get("ss_base_model_version", "")
    architecture = header.metadata.get("modelspec.architecture", "")
    for record in FAMILIES.values():
        if (record.version_start and version.startswith(record.version_start)) or architecture == record.architecture:
            return record.key
    found = families_with(header.modules)
    return found[0] if len(found) == 1 else None


def shared_modules(files: Iterable[OpenedLora]) -> Iterator[str]:
    """Yield the common names of the modules that all of them change."""
    first, *others = files
    return (name for name in first.own if all(name in other.own for other in others))


def biases_left_out(file: OpenedLora) -> list[str]:
    """Return a line about changed biases, which a plain LoRA has none of; none where there are none."""
    count = sum(module.has_bias for module in file.header.modules.values())
    return [f"{count:,} {'bias' if count == 1 else 'biases'} left out"] if count else []


def _check_families(files: Sequence[OpenedLora]) -> None:
    known = [(file, possible) for file in files if (possible := _possible_families(file.header))]
    # One that leaves out blocks may be for several bases: all together are for what each of them may be for.
    of_all: tuple[str, ...] = ()
    narrowest = files[0]
    for file, possible in known:
        other, first = known[0]
        if not set(possible) & set(first):
            raise _unlike(file, _targets(possible), other, _targets(first))
        layouts = family_record(possible[0]).layouts(file.own)
        common = tuple(each for each in layouts if each in of_all)
        if layouts and of_all and not common:
            raise _unlike(file, f"a base of {' or '.join(layouts)}", narrowest, f"a base of {' or '.join(of_all)}")
        if layouts and (not of_all or common != of_all):
            of_all, narrowest = common or layouts, file


def _possible_families(header: LoraHeader) -> tuple[Family, ...]:
    """Return the family that a LoRA is for, or those that it may be for; none where nothing tells."""
    family = family_of(header)
    return families_with(header.modules) if family is None else (family,)


def _targets(families: Sequence[Family]) -> str:
    return " or ".join(family_record(family).lora_target for family in families)


def _unlike(file: OpenedLora, target: str, other: OpenedLora, wanted: str) -> ModelError:
    """Return the refusal of a file that is for another base than the one before it."""
    return ModelError(
        printable(str(file.reference.path)),
        found=f"is for {target}",
        expected=f"one for {wanted}, as {printable(other.reference.label, 80)}",
        way_out="give LoRAs for bases of one family and size",
    )
