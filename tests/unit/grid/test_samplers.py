"""Samplers by every program's names."""

import pytest

from trainer.errors import GridError
from trainer.grid.samplers import SAMPLERS, sampler_named
from trainer.grid.webui_sampler import sampler_from_webui, sampler_if_known


@pytest.mark.parametrize(
    ("name", "schedule", "ours"),
    [
        ("euler", "normal", "Euler"),
        ("euler_ancestral", "", "Euler a"),
        ("dpmpp_2m", "normal", "DPM++ 2M"),
        ("dpmpp_2m", "karras", "DPM++ 2M Karras"),
        ("DPMPP_2M", "Karras", "DPM++ 2M Karras"),
        ("ddim", "ddim_uniform", "DDIM"),
        ("ddim", "normal", "DDIM"),
        ("uni_pc", "normal", "UniPC"),
        ("lcm", "normal", "LCM"),
        ("euler_a", "", "Euler a"),
        ("dpmpp_2m_k", "", "DPM++ 2M Karras"),
        ("k_euler_ancestral", "native", "Euler a"),
        ("k_dpmpp_2m", "karras", "DPM++ 2M Karras"),
        ("heun", "normal", "Heun"),
        ("er_sde", "", "ER SDE"),
    ],
)
def test_other_programs_names_of_a_sampler_and_its_schedule_mean_ours(name: str, schedule: str, ours: str) -> None:
    assert sampler_from_webui(name, schedule).name == ours


@pytest.mark.parametrize(
    ("name", "schedule"), [("euler", "sgm_uniform"), ("dpmpp_2m", "simple"), ("dpmpp_sde", "karras")]
)
def test_what_none_of_ours_does_is_not_taken_for_one(name: str, schedule: str) -> None:
    assert sampler_if_known(name, schedule) is None


def test_comfyuis_names_may_be_typed() -> None:
    assert sampler_named("dpmpp_2m").name == "DPM++ 2M"
    assert sampler_named("dpmpp_2m", "karras").name == "DPM++ 2M Karras"
    with pytest.raises(GridError, match="sampler: dpm_2; expected one of Euler"):
        sampler_named("dpm_2")


def test_no_name_means_two_samplers() -> None:
    names = [name.lower() for sampler in SAMPLERS for name in (sampler.name, *sampler.others)]
    assert len(names) == len(set(names))


def test_one_that_corrects_its_steps_goes_through_the_model_twice_but_for_the_last_one() -> None:
    assert [sampler_named("Heun").evaluations(steps) for steps in (1, 2, 30)] == [1, 3, 59]
    assert sampler_named("ER SDE").evaluations(30) == 30
