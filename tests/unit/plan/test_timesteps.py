import math

import numpy as np
import pytest

from trainer.families.flow_matching import TIMES as FLOW
from trainer.families.record import TimesRecord
from trainer.families.stable_diffusion import TIMES, alphas_cumprod
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule
from trainer.plan.timesteps import Numbers, histogram_lines, timestep_probabilities
from trainer.settings.model import Settings

PLAIN, TERMINAL = alphas_cumprod(False), alphas_cumprod(True)

EVERY_KIND = [
    {},
    {"min_timestep": 200, "max_timestep": 600},
    {"timestep_sampling": "logit_normal"},
    {"timestep_sampling": "logit_normal", "logit_mean": 10, "logit_std": 0.001, "max_timestep": 100},
    {"timestep_sampling": "logit_normal", "logit_mean": -10, "logit_std": 0.001, "min_timestep": 900},
    {"timestep_sampling": "laplace"},
    {"timestep_sampling": "laplace", "laplace_mean": 20, "laplace_scale": 0.001},
    {"timestep_sampling": "laplace", "laplace_mean": -20, "laplace_scale": 0.001, "max_timestep": 3},
    {"timestep_sampling": "laplace", "laplace_scale": 20, "min_timestep": 998},
]


def shares(alphas: Numbers = PLAIN, **chosen: object) -> list[float]:
    return [float(share) for share in timestep_probabilities(Settings.model_validate(chosen), alphas)]


@pytest.mark.parametrize("zero_terminal_snr", [False, True])
def test_the_schedule_is_the_one_that_trains(zero_terminal_snr: bool) -> None:
    there = NoiseSchedule(zero_terminal_snr=zero_terminal_snr).alphas_cumprod.numpy()
    assert alphas_cumprod(zero_terminal_snr) == pytest.approx(there, rel=1e-3, abs=1e-9)


def test_with_zero_terminal_snr_nothing_is_left_at_the_last_time_and_the_first_stays() -> None:
    assert TERMINAL[-1] == 0
    assert TERMINAL[0] == pytest.approx(PLAIN[0], rel=1e-12)


@pytest.mark.parametrize("chosen", EVERY_KIND)
@pytest.mark.parametrize("alphas", [PLAIN, TERMINAL], ids=["plain", "terminal"])
def test_the_shares_are_probabilities_within_the_bounds(chosen: dict[str, object], alphas: Numbers) -> None:
    found = shares(alphas, **chosen)
    settings = Settings.model_validate(chosen)
    assert len(found) == 1000 and all(share >= 0 for share in found)
    assert sum(found) == pytest.approx(1, abs=1e-12)
    assert sum(found[settings.min_timestep : settings.max_timestep]) == pytest.approx(1, abs=1e-12)


def test_uniform_draws_each_time_alike() -> None:
    assert set(shares()) == {1 / 1000}
    assert shares(min_timestep=200, max_timestep=600)[199:201] == [0, 1 / 400]


def test_logit_normal_draws_half_above_the_time_of_its_mean() -> None:
    """By hand: the median of u is 1 / (1 + e^-mean)."""
    assert sum(shares(timestep_sampling="logit_normal")[:500]) == pytest.approx(0.5)
    lifted = shares(timestep_sampling="logit_normal", logit_mean=math.log(3))
    assert sum(lifted[:750]) == pytest.approx(0.5)


def test_logit_normal_draws_68_percent_within_one_width() -> None:
    """By hand: logits -0.5 and 0.5 are times 377.5 and 622.5; erf(1 / sqrt 2) of a normal lies between."""
    found = shares(timestep_sampling="logit_normal", logit_std=0.5)
    within = sum(found[378:622]) + (found[377] + found[622]) / 2
    assert within == pytest.approx(math.erf(1 / math.sqrt(2)), abs=1e-3)


@pytest.mark.parametrize(("mean", "time"), [(10, 99), (-10, 50)])
def test_what_lies_far_out_of_the_bounds_falls_to_the_nearer_one(mean: float, time: int) -> None:
    found = shares(
        timestep_sampling="logit_normal", logit_mean=mean, logit_std=0.001, min_timestep=50, max_timestep=100
    )
    assert found[time] == 1


def test_laplace_falls_by_e_for_each_width_of_log_snr() -> None:
    """Density over log-SNR: the share of a time by the log-SNR it spans."""
    found = np.array(shares(timestep_sampling="laplace", laplace_mean=1.0, laplace_scale=0.5))
    log_snr = np.log(PLAIN / (1 - PLAIN))
    density = found[1:-1] / ((log_snr[:-2] - log_snr[2:]) / 2)
    far, near = np.abs(log_snr[1:-1] - 3).argmin(), np.abs(log_snr[1:-1] - 2).argmin()
    steps = (log_snr[1:-1][far] - log_snr[1:-1][near]) / 0.5
    assert density[near] / density[far] == pytest.approx(math.exp(steps), rel=1e-3)


def test_laplace_draws_half_on_each_side_of_its_mean() -> None:
    found = np.array(shares(timestep_sampling="laplace", laplace_mean=-1.0))
    assert found[np.log(PLAIN / (1 - PLAIN)) > -1].sum() == pytest.approx(0.5, abs=0.005)


def test_the_last_time_of_zero_terminal_snr_is_drawn_and_not_flooded() -> None:
    """Its log-SNR is minus infinity: it gets about what its neighbour gets."""
    found = shares(TERMINAL, timestep_sampling="laplace", laplace_scale=20)
    assert 0.3 * found[998] < found[999] < found[998]


@pytest.mark.parametrize("chosen", EVERY_KIND)
def test_the_histogram_keeps_to_its_room(chosen: dict[str, object]) -> None:
    settings = Settings.model_validate(chosen)
    for width in (*range(30), 56, 63, 64, 80, 200, 1007, 1200):
        for height in (0, 2, 3, 8):
            lines = histogram_lines(settings, TIMES, width, height)
            assert len(lines) <= height
            assert all(len(line) <= width for line in lines)
            assert bool(lines) == (width >= 8 and height >= 3)


def test_bars_are_as_high_as_their_times_are_frequent() -> None:
    """By hand: in 20 columns of 50 times, times 500 to 999 fill the last 10 columns, at twice the even share."""
    lines = histogram_lines(Settings(min_timestep=500), TIMES, 27, 4)
    assert lines == [
        "   2× ┤          ██████████",
        "      │          ██████████",
        "      └────────────────────",
        "       0                999",
    ]


def test_the_axis_names_its_ends_where_there_is_room() -> None:
    axis = histogram_lines(Settings(), TIMES, 80, 5)[-1]
    assert axis.startswith("       0 little noise") and axis.endswith("much noise 999") and " 500 " in axis
    assert histogram_lines(Settings(), TIMES, 20, 5)[-1] == "0                999"


def test_a_time_that_is_seldom_drawn_still_shows() -> None:
    lines = histogram_lines(Settings(timestep_sampling="laplace"), TIMES, 80, 4)
    assert lines[1].endswith("▁")


def test_another_familys_times_are_counted_as_its_record_has_them() -> None:
    """Forty continuous times: the bounds are thousandths of the way, and the axis goes from 0 to 1."""
    continuous = TimesRecord(signal=lambda zero: np.linspace(0.99, 0.01, 40), is_continuous=True)
    settings = Settings(min_timestep=500, timestep_sampling="logit_normal")
    shares = timestep_probabilities(settings, continuous.signal(False))
    assert shares[:20].sum() == 0
    assert shares.sum() == pytest.approx(1)
    assert np.all(np.diff(shares[20:]) < 0)
    lines = histogram_lines(settings, continuous, 80, 5)
    assert lines[-1].split() == ["0", "0.5", "1"]
    few = TimesRecord(signal=lambda zero: np.linspace(0.99, 0.01, 60))
    assert histogram_lines(Settings(), few, 80, 5)[-1].split() == ["0", "little", "noise", "30", "much", "noise", "59"]


@pytest.mark.parametrize(
    ("shift", "mean", "layout", "detail"), [(1, 0.50, 0.20, 0.42), (2, 0.64, 0.44, 0.19), (3, 0.71, 0.60, 0.10)]
)
def test_a_shift_of_a_flows_times_leaves_these_shares_for_layout_and_detail(
    shift: float, mean: float, layout: float, detail: float
) -> None:
    """As drawn one by one from sigmoid(N(0, 1)) and shifted (200,000 draws)."""
    found = timestep_probabilities(Settings(timestep_sampling="logit_normal"), FLOW.signal(False), shift)
    middles = [(piece + 0.5) / 1000 for piece in range(1000)]
    assert sum(share * middle for share, middle in zip(found, middles, strict=True)) == pytest.approx(mean, abs=0.005)
    assert (found[700:].sum(), found[:450].sum()) == pytest.approx((layout, detail), abs=0.006)


def test_a_shift_of_even_draws_moves_half_of_them_above_its_own_middle() -> None:
    """By hand: t = 0.5 becomes 3 * 0.5 / (1 + 2 * 0.5) = 0.75."""
    assert timestep_probabilities(Settings(), FLOW.signal(False), 3)[:750].sum() == pytest.approx(0.5)
    bounded = timestep_probabilities(Settings(min_timestep=200, max_timestep=600), FLOW.signal(False), 3)
    assert bounded[200:600].sum() == pytest.approx(1) and bounded[599] > bounded[200] > 0


def test_a_shift_of_laplace_moves_its_log_snr() -> None:
    """((1 - t) / t)^2 falls by the shift's square."""
    chosen = {"timestep_sampling": "laplace", "laplace_mean": 1.0}
    moved = {**chosen, "laplace_mean": 1.0 - 2 * math.log(3)}
    assert timestep_probabilities(Settings.model_validate(chosen), FLOW.signal(False), 3) == pytest.approx(
        timestep_probabilities(Settings.model_validate(moved), FLOW.signal(False))
    )


def test_the_histogram_shows_the_shift_where_the_family_has_one() -> None:
    settings = Settings(discrete_flow_shift=5)
    assert histogram_lines(settings, TIMES, 60, 6) == histogram_lines(Settings(), TIMES, 60, 6)
    first, *_, axis = histogram_lines(settings, FLOW, 60, 6)
    assert first.rstrip()[-1] == "█" and first != histogram_lines(Settings(), FLOW, 60, 6)[0]
    assert axis.split() == ["0", "0.5", "1"] or axis.split()[0] == "0"
