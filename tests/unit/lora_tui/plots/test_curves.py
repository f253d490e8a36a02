from math import isnan, nan

import pytest
from bake_rows import bake_row

from lora_tui.plots.curves import loss_plot, planned_rates_plot, rates_plot
from lora_tui.snapshot import Snapshot
from lora_tui.workers.planner import PlannedRates
from lora_tui.workers.smoothing import smooth
from trainer.journal.records import Bake, Curve


def bake(total: int = 240, per_epoch: int = 40) -> Bake:
    return bake_row(total_steps=total, steps_per_epoch=per_epoch)


def curve(values: list[float]) -> Curve:
    return Curve(list(range(1, len(values) + 1)), values, values, values, 0)


def test_a_smooth_constant_is_the_constant() -> None:
    assert smooth([2.0] * 50) == pytest.approx([2.0] * 50)


def test_smoothing_follows_a_slope_without_delay() -> None:
    means = smooth([float(step) for step in range(100)])
    assert means[50] == pytest.approx(50)


def test_what_is_no_number_stays_so_and_spoils_no_neighbour() -> None:
    means = smooth([1.0, 1.0, nan, 1.0, 1.0])
    assert isnan(means[2])
    assert means[1] == means[3] == 1.0


def test_in_the_loss_plot_neither_trend_hides_the_other() -> None:
    snapshot = Snapshot(bake=bake(), curves={"loss": curve([0.2, 0.1, 0.15])}, validations=((0, 0.2), (3, 0.1)))
    assert [line.role for line in loss_plot(snapshot).lines] == ["raw", "validation", "smooth", "validation"]


def test_the_loss_plot_spans_the_whole_bake_from_its_start() -> None:
    window = loss_plot(Snapshot(bake=bake(), curves={"loss": curve([0.2, 0.1])})).window
    assert (window.first, window.last) == (0, 240)


def test_epochs_are_marked_at_their_last_step() -> None:
    marks = loss_plot(Snapshot(bake=bake(), curves={"loss": curve([0.2, 0.1])})).marks
    assert marks[:2] == ((40, "e1"), (80, "e2"))
    assert marks[-1] == (240, "e6")


def test_without_a_bake_there_is_nothing_to_plot() -> None:
    assert loss_plot(Snapshot()).lines == ()
    assert rates_plot(Snapshot()).lines == ()
    assert planned_rates_plot(PlannedRates()).lines == ()


def test_the_rates_start_at_zero_and_reach_the_peak() -> None:
    snapshot = Snapshot(
        bake=bake(), curves={"lr_unet": curve([0.0, 1e-4, 2e-4]), "lr_text_encoder": curve([0.0, 1e-5, 2e-5])}
    )
    plot = rates_plot(snapshot)
    assert (plot.window.bottom, plot.window.top) == (0.0, 2e-4)
    assert plot.say(plot.window.top) == "2.0e-4"


def test_planned_rates_show_every_part_and_where_one_stops() -> None:
    rates = PlannedRates((0, 50, 100), {"unet": (0.0, 1e-4, 1e-4), "text_encoder_2": (0.0, 2e-5, 0.0)}, (100,))
    plot = planned_rates_plot(rates)
    assert [line.role for line in plot.lines] == ["text-encoder-2", "unet"]
    assert plot.events == (100,)
    assert (plot.window.last, plot.window.top) == (100, 1e-4)


def test_the_rates_of_a_base_with_two_text_encoders_are_three_curves() -> None:
    rates = {name: curve([0.0, 1e-5]) for name in ("lr_unet", "lr_text_encoder", "lr_text_encoder_2")}
    lines = rates_plot(Snapshot(bake=bake(), curves=rates)).lines
    assert [line.role for line in lines] == ["text-encoder-2", "text-encoder", "unet"]


def test_one_spike_does_not_flatten_the_rest_of_the_loss() -> None:
    values = [0.05 + 0.0001 * step for step in range(100)]
    values[40] = 9.0
    window = loss_plot(Snapshot(bake=bake(), curves={"loss": curve(values)})).window
    assert window.top < 2.0


def test_a_loss_of_nothing_but_no_numbers_still_has_a_window() -> None:
    window = loss_plot(Snapshot(bake=bake(), curves={"loss": curve([nan, nan])})).window
    assert window.top > window.bottom
