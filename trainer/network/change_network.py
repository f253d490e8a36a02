"""The changes of a file of any kind on a model: plain LoRA layers, and LoHa, LoKr, DoRA and full differences beside them."""

from trainer.network.change_layer import ChangeLayer
from trainer.network.forward_patch import ForwardPatch
from trainer.network.injection import LoraBase, targets
from trainer.network.lora_content import LoraFile
from trainer.network.lora_file import check_modules, layer_of
from trainer.network.patch_network import PatchNetwork
from trainer.settings.parts import Part, parts_of


def changes_of(model: LoraBase, file: LoraFile) -> PatchNetwork[ForwardPatch]:
    """Put a file that was read before on a model, whatever kinds its layers are of.

    Args:
        model: loaded base.
        file: its modules named for the model's family.

    Raises:
        ModelError: the file is for another architecture.
    """
    places = {part: targets(model, part, "all") for part in parts_of(model.family)}
    check_modules(file, {name for part in places.values() for name in part}, "the base", model.family)
    modules = set(file.modules)
    layers: dict[Part, list[ForwardPatch]] = {}
    for part, of_part in places.items():
        layers[part] = [
            ChangeLayer(name, target, file.others[name], file.tensors_of(name), file.path)
            if name in file.others
            else layer_of(file, name, target)
            for name, target in of_part.items()
            if name in modules
        ]
    return PatchNetwork(model.family, layers)
