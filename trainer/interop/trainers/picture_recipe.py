"""A picture's recipe, from an infotext or ComfyUI's graph: what it says of a base, and of test pictures."""

import re

from trainer.exchange.known_models import BASE, VAE
from trainer.interop.picture_subject import NEGATIVE, PROMPT, SEED
from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers.rules import Values, number

_BY_HASH = "the file of that name among those that the workspace knows"
_MODULE = re.compile(r"Module \d{1,3}$")
_PARTS = "the parts of a base are found beside it, or named by settings of their own"
_NOT_TRAINED = "it is of making a picture, and decides nothing of a training"


def recognises(document: SourceDocument) -> bool:
    """Return whether a document is a picture's infotext, or a ComfyUI workflow."""
    return document.syntax == "infotext"


def _size(value: object, values: Values) -> Reading:
    match = re.fullmatch(r"\s*(\d{1,6})\s*x\s*(\d{1,6})\s*", str(value))
    return Reading({"sample_resolution": f"{match[1]},{match[2]}"}) if match else Reading(no_effect="no width x height")


def _width(value: object, values: Values) -> Reading:
    width, height = (number(values.get(f"ComfyUI {side}")) for side in ("width", "height"))
    if not width or not height:
        return Reading(no_effect="a size needs both sides")
    return Reading({"sample_resolution": f"{width:.0f},{height:.0f}"})


_COMFY_SAMPLERS = {
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "dpmpp_2m": "DPM++ 2M",
    "er_sde": "ER SDE",
    "ddim": "DDIM",
    "uni_pc": "UniPC",
}


def _comfy_sampler(value: object, values: Values) -> Reading:
    name = _COMFY_SAMPLERS.get(str(value), str(value))
    karras = name == "DPM++ 2M" and values.get("ComfyUI scheduler") == "karras"
    return Reading({"sample_sampler": f"{name} Karras" if karras else name})


def _webui_sampler(value: object, values: Values) -> Reading:
    name = str(value)
    karras = name == "DPM++ 2M" and str(values.get("Schedule type", "")) == "Karras"
    return Reading({"sample_sampler": f"{name} Karras" if karras else name})


_WIDTH_HEIGHT = "width,height"


def _hashes(values: Values) -> dict[str, str]:
    """Return the models that a picture names, with the first digits of their hashes."""
    hashes = {BASE: values.get("Model hash"), VAE: values.get("VAE hash")}
    named = {BASE: ("Model", "ComfyUI model"), VAE: ("VAE", "ComfyUI vae")}
    return {option: str(hashes[option] or "") for option, keys in named.items() if any(values.get(key) for key in keys)}


PICTURE = TrainerFormat(
    key="picture",
    title="a picture's recipe (infotext or ComfyUI workflow)",
    recognises=recognises,
    model_hashes=_hashes,
    names_are_no_files=True,
    unprefixed=lambda key: _MODULE.sub("Module", key),
    rules=(
        KeyRule("Prompt", (PROMPT,)),
        KeyRule("Negative prompt", (NEGATIVE,)),
        KeyRule("Seed", (SEED,)),
        KeyRule("Clip skip", ("clip_skip",)),
        KeyRule("Steps", ("sample_steps",)),
        KeyRule("CFG scale", ("sample_cfg_scale",)),
        KeyRule("Sampler", ("sample_sampler",), "with its schedule", read=_webui_sampler),
        KeyRule("Schedule type", why="it is part of the sampler's name here"),
        KeyRule("Size", ("sample_resolution",), _WIDTH_HEIGHT, read=_size),
        KeyRule("Model", (BASE,), _BY_HASH),
        KeyRule("Model hash", why="it tells which file Model is"),
        KeyRule("VAE", (VAE,), _BY_HASH),
        KeyRule("VAE hash", why="it tells which file VAE is"),
        KeyRule("ComfyUI prompt", (PROMPT,)),
        KeyRule("ComfyUI negative_prompt", (NEGATIVE,)),
        KeyRule("ComfyUI seed", (SEED,)),
        KeyRule("ComfyUI clip_skip", ("clip_skip",)),
        KeyRule("ComfyUI steps", ("sample_steps",)),
        KeyRule("ComfyUI cfg", ("sample_cfg_scale",)),
        KeyRule("ComfyUI sampler_name", ("sample_sampler",), "with its schedule", read=_comfy_sampler),
        KeyRule("ComfyUI scheduler", why="it is part of the sampler's name here"),
        KeyRule("ComfyUI width", ("sample_resolution",), _WIDTH_HEIGHT, read=_width),
        KeyRule("ComfyUI height", ("sample_resolution",), _WIDTH_HEIGHT, read=_width),
        KeyRule("ComfyUI model", (BASE,), _BY_HASH),
        KeyRule("ComfyUI vae", (VAE,), _BY_HASH),
        KeyRule("ComfyUI encoder", why=_PARTS),
        KeyRule("ComfyUI shift", ("sample_shift",)),
        KeyRule("Shift", ("sample_shift",)),
        KeyRule("Module", why=_PARTS),
        KeyRule("ComfyUI denoise", why=_NOT_TRAINED),
        *(
            KeyRule(name, why=_NOT_TRAINED)
            for name in (
                "Denoising strength",
                "Hires upscale",
                "Hires upscaler",
                "Hires steps",
                "ENSD",
                "Version",
                "RNG",
                "Lora hashes",
                "TI hashes",
                "Eta",
            )
        ),
    ),
)
