"""LoRAs that a picture was made with, from everything that names them: tags, additional-networks, lists of hashes and resources."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from trainer.exchange.cell_text import with_hashes
from trainer.exchange.infotext_fields import InfotextFields
from trainer.formats.infotext import Infotext
from trainer.formats.listed_loras import ListedLora
from trainer.formats.picture_recipe import PictureRecipe
from trainer.prompts.lora_tags import Tag
from trainer.text import printable

# The limit of additional-networks.
_MAX_ADDED = 5


@dataclass(frozen=True)
class WantedLora:
    """A LoRA that a picture was made with.

    Attributes:
        tag: its name and factors.
        digits: the first digits of its hash, "" for none.
        about: what else tells which it is, "" for nothing.
        weighed: whether the picture gives its factors.
    """

    tag: Tag
    digits: str = ""
    about: str = ""
    weighed: bool = True

    @property
    def label(self) -> str:
        """Its name as a line starts with it: `LoRA hat (0123456789ab)`."""
        about = self.digits or (self.about if self.about != self.tag.name else "")
        return f"LoRA {printable(self.tag.name, 80)}{f' ({printable(about, 80)})' if about else ''}"


def wanted_loras(tags: tuple[Tag, ...], picture: PictureRecipe) -> tuple[WantedLora, ...]:
    """Return the LoRAs of a picture, each once: those of tags first, then additional-networks', then those that are only listed.

    Civitai lists what the tags name under titles of its own: as many of these as there are tags without an entry are the same LoRAs.

    Args:
        tags: of the prompt.
        picture: the recipe they are from.
    """
    listed = {_same(lora.name): lora for lora in picture.loras}
    found = [
        replace(wanted, digits=wanted.digits or _digits(listed.get(_same(wanted.tag.name))))
        for wanted in (*_of_tags(tags, picture.info), *_additional_networks(picture.info))
    ]
    names = {_same(wanted.tag.name) for wanted in found}
    others = [lora for lora in picture.loras if _same(lora.name) not in names]
    unnamed = len(names - listed.keys())
    titles = [lora for lora in others if lora.titled]
    others = [lora for lora in others if not lora.titled] + titles[unnamed:]
    return (*found, *(_of_list(lora) for lora in others))


def _of_list(lora: ListedLora) -> WantedLora:
    return WantedLora(Tag(lora.name, lora.text_encoder, lora.unet), lora.digits, lora.about, lora.weighed)


def _digits(lora: ListedLora | None) -> str:
    return lora.digits if lora else ""


def _same(name: str) -> str:
    return re.sub(r"\s+", " ", name).strip().casefold()


def _of_tags(tags: tuple[Tag, ...], info: Infotext) -> Iterator[WantedLora]:
    for tag, digits in with_hashes(tags, info.fields.get("Lora hashes", "")):
        yield WantedLora(tag, digits)


def _additional_networks(info: Infotext) -> Iterator[WantedLora]:
    """Yield the LoRAs of additional-networks: weight A is the U-Net's, B the text encoder's."""
    fields = InfotextFields(info.fields)
    for number in range(1, _MAX_ADDED + 1):
        model = fields.text(f"AddNet Model {number}", "None")
        if model in ("", "None") or fields.text("AddNet Enabled", "True") != "True":
            continue
        name, _, digits = model.removesuffix(")").rpartition("(") if model.endswith(")") else (model, "", "")
        unet = fields.number(f"AddNet Weight A {number}", fields.number(f"AddNet Weight {number}", 1.0))
        yield WantedLora(Tag(name, fields.number(f"AddNet Weight B {number}", unet), unet), digits.lower())
