"""Why may our picture differ from one with the same infotext? Causes read from its fields."""

from collections.abc import Iterator, Mapping

from trainer.exchange.cell_text import AGAIN_KEY, PREDICTION_KEY, RESCALE_KEY, ZERO_SNR_KEY
from trainer.text import printable

# What is read, or says nothing about how the picture looks. A name ending in a space stands for all keys that begin with it.
_READ = (
    *("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model", "Model hash", "VAE", "VAE hash"),
    *("Clip skip", "RNG", "Lora hashes", "Version", "User", "Emphasis", "Hashes", "AddNet ", "Lora "),
    # The webui of 2023 wrote these beside pictures made from noise as well.
    *("Mask blur", "Conditional mask weight"),
    *("Batch size", "Batch pos", "Created Date", "Civitai resources", "Civitai metadata", "Source Identifier"),
    *(AGAIN_KEY, PREDICTION_KEY, RESCALE_KEY, ZERO_SNR_KEY),
)
_HIRES = ("Hires upscale", "Hires resize", "Hires steps", "Hires upscaler")
# With hires fix the first of them is the second pass's.
_IMG2IMG = ("Denoising strength", "Init image hash")
# Keys, and what of the picture we do not make. Ending in a space: as above.
_NOT_MADE = (
    (("Variation seed", "Variation seed strength"), "its noise was mixed from two seeds (variation seed)"),
    (("Seed resize from", "Seed resize from-1"), "its noise was drawn for another size (seed resize)"),
    (("Face restoration",), "faces were painted over afterwards (face restoration)"),
    (("ControlNet ", "ControlNet", "ControlNet-0 "), "it was guided by another picture (ControlNet)"),
    (("ADetailer ",), "parts were painted over afterwards (ADetailer)"),
    (("SD upscale ", "Ultimate SD upscale "), "it was made larger tile by tile (SD upscale)"),
    (("Refiner", "Refiner switch at"), "a second model finished it (refiner)"),
    (("Hypernet", "Hypernet strength", "Hypernet hash"), "a hypernetwork was in force"),
    (("TI hashes", "TI"), "textual inversion embeddings were in force: here their names are only words"),
    (("Token merging ratio", "Token merging ratio hr"), "tokens were merged (token merging)"),
    (("FP8 weight", "Cache FP16 weight for LoRA"), "the model's weights were stored in 8 bits"),
    (("Tiling",), "its edges were made to repeat (tiling)"),
    (
        ("Dynamic thresholding enabled", "Mimic scale", "Threshold percentile"),
        "its guidance was cut (dynamic thresholding)",
    ),
    (("Tiled Diffusion ", "Tiled Diffusion", "MultiDiffusion "), "it was made tile by tile (tiled diffusion)"),
    (("NGMS", "Skip Early CFG", "Skip Early CFG "), "the negative prompt was left out of some steps"),
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
        "it is a grid: the text tells of its first picture alone",
    ),
)


def known_differences(fields: Mapping[str, str], ours: bool) -> Iterator[str]:
    """Yield the known causes of difference, one line each, those that change most first.

    Args:
        fields: of the infotext.
        ours: whether this program wrote it.
    """
    known = [*_READ, *_HIRES, *_IMG2IMG, "ENSD", *(key for keys, _ in _NOT_MADE for key in keys)]
    if any(key in fields for key in _HIRES):
        yield "it was made larger in a second pass (hires fix): ours is its first pass"
    elif _any(fields, _IMG2IMG):
        yield "it was made from another picture (img2img): ours begins from noise alone"
    for keys, words in _NOT_MADE:
        if _any(fields, keys):
            yield words
    yield from _noise(fields, ours)
    if fields.get("Emphasis", "Original") != "Original":
        yield f"weights in the prompt were applied as {printable(fields['Emphasis'], 40)}: ours as Original"
    if ours:
        yield "another card, precision or attention than it was made with gives slightly other pixels"
    else:
        yield "its sampler is another program's: the same settings, not the same pixels"
    unread = [key for key in fields if not _any({key: ""}, known)]
    if unread:
        yield f"not understood: {', '.join(printable(key, 40) for key in unread[:12])}{', …' if len(unread) > 12 else ''}"


def _noise(fields: Mapping[str, str], ours: bool) -> Iterator[str]:
    noise = fields.get("RNG", "CPU" if ours else "GPU")
    if noise != "CPU":
        yield f"its noise was the {printable(noise, 20)}'s (RNG), ours is the CPU's: the same seed begins from other noise"
    if fields.get("ENSD", "0") != "0":
        yield f"its sampler drew noise by seed + {printable(fields['ENSD'], 20)} (ENSD): ancestral samplers go another way"


def _any(fields: Mapping[str, str], keys: tuple[str, ...] | list[str]) -> bool:
    return any(key in fields or (key.endswith(" ") and any(own.startswith(key) for own in fields)) for key in keys)
