"""Files that the grid.json beside one of our pictures names: its LoRAs, base and VAE."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError
from trainer.gallery.sidecar import SIDECAR, MadeGrid, read_sidecar
from trainer.grid.model_files import ModelFiles

# A grid's folder is `grids/0001-name` in its workspace.
_FOLDERS_DOWN = 2


@dataclass(frozen=True)
class NamedFiles:
    """Files that belong to a picture, whether or not they still exist.

    Attributes:
        loras: of the grid's pictures, and those that its spec names.
        models: bases and VAEs.
        note: why they could not be read; "" where they could, or where there is nothing to read.
    """

    loras: tuple[Path, ...] = ()
    models: tuple[Path, ...] = ()
    note: str = ""


def files_beside(picture: Path, model_files: ModelFiles) -> NamedFiles:
    """Return the files that the grid.json in a picture's folder names; none without one.

    A path that no longer exists is also searched in the workspace that the grid is in, and in `model_files`', because either may
    have moved.

    Args:
        picture: any picture of the grid, a sheet too.
        model_files: of the workspace in use.
    """
    folder = picture.absolute().parent
    try:
        made = read_sidecar(folder)
    except GridError as error:
        return NamedFiles(note=f"the {SIDECAR} beside it is not used: {error.line()}")
    if made is None:
        return NamedFiles()
    roots = [ModelFiles(parent) for parent in folder.parents[_FOLDERS_DOWN - 1 : _FOLDERS_DOWN]]
    loras = [*_loras(made)]
    for files in (model_files, *roots):
        loras += [files.path(text) for text in made.spec.files()]
    texts = dict.fromkeys(text for cell in made.cells for text in (cell.recipe.base, cell.recipe.vae) if text)
    return NamedFiles(tuple(dict.fromkeys(loras)), tuple(Path(text) for text in texts))


def _loras(made: MadeGrid) -> Iterator[Path]:
    for cell in made.cells:
        for lora in cell.recipe.loras:
            yield lora.path
            if lora.text_encoder_path is not None:
                yield lora.text_encoder_path
