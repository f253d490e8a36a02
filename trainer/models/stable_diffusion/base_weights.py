"""Places of a base's weights, whatever form the base comes in; free of torch."""

from pathlib import Path

from trainer.errors import ModelError
from trainer.formats.safetensors_header import Header, read_header
from trainer.models.component_weights import Weights
from trainer.models.diffusers_folder import Component, weights_files
from trainer.models.stable_diffusion.ldm_keys import (
    SD1_CLIP_PREFIX,
    SDXL_CLIP_PREFIX,
    VAE_PREFIX,
    clip_slices,
    openclip_slices,
    plain_slices,
    unet_slices,
    vae_slices,
)
from trainer.models.unsupported import describe_unsupported
from trainer.models.weight_slice import WeightSlice
from trainer.text import printable

VAE_WANTED = "a VAE of SD1.x or SDXL: one .safetensors file or a diffusers folder"
"""What a separate VAE may be, in words."""


def weights_in_folder(folder: Path) -> dict[Component, Weights]:
    """Return the components of the diffusers folder, the second text encoder only where there is one.

    Raises:
        ModelError: a component is missing, cut off or a pickle.
    """
    found: dict[Component, Weights] = {}
    components: tuple[Component, ...] = ("unet", "text_encoder", "text_encoder_2", "vae")
    for component in components:
        if component == "text_encoder_2" and not (folder / component).is_dir():
            continue
        found[component] = _weights_in(folder / component, component)
    return found


def weights_in_file(path: Path, header: Header) -> dict[Component, Weights]:
    """Return the components that a checkpoint in the original layout holds.

    Args:
        path: the file.
        header: its header.
    """
    shapes = header.shapes
    pieces: dict[Component, dict[str, WeightSlice]] = {
        "unet": unet_slices(shapes),
        "text_encoder": clip_slices(shapes, SD1_CLIP_PREFIX) or clip_slices(shapes, SDXL_CLIP_PREFIX),
        "text_encoder_2": openclip_slices(shapes),
        "vae": vae_slices(shapes),
    }
    return {component: Weights(path, {path: header}, found) for component, found in pieces.items() if found}


def vae_config_path(place: Path) -> Path | None:
    """Return where the config of a separate VAE lies, None for a single file, which has none."""
    if place.is_file():
        return None
    inner = place / "vae"
    return (inner if inner.is_dir() else place) / "config.json"


def vae_weights(place: Path) -> Weights:
    """Return the weights of a VAE that stands alone: a file in either layout, a whole checkpoint, a VAE's folder or a base's.

    Raises:
        ModelError: it is no VAE of SD1.x or SDXL; says what it is.
    """
    if config := vae_config_path(place):
        weights = _weights_in(config.parent, "vae")
    else:
        header = read_header(place)
        prefix = VAE_PREFIX if any(key.startswith(VAE_PREFIX) for key in header.shapes) else ""
        if f"{prefix}decoder.conv_in.weight" not in header.shapes:
            found, _ = describe_unsupported(header)
            raise ModelError(printable(str(place)), found=found, expected=VAE_WANTED)
        weights = Weights(place, {place: header}, vae_slices(header.shapes, prefix))
    _check_vae(weights)
    return weights


def _check_vae(weights: Weights) -> None:
    """See that it makes four channels of latents from pictures, as those of SD1.x and SDXL do."""
    latents, picture = weights.shape("decoder.conv_in.weight"), weights.shape("encoder.conv_in.weight")
    if len(latents) != 4 or len(picture) != 4:
        raise ModelError(printable(str(weights.path)), found="a VAE of another architecture", expected=VAE_WANTED)
    if (latents[1], picture[1]) != (4, 3):
        raise ModelError(
            printable(str(weights.path)),
            found=f"a VAE of {latents[1]} latent channels for pictures of {picture[1]}",
            expected=f"4 and 3 channels: {VAE_WANTED}",
        )
    weights.check_types("a VAE")


def _weights_in(place: Path, component: Component) -> Weights:
    files = {path: read_header(path) for path in weights_files(place, component)}
    shapes = {key: shape for header in files.values() for key, shape in header.shapes.items()}
    match component:
        case "vae":
            slices = vae_slices(shapes, "")
        case "unet":
            slices = plain_slices(shapes)
        case _:
            slices = clip_slices(shapes, projected=component == "text_encoder_2")
    return Weights(next(iter(files)) if len(files) == 1 else place, files, slices)
