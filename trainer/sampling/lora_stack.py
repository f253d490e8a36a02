"""The LoRAs in force on a loaded base, put on, exchanged in place and set to their strengths with the least work."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import ModelError
from trainer.grid.recipe import LoraUse
from trainer.models.base_model import BaseModel
from trainer.models.block_weights import parse_block_weights
from trainer.models.kohya_names import part_of
from trainer.models.lora_header import DOWN, UP
from trainer.models.model_content import marks_of_model
from trainer.network.change_network import changes_of
from trainer.network.folding import FoldedWeights
from trainer.network.forward_patch import ForwardPatch
from trainer.network.injection import LoraNetwork, module_names
from trainer.network.lora_content import LoraFile, load_lora
from trainer.network.lora_file import copy_weights, network_of
from trainer.network.patch_network import PatchNetwork
from trainer.sampling.compute_setup import free_memory
from trainer.sampling.truncated_rank import by_weight, kept
from trainer.settings.parts import body_of, is_encoder

# What of files read before is kept for the next time: some seven SDXL LoRAs of rank 32 in half precision.
_MAX_BYTES = 2**30

_Key = tuple[Hashable, ...]


@dataclass
class _Slot:
    """One network on the model: what it holds now, and which files would fit into it, () for none."""

    network: PatchNetwork[ForwardPatch]
    shapes: _Key
    content: _Key

    @property
    def has_encoder_layers(self) -> bool:
        return any(is_encoder(part) for part in self.network.parts)


class LoraStack:
    """The LoRAs on one model, beside whatever else sits on it; the first in use is the innermost.

    A picture depends on what is in use alone, not on what was before: sums are always taken in the order of the uses. What
    predicts is asked at every step of many pictures, so that its changes are folded into weights of their own where there is room
    (see network.folding); the encoders are asked once a prompt.
    """

    def __init__(self, model: BaseModel) -> None:
        self._model = model
        self._names = module_names(model)
        self._slots: list[_Slot] = []
        self._files = _Files()
        self._text_key: _Key = ()
        self._folded = FoldedWeights()
        # What is folded now; None for nothing.
        self._folded_key: _Key | None = None

    @property
    def text_key(self) -> _Key:
        """What the text encoders' output depends on beside the prompt: the layers on them, and their strengths."""
        return self._text_key

    def use(self, loras: Sequence[LoraUse]) -> None:
        """Let exactly these LoRAs be in force.

        Where only factors differ from before they are set; a file of the same modules and ranks is copied over the one
        before; anything else is put on again.

        Args:
            loras: in the order they are put on; one that changes nothing is left out.

        Raises:
            ModelError: a file cannot be read or is for another architecture. Nothing is in force then.
        """
        wanted = [lora for lora in loras if not lora.changes_nothing]
        contents = [_content_of(lora) for lora in wanted]
        of_body = tuple((content, lora.unet, lora.blocks) for lora, content in zip(wanted, contents, strict=True))
        if of_body != self._folded_key:
            self._unfold()
        self._set_all_to_0()
        places = self._places_of(contents)
        if places is None:
            for place, (lora, content) in enumerate(zip(wanted, contents, strict=True)):
                self._put(place, lora, content)
            places = list(range(len(wanted)))
        text_key: list[Hashable] = []
        for place, lora in zip(places, wanted, strict=True):
            slot = self._slots[place]
            slot.network.block_weights = parse_block_weights(lora.blocks, "block weights")
            slot.network.unet_strength = lora.unet
            slot.network.text_encoder_strength = lora.text_encoder
            if lora.text_encoder and slot.has_encoder_layers:
                text_key += [_file_key(lora.text_encoder_path or lora.path), lora.rank, lora.text_encoder, lora.blocks]
        self._text_key = tuple(text_key)
        if self._folded_key is None:
            body = body_of(self._model.family)
            patches = [layer for slot in self._slots for layer in slot.network.layers(body)]
            self._folded.fold(patches, self._model.device, free_memory(self._model.device))
            self._folded_key = of_body

    def rest(self) -> None:
        """Let the model compute as if no LoRA of this stack were there."""
        self._unfold()
        self._set_all_to_0()

    def _unfold(self) -> None:
        self._folded.unfold()
        self._folded_key = None

    def _set_all_to_0(self) -> None:
        self._text_key = ()
        for slot in self._slots:
            for part in slot.network.parts:
                slot.network.set_strength(part, 0.0)

    def close(self) -> None:
        """Take every LoRA off; the stack can be used again."""
        self._unfold()
        self._folded.clear()
        self._take_off(0)
        self._text_key = ()

    def _places_of(self, contents: Sequence[_Key]) -> list[int] | None:
        """Return where these are on already, in this order; None where one is not."""
        places: list[int] = []
        for content in contents:
            begin = places[-1] + 1 if places else 0
            found = next((at for at in range(begin, len(self._slots)) if self._slots[at].content == content), None)
            if found is None:
                return None
            places.append(found)
        return places

    def _put(self, place: int, lora: LoraUse, content: _Key) -> None:
        """Make the network at `place` hold a LoRA; where it must be built again, remove those above it."""
        if place < len(self._slots) and self._slots[place].content == content:
            return
        file = self._composed(lora)
        shapes = _shapes_of(file)
        slot = self._slots[place] if place < len(self._slots) else None
        if slot is not None and slot.shapes and slot.shapes == shapes and isinstance(slot.network, LoraNetwork):
            # Neither the one nor the other, should the copying break off.
            slot.content = ()
            copy_weights(slot.network, file)
            slot.content = content
            return
        self._take_off(place)
        network: PatchNetwork[ForwardPatch]
        network = changes_of(self._model, file) if file.others else network_of(self._model, file)
        self._slots.append(_Slot(network, shapes, content))
        device, dtype = self._model.device, self._model.body_weight.dtype
        for layer in network:
            # On the card though the encoder may be put away for now.
            layer.settle(device, dtype)

    def _take_off(self, place: int) -> None:
        """Take the networks from `place` on off, the outermost first: each gives back the forward it found."""
        while len(self._slots) > place:
            self._slots.pop().network.remove()

    def _composed(self, lora: LoraUse) -> LoraFile:
        """Return the layers of a use: of its own file, the encoders' of another one where it says so."""
        file = self._read(lora.path, lora.rank)
        if lora.text_encoder_path is None:
            return file
        other = self._read(lora.text_encoder_path, lora.rank)
        of_body = {key: tensor for key, tensor in file.tensors.items() if _is_of_body(key)}
        of_encoders = {key: tensor for key, tensor in other.tensors.items() if not _is_of_body(key)}
        others = {name: module for name, module in file.others.items() if _is_of_body(name)}
        others |= {name: module for name, module in other.others.items() if not _is_of_body(name)}
        return LoraFile(file.path, of_body | of_encoders, file.metadata, others)

    def _read(self, path: Path, rank: int | None) -> LoraFile:
        key = _file_key(path)
        file = self._files.get(key)
        if file is None:
            file = self._files.keep(key, load_lora(path).named_for(self._names))
        if rank is None:
            return file
        # Of another kind there is no rank to cut.
        file.plain()
        ordered = self._files.get((key, "by weight"))
        if ordered is None:
            ordered = self._files.keep((key, "by weight"), by_weight(file))
        return kept(file, ordered, rank)


class _Files:
    """Files read before, those used last, up to a number of bytes."""

    def __init__(self) -> None:
        self._files: OrderedDict[_Key, LoraFile] = OrderedDict()
        self._bytes = 0

    def get(self, key: _Key) -> LoraFile | None:
        file = self._files.get(key)
        if file is not None:
            self._files.move_to_end(key)
        return file

    def keep(self, key: _Key, file: LoraFile) -> LoraFile:
        self._files[key] = file
        self._bytes += _bytes_of(file)
        while self._bytes > _MAX_BYTES and len(self._files) > 1:
            _, oldest = self._files.popitem(last=False)
            self._bytes -= _bytes_of(oldest)
        return file


def _bytes_of(file: LoraFile) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in file.tensors.values())


def _file_key(path: Path) -> _Key:
    """Return what identifies a file's content: it differs between files, and after a file is written again."""
    try:
        return marks_of_model(path)
    except ModelError:
        # Reading it says what is wrong.
        return (str(path),)


def _content_of(lora: LoraUse) -> _Key:
    other = lora.text_encoder_path
    return (_file_key(lora.path), None if other is None else _file_key(other), lora.rank)


def _is_of_body(key: str) -> bool:
    part = part_of(key)
    return part is not None and not is_encoder(part)


def _shapes_of(file: LoraFile) -> _Key:
    """Return what two files must have in common for one to be copied over the other; () where it is never."""
    if file.others:
        return ()
    return tuple((module, file.tensors[module + end].flatten(1).shape) for module in file.modules for end in (DOWN, UP))
