"""Hints beside a fit: what else would help where nothing fits, and what saves memory already."""

from collections.abc import Iterator

from trainer.memory.levers import lean_optimizer_missing, may_leave_card
from trainer.memory.peak import MemoryPrediction, Peak
from trainer.memory.report import bytes_text
from trainer.memory.request import MemoryRequest
from trainer.optimizers import leaner_form
from trainer.settings.parts import body_of, is_encoder

# The next smaller size that people train at: 768 for 1024, 384 for 512.
_SMALLER_SIDE = 0.75


def hints_for(request: MemoryRequest, prediction: MemoryPrediction, missing: int) -> tuple[str, ...]:
    """Return what would help beyond the levers, with an estimate of what it frees; all of it changes what is learned.

    Args:
        request: with the settings in question.
        prediction: of the leanest choice.
        missing: bytes that it is too much.
    """
    peak = prediction.peak
    match peak.stage:
        case "step":
            return tuple(_of_step(request, peak, prediction.bucket))
        case "sample" | "decode":
            return ("smaller sample pictures (sample_resolution), or no sample pictures",)
        case "cache":
            width, height = prediction.bucket
            return (f"smaller pictures: the largest bucket, {width}×{height}, does not fit through the VAE",)
        case _:
            return (f"a GPU with {bytes_text(missing)} more: the base alone does not fit",)


def _of_step(request: MemoryRequest, peak: Peak, bucket: tuple[int, int]) -> Iterator[str]:
    settings, parts = request.settings, peak.parts
    activations = int(parts.get("activations", 0) * (1 - _SMALLER_SIDE**2))
    if activations:
        smaller = " × ".join(str(int(side * _SMALLER_SIDE)) for side in bucket)
        yield f"a smaller resolution: {smaller} instead of {bucket[0]} × {bucket[1]} frees ~{bytes_text(activations)}"
    of_rank = sum(parts.get(name, 0) for name in ("lora", "optimizer", "gradients"))
    if settings.network_dim > 1 and of_rank:
        yield f"a smaller rank: network_dim {settings.network_dim // 2} frees ~{bytes_text(of_rank // 2)}"
    trained = [part for part in request.trained_parts if is_encoder(part)]
    if trained and body_of(request.family) in request.trained_parts:
        held = bytes_text(parts.get("encoders", 0))
        yield f"network_train_unet_only: text encoders that do not train can leave the GPU (~{held} and their LoRA)"
    elif may_leave_card(request):
        yield "captions that do not vary (no shuffling, dropout or wildcards): then the text encoder's outputs are cached"
    leaner = leaner_form(settings.optimizer_type)
    if leaner is not None and (why := lean_optimizer_missing(settings, leaner)):
        yield f"{leaner.name} frees ~{bytes_text(parts.get('optimizer', 0) * 3 // 4)}; {why}"


def notes_for(request: MemoryRequest) -> tuple[str, ...]:
    """Return notes on what is done already and on what would not help."""
    notes = ["latents are cached before training: the VAE is not on the GPU during training"]
    if request.cached_encoders:
        notes.append(
            "captions do not vary: the outputs of text encoders that do not train are cached, and these encoders leave the GPU"
        )
    stops = [part for part in request.trained_parts if is_encoder(part) and request.settings.stop_of(part)]
    if stops:
        notes.append("a text encoder's stop frees memory only from that step on; the peak before it stays the same")
    return tuple(notes)
