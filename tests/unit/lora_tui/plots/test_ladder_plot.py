"""A measure over the rungs as it is drawn: where rungs stand, marks of bakes beside the bars of their noise, labels that fit."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from made_ladders import PLAIN, RATIO, curve_of, over_rungs, spec_of_factors
from textual.app import App, ComposeResult

from lora_tui.colours.theme_files import roles
from lora_tui.plots.ladder_plot import axis_places, axis_text, ladder_plot
from lora_tui.widgets.ladder_plot import LadderPlot
from trainer.ladders.record import LadderCurve, LadderSpec, Rung

SPEC = spec_of_factors()
SHARES = [[0.018, 0.0185], [0.05, 0.051], [0.1, 0.105], [0.35, 0.36], [2.4, 2.6]]


def curve(values: Sequence[Sequence[float]] = SHARES) -> LadderCurve:
    return curve_of(over_rungs(values, record=RATIO))


def spec_of(positions: Sequence[float | None], *, log: bool = False) -> LadderSpec:
    rungs = tuple(Rung(label=str(at), position=position) for at, position in enumerate(positions))
    return LadderSpec(title="x", knobs=("unet_lr",), rungs=rungs, log_axis=log)


def test_equal_factors_are_equal_distances_on_a_log_axis() -> None:
    places = axis_places(spec_of((1e-5, 1e-4, 1e-3), log=True))
    assert places[1] - places[0] == places[2] - places[1] > 0
    linear = axis_places(spec_of((1, 2, 10)))
    assert (linear[1] - linear[0]) * 8 == pytest.approx(linear[2] - linear[1], rel=0.01)


def test_a_rung_at_nothing_stands_before_the_others_on_a_log_axis() -> None:
    places = axis_places(spec_of((0, 1e-5, 1e-4, 1e-3), log=True))
    assert places[0] < places[1]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=2)


def test_rungs_without_a_number_stand_at_equal_distances() -> None:
    places = axis_places(spec_of((None, 3, None)))
    assert places[1] - places[0] == places[2] - places[1]
    assert axis_places(spec_of((None,))) == {0: 5000}


def test_each_bake_has_a_mark_each_rung_a_bar_and_the_means_a_line() -> None:
    plot = ladder_plot(SPEC, curve())
    assert [line.role for line in plot.lines] == ["smooth", *["raw"] * 5, *["validation"] * 5]
    assert all(len(line.steps) == 2 and not line.joined for line in plot.lines if line.role == "validation")
    assert [text for _, text in plot.marks] == ["×0.1", "×0.33", "•×1", "×3", "×10"]
    # Every bake is seen, by its logarithm.
    marks = [value for line in plot.lines if line.role == "validation" for value in line.high]
    assert plot.window.bottom <= min(marks) and max(marks) <= plot.window.top
    assert plot.say(plot.window.top).endswith("%")


def test_rungs_without_an_order_are_not_joined() -> None:
    rungs = tuple(replace(rung, position=None) for rung in SPEC.rungs)
    plot = ladder_plot(replace(SPEC, rungs=rungs), curve())
    assert "smooth" not in {line.role for line in plot.lines}


def test_a_bar_that_is_far_longer_than_what_rungs_differ_by_does_not_flatten_them() -> None:
    values = [[0.5, 0.52], [0.5, 0.51], [0.55, 0.56]]
    plot = ladder_plot(spec_of((1, 2, 3)), curve_of(over_rungs([values[0], values[1], [0.5, 0.9]], record=PLAIN)))
    assert plot.window.top - plot.window.bottom < 2


def test_without_noise_there_are_no_bars_and_without_values_nothing() -> None:
    plot = ladder_plot(spec_of((1, 2)), curve_of(over_rungs([[0.5], [0.6]])))
    assert [line.role for line in plot.lines] == ["smooth", "validation", "validation"]
    assert ladder_plot(SPEC, None).lines == ()
    assert ladder_plot(SPEC, replace(curve(), points=())).lines == ()


def test_a_rung_of_nothing_in_a_measure_of_ratios_is_not_drawn() -> None:
    plot = ladder_plot(SPEC, curve([[0.0, 0.0], *SHARES[1:]]))
    assert sum(line.role == "validation" for line in plot.lines) == 4


@pytest.mark.parametrize("value", [0, 0.0182, 2.45, -0.1163, 12345.6, 1e-7, -3.2e-5, 99.96, 1e9, -45678.0])
def test_a_value_of_the_axis_fits_beside_it(value: float) -> None:
    for record in (RATIO, PLAIN, None):
        assert len(axis_text(record, value)) <= 6


class Shown(App[None]):
    def __init__(self, curve: LadderCurve | None, spec: LadderSpec) -> None:
        super().__init__()
        self.of = spec, curve

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return roles(self.current_theme)

    def compose(self) -> ComposeResult:
        yield LadderPlot()

    def on_mount(self) -> None:
        self.query_one(LadderPlot).show(*self.of)

    def text(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_it_can_be_read_without_colours(size: tuple[int, int]) -> None:
    async def shown() -> list[str]:
        app = Shown(curve(), SPEC)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            return app.text()

    lines = asyncio.run(shown())
    assert "change / weights of the U-Net over unet_lr, step 20" in lines[0]
    labels, legend = lines[-2], lines[-1]
    assert labels.split() == ["×0.1", "×0.33", "•×1", "×3", "×10"]
    assert legend.strip() == "marks: bakes · bars: 95 % by twins · • as set · log axis"
    # Below the label of each rung, or above it, stand its marks.
    for label in ("×0.1", "•×1", "×10"):
        middle = labels.index(label) + len(label) // 2
        around = {line[middle - 3 : middle + 4] for line in lines[1:-2]}
        assert any(any("⠀" < sign <= "⣿" for sign in part) for part in around), label


def test_nothing_measured_says_so() -> None:
    async def shown() -> list[str]:
        app = Shown(None, SPEC)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            return app.text()

    assert any("no measure over the rungs yet" in line for line in asyncio.run(shown()))
