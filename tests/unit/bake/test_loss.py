import math

import pytest
import torch
from torch import Tensor

from trainer.bake.loss import loss_weights, picture_losses
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule
from trainer.settings.model import Settings

EPSILON, V = NoiseSchedule(), NoiseSchedule("v")
V_TERMINAL, EPSILON_TERMINAL = NoiseSchedule("v", True), NoiseSchedule("epsilon", True)
TIMES = torch.tensor([0, 400, 999])


class OfSignal(NoiseSchedule):
    """A schedule of one time with this share of signal."""

    def __init__(self, prediction: str, signal: float) -> None:
        super().__init__("v" if prediction == "v" else "epsilon")
        self.alphas_cumprod = self.plain_alphas_cumprod = torch.tensor([signal], dtype=torch.float64)


def loss(
    predicted: Tensor, target: Tensor, *, schedule: NoiseSchedule = EPSILON, time: int = 0, **chosen: object
) -> list[float]:
    times = torch.full((len(predicted),), time)
    found: list[float] = picture_losses(predicted, target, times, Settings.model_validate(chosen), schedule).tolist()
    return found


def off_by(*differences: float) -> tuple[Tensor, Tensor]:
    predicted = torch.tensor(differences).view(-1, 1, 1, 1)
    return predicted, torch.zeros_like(predicted)


def weights(schedule: NoiseSchedule, **chosen: object) -> Tensor:
    found = loss_weights(TIMES, Settings.model_validate(chosen), schedule)
    assert isinstance(found, Tensor)
    return found


def weight(prediction: str, signal: float, **chosen: object) -> float:
    """Return the weight at a share of signal."""
    found = loss_weights(torch.tensor([0]), Settings.model_validate(chosen), OfSignal(prediction, signal))
    return float(found)


def test_a_pictures_loss_is_its_mean_squared_error() -> None:
    predicted = torch.tensor([[1.0, 3.0], [0.0, 2.0]]).view(2, 1, 1, 2)
    assert loss(predicted, torch.zeros(2, 1, 1, 2)) == [5.0, 2.0]


def test_the_loss_of_a_half_prediction_is_fp32() -> None:
    noise = torch.ones(1, 1, 1, 1)
    assert loss(noise.bfloat16() * 300, noise) == [299.0**2]


def test_l1_is_the_mean_distance() -> None:
    predicted = torch.tensor([1.0, -3.0]).view(1, 1, 1, 2)
    assert loss(predicted, torch.zeros(1, 1, 1, 2), loss_type="l1") == [2.0]


@pytest.mark.parametrize(
    ("loss_type", "expected"),
    [
        ("huber", 2 * 0.5 * (math.sqrt(4 + 0.25) - 0.5)),
        ("smooth_l1", 2 * (math.sqrt(4 + 0.25) - 0.5)),
    ],
)
def test_huber_and_smooth_l1_by_hand(loss_type: str, expected: float) -> None:
    """Off by 2 with c = 0.25 · 2."""
    chosen = {"huber_schedule": "constant", "huber_c": 0.25, "huber_scale": 2}
    assert loss(*off_by(2.0), loss_type=loss_type, **chosen) == [pytest.approx(expected, rel=1e-6)]


def turn(**chosen: object) -> float:
    """Return c: far off, smooth_l1 is 2 |d| - 2 c."""
    (found,) = loss(*off_by(1000.0), loss_type="smooth_l1", **chosen)
    return (2000 - found) / 2


def test_an_exponential_turn_runs_from_1_to_huber_c() -> None:
    """By hand: 0.01^(500 / 1000) = 0.1, times the scale."""
    chosen = {"huber_schedule": "exponential", "huber_c": 0.01}
    assert turn(**chosen, time=500, huber_scale=3) == pytest.approx(0.3, abs=1e-3)
    assert turn(**chosen, time=0) == pytest.approx(1, abs=1e-3)


def test_a_turn_by_snr_falls_with_the_noise() -> None:
    """By hand: a = 0.2 has sigma 2, so (1 - 0.1) / 3² + 0.1 = 0.2."""
    assert turn(schedule=OfSignal("epsilon", 0.2), huber_c=0.1) == pytest.approx(0.2, abs=1e-3)
    assert turn(schedule=V_TERMINAL, time=999, huber_c=0.1) == pytest.approx(0.1, abs=1e-3)


def test_huber_is_squared_near_0() -> None:
    chosen = {"loss_type": "huber", "huber_schedule": "constant", "huber_c": 10, "huber_scale": 100}
    assert loss(*off_by(0.001, 0.3), **chosen) == pytest.approx([1e-6, 0.09], rel=1e-4)


def test_smooth_l1_is_plain_far_off() -> None:
    chosen = {"loss_type": "smooth_l1", "huber_schedule": "constant", "huber_c": 1e-6}
    assert loss(*off_by(0.5, -3.0), **chosen) == pytest.approx([1, 6], rel=1e-4)


@pytest.mark.parametrize("loss_type", ["l2", "l1", "huber", "smooth_l1"])
def test_a_right_prediction_has_no_loss_and_a_finite_gradient(loss_type: str) -> None:
    predicted = torch.zeros(3, 4, 2, 2, requires_grad=True)
    settings = Settings.model_validate({"loss_type": loss_type, "huber_c": 1e-6})
    losses = picture_losses(predicted, torch.zeros(3, 4, 2, 2), TIMES, settings, V_TERMINAL)
    losses.sum().backward()
    assert losses.tolist() == [0, 0, 0]
    assert predicted.grad is not None and predicted.grad.isfinite().all()


def test_what_the_mask_hides_counts_as_right_in_the_mean_over_all() -> None:
    """By hand: 4 of 8 numbers wrong by 2 are shown at 1 and 0.5 each: (4 + 4 · 0.5 + 0 ...) / 4 of a row."""
    predicted = torch.full((1, 2, 1, 4), 2.0)
    mask = torch.tensor([1.0, 0.5, 0.0, 0.0]).view(1, 1, 1, 4)
    found = picture_losses(predicted, torch.zeros_like(predicted), TIMES[:1], Settings(), EPSILON, mask)
    assert found.tolist() == [(4 + 2) / 4]


def test_without_weights_every_picture_counts_the_same() -> None:
    assert loss_weights(TIMES, Settings(), EPSILON) == 1.0


@pytest.mark.parametrize(
    ("signal", "gamma", "expected"),
    [
        (0.5, 5.0, 1.0),  # SNR 1
        (0.9, 5.0, 5 / 9),  # SNR 9
        (0.9, 1.0, 1 / 9),
        (0.99, 5.0, 5 / 99),  # SNR 99
        (0.1, 0.05, 0.05 * 9),  # SNR 1/9
    ],
)
def test_min_snr_weighs_by_min_of_snr_and_gamma_over_snr(signal: float, gamma: float, expected: float) -> None:
    assert weight("epsilon", signal, min_snr_gamma=gamma) == pytest.approx(expected)


@pytest.mark.parametrize(("signal", "expected"), [(0.5, 1 / 2), (0.9, 5 / 10), (0.99, 5 / 100), (0.0, 0.0)])
def test_min_snr_for_v_divides_by_snr_and_1(signal: float, expected: float) -> None:
    assert weight("v", signal, min_snr_gamma=5) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("prediction", "signal", "expected"),
    [
        ("epsilon", 0.8, 1 / 2),  # SNR 4
        ("epsilon", 0.9999, 1 / math.sqrt(1000)),  # SNR 9999, counted as 1000
        ("v", 0.8, 1 / 5),
        ("v", 0.0, 1.0),
    ],
)
def test_debiased_weighs_by_the_root_of_snr_or_for_v_by_snr_and_1(
    prediction: str, signal: float, expected: float
) -> None:
    assert weight(prediction, signal, debiased_estimation_loss=True) == pytest.approx(expected)


def test_v_is_scaled_like_noise_and_noise_is_not() -> None:
    chosen = {"scale_v_pred_loss_like_noise_pred": True}
    assert weight("v", 0.8, **chosen) == pytest.approx(4 / 5)
    assert weight("epsilon", 0.8, **chosen) == 1


def test_noise_prediction_is_also_weighted_as_v_and_v_is_not() -> None:
    """By hand: SNR 4 as v-prediction counts 1 / (4 / 5), of that a tenth."""
    assert weight("epsilon", 0.8, v_pred_like_loss=0.1) == pytest.approx(1 + 0.1 * 5 / 4)
    assert weight("v", 0.8, v_pred_like_loss=0.1) == 1


def test_weights_multiply() -> None:
    """SNR 9: 5 / 9 of min-SNR, 1 / 3 of debiased."""
    assert weight("epsilon", 0.9, min_snr_gamma=5, debiased_estimation_loss=True) == pytest.approx(5 / 27)


EVERY_WEIGHT = [
    {"min_snr_gamma": 5},
    {"debiased_estimation_loss": True},
    {"scale_v_pred_loss_like_noise_pred": True, "debiased_estimation_loss": True},
    {"v_pred_like_loss": 1, "min_snr_gamma": 1000},
]


@pytest.mark.parametrize("chosen", EVERY_WEIGHT)
@pytest.mark.parametrize("schedule", [V_TERMINAL, EPSILON_TERMINAL], ids=["v", "epsilon"])
def test_every_weight_is_finite_where_nothing_is_left_of_the_signal(
    chosen: dict[str, object], schedule: NoiseSchedule
) -> None:
    found = weights(schedule, **chosen)
    assert found.isfinite().all() and (found >= 0).all()


def test_the_snr_is_that_of_the_schedule_in_use_or_as_sd_scripts_the_one_before() -> None:
    used = weights(V_TERMINAL, min_snr_gamma=5)
    before = weights(V_TERMINAL, min_snr_gamma=5, snr_schedule="as sd-scripts")
    assert used[-1] == 0
    assert torch.equal(before, weights(V, min_snr_gamma=5))
    assert before[-1] > 0
