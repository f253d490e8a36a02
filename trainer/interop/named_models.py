"""Models that a source knows by name and hash alone, found among those of the workspace."""

from collections.abc import Callable, Mapping
from pathlib import Path

from trainer.exchange.known_models import BASE, VAE, find_lora, find_model
from trainer.grid.model_files import ModelFiles
from trainer.interop.option_meaning import is_blank
from trainer.settings.subject import DEMO_BASE

FindModel = Callable[[str, str, str], str]
"""Option, name and first digits of the hash, "" for an unknown one -> where the model is here; "" where it is not."""


def finder(root: Path) -> FindModel:
    """Return what finds a model among the bases, VAEs and LoRAs that a workspace's settings, subjects, bakes and grids name.

    Args:
        root: the workspace.
    """
    model_files = ModelFiles(root)

    def find(option: str, name: str, digits: str) -> str:
        if option in (BASE, VAE):
            known = find_model(model_files, option, name, digits)
        else:
            known = find_lora(model_files, Path(name).stem, digits)
        # One of the same name and another hash is another model.
        return "" if known is None or known.same_hash is False else known.name

    return find


def models_found(
    options: Mapping[str, object], hashes: Mapping[str, str], find: FindModel | None
) -> tuple[dict[str, object], list[str]]:
    """Return options with the models that are here, and the names of those that are not.

    Args:
        options: of a source.
        hashes: of `TrainerFormat.model_hashes`.
        find: finds one.
    """
    made, unfound = dict(options), list[str]()
    for option, digits in hashes.items():
        name = options.get(option)
        if not isinstance(name, str) or is_blank(name) or name == DEMO_BASE:
            continue
        here = find(option, name, digits) if find else ""
        if here:
            made[option] = here
        else:
            unfound.append(name)
    return made, unfound
