"""Fit of a LoRA's modules on a base: of its family, of its layout, of its sides; free of torch."""

from collections.abc import Collection, Mapping
from pathlib import Path

from trainer.errors import ModelError
from trainer.families.registry import family_record
from trainer.models.identify import Base, LoraShape
from trainer.models.kohya_names import families_named
from trainer.models.lora_module import LoraModule
from trainer.models.other_loras import model_of
from trainer.settings.parts import Family
from trainer.text import printable


def check_lora(path: Path, modules: Mapping[str, LoraModule], base: Base, whose: str = "the base") -> None:
    """See that a LoRA is for a base.

    Args:
        path: the file.
        modules: its layers, named as this program names the base's modules.
        base: the base.
        whose: what the base is called in the error.

    Raises:
        ModelError: it is for another family, for a base of another layout, or of other sides.
    """
    check_names(path, modules, base.lora_shapes, base.family, whose)
    for name, module in modules.items():
        check_sides(path, name, module, base.lora_shapes[name])


def check_names(path: Path, names: Collection[str], known: Collection[str], family: Family, whose: str) -> None:
    """See that a LoRA changes no module that is not there.

    Args:
        path: the file.
        names: its modules, named for the family.
        known: the modules there are, of a base or of a network on it.
        family: theirs.
        whose: what has them, in words.

    Raises:
        ModelError: it does, or is for a base of another layout.
    """
    check_layout(path, names, known, family)
    if strange := [name for name in names if name not in known]:
        raise strangers(path, strange, len(names), family, whose)


def check_layout(path: Path, names: Collection[str], known: Collection[str], family: Family) -> None:
    """See that a LoRA is for a base of this layout: the names of one for another may all be there, and mean other modules.

    Args:
        path, names, known, family: as check_names has them.

    Raises:
        ModelError: it is not.
    """
    record = family_record(family)
    found, wanted = record.layouts(names), record.layouts(known)
    if found and wanted and not set(found) & set(wanted):
        raise ModelError(
            printable(str(path)),
            found=f"a LoRA for a base of {' or '.join(found)}",
            expected=f"one for {wanted[0]}",
            way_out=record.other_layout,
        )


def strangers(path: Path, names: Collection[str], count: int, family: Family, whose: str) -> ModelError:
    """Return the refusal of a file with modules that are not there, which blames the base only if most of them are.

    Args:
        path: the file.
        names: its modules that are unknown.
        count: how many it has.
        family: of what does not have them.
        whose: what that is, in words.
    """
    target = family_record(family).lora_target
    example = printable(next(iter(names)), 80)
    found = f"module {example} does not belong to {whose}"
    if count > 1:
        verb = "does" if len(names) == 1 else "do"
        found = f"{len(names)} of {count} modules {verb} not belong to {whose}, for example {example}"
    if 2 * len(names) >= count:
        model, others = model_of(names), families_named(names)
        if model:
            found = f"a LoRA for {model}: {found}"
        elif others and family not in others:
            found = f"a LoRA for {' or '.join(family_record(other).lora_target for other in others)}: {found}"
        elif not others:
            found = f"a LoRA for none of the models known here, by its names: {found}"
        elsewhere = ", or choose a base it was made for" if others and not model else ""
        return ModelError(
            printable(str(path)), found=found, expected=f"a LoRA for {target}", way_out=f"leave it out{elsewhere}"
        )
    return ModelError(
        printable(str(path)),
        found=f"{found}; the others fit",
        expected=f"layers on modules of {target} alone",
        way_out="leave it out, or save it without these layers",
    )


def check_sides(path: Path, name: str, module: LoraModule, place: LoraShape) -> None:
    """See that a layer has the inputs, outputs and kernel of its module; a 1x1 kernel may be written or not.

    Args:
        path: the LoRA's file.
        name: the module's.
        module: the layer.
        place: the module of the base.

    Raises:
        ModelError: it does not.
    """
    if module.fits(place.outputs, place.inputs, place.kernel):
        return
    kernel = () if place.kernel == 1 else (place.kernel, place.kernel)
    inputs = place.inputs
    if module.is_flat:
        inputs, kernel = inputs * place.kernel**2, ()
    sides = tuple(side for side in module.down[2:] if side != 1)
    raise ModelError(
        printable(str(path)),
        found=f"{printable(name, 80)} has {module.down[1]} inputs and {module.up[0]} outputs{_kernel(sides)}",
        expected=f"{inputs} and {place.outputs}{_kernel(kernel)}",
        way_out="it was made for another base",
    )


def _kernel(sides: tuple[int, ...]) -> str:
    return f", a kernel of {' × '.join(map(str, sides))}" if sides else ""
