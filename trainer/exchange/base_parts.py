"""Parts of a base that have files of their own, as the webui's forks name them in an infotext: by number, each by its file's stem."""

from collections.abc import Iterator
from pathlib import Path

from trainer.exchange.infotext_fields import InfotextFields
from trainer.exchange.known_models import find_named
from trainer.families.registry import family_record
from trainer.grid.model_files import ModelFiles
from trainer.grid.recipe import Recipe
from trainer.models.identify import Base
from trainer.settings.describe import settings_naming
from trainer.text import printable

_KEY = "Module "
_VAE = "vae"


def part_fields(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield `Module 1` and so on with the stem of each file of weights beside the base's, in the order of the settings; none for a base of one file."""
    files = dict(recipe.components)
    if not files:
        return
    if recipe.vae:
        files[_VAE] = recipe.vae
    named = (Path(files[setting]) for setting in settings_naming("weights") if setting in files)
    # The forks know single files alone.
    stems = (place.stem for place in named if place.suffix == ".safetensors")
    yield from ((f"{_KEY}{number}", stem) for number, stem in enumerate(stems, start=1))


def parts_in(
    fields: InfotextFields, base: Base | None, model_files: ModelFiles, differences: list[str]
) -> dict[str, object]:
    """Return the values of a spec for the modules that an infotext names, where a setting of this workspace names such files.

    Args:
        fields: of the infotext.
        base: where it is known here.
        model_files: the workspace's files.
        differences: takes a line for each module that is not known here.
    """
    if base is None or not (settings := family_record(base.family).components):
        return {}
    weights = [setting for setting in settings_naming("weights") if setting in settings]
    own = {place.stem for place in base.component_files.values()}
    found: dict[str, str] = {}
    for key, stem in fields.fields.items():
        if not (key.startswith(_KEY) and key.removeprefix(_KEY).isdecimal()) or stem in own:
            continue
        here = {setting: place for setting in weights if (place := find_named(model_files, setting, stem))}
        if here:
            found |= dict([next(iter(here.items()))])
        else:
            differences.append(f"{key} {printable(stem, 80)} is not known here: the base's own is used")
    vae = {_VAE: found.pop(_VAE)} if _VAE in found else {}
    return {**vae, "components": found}
