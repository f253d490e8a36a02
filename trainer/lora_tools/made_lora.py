"""LoRA files that are made: written module by module in kohya's form, whole or not at all, with hashes and a record of where they come from."""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainer.atomic_file import atomic_path
from trainer.errors import DiskFull, ModelError, SettingsError, WorkspaceError
from trainer.families.record import KeyForm
from trainer.formats.number_types import RANGES, number_bytes, rounded
from trainer.formats.safetensors_stream import Entry, TensorStream
from trainer.lora_tools.inputs import ModuleSides
from trainer.measures.change_factors import Factors, Matrix
from trainer.measures.products import squared_norm
from trainer.models.lora_header import ALPHA, DOWN, UP
from trainer.refusals import refusal_of
from trainer.text import printable

PRECISIONS: Mapping[str, str] = {"float": "F32", "fp32": "F32", "fp16": "F16", "bf16": "BF16"}
"""What a precision is called, in settings and commands -> the type in a file."""

DTYPE_WORDS: Mapping[str, str] = {"F64": "fp64", "F32": "fp32", "BF16": "bf16", "F16": "fp16"}
"""A type -> what it is called where people read."""


class BenchStopped(Exception):  # not an error: somebody asked for it
    """The file is no longer wanted; nothing of it is left."""


Progress = Callable[[int, int], None]
"""Takes how many modules are done, and of how many."""


def no_progress(_done: int, _total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class AlphaRule:
    """The alpha that each module is written with; its change stays the same whatever it is.

    Attributes:
        value: the same for all modules.
        is_written: whether there is one at all: without it the scale is 1 in every program.
        keeps_scale: whether alpha / rank stays as the first file has it; else, without a value, alpha is the rank.
    """

    value: float | None = None
    is_written: bool = True
    keeps_scale: bool = False

    def check(self, dtype: str) -> None:
        """See that a type holds the alpha that is the same for all modules.

        Raises:
            SettingsError: it does not.
        """
        if self.value is None or 0 < float(rounded(np.array(self.value), dtype)) < math.inf:
            return
        least, most = RANGES[dtype]
        raise SettingsError(
            "alpha", found=f"{self.value:g}", expected=f"{least:.3g} to {most:.3g}, which {DTYPE_WORDS[dtype]} holds"
        )

    def alpha(self, rank: int, scale: float) -> float:
        """Return the alpha of a module.

        Args:
            rank: that it is written with.
            scale: alpha / rank where it comes from.
        """
        if self.value is not None:
            return self.value
        return scale * rank if self.keeps_scale and self.is_written else float(rank)


SCALE_KEPT = AlphaRule(keeps_scale=True)
ALPHA_IS_RANK = AlphaRule()
NO_ALPHA = AlphaRule(is_written=False)

_RULES: Mapping[str, AlphaRule] = {"keep": SCALE_KEPT, "rank": ALPHA_IS_RANK, "none": NO_ALPHA}


def alpha_rule_named(text: str) -> AlphaRule:
    """Return the rule that a text names: `keep`, `rank`, `none`, or the alpha of all modules.

    Raises:
        SettingsError: it is none of these.
    """
    named = _RULES.get(text.strip().lower())
    if named is not None:
        return named
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise SettingsError("alpha", found=printable(text, 40), expected="keep, rank, none, or a number above 0")
    return AlphaRule(value)


@dataclass(frozen=True)
class MadeModule:
    """The change of a module that is to be written.

    Attributes:
        up: [outputs, rank].
        down: [rank, inputs · kernel²]; up · down is the change.
        scale: alpha / rank where it comes from; 1 where it comes from several.
        before: rank where it comes from, the largest of several.
        squared: ‖ΔW‖² of what was asked for.
        lost: ‖ΔW - up · down‖², what the rank leaves out.
    """

    up: Matrix
    down: Matrix
    scale: float
    before: int
    squared: float
    lost: float = 0.0


@dataclass(frozen=True)
class WrittenModule:
    """A module as it was written.

    Attributes:
        name: as in the file.
        before, rank: of its layer where it comes from, and in the file.
        squared, lost: as in MadeModule.
        rounded: ‖ΔW - ΔW written‖² of what the type of the file rounds off.
    """

    name: str
    before: int
    rank: int
    squared: float
    lost: float
    rounded: float


@dataclass(frozen=True)
class PlannedModule:
    """A module before anything of it is computed.

    Attributes:
        name: as it will be written.
        sides: of its matrix.
        most: no larger rank will it get.
    """

    name: str
    sides: ModuleSides
    most: int


@dataclass(frozen=True)
class MadeLora:
    """What was made.

    Attributes:
        path: of the file.
        size: bytes.
        dtype: of its numbers.
        modules: in the file's order.
        left_out: modules that are not in it -> the reason.
        notes: what else the user should know, a line each.
        sha256: of its tensors, by which a webui knows it.
    """

    path: Path
    size: int
    dtype: str
    modules: tuple[WrittenModule, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sha256: str = ""

    @property
    def kept(self) -> float:
        """Share of ‖ΔW‖² that the ranks hold; 1 of no change at all."""
        whole = sum(each.squared for each in self.modules)
        return 1.0 - sum(each.lost for each in self.modules) / whole if whole else 1.0

    @property
    def rounding(self) -> float:
        """What the type of the file rounds off, ‖ΔW - ΔW written‖ / ‖ΔW‖."""
        whole = sum(each.squared - each.lost for each in self.modules)
        return math.sqrt(sum(each.rounded for each in self.modules) / whole) if whole > 0 else 0.0


@dataclass(frozen=True)
class Output:
    """Where and how a LoRA is written.

    Attributes:
        path: the file.
        dtype: type of its tensors; "" for that of what it comes from.
        alpha: which alpha its modules get; none under another program's keys.
        replace: whether a file that is there is overwritten.
        form: how its tensors are called; None for kohya's keys.
    """

    path: Path
    dtype: str = ""
    alpha: AlphaRule = SCALE_KEPT
    replace: bool = False
    form: KeyForm | None = None

    def keys(self, module: str) -> tuple[str, str]:
        """Return the keys of a module's two factors, lora_down's and lora_up's; the form must have a name for it."""
        if self.form is None:
            return module + DOWN, module + UP
        path = self.form.path(module)
        assert path is not None
        return path + self.form.down, path + self.form.up

    def nameless(self, modules: Iterable[str]) -> dict[str, str]:
        """Return the modules that the form has no name for -> the reason why they are left out."""
        if self.form is None:
            return {}
        return {name: f"{self.form.title} has no name for it" for name in modules if self.form.path(name) is None}

    def check(self, sources: Iterable[Path] = ()) -> None:
        """See that the file may be written, before anything is computed.

        Args:
            sources: files that are read meanwhile.

        Raises:
            WorkspaceError: it is there and not to be replaced, or is one of the sources, or has no folder.
        """
        shown = printable(str(self.path))
        if os.path.isdir(self.path) or self.path.suffix != ".safetensors":
            raise WorkspaceError(
                shown, found="not the name of a file for a LoRA", expected="a name that ends in .safetensors"
            )
        if not self.path.parent.is_dir():
            raise WorkspaceError(shown, found="its folder does not exist", way_out="make the folder first")
        if any(_is_same(self.path, source) for source in sources):
            raise WorkspaceError(
                shown, found="is one of the files that are read", expected="another file", way_out="choose another name"
            )
        if os.path.lexists(self.path) and not self.replace:
            raise FileTaken(
                shown,
                found="is already there",
                expected="a new file",
                way_out="choose another name, or overwrite it (--force)",
            )


class FileTaken(WorkspaceError):
    """The file is already there.

    Choose another name, or overwrite it with `--force`.
    """


def write_lora(
    output: Output,
    planned: Sequence[PlannedModule],
    make: Callable[[str], MadeModule | str],
    metadata: Mapping[str, str],
    *,
    dtype: str,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
    notes: Sequence[str] = (),
) -> MadeLora:
    """Make each module and write it, one after the other: no more than one of them is held.

    Args:
        output: where to; it was checked.
        planned: the modules that may come.
        make: a module's name -> its change, or the reason why it is left out.
        metadata: texts of its header, without ranks and hashes.
        dtype: of its tensors where the output names none.
        progress: takes how many modules are done.
        stop: asked between two modules whether to give up.
        notes: handed on.

    Raises:
        ModelError: a file cannot be read, every module was left out, or a number is too large for the type.
        WorkspaceError, DiskFull: the file cannot be written.
        BenchStopped: `stop` became true; nothing of the file is left.
    """
    dtype = output.dtype or dtype
    output.alpha.check(dtype)
    left_out = output.nameless(each.name for each in planned)
    # Of each module alpha, down and up stand together in safetensors' own order.
    planned = sorted((each for each in planned if each.name not in left_out), key=lambda each: output.keys(each.name))
    written: list[WrittenModule] = []
    alphas: set[float] = set()
    try:
        with (
            atomic_path(output.path) as beside,
            TensorStream(beside, _entries(planned, dtype, output), metadata) as stream,
        ):
            for number, each in enumerate(planned):
                if stop():
                    raise BenchStopped
                progress(number, len(planned))
                made = make(each.name)
                if isinstance(made, str):
                    left_out[each.name] = made
                    continue
                module, alpha = _write(stream, each, made, output, dtype)
                written.append(module)
                alphas.add(alpha)
            if not written:
                raise ModelError(
                    printable(str(output.path)),
                    found=f"no module is left for it: {next(iter(left_out.values()), 'the files have none')}",
                    expected="at least one that changes something",
                )
            texts = {**metadata, **network_texts(written, alphas, metadata)}
            hashes = stream.hashes(texts)
            stream.finish({**texts, **hashes})
        size = output.path.stat().st_size
    except OSError as error:
        raise unwritten(output.path, error) from error
    progress(len(planned), len(planned))
    return MadeLora(output.path, size, dtype, tuple(written), left_out, tuple(notes), hashes["sshs_model_hash"])


def unwritten(path: Path, error: OSError) -> WorkspaceError | DiskFull:
    """Return the error for a file that the system refuses to write."""
    refused = refusal_of(error)
    if isinstance(refused, DiskFull):
        return DiskFull(printable(str(path)), found=refused.found, way_out=refused.way_out)
    return WorkspaceError(
        printable(str(path)),
        found=f"cannot be written ({error.strerror or refused.found})",
        way_out="choose another place, or fix the folder's permissions",
    )


def _entries(planned: Sequence[PlannedModule], dtype: str, output: Output) -> Iterable[Entry]:
    for each in planned:
        down, up = output.keys(each.name)
        if output.alpha.is_written:
            yield each.name + ALPHA, dtype, ()
        yield down, dtype, each.sides.down(each.most)
        yield up, dtype, each.sides.up(each.most)


def _write(
    stream: TensorStream, planned: PlannedModule, made: MadeModule, output: Output, dtype: str
) -> tuple[WrittenModule, float]:
    """Write a module and return it, and its alpha."""
    rule, path = output.alpha, output.path
    rank = len(made.down)
    asked = np.array(rule.alpha(rank, made.scale))
    # As the type has it, so that what it rounds off goes into `up`.
    alpha = float(rounded(asked, dtype)) or float(rank)
    up = made.up * (rank / alpha) if rule.is_written else made.up
    up, down = in_range(up, made.down, dtype)
    saved_up, saved_down = rounded(up, dtype), rounded(down, dtype)
    if not (np.isfinite(saved_up).all() and np.isfinite(saved_down).all() and math.isfinite(alpha)):
        raise ModelError(
            printable(str(path)),
            found=f"{printable(planned.name, 80)} has numbers too large for {DTYPE_WORDS[dtype]}",
            expected="a type that holds them" if dtype == "F16" else "smaller ones",
            way_out="save it in fp32 (--save-precision float)" if dtype == "F16" else "choose smaller weights",
        )
    if rule.is_written:
        stream.add(planned.name + ALPHA, dtype, (), [number_bytes(np.array(alpha), dtype)])
    key_of_down, key_of_up = output.keys(planned.name)
    stream.add(key_of_down, dtype, planned.sides.down(rank), [number_bytes(down, dtype)])
    stream.add(key_of_up, dtype, planned.sides.up(rank), [number_bytes(up, dtype)])
    scale = alpha / rank if rule.is_written else 1.0
    off = scale * scale * _difference(up, down, saved_up, saved_down)
    return WrittenModule(planned.name, made.before, rank, made.squared, made.lost, off), alpha


def in_range(up: Matrix, down: Matrix, dtype: str) -> tuple[Matrix, Matrix]:
    """Return factors of the same product that a type holds as exactly as it can.

    Below its least normal number a type has fewer and fewer digits, and above its largest none. Where one factor comes near either
    end, a power of two goes from one to the other, which changes no digit of them.

    Args:
        up, down: the factors.
        dtype: of the file.
    """
    largest, other = (float(np.abs(factor).max(initial=0.0)) for factor in (up, down))
    least, most = RANGES[dtype]
    # Numbers a sixteenth of the largest still have all their digits.
    if not (0 < largest < math.inf and 0 < other < math.inf) or all(
        16 * least <= each <= most for each in (largest, other)
    ):
        return up, down
    exponent = round((math.log2(other) - math.log2(largest)) / 2)
    return np.ldexp(up, exponent), np.ldexp(down, -exponent)


def _difference(up: Matrix, down: Matrix, saved_up: Matrix, saved_down: Matrix) -> float:
    """Return ‖up · down - saved_up · saved_down‖².

    As (up - saved_up) down + saved_up (down - saved_down): subtracting norms instead would leave nothing of a loss of a millionth.
    """
    lost = Factors(
        np.concatenate([up - saved_up, saved_up], axis=1), np.concatenate([down, down - saved_down]), 1.0, len(down)
    )
    return squared_norm(lost)


def network_texts(written: Sequence[WrittenModule], alphas: set[float], metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what sd-scripts' keys say of ranks and alphas (`Dynamic` where modules differ)."""
    ranks = {each.rank for each in written}
    return {
        "ss_network_dim": str(ranks.pop()) if len(ranks) == 1 else "Dynamic",
        "ss_network_alpha": str(alphas.pop()) if len(alphas) == 1 else "Dynamic",
        "ss_network_module": metadata.get("ss_network_module", "networks.lora"),
    }


def _is_same(path: Path, other: Path) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False
