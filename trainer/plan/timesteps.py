"""Probabilities of the timesteps, and their histogram."""

import math

import numpy as np
from numpy.typing import NDArray

from trainer.families.record import TimesRecord
from trainer.settings.model import Settings

_THOUSANDTHS = 1000
"""What the settings min_timestep and max_timestep count in, whatever the number of times."""

_BLOCKS = " ▁▂▃▄▅▆▇█"
# Of the axis on the left: `4.0× ┤`.
_GUTTER = 7
_MIN_COLUMNS = 8

Numbers = NDArray[np.float64]


def timestep_probabilities(settings: Settings, alphas: Numbers, shift: float = 1.0) -> Numbers:
    """Return the probability of each timestep, float64 [times], sum 1; 0 outside min_timestep to max_timestep.

    `uniform` draws each alike. `logit_normal` draws u with a normal logit and takes the time floor(u · times) (Esser et al. 2024,
    section 3.1). `laplace` draws a log-SNR, which is log(a / (1 - a)), and takes the nearest time (Hang et al. 2024, section 3).

    Args:
        settings: timestep_sampling and what belongs to it.
        alphas: [times], the share of signal (as variance) left at each, falling.
        shift: of the times of a flow: drawn t becomes shift·t / (1 + (shift - 1)·t) (Esser et al. 2024, eq. 23), within the
            bounds of min_timestep and max_timestep.
    """
    times = len(alphas)
    first, end = (bound * times // _THOUSANDTHS for bound in (settings.min_timestep, settings.max_timestep))
    bounds = np.arange(first, end + 1) / times
    match settings.timestep_sampling:
        case "uniform":
            # The width of what the shift moves into each piece.
            within = np.ones(end - first) if shift == 1 else np.diff(bounds / (shift - (shift - 1) * bounds))
        case "logit_normal":
            # A shift adds its logarithm to the logit, and takes twice that from the log-SNR.
            within = _logit_normal(bounds, settings.logit_mean + math.log(shift), settings.logit_std)
        case "laplace":
            edges = _log_snr_edges(alphas)[first : end + 1]
            within = _laplace(edges, settings.laplace_mean - 2 * math.log(shift), settings.laplace_scale)
    shares = np.zeros(times)
    shares[first:end] = within / within.sum()
    return shares


def histogram_lines(settings: Settings, times: TimesRecord, width: int, height: int) -> list[str]:
    """Return the probability of each timestep as bars over an axis, relative to a uniform draw (1×).

    Where zero_terminal_snr is left to the base, the schedule without it is shown.

    Args:
        settings: see timestep_probabilities.
        times: of the base's family.
        width: columns, which no line exceeds.
        height: lines, the axis and its numbers among them.

    Returns:
        At most `height` lines; none where there is no room for a bar.
    """
    gutter = _GUTTER if width >= 3 * _GUTTER else 0
    shift = settings.discrete_flow_shift if times.takes_shift else 1.0
    shares = timestep_probabilities(settings, times.signal(settings.zero_terminal_snr == "yes"), shift)
    columns, rows = min(width - gutter, len(shares)), height - 2
    if columns < _MIN_COLUMNS or rows < 1:
        return []
    starts = np.arange(columns) * len(shares) // columns
    widths = np.diff(np.append(starts, len(shares)))
    # How often as with an even draw.
    often = np.add.reduceat(shares, starts) / widths * len(shares)
    eighths = np.ceil(often / often.max() * rows * 8).astype(int)
    lines = []
    for row in range(rows):
        filled = np.clip(eighths - (rows - 1 - row) * 8, 0, 8)
        edge = f"{_factor(often.max()):>{_GUTTER - 2}} ┤" if row == 0 else " " * (_GUTTER - 1) + "│"
        lines.append((edge if gutter else "") + "".join(_BLOCKS[eighth] for eighth in filled))
    lines.append((" " * (_GUTTER - 1) + "└" if gutter else "") + "─" * columns)
    lines.append(" " * gutter + _axis(columns, ("0", "0.5", "1") if times.is_continuous else _numbers(len(shares))))
    return [line.rstrip() for line in lines]


def _factor(value: float) -> str:
    return f"{value:.3g}×" if value < 999.5 else "1000×"


def _numbers(times: int) -> tuple[str, str, str]:
    return "0", str(times // 2), str(times - 1)


def _axis(columns: int, numbers: tuple[str, str, str]) -> str:
    """Return the numbers below the axis: first, middle and last time, and which end is which if there is room."""
    first, middle, last = numbers
    if columns >= 56:
        first, last = f"{first} little noise", f"much noise {last}"
    line = first.ljust(columns - len(last)) + last
    start = columns // 2 - len(middle) // 2
    if columns >= 24:
        line = line[:start] + middle + line[start + len(middle) :]
    return line


def _logit_normal(bounds: Numbers, mean: float, std: float) -> Numbers:
    """Return the weight of u between each two of the rising `bounds`, 0 to 1."""
    with np.errstate(divide="ignore"):
        scores = (np.log(bounds) - np.log1p(-bounds) - mean) / std
    # Both tails from their own side: 1 - (1 - 1e-20) would be 0.
    below, above = _normal_below(scores), _normal_below(-scores)
    weights: Numbers = np.where(scores[:-1] > 0, above[:-1] - above[1:], below[1:] - below[:-1])
    if weights.sum() == 0:
        # So far out in the tail all of what the bounds leave lies at the one nearer to the middle.
        weights[0 if scores[0] > 0 else -1] = 1
    return weights


def _normal_below(scores: Numbers) -> Numbers:
    return np.array([math.erfc(-score / math.sqrt(2)) / 2 for score in scores])


def _laplace(edges: Numbers, mean: float, scale: float) -> Numbers:
    """Return the weight between each two of the falling `edges` of log-SNR."""
    # Beyond the edges the distribution has the same form wherever its middle is, and would fall below the smallest number.
    middle = min(max(mean, edges[-1]), edges[0])
    distance = (edges - middle) / scale
    tail = np.exp(-np.abs(distance)) / 2
    high, low = distance[:-1], distance[1:]
    weights: Numbers = np.where(
        low >= 0,
        tail[1:] - tail[:-1],
        np.where(high <= 0, tail[:-1] - tail[1:], 1 - tail[:-1] - tail[1:]),
    )
    return weights


def _log_snr_edges(alphas: Numbers) -> Numbers:
    """Return between which log-SNRs each timestep lies, falling, [times + 1]: half-way to its neighbours, as far beyond the ends."""
    with np.errstate(divide="ignore"):
        log_snr = np.log(alphas) - np.log1p(-alphas)
    if np.isneginf(log_snr[-1]):
        # Zero terminal SNR: minus infinity has no half-way; the last time gets the width of the one before.
        log_snr[-1] = 2 * log_snr[-2] - log_snr[-3]
    between = (log_snr[1:] + log_snr[:-1]) / 2
    return np.concatenate([[2 * log_snr[0] - between[0]], between, [2 * log_snr[-1] - between[-1]]])
