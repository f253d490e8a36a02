"""Grids and samples on a base that predicts a flow: its shift, its samplers, its sizes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_flow

from trainer.errors import GridError, SettingsError
from trainer.exchange.recreate import recreate
from trainer.families.registry import FAMILIES
from trainer.formats.picture_recipe import recipe_of_text
from trainer.grid.cell import Expanded
from trainer.grid.model_files import ModelFiles
from trainer.grid.recipe import ComputeSetup, fingerprint
from trainer.grid.sample_prompts import sample_pictures
from trainer.grid.sampling_order import batch_key
from trainer.models.identify import check_precision, identify_base

OF_A_FORK = """1girl
Negative prompt: worst quality
Steps: 30, Sampler: {sampler}, CFG scale: 4.5, {more}Seed: 7, Size: {size}, Model: anima, Version: neo"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A base of a flow whose pictures have a shift of 3 and sides by 16."""
    sampling = replace(tiny_flow.FAMILY.sampling, shift=3.0, grain=16)
    monkeypatch.setitem(FAMILIES, tiny_flow.FAMILY.key, replace(tiny_flow.FAMILY, sampling=sampling))
    return str(tiny_flow.write_base(tmp_path / "flow.safetensors"))


def shifts(made: Expanded) -> list[float | None]:
    return [cell.recipe.shift for cell in made.cells]


def test_the_shift_is_the_familys_unless_the_spec_or_an_axis_says_one(
    spread: Callable[..., Expanded], base: str
) -> None:
    asked = {"base": base, "sampler": "Euler"}
    assert shifts(spread(**asked)) == [3.0]
    assert shifts(spread(**asked, shift=1.5)) == [1.5]
    assert shifts(spread(**asked, x=("shift", "1-5 (+2)"))) == [1.0, 3.0, 5.0]


def test_a_base_without_a_shift_has_none_and_says_so(spread: Callable[..., Expanded]) -> None:
    assert shifts(spread()) == [None] and spread().notes == ()
    made = spread(x=("shift", "1,3"))
    assert shifts(made) == [None, None]
    assert "shift 3 changes nothing on demo: SD1.x has none" in made.notes


@pytest.mark.parametrize("sampler", ["DPM++ 2M Karras", "DDIM"])
def test_a_sampler_of_diffusion_is_refused_with_those_of_flows(
    spread: Callable[..., Expanded], base: str, sampler: str
) -> None:
    with pytest.raises(
        GridError, match=r"not for Tiny Flow; expected Euler or Euler a or Heun or DPM\+\+ 2M or ER SDE or"
    ):
        spread(base=base, sampler=sampler)


def test_pictures_of_two_shifts_are_other_pictures(spread: Callable[..., Expanded], base: str) -> None:
    first, second = (cell.recipe for cell in spread(base=base, sampler="Euler", x=("shift", "1,3")).cells)
    assert batch_key(first) != batch_key(second)
    marks = {fingerprint(each, ComputeSetup("cpu", "fp32"), str) for each in (first, second)}
    assert len(marks) == 2


def of_a_fork(base: str, **what: str) -> Any:
    text = OF_A_FORK.format(**{"sampler": "Euler a", "more": "Shift: 3, ", "size": "832x1216", **what})
    return recreate(recipe_of_text(text), ModelFiles(Path(base).parent), base)


@pytest.mark.parametrize("more", ["Shift: 5, ", "Distilled CFG Scale: 5, ", "Schedule type: Simple, Shift: 5, "])
def test_a_forks_picture_is_recreated_with_its_shift(base: str, more: str) -> None:
    like = of_a_fork(base, more=more)
    assert (like.spec.shift, like.spec.sampler, like.spec.cfg_scale) == (5.0, "Euler a", 4.5)
    assert not any("schedule" in line or "understood" in line for line in like.differences)


def test_a_picture_that_says_no_shift_gets_the_familys(base: str) -> None:
    assert of_a_fork(base, more="").spec.shift is None


def test_karras_spacing_of_a_flow_becomes_even_steps_with_a_line(base: str) -> None:
    like = of_a_fork(base, sampler="DPM++ 2M", more="Schedule type: Karras, Shift: 3, ")
    assert like.spec.sampler == "DPM++ 2M"
    assert "schedule type Karras: a flow's steps are even and shifted here (Simple)" in like.differences


def test_a_sampler_that_no_flow_has_becomes_the_familys_with_a_line(base: str) -> None:
    like = of_a_fork(base, sampler="DPM++ SDE")
    assert like.spec.sampler == "Euler"
    assert "sampler DPM++ SDE is not supported here: Euler is used instead" in like.differences


@pytest.mark.parametrize(("sampler", "ours"), [("ER SDE", "ER SDE"), ("er_sde", "ER SDE"), ("Heun", "Heun")])
def test_the_forks_samplers_of_flows_are_known(base: str, sampler: str, ours: str) -> None:
    like = of_a_fork(base, sampler=sampler, more="Schedule type: Simple, Shift: 3, ")
    assert like.spec.sampler == ours
    assert not any("not supported" in line for line in like.differences)


def test_a_sampler_of_flows_is_not_taken_for_a_base_of_diffusion(tmp_path: Path) -> None:
    text = OF_A_FORK.format(sampler="ER SDE", more="", size="512x512")
    like = recreate(recipe_of_text(text), ModelFiles(tmp_path), "demo")
    assert like.spec.sampler == "DPM++ 2M Karras"
    assert "sampler ER SDE is not supported: DPM++ 2M Karras is used instead" in like.differences


def test_a_size_is_cut_to_what_the_base_can_make(base: str) -> None:
    like = of_a_fork(base, size="840x1000")
    assert (like.spec.width, like.spec.height) == (832, 992)
    assert "size 840x1000: 832x992 is used, sides must be multiples of 16" in like.differences


def samples(make_settings: Any, base: str, tmp_path: Path, line: str, **chosen: Any) -> Any:
    (tmp_path / "p.txt").write_text(line)
    settings = make_settings(pretrained_model_name_or_path=base, sample_prompts=str(tmp_path / "p.txt"), **chosen)
    return sample_pictures(settings, tmp_path / "settings.toml", identify_base(base), "flow", zero_terminal_snr=False)


def test_a_samples_shift_is_the_prompts_the_settings_or_the_familys(
    make_settings: Any, base: str, tmp_path: Path
) -> None:
    for line, chosen, shift in (
        ("a cat", {}, 3.0),
        ("a cat", {"sample_shift": 2.0}, 2.0),
        ("a cat --fs 1.5", {"sample_shift": 2.0}, 1.5),
    ):
        assert [each.recipe.shift for each in samples(make_settings, base, tmp_path, line, **chosen)] == [shift]


def test_a_sampler_of_diffusion_is_refused_for_samples_too(make_settings: Any, base: str, tmp_path: Path) -> None:
    with pytest.raises(GridError, match="sampler of sample prompt 01: DDIM, which is not for Tiny Flow"):
        samples(make_settings, base, tmp_path, "a cat --ss ddim")


@pytest.fixture
def only_bf16(base: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A base that overflows in fp16."""
    record = replace(FAMILIES[tiny_flow.FAMILY.key], no_fp16="its sums overflow in fp16")
    monkeypatch.setitem(FAMILIES, record.key, record)
    return base


def test_half_precision_is_one_that_every_base_of_the_grid_can_compute_in(
    spread: Callable[..., Expanded], only_bf16: str
) -> None:
    assert spread().half == "fp16"
    assert spread(base=only_bf16, sampler="Euler").half == "bf16"
    assert spread(sampler="Euler", x=("base", f"demo, {only_bf16}")).half == "bf16"
    with pytest.raises(GridError, match="precision: fp16 with Tiny Flow; expected bf16 or fp32: its sums overflow"):
        spread(base=only_bf16, sampler="Euler", precision="fp16")


def test_a_bake_in_fp16_is_refused_where_the_base_overflows(only_bf16: str) -> None:
    found = identify_base(only_bf16)
    with pytest.raises(SettingsError, match="mixed_precision: fp16 with Tiny Flow; expected bf16 or no: its sums"):
        check_precision("fp16", found)
    for other in ("auto", "bf16", "no"):
        check_precision(other, found)
    check_precision("fp16", identify_base("demo"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"width": 100},
            "width, height: 100x64; expected sides of 16 to 8192 px, multiples of 16, as Tiny Flow needs",
        ),
        (
            {"x": ("size", "64x64, 64x104")},
            "X Size: 64x104; expected .* multiples of 16, as .*; the nearest to 104 is 96",
        ),
    ],
)
def test_a_side_is_checked_by_the_familys_grain(
    spread: Callable[..., Expanded], base: str, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(GridError, match=said):
        spread(base=base, sampler="Euler", height=64, **{"width": 64, **asked})


def test_a_side_longer_than_a_family_is_made_for_is_noted(
    spread: Callable[..., Expanded], base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"base": base, "sampler": "Euler", "x": ("size", "64x64, 64x96")}
    assert spread(**asked).notes == ()
    record = FAMILIES[tiny_flow.FAMILY.key]
    monkeypatch.setitem(FAMILIES, record.key, replace(record, sampling=replace(record.sampling, longest=64)))
    (note,) = spread(**asked).notes
    assert note.startswith("Tiny Flow at 64 × 96: it is made for sides of up to 64 px")
