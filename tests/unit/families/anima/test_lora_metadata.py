"""Metadata of Anima's LoRA files: the keys and words of sd-scripts' anima_train_network.py, and the bake made again from them."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from baked_metadata import baked_metadata, baked_settings

from trainer.families.anima.record import FAMILY
from trainer.families.flow_matching import TIMES
from trainer.interop.importer import Imported, import_documents
from trainer.interop.record import SourceDocument, SourceKey
from trainer.models.lora_header import LoraHeader
from trainer.plan.timesteps import timestep_probabilities
from trainer.publish.epoch import LoraToPublish, sidecar_json
from trainer.settings.in_metadata import AS_SET
from trainer.settings.model import Settings

FLOW: dict[str, object] = {"prediction": "flow"}


def metadata(**changes: object) -> dict[str, str]:
    return baked_metadata(origin=FLOW, family=FAMILY.key, **changes)


def imported(said: Mapping[str, object]) -> Imported:
    keys = tuple(map(SourceKey, said, said.values()))
    return import_documents([SourceDocument("x.safetensors", "safetensors", keys, said)])


def test_it_is_named_as_sd_scripts_names_it() -> None:
    said = metadata()
    assert said["ss_base_model_version"] == "anima"
    assert said["ss_network_module"] == "networks.lora_anima"
    assert said["modelspec.architecture"] == "anima-preview/lora"
    # sd-scripts writes `epsilon` there, which is wrong.
    assert "modelspec.prediction_type" not in said
    assert "modelspec.encoder_layer" not in said


SHIFTS, MEANS, WIDTHS = (1.0, 3.0, 0.5), (0.0, 0.5, -0.4), (1.0, 0.7)
EVERY_TIMES: list[dict[str, object]] = [
    *(
        {"timestep_sampling": "logit_normal", "logit_mean": mean, "logit_std": width, "discrete_flow_shift": shift}
        for mean in MEANS
        for width in WIDTHS
        for shift in SHIFTS
    ),
    *({"timestep_sampling": "uniform", "discrete_flow_shift": shift} for shift in SHIFTS),
    *({"timestep_sampling": "laplace", "laplace_mean": 1.0, "discrete_flow_shift": shift} for shift in SHIFTS),
]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ("uniform", "1.0", "1.0", "uniform")),
        # Its uniform is not shifted.
        ({"discrete_flow_shift": 3}, ("sigma", "1.0", "3.0", "uniform")),
        ({"timestep_sampling": "logit_normal"}, ("sigmoid", "1.0", "1.0", "uniform")),
        ({"timestep_sampling": "logit_normal", "logit_std": 0.7}, ("sigmoid", "0.7", "1.0", "uniform")),
        ({"timestep_sampling": "logit_normal", "discrete_flow_shift": 3}, ("shift", "1.0", "3.0", "uniform")),
        ({"timestep_sampling": "logit_normal", "logit_mean": 0.5}, ("sigma", "1.0", "1.0", "logit_normal")),
        # Of which sd-scripts has no word.
        ({"timestep_sampling": "laplace"}, ("laplace", "1.0", "1.0", "uniform")),
    ],
)
def test_the_times_are_in_sd_scripts_words(changes: dict[str, object], words: tuple[str, ...]) -> None:
    said = metadata(**changes)
    names = ("timestep_sampling", "sigmoid_scale", "discrete_flow_shift", "weighting_scheme")
    assert tuple(said[f"ss_{name}"] for name in names) == words
    assert {"ss_logit_mean", "ss_logit_std", "ss_mode_scale"} <= said.keys()


def times(settings: Settings) -> list[float]:
    return list(timestep_probabilities(settings, TIMES.signal(False), settings.discrete_flow_shift))


@pytest.mark.parametrize("changes", EVERY_TIMES)
def test_the_same_times_come_back_from_a_file_of_ours_and_from_its_words_alone(changes: dict[str, object]) -> None:
    said = metadata(**changes)
    words_alone = {key: value for key, value in said.items() if key != AS_SET}
    wanted = times(baked_settings(**changes))
    assert times(imported(said).settings) == wanted
    assert times(imported(words_alone).settings) == wanted


def test_a_file_of_ours_before_it_kept_the_word_as_it_was_set() -> None:
    said = metadata(timestep_sampling="logit_normal", logit_mean=0.5, discrete_flow_shift=3.0)
    as_set = json.loads(said[AS_SET])
    del as_set["timestep_sampling"]
    old = said | {AS_SET: json.dumps(as_set), "ss_timestep_sampling": "logit_normal"}
    assert times(imported(old).settings) == times(imported(said).settings)


@pytest.mark.parametrize("changes", [{}, {"timestep_sampling": "laplace", "network_dim": 16, "network_alpha": 16}])
def test_a_bake_is_made_again_from_them(changes: dict[str, object]) -> None:
    again, settings = imported(metadata(**changes)).settings, baked_settings(**changes)
    names = ("timestep_sampling", "logit_mean", "logit_std", "discrete_flow_shift", "network_dim", "network_alpha")
    assert {name: getattr(again, name) for name in names} == {name: getattr(settings, name) for name in names}


def test_a_file_of_sd_scripts_is_read() -> None:
    said = {
        "ss_base_model_version": "anima",
        "ss_network_module": "networks.lora_anima",
        "ss_sd_scripts_commit_hash": "48d368f",
        "ss_training_started_at": "1790000000.0",
        "ss_network_dim": "8",
        "ss_network_alpha": "1.0",
        "ss_learning_rate": "0.0001",
        "ss_unet_lr": "0.0001",
        "ss_max_train_steps": "1000",
        "ss_weighting_scheme": "uniform",
        "ss_logit_mean": "0.0",
        "ss_logit_std": "1.0",
        "ss_mode_scale": "1.29",
        "ss_timestep_sampling": "shift",
        "ss_sigmoid_scale": "0.8",
        "ss_discrete_flow_shift": "3.0",
        "modelspec.architecture": "anima-preview/lora",
        "modelspec.prediction_type": "epsilon",
    }
    found = imported(said)
    assert found.report.of("unknown") == ()
    settings = found.settings
    assert (settings.network_dim, settings.network_alpha, settings.unet_lr) == (8, 1, 1e-4)
    assert (settings.timestep_sampling, settings.discrete_flow_shift) == ("logit_normal", 3)
    # Its logit_std belongs to another way of drawing times.
    assert settings.logit_std == 0.8
    assert settings.v_parameterization != "yes"
    assert not any("base of the kind" in note for note in found.report.notes)


def test_a_webui_that_has_no_word_for_it_gets_none() -> None:
    header = LoraHeader({}, {"ss_base_model_version": "anima"}, {})
    assert '"sd version": "Unknown"' in sidecar_json(LoraToPublish(Path("x.safetensors"), "x"), header)
