"""Markers of the prediction type in a base's own file: marker keys, metadata, the scheduler's config; free of torch."""

from pathlib import Path

from trainer.errors import ModelError
from trainer.families.record import Prediction
from trainer.families.stable_diffusion import BETA_END, BETA_START
from trainer.formats.safetensors_header import Header
from trainer.models.diffusers_folder import config_of
from trainer.models.prediction_markers import PredictionMarkers
from trainer.text import printable

# Marker tensors as NoobAI's models have them; webui and ComfyUI look for the same.
_V_KEY, _ZERO_SNR_KEY = "v_pred", "ztsnr"
_EDM_KEYS = ("edm_mean", "edm_std", "edm_vpred.sigma_max")
_METADATA = "modelspec.prediction_type"
_SCHEDULER = "scheduler/scheduler_config.json"
_WORDS: dict[str, Prediction] = {
    "epsilon": "epsilon",
    "eps": "epsilon",
    "v": "v",
    "v_prediction": "v",
    "v-prediction": "v",
    "vpred": "v",
    "v_pred": "v",
}
_BETAS = {"beta_start": BETA_START, "beta_end": BETA_END}


def markers_in_file(path: Path, header: Header) -> PredictionMarkers:
    """Return what a single file says. Keys come before metadata: tools that merge copy the latter along from anywhere.

    Raises:
        ModelError: a prediction type that is not baked, such as EDM's.
    """
    for key in _EDM_KEYS:
        if key in header.shapes:
            raise _not_baked(printable(str(path)), f"EDM (key {key})")
    zero = True if _ZERO_SNR_KEY in header.shapes else None
    if _V_KEY in header.shapes:
        # Who samples such a file rescales its schedule by the other key alone.
        return PredictionMarkers("v", bool(zero), f"key {_V_KEY}")
    if word := header.metadata.get(_METADATA, "").strip():
        return PredictionMarkers(_prediction(printable(str(path)), word), zero, _METADATA)
    return PredictionMarkers(None, zero, f"key {_ZERO_SNR_KEY}" if zero else "")


def markers_in_folder(folder: Path) -> PredictionMarkers:
    """Return what a diffusers folder's scheduler config says.

    Raises:
        ModelError: a prediction type or a noise schedule that is not baked.
    """
    path = folder / _SCHEDULER
    if not path.is_file():
        return PredictionMarkers(None, None, "")
    where, config = printable(str(path)), config_of(path)
    kind = str(config.get("_class_name", ""))
    if "EDM" in kind or "FlowMatch" in kind:
        raise _not_baked(where, printable(kind, 60))
    for name, usual in _BETAS.items():
        if config.get(name, usual) != usual:
            raise ModelError(where, found=f"{name} {printable(str(config[name]), 20)}", expected=f"{usual}")
    if config.get("beta_schedule", "scaled_linear") != "scaled_linear" or config.get("trained_betas") is not None:
        raise ModelError(where, found="a custom noise schedule", expected="beta_schedule scaled_linear")
    # Folders of 2022 have no such line; what the model predicts is then for the measurement to say.
    word = config.get("prediction_type")
    zero = config.get("rescale_betas_zero_snr")
    prediction = None if word is None else _prediction(where, str(word))
    spoke = prediction is not None or isinstance(zero, bool)
    return PredictionMarkers(prediction, zero if isinstance(zero, bool) else None, _SCHEDULER if spoke else "")


def _prediction(where: str, word: str) -> Prediction:
    try:
        return _WORDS[word.lower()]
    except KeyError as error:
        raise _not_baked(where, printable(word, 40)) from error


def _not_baked(where: str, found: str) -> ModelError:
    return ModelError(where, found=f"prediction type {found}", expected="epsilon or v-prediction")
