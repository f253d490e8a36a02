"""Known reasons why our picture may differ from one with the same infotext, read from its fields."""

from collections.abc import Iterator, Mapping

from trainer.exchange.cell_text import PREDICTION_KEY, REPEAT_KEY, RESCALE_KEY, ZERO_SNR_KEY
from trainer.formats.infotext import SHIFT_KEYS
from trainer.text import printable

# Keys that are used, or do not change the picture. A name ending in a space stands for all keys that start with it.
_READ = (
    *("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model", "Model hash", "VAE", "VAE hash"),
    *("Clip skip", "RNG", "Lora hashes", "Version", "User", "Emphasis", "Hashes", "AddNet ", "Lora "),
    # The webui of 2023 also wrote these into pictures made from noise.
    *("Mask blur", "Conditional mask weight"),
    # What Civitai and others list is read with the LoRAs; their titles and other keys change nothing.
    *("Lora weights", "Resources", "Hashed prompt", "Hashed Negative prompt", "App", "Scheduler", "Module "),
    *("Raw prompt", "Raw negative prompt", "Performance", "Styles"),
    *("Batch size", "Batch pos", "Created Date", "Civitai resources", "Civitai metadata", "Source Identifier"),
    *(REPEAT_KEY, PREDICTION_KEY, RESCALE_KEY, ZERO_SNR_KEY, *SHIFT_KEYS),
)
_HIRES = ("Hires upscale", "Hires resize", "Hires steps", "Hires upscaler")
# With hires fix the first of them belongs to the second pass.
_IMG2IMG = ("Denoising strength", "Init image hash")
# Keys, and what lora-tui does not do. Ending in a space: as above.
_NOT_MADE = (
    (("Variation seed", "Variation seed strength"), "its noise was mixed from two seeds (variation seed)"),
    (("Seed resize from", "Seed resize from-1"), "its noise was drawn for another size (seed resize)"),
    (("Face restoration",), "faces were retouched afterwards (face restoration)"),
    (("ControlNet ", "ControlNet", "ControlNet-0 "), "it was guided by another picture (ControlNet)"),
    (("ADetailer ",), "parts were repainted afterwards (ADetailer)"),
    (("SD upscale ", "Ultimate SD upscale "), "it was upscaled tile by tile (SD upscale)"),
    (("Refiner", "Refiner switch at"), "a second model finished it (refiner)"),
    (("Hypernet", "Hypernet strength", "Hypernet hash"), "a hypernetwork was used"),
    (("TI hashes", "TI"), "textual inversion embeddings were used: here their names are only words"),
    (("Token merging ratio", "Token merging ratio hr"), "tokens were merged (token merging)"),
    (("FP8 weight", "Cache FP16 weight for LoRA"), "the model's weights were stored in 8 bits"),
    (("Tiling",), "it was made to tile seamlessly (tiling)"),
    (
        ("Dynamic thresholding enabled", "Mimic scale", "Threshold percentile"),
        "its guidance was limited (dynamic thresholding)",
    ),
    (("Tiled Diffusion ", "Tiled Diffusion", "MultiDiffusion "), "it was made tile by tile (tiled diffusion)"),
    (("NGMS", "Skip Early CFG", "Skip Early CFG "), "the negative prompt was skipped in some steps"),
    (("Image CFG scale",), "it was made from another picture (instruct-pix2pix)"),
    (("CFG Rescale φ", "CFG Rescale"), "its guidance was rescaled: set guidance_rescale to do the same"),
    (
        ("Eta", "Eta DDIM", "Sigma churn", "Sigma tmin", "Sigma tmax", "Sigma noise"),
        "its sampler was tuned (eta, sigma)",
    ),
    (
        ("Schedule max sigma", "Schedule min sigma", "Schedule rho", "Discard penultimate sigma", "Pad conds"),
        "its schedule was tuned",
    ),
    (
        ("Script", "X ", "Y ", "Z ", "Fixed "),
        "it is a grid: the text describes only its first picture",
    ),
)


def known_differences(fields: Mapping[str, str], ours: bool, program: str = "") -> Iterator[str]:
    """Yield the known reasons, one line each, the most important first.

    Args:
        fields: of the infotext.
        ours: whether this program wrote it.
        program: the one that wrote it where that is known.
    """
    known = [*_READ, *_HIRES, *_IMG2IMG, "ENSD", *(key for keys, _ in _NOT_MADE for key in keys)]
    if any(key in fields for key in _HIRES):
        yield "it was upscaled in a second pass (hires fix): here only the first pass is made"
    elif _any(fields, _IMG2IMG):
        yield "it was made from another picture (img2img): here it starts from noise"
    for keys, words in _NOT_MADE:
        if _any(fields, keys):
            yield words
    yield from _noise(fields, ours)
    if fields.get("Emphasis", "Original") != "Original":
        yield f"weights in the prompt were applied as {printable(fields['Emphasis'], 40)}; here as Original"
    if ours:
        yield "another GPU, precision or attention gives slightly different pixels"
    else:
        yield f"it was made by {program or 'another program'}: the same settings do not give the same pixels"
    unread = [key for key in fields if not _any({key: ""}, known)]
    if unread:
        yield f"not understood: {', '.join(printable(key, 40) for key in unread[:12])}{', …' if len(unread) > 12 else ''}"


def _noise(fields: Mapping[str, str], ours: bool) -> Iterator[str]:
    noise = fields.get("RNG", "CPU" if ours else "GPU")
    if noise != "CPU":
        yield f"its noise was not drawn on the CPU (RNG: {printable(noise, 20)}): the same seed gives different noise here"
    if fields.get("ENSD", "0") != "0":
        yield f"its sampler drew noise by seed + {printable(fields['ENSD'], 20)} (ENSD): ancestral samplers give another picture"


def _any(fields: Mapping[str, str], keys: tuple[str, ...] | list[str]) -> bool:
    return any(key in fields or (key.endswith(" ") and any(own.startswith(key) for own in fields)) for key in keys)
