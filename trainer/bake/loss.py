"""The loss of each picture in a batch, and its weight."""

import torch
from torch import Tensor

from trainer.models.time_schedule import TimeSchedule
from trainer.settings.model import Settings

# sd-scripts lets no SNR above 1000 count in the weights that divide by it. The same bound below keeps them finite with zero terminal
# SNR; without it the smallest SNR is 0.0047, so that nothing changes there.
_MAX_SNR = 1000.0
_MIN_SNR = 1 / _MAX_SNR


def picture_losses(
    predicted: Tensor,
    target: Tensor,
    times: Tensor,
    settings: Settings,
    schedule: TimeSchedule,
    mask: Tensor | None = None,
) -> Tensor:
    """Return the mean error of each picture by loss_type, fp32 [batch]; l2 is Ho et al. 2020, eq. 14.

    Args:
        predicted: [batch, 4, height/f, width/f], any float type.
        target: what it should be, fp32, same shape.
        times: int64 [batch].
        settings: loss_type and what belongs to it.
        schedule: in use; huber_schedule `snr` reads it.
        mask: [batch, 1, height/f, width/f] from 0 to 1: what counts. What does not is part of the mean all the same (sd-scripts).
    """
    errors = _errors(predicted.float() - target, times, settings, schedule)
    if mask is not None:
        errors = errors * mask
    return errors.mean(dim=(1, 2, 3))


def loss_weights(times: Tensor, settings: Settings, schedule: TimeSchedule) -> Tensor | float:
    """Return what each picture's loss counts, fp32 [batch], finite at every time; 1 where no weight is on or the schedule takes none.

    Min-SNR: min(SNR, gamma) / SNR, for v / (SNR + 1) (Hang et al. 2023, eq. 8). Debiased: 1 / sqrt(SNR), for v
    1 / (SNR + 1) (Yu et al. 2023; sd-scripts). `scale_v_pred_loss_like_noise_pred` is for v alone, `v_pred_like_loss` for noise alone.

    Args:
        times: int64 [batch].
        settings: the weights of the section Noise.
        schedule: in use; with snr_schedule `as sd-scripts` the SNRs are those before zero terminal SNR.
    """
    if not schedule.weighs_by_snr:
        return 1.0
    is_v = schedule.prediction == "v"
    snr = schedule.snr(times, plain=settings.snr_schedule == "as sd-scripts")
    bounded = snr.clamp(_MIN_SNR, _MAX_SNR)
    weights: Tensor | float = 1.0
    if settings.min_snr_gamma is not None:
        weights = weights * _min_snr(snr, settings.min_snr_gamma, is_v=is_v)
    if settings.scale_v_pred_loss_like_noise_pred and is_v:
        capped = snr.clamp(max=_MAX_SNR)
        weights = weights * capped / (capped + 1)
    if settings.v_pred_like_loss is not None and not is_v:
        weights = weights * (1 + settings.v_pred_like_loss * (bounded + 1) / bounded)
    if settings.debiased_estimation_loss:
        weights = weights * (1 / (snr.clamp(max=_MAX_SNR) + 1) if is_v else bounded.rsqrt())
    return weights


def _min_snr(snr: Tensor, gamma: float, *, is_v: bool) -> Tensor:
    if is_v:
        return snr.clamp(max=gamma) / (snr + 1)
    # At SNR 0 the limit, which is 1.
    above_zero = snr.clamp(min=torch.finfo(snr.dtype).tiny)
    return above_zero.clamp(max=gamma) / above_zero


def _errors(difference: Tensor, times: Tensor, settings: Settings, schedule: TimeSchedule) -> Tensor:
    """Return the error of each number, the shape of `difference`."""
    match settings.loss_type:
        case "l2":
            return difference.square()
        case "l1":
            return difference.abs()
        case "huber":
            turn = _turning_points(times, settings, schedule)
            return 2 * turn * _bent(difference, turn)
        case "smooth_l1":
            return 2 * _bent(difference, _turning_points(times, settings, schedule))


def _bent(difference: Tensor, turn: Tensor) -> Tensor:
    """Return sqrt(d² + c²) - c, written so that a small d beside a large c is not lost."""
    squared = difference.square()
    return squared / ((squared + turn.square()).sqrt() + turn)


def _turning_points(times: Tensor, settings: Settings, schedule: TimeSchedule) -> Tensor:
    """Return huber's c of each picture, fp32 [batch, 1, 1, 1] (sd-scripts: huber_schedule)."""
    c, scale = settings.huber_c, settings.huber_scale
    match settings.huber_schedule:
        case "constant":
            turn = torch.full(times.shape, c * scale, device=times.device)
        case "exponential":
            turn = c ** schedule.progress(times) * scale
        case "snr":
            turn = (1 - c) * schedule.clearness(times).square() + c
    return turn.view(-1, 1, 1, 1)
