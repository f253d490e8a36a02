"""Every optimizer class of the packages that docs/optimizers.md lists: the trial says what is written there, and the supported bake and resume."""

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optimizers_page import PACKAGES, classes, settings_for, verdict_of
from run_bakes import bits_of_lora

PAGE = Path(__file__).parents[3] / "docs" / "optimizers.md"
SAMPLED = {"pytorch_optimizer.Lamb", "pytorch_optimizer.SOAP", "schedulefree.AdamWScheduleFree", "adv_optm.Prodigy_adv"}
"""Tried wherever their packages are; the others only where there is time."""


def _written() -> Iterator[tuple[str, str]]:
    """Yield path and verdict of each class on the page."""
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) >= 2:
            yield cells[0].strip("`"), cells[1]


def _parameters(*verdicts: str) -> list[Any]:
    return [
        pytest.param(path, verdict, id=path, marks=() if path in SAMPLED else pytest.mark.long)
        for path, verdict in _written()
        if verdict in verdicts
    ]


def _need(path: str) -> None:
    module = path.partition(".")[0]
    pytest.importorskip(module)
    heading = f"## {PACKAGES[module]} {importlib.metadata.version(PACKAGES[module])}"
    if heading not in PAGE.read_text("utf-8"):
        pytest.skip(f"the page is of another version of {PACKAGES[module]}")


@pytest.mark.parametrize("module", PACKAGES)
def test_no_class_is_missing_on_the_page(module: str) -> None:
    _need(module)
    assert classes(module) == [path for path, _ in _written() if path.partition(".")[0] == module]


def test_the_page_has_supported_and_refused_classes_of_every_package() -> None:
    verdicts = {path.partition(".")[0]: verdict for path, verdict in _written() if verdict != "refused"}
    assert verdicts.keys() == PACKAGES.keys()
    assert {verdict for _, verdict in _written()} == {"supported", "matrices", "refused"}


@pytest.mark.parametrize(("path", "verdict"), _parameters("supported", "matrices", "refused"))
def test_the_trial_says_what_the_page_says(path: str, verdict: str) -> None:
    _need(path)
    assert verdict_of(path)[0] == verdict


@pytest.mark.parametrize(("path", "verdict"), _parameters("supported"))
def test_what_is_supported_bakes_and_resumes_to_the_same_bits(
    runner: Any, make_settings: Any, path: str, verdict: str
) -> None:
    _need(path)
    chosen = settings_for(path)
    settings = make_settings(
        optimizer_type=path,
        optimizer_args=chosen.optimizer_args,
        unet_lr=chosen.unet_lr,
        text_encoder_lr=chosen.text_encoder_lr,
        conv_dim=4,
        save_state_every_n_steps=3,
        keep_states="9",
        validation_data_dir="",
    )
    folder = runner.bake(settings)
    whole = bits_of_lora(folder)
    runner.bake_again_from(3, settings)
    assert bits_of_lora(folder) == whole
