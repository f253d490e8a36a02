from dataclasses import replace

import pytest
from bake_rows import bake_row

from lora_tui.widgets.plan_bar import at_dots
from lora_tui.wording.memory import PeakView, amount, measured_text, peak_line, peak_parts
from trainer.journal.records import BakeState
from trainer.memory.available import AvailableMemory
from trainer.memory.peak import MemoryPrediction, Peak, Policy

GIB = 1024**3


def prediction(reserved: float = 5.1, *, policy: Policy = "card", compiled: bool = False) -> MemoryPrediction:
    size = int(reserved * GIB)
    peaks = (Peak("step", "backward", {"weights": size}),)
    return MemoryPrediction(policy, "bf16", (512, 512), 3, peaks, size, 1, 1.0, (), compiled, 1.0)


def card(free: float = 7.4) -> AvailableMemory:
    return AvailableMemory("card", int(free * GIB), 0)


def computer(free: float = 18.0) -> AvailableMemory:
    return AvailableMemory("cpu", int(free * GIB), 0)


def peak_text(view: PeakView, width: int = 100) -> str:
    return " · ".join(part.plain for part in peak_parts(view, width))


def test_what_fits_says_so_behind_its_bar() -> None:
    assert peak_text(PeakView(prediction(), card())) == "peak 5.1 of 7.4 GiB free ▇▇▇▇▇▇▇▁▁▁ fits"


def test_what_does_not_fit_says_how_much_is_missing_and_the_key() -> None:
    view = PeakView(prediction(8.6), card())
    assert peak_text(view) == "peak 8.6 of 7.4 GiB free ▇▇▇▇▇▇▇▇▇▇ does not fit: 1.2 GiB too much · f fit"
    assert peak_line(view) == "peak 8.6 of 7.4 GiB free: does not fit: 1.2 GiB too much"


def test_what_fits_by_less_than_a_prediction_may_be_off_says_barely() -> None:
    assert peak_text(PeakView(prediction(7.3), card())).endswith("barely fits")


def test_the_bar_gives_way_where_there_is_no_room() -> None:
    view = PeakView(prediction(18.4, policy="cpu"), computer(17.2))
    assert peak_text(view, 60) == "peak 18.4 GiB of 17.2 GiB free (CPU) does not fit: 1.2 GiB too much · f fit"


def test_on_a_cpu_the_computers_memory_is_named() -> None:
    assert peak_text(PeakView(prediction(2.1, policy="cpu"), computer())).startswith(
        "peak 2.1 GiB of 18.0 GiB free (CPU) "
    )


def test_a_compiled_step_has_the_figures_of_the_eager_one() -> None:
    assert peak_text(PeakView(prediction(compiled=True), card())).startswith("peak 5.1 (eager) of 7.4 GiB free")


def test_an_old_figure_is_dim_while_a_new_one_is_worked_out() -> None:
    (part,) = peak_parts(PeakView(prediction(), card(), pending=True), 100)
    assert part.plain == "peak 5.1 of 7.4 GiB free …"
    assert [span.style for span in part.spans] == ["$muted"]
    assert peak_line(PeakView(prediction(), card(), pending=True)) == ""


@pytest.mark.parametrize(("pending", "text"), [(True, "peak …"), (False, "")])
def test_before_the_first_figure_there_is_only_the_waiting(pending: bool, text: str) -> None:
    assert peak_text(PeakView(None, card(), pending=pending)) == text


def test_a_room_of_other_kernels_is_not_compared_with() -> None:
    assert peak_text(PeakView(prediction(policy="cpu"), card())) == "peak 5.1 GiB (CPU)"
    assert peak_text(PeakView(prediction())) == "peak 5.1 GiB"


def test_a_tiny_bake_is_shown_in_a_small_unit() -> None:
    assert amount(48 << 20) == "48 MiB"
    assert peak_text(PeakView(prediction(48 / 1024), card())).startswith("peak 48 MiB of 7.4 GiB free")


def test_the_peak_stands_before_the_disk() -> None:
    parts = peak_parts(PeakView(prediction(), card()), 200)
    (row,) = at_dots("200 pictures · ≈ 22 min · 1.2 GB on disk · 3 GB written per 8 hours", 200, parts)
    assert row.plain == (
        "200 pictures · ≈ 22 min · peak 5.1 of 7.4 GiB free ▇▇▇▇▇▇▇▁▁▁ fits · 1.2 GB on disk · 3 GB written per 8 hours"
    )


BAKE = bake_row(state=BakeState.DONE, stage=None, device="")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, ""),
        ({"predicted_peak": 5 * GIB}, "peak predicted 5.0 GiB"),
        ({"peak_vram": int(5.1 * GIB)}, "peak 5.1 GiB"),
        ({"peak_vram": int(5.1 * GIB), "predicted_peak": 5 * GIB}, "peak 5.1 GiB (predicted 5.0)"),
        ({"measured_peak_allocated": 210 << 20}, "process grew by 0.2 GiB"),
        (
            {"measured_peak_allocated": 210 << 20, "predicted_peak": 47 << 20},
            "process grew by 0.2 GiB (tensors predicted: 47 MiB)",
        ),
    ],
)
def test_what_was_measured_stands_beside_what_was_predicted(changes: dict[str, int], text: str) -> None:
    assert measured_text(replace(BAKE, **changes)) == text
