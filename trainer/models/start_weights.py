"""The LoRA file that a bake starts from, judged against base and settings before anything is loaded; free of torch."""

from pathlib import Path

from trainer.errors import ModelError
from trainer.models.adapter_config import lora_file
from trainer.models.identify import PICKLE_ENDINGS, Base, existing_path, layers_of, refuse_pickle
from trainer.models.kohya_names import ModuleNames, part_of
from trainer.models.lora_fit import check_layout, check_names, check_sides, strangers
from trainer.models.lora_header import check_scale, read_plain_header
from trainer.models.lora_numbers import check_lora_numbers
from trainer.settings.model import Settings
from trainer.text import printable

LORA_WANTED = "a LoRA: one .safetensors file, or a folder of PEFT"
"""What a LoRA file may be, in words."""


def refuse_folder(path: Path) -> None:
    """See that a path to a LoRA is no folder, but for one of PEFT or diffusers with a file that they write.

    Raises:
        ModelError: it is.
    """
    if lora_file(path).is_dir():
        inside = sorted((*path.glob("*.safetensors"), *path.glob("*/adapter_model.safetensors")))
        pickles = sorted(file for file in path.glob("*") if file.suffix in PICKLE_ENDINGS)
        if pickles and not inside:
            refuse_pickle(pickles[0], LORA_WANTED)
        raise ModelError(
            printable(str(path)),
            found="is a folder",
            expected=LORA_WANTED,
            way_out=f"give {printable(str(inside[0].relative_to(path)), 120)} in it" if inside else "",
        )


def check_start_weights(base: Base, settings: Settings) -> None:
    """See that `network_weights` can be started from: its header and its numbers are read, no tensor is kept.

    Args:
        base: that is trained on.
        settings: name the file, and say whether its ranks are taken over.

    Raises:
        ModelError: it is missing, a pickle, no plain LoRA, for another base, of other ranks or alphas, or has weights that are no
            finite numbers.
    """
    if not settings.network_weights:
        return
    path = existing_path(settings.network_weights, "network_weights", LORA_WANTED)
    refuse_folder(path)
    header = read_plain_header(path)
    names = ModuleNames(base.family, base.lora_shapes)
    modules = {names.own(name): module for name, module in header.modules.items()}
    check_layout(path, modules, base.lora_shapes, base.family)
    if settings.dim_from_weights:
        check_names(path, modules, base.lora_shapes, base.family, "the base")
        if not any(_is_trained(name, settings) for name in modules):
            raise ModelError(printable(str(path)), found="no layer of the parts to train", expected="at least one")
    layers = layers_of(base, settings)
    shared = {name: module for name, module in modules.items() if name in layers}
    if not shared:
        raise strangers(path, list(modules), len(modules), base.family, "the network")
    for name, module in shared.items():
        shape, rank = layers[name]
        check_sides(path, name, module, shape)
        if not settings.dim_from_weights:
            alpha = settings.alpha if shape.kernel == 1 else settings.alpha_of_conv
            check_scale(path, name, (module.rank, module.alpha), (rank, alpha or float(rank)))
    check_lora_numbers(path)


def _is_trained(name: str, settings: Settings) -> bool:
    part = part_of(name)
    return part is not None and settings.has_layers(part)
