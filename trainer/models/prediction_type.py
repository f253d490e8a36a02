"""The prediction type of a diffusion base: from its file, from its output, and what follows for the settings."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from trainer.errors import SettingsError
from trainer.families.record import Prediction
from trainer.models.base_model import BaseModel, Conditioning
from trainer.models.prediction_markers import PredictionMarkers

Found = Literal["auto", "yes", "no"]

_NAMES: dict[Prediction, str] = {"epsilon": "noise", "v": "v", "flow": "the velocity of a flow"}
_ASKED: dict[Found, Prediction | None] = {"auto": None, "yes": "v", "no": "epsilon"}

# Where the two targets differ most and both can be guessed: near 0 the noise is hardly seen, near 1000 v is hardly known. At
# these times a perfect noise predictor is 0.6 to 1.3 off as v, 0.9 in the mean, and a perfect v predictor as much as noise.
_TIMES = (350, 450, 550, 650)

# What an output of zeros would get; who does no better predicts neither.
_BLANK = 1.0

# The better score must be below this share of the other. The demo base comes to 0.1, after twelve steps towards v to 0.3; an
# untrained U-Net to 0.97.
_TELLS = 0.75

# Below this share other pictures or other noise would not tell otherwise.
_TELLS_ALWAYS = 0.5


@dataclass(frozen=True)
class PredictionScores:
    """How far a base's output is from the noise and from v: mean squared error by the target's mean square.

    0 is a perfect prediction, 1 what an output of zeros would get.
    """

    epsilon: float
    v: float

    @property
    def winner(self) -> Prediction | None:
        """What the base predicts; None where the scores lie too near each other to say."""
        if not (math.isfinite(self.epsilon) and math.isfinite(self.v)):
            return None
        if min(self.epsilon, self.v) >= _BLANK:
            return None
        if self.epsilon < _TELLS * self.v:
            return "epsilon"
        return "v" if self.v < _TELLS * self.epsilon else None

    @property
    def is_clear(self) -> bool:
        """Whether the same base would be taken for the same on any pictures, with any noise."""
        return self.winner is not None and min(self.epsilon, self.v) < _TELLS_ALWAYS * max(self.epsilon, self.v)

    def __str__(self) -> str:
        """Return both numbers as people read them."""
        return f"{self.epsilon:.2f} as noise against {self.v:.2f} as v"


@dataclass(frozen=True)
class PredictionDecision:
    """What the bake takes the base for.

    Attributes:
        prediction: what its U-Net gives.
        zero_terminal_snr: whether its last time is nothing but noise.
        line: both in words, with the reason.
        is_warning: whether the line says that something does not fit together.
    """

    prediction: Prediction
    zero_terminal_snr: bool
    line: str
    is_warning: bool


def decision_by_family(prediction: Prediction) -> PredictionDecision:
    """Return what every base of a family predicts: nothing has to be asked or measured."""
    return PredictionDecision(prediction, False, f"the base predicts {_NAMES[prediction]}", is_warning=False)


def needs_measuring(said: PredictionMarkers, v_parameterization: Found) -> bool:
    """Return whether scores are wanted: the file is silent, or a setting claims to know."""
    return v_parameterization != "auto" or said.prediction is None


@torch.no_grad()
def measure(model: BaseModel, latents: Tensor, text: Conditioning, sizes: Tensor | None, seed: int) -> PredictionScores:
    """Return how well the base's output fits noise and v, on a few latents at four middle times.

    Takes four forwards a picture, one picture at a time, so that it never needs more memory than a training step. Two pictures
    are enough. The LoRA must not be in force.

    Args:
        model: the base; its schedule in use is not looked at.
        latents: [n, channels, height/f, width/f], as the model knows them.
        text: of the n captions.
        sizes: int64 [n, 6] for SDXL, see BaseModel.predict.
        seed: decides the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    # Zero terminal SNR moves these times by so little that a base trained with it is recognised as well by the plain schedule.
    kinds: tuple[Prediction, ...] = ("epsilon", "v")
    schedules = {kind: model.schedule_for(kind) for kind in kinds}
    errors = dict.fromkeys(schedules, 0.0)
    powers = dict.fromkeys(schedules, 0.0)
    for index in range(len(latents)):
        one = slice(index, index + 1)
        clean = latents[one].to(model.device, torch.float32)
        conditioning = text.rows(one)
        own_sizes = None if sizes is None else sizes[one].to(model.device)
        for time in _TIMES:
            noise = torch.randn(clean.shape, generator=generator).to(model.device)
            times = torch.tensor([time], device=model.device)
            noisy = schedules["epsilon"].add_noise(clean, noise, times)
            output = model.predict(noisy, times, conditioning, own_sizes).float()
            for kind, schedule in schedules.items():
                target = schedule.target(clean, noise, times)
                errors[kind] += float((output - target).square().mean())
                powers[kind] += float(target.square().mean())
    return PredictionScores(**{kind: errors[kind] / powers[kind] for kind in schedules})


def decide(
    said: PredictionMarkers, v_parameterization: Found, zero_terminal_snr: Found, scores: PredictionScores | None
) -> PredictionDecision:
    """Return what the bake takes the base for.

    A setting counts unless the scores contradict it; then scores that tell, then what the file says.

    Args:
        said: what the file says of itself.
        v_parameterization, zero_terminal_snr: the settings of these names.
        scores: from measure; None where nothing had to be measured.

    Raises:
        SettingsError: the setting contradicts the scores, or nothing says what the base predicts.
    """
    measured = None if scores is None else scores.winner
    asked = _ASKED[v_parameterization]
    if asked is not None and measured is not None and asked != measured:
        raise SettingsError(
            "v_parameterization",
            found=f"{v_parameterization}, but the base predicts {_NAMES[measured]}: on your pictures its output is off by {scores} (0 is perfect, 1 is an output of zeros)",
            expected=f"{'yes' if measured == 'v' else 'no'}, or auto",
        )
    prediction = asked or measured or said.prediction
    if prediction is None:
        cannot_tell = (
            "nothing was measured" if scores is None else f"its output does not decide it: it is off by {scores}"
        )
        raise SettingsError(
            "v_parameterization",
            found=f"auto, but the base's file does not say what it predicts, and {cannot_tell}",
            expected="yes (v) or no (noise)",
            way_out="find out how the base was trained",
        )
    zero_snr = bool(said.zero_terminal_snr) if zero_terminal_snr == "auto" else zero_terminal_snr == "yes"
    doubts = []
    if scores is not None and measured is None:
        doubts.append(f"its output does not confirm that: it is off by {scores}")
    if said.prediction not in (None, prediction):
        doubts.append(f"its file says otherwise ({said.source})")
    if said.zero_terminal_snr not in (None, zero_snr):
        doubts.append("its file says otherwise about zero terminal SNR")
    if zero_snr and prediction == "epsilon":
        doubts.append("zero terminal SNR needs v-prediction")
    reason = f"measured: {scores}" if measured else "as set" if asked else said.source
    snr = f"{'with' if zero_snr else 'without'} zero terminal SNR"
    line = "; ".join([f"the base predicts {_NAMES[prediction]} ({reason}), {snr}", *doubts])
    return PredictionDecision(prediction, zero_snr, line, is_warning=bool(doubts))
