"""Publishing an epoch: its LoRA under a clear name where a webui finds it, with a preview and the webui's sidecar."""

import json
import math
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.atomic_file import partial_folder
from trainer.errors import DeliveryError, GridError
from trainer.families.registry import FAMILIES
from trainer.gallery.sidecar import MadeCell, MadeGrid, read_sidecar
from trainer.grid.first_spec import epochs_of
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.journal.sample_files import sample_paths
from trainer.models.lora_header import LoraHeader, read_lora_header
from trainer.prompts.attention import escaped_once
from trainer.publish.copy_files import copy_files
from trainer.regular_file import open_regular
from trainer.settings.subject import subject_named
from trainer.text import printable
from trainer.workspace import Workspace, bake_number

NEWEST = "last"
"""The newest epoch, whatever its label."""

# In a tag `<lora:NAME:1>` some characters would end the name; others are not allowed by some file systems.
_NAME = re.compile(r"[^\x00-\x1f\x7f/\\:<>=,\"*?|.\- ][^\x00-\x1f\x7f/\\:<>=,\"*?|]{0,99}(?<![ .])")
# With the endings and what names a half-written file it must stay under the 255 a file name may have.
_MAX_NAME_BYTES = 200
_MAX_GRIDS = 50
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class LoraToPublish:
    """A LoRA to publish.

    Attributes:
        lora: its file.
        name: under which it is used, without a suffix.
        picture: its preview, a PNG; None for none.
        activation_text: words that a webui puts into the prompt with it.
        preferred_weight: the weight it is put there with.
        negative: words for the negative prompt.
        notes: where it comes from; several lines.
        description: one line.
    """

    lora: Path
    name: str
    picture: Path | None = None
    activation_text: str = ""
    preferred_weight: float = 1.0
    negative: str = ""
    notes: str = ""
    description: str = ""


@dataclass(frozen=True)
class PublishResult:
    """Result of publishing.

    Attributes:
        name: as requested.
        where: the folder, with its machine if it is another one.
        sent: names of the files copied.
        unchanged: names of those that existed with the same content.
        replaced: names of those copied over a file of other content.
    """

    name: str
    where: str
    sent: tuple[str, ...]
    unchanged: tuple[str, ...]
    replaced: tuple[str, ...]


def publish(
    lora: LoraToPublish, target: str, *, replace: bool = False, make_folder: bool = False, may_ask: bool = False
) -> PublishResult:
    """Copy the LoRA, its preview and the webui's sidecar into the folder `target` under the given name.

    Args:
        lora: what to publish.
        target: a folder, or `host:folder` by the user's own ssh, with rsync or scp.
        replace: whether files of other content under that name are overwritten.
        make_folder: whether a folder that does not exist is made.
        may_ask: whether ssh may ask for a password in the terminal.

    Raises:
        DeliveryError: the name, the weight or the picture cannot be used, or as copy_files.copy_files.
        ModelError: the file is not a LoRA.
    """
    name, folder = _checked_name(lora.name), target.strip()
    if not folder:
        raise DeliveryError("target", found="blank", expected="a folder, or host:folder")
    if not math.isfinite(lora.preferred_weight):
        raise DeliveryError("weight", found=f"{lora.preferred_weight}", expected="a number")
    if lora.picture is not None:
        _check_png(lora.picture)
    header = read_lora_header(lora.lora)
    with partial_folder(Path(tempfile.gettempdir()), "lora-tui-use") as kept:
        sidecar = kept / f"{name}.json"
        sidecar.write_text(sidecar_json(lora, header), encoding="utf-8")
        files = {f"{name}.safetensors": lora.lora, f"{name}.json": sidecar}
        if lora.picture is not None:
            files[f"{name}.png"] = lora.picture
        delivered = copy_files(files, folder, replace=replace, make_folder=make_folder, may_ask=may_ask)
    return PublishResult(name, delivered.where, delivered.sent, delivered.unchanged, delivered.replaced)


def sidecar_json(lora: LoraToPublish, header: LoraHeader) -> str:
    """Return the content of NAME.json beside a LoRA, with the keys of the webui's own editor (1.5 and later)."""
    table = {
        "description": lora.description,
        "sd version": _sd_version(header),
        "activation text": lora.activation_text,
        "preferred weight": lora.preferred_weight,
        "negative text": lora.negative,
        "notes": lora.notes,
    }
    return json.dumps(table, indent=4, ensure_ascii=False) + "\n"


def lora_of_epoch(journal: Journal, workspace: Workspace, number: int, label: str) -> LoraToPublish:
    """Return epoch `label` of a bake as it would be published: named after bake and epoch, with its subject's words and best picture.

    Args:
        journal: knows the bake.
        workspace: where it is.
        number: the bake's.
        label: of the epoch, as grids have it: `3`, `s600`; `last` for the newest.

    Raises:
        WorkspaceError: no bake has that number.
        GridError: the bake has no such epoch.
        SettingsError: the subject's file is wrong.
    """
    bake = journal.bakes.read(number)
    epochs = {epoch.label: workspace.root / epoch.file for epoch in epochs_of(journal, workspace, [number])}
    found = [*epochs][-1:] if label == NEWEST else [label]
    if not found or found[0] not in epochs:
        there = ", ".join([*epochs, NEWEST])
        raise GridError(
            f"bake {number}",
            found=f"has no epoch {printable(label, 40)}" if epochs else "has not saved a LoRA",
            expected=f"one of {printable(there, 200)}" if epochs else "a bake with a saved LoRA",
        )
    lora = epochs[found[0]]
    best = next(_pictures(journal, workspace, lora), None)
    picture, weight = best or (_sample_picture(journal, bake, lora), 1.0)
    return _lora_to_publish(journal, workspace, bake, found[0], lora, picture, weight)


def lora_of_cell(journal: Journal, workspace: Workspace, grid: int, cell: str) -> LoraToPublish:
    """Return the LoRA of one picture of a grid as it would be published: with that picture, and at its weight.

    Args:
        journal: knows the grid.
        workspace: where it is.
        grid: the grid's number.
        cell: name of the picture's place: `x1-y2-z1-s3`.

    Raises:
        WorkspaceError: no grid has that number.
        GridError: the grid has no such cell, or the cell has no LoRA.
        SettingsError: the subject's file is wrong.
    """
    row = journal.grids.read(grid)
    folder = workspace.root / row.folder
    made = read_sidecar(folder)
    found = [each for each in made.cells if each.place.name == cell] if made else []
    if not found or not found[0].recipe.loras:
        raise GridError(
            f"grid {grid}",
            found=f"{printable(cell, 40)} was made without a LoRA"
            if found
            else f"has no picture {printable(cell, 40)}",
            expected="a picture of an epoch",
        )
    (chosen,) = found
    lora, picture = chosen.recipe.loras[0].path, folder / chosen.file
    bake = _bake_of(journal, workspace, lora)
    shot = picture if picture.is_file() else None
    if bake is None:
        return LoraToPublish(lora, lora.stem, shot, preferred_weight=_weight(chosen))
    label = _label_of(journal, workspace, bake, lora)
    return _lora_to_publish(journal, workspace, bake, label, lora, shot, _weight(chosen))


def _lora_to_publish(
    journal: Journal, workspace: Workspace, bake: Bake, label: str, lora: Path, picture: Path | None, weight: float
) -> LoraToPublish:
    """Return a LoRA of a bake with its subject's words."""
    settings = settings_of(journal, bake)
    subject = subject_named(workspace.subjects, settings.subject)
    epoch = f"step {label[1:]}" if label.startswith("s") else f"epoch {label}"
    origin = f"bake {bake.number}, {epoch}"
    notes = [
        f"lora-tui: {lora.name} of {origin}" + (f": {bake.why}" if bake.why else ""),
        f"base: {Path(settings.pretrained_model_name_or_path).name}",
        *(f"outfit {name}: {words}" for name, words in subject.outfits.items()),
    ]
    return LoraToPublish(
        lora,
        f"{bake.name}-b{bake.number}-{'' if label.startswith('s') else 'e'}{label}",
        picture,
        escaped_once(subject.trigger),
        weight,
        subject.negative_prompt,
        "\n".join(notes),
        f"{subject.name or bake.name}, {origin}",
    )


def _bake_of(journal: Journal, workspace: Workspace, lora: Path) -> Bake | None:
    """Return the bake in whose folder a LoRA is, None if it is elsewhere."""
    bakes = os.path.realpath(workspace.bakes)
    folder = Path(os.path.realpath(lora)).parent
    number = bake_number(folder.name)
    if str(folder.parent) != bakes or number is None:
        return None
    return next((bake for bake in journal.bakes.latest(limit=100_000) if bake.number == number), None)


def _label_of(journal: Journal, workspace: Workspace, bake: Bake, lora: Path) -> str:
    wanted = os.path.realpath(lora)
    for epoch in epochs_of(journal, workspace, [bake.number]):
        if os.path.realpath(workspace.root / epoch.file) == wanted:
            return epoch.label
    return lora.stem


# The best picture


def _pictures(journal: Journal, workspace: Workspace, lora: Path) -> Iterator[tuple[Path, float]]:
    """Yield pictures made with this LoRA alone, and its weight: newest grid first, favourites before others, then nearest to weight 1."""
    wanted = os.path.realpath(lora)
    for grid in journal.grids.latest(limit=_MAX_GRIDS):
        folder = workspace.root / grid.folder
        made = _sidecar(folder)
        if made is None:
            continue
        favourites = {note.cell for note in journal.grids.cell_notes(grid.number) if note.favourite}
        for cell in _by_merit(made, favourites, wanted):
            if (folder / cell.file).is_file():
                yield folder / cell.file, _weight(cell) if cell.place.name in favourites else 1.0


def _by_merit(made: MadeGrid, favourites: set[str], lora: str) -> Sequence[MadeCell]:
    def merit(cell: MadeCell) -> tuple[bool, float]:
        one = cell.recipe.loras[0]
        return cell.place.name not in favourites, abs(one.unet - 1) + abs(one.text_encoder - 1)

    return sorted((cell for cell in made.cells if _shows(cell, lora)), key=merit)


def _shows(cell: MadeCell, lora: str) -> bool:
    """Whether a picture is of this LoRA alone, at full rank and from one file."""
    if len(cell.recipe.loras) != 1:
        return False
    (one,) = cell.recipe.loras
    return one.rank is None and one.text_encoder_path is None and not one.blocks and os.path.realpath(one.path) == lora


def _weight(cell: MadeCell) -> float:
    """Return the weight for the sidecar, which has one for both parts."""
    one = cell.recipe.loras[0]
    return one.unet if one.unet == one.text_encoder else 1.0


def _sidecar(folder: Path) -> MadeGrid | None:
    try:
        return read_sidecar(folder)
    except GridError:
        # A damaged grid has no preview; another may.
        return None


def _sample_picture(journal: Journal, bake: Bake, lora: Path) -> Path | None:
    """Return the first sample picture that the bake made when it saved this LoRA."""
    steps = [checkpoint.step for checkpoint in journal.results.checkpoints(bake.number) if checkpoint.file == lora.name]
    found = [path for step in steps for path in sample_paths(lora.parent, step)]
    return found[0] if found else None


# Checks and words


def _checked_name(text: str) -> str:
    name = text.strip().removesuffix(".safetensors")
    if not _NAME.fullmatch(name) or len(name.encode("utf-8", "replace")) > _MAX_NAME_BYTES:
        raise DeliveryError(
            "name",
            found=printable(repr(text), 120) if text.strip() else "blank",
            expected=f'up to 100 characters and {_MAX_NAME_BYTES} bytes, none of / \\ : < > = , " * ? |, not starting with a dot or dash',
        )
    return name


def _check_png(path: Path) -> None:
    """Check that a preview is a PNG, as its name will say."""
    try:
        with open_regular(path) as file:
            start = file.read(len(_PNG))
    except OSError as error:
        raise DeliveryError(printable(str(path)), found=f"cannot be read ({error.strerror})") from error
    if start != _PNG:
        raise DeliveryError(printable(str(path)), found="not a PNG file", expected="a PNG picture")


def _sd_version(header: LoraHeader) -> str:
    """Return the webui's word for the family a LoRA is for."""
    version = header.metadata.get("ss_base_model_version", "")
    for record in FAMILIES.values():
        if record.webui_name and version.startswith(record.version_start):
            return record.webui_name
    # Without metadata: SDXL alone has a second text encoder.
    for record in FAMILIES.values():
        others = {part.key for other in FAMILIES.values() if other is not record for part in other.parts}
        own = tuple(part.lora_prefix for part in record.parts if part.key not in others)
        if record.webui_name and any(name.startswith(own) for name in header.modules):
            return record.webui_name
    return "Unknown"
