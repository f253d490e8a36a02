"""sd-scripts' options of a base that predicts a flow: each draws the same times here, or says why not."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from trainer.families.flow_matching import PIECES, TIMES
from trainer.interop.documents import read_document
from trainer.interop.importer import Imported, import_documents
from trainer.plan.timesteps import timestep_probabilities

COMMAND = "python anima_train_network.py --network_module=networks.lora_anima"


def imported(options: str = "", command: str = COMMAND) -> Imported:
    made = import_documents([read_document(f"{command} {options}".encode(), "a command")], exists=lambda path: False)
    assert made.report.of("unknown") == ()
    return made


def why(made: Imported) -> Mapping[str, str]:
    return {each.key: each.why for each in made.report.of("without effect")}


def drawn(options: Mapping[str, object], count: int = 200_000) -> np.ndarray:
    """Return times as sd-scripts draws them."""
    draw = np.random.default_rng(7)
    word, shift = options.get("timestep_sampling", "sigmoid"), float(str(options.get("discrete_flow_shift", 1)))
    normal, scale = draw.normal(size=count), float(str(options.get("sigmoid_scale", 1)))
    if word == "uniform":
        return draw.random(count)
    if word == "sigma":
        mean, width = (float(str(options.get(name, at))) for name, at in (("logit_mean", 0), ("logit_std", 1)))
        logit = options.get("weighting_scheme") == "logit_normal"
        place = 1 / (1 + np.exp(-(mean + width * normal))) if logit else draw.random(count)
        times = np.linspace(1, 1000, 1000)[::-1] / 1000
        return (shift * times / (1 + (shift - 1) * times))[(place * 1000).astype(int)]
    times = 1 / (1 + np.exp(-scale * normal))
    return times * shift / (1 + (shift - 1) * times) if word == "shift" else times


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sigmoid_scale": 1.7, "discrete_flow_shift": 3, "logit_mean": 0.8, "logit_std": 0.4},
        {"timestep_sampling": "shift", "sigmoid_scale": 0.6, "discrete_flow_shift": 3},
        {"timestep_sampling": "uniform", "discrete_flow_shift": 3, "sigmoid_scale": 2},
        {"timestep_sampling": "sigma", "discrete_flow_shift": 2.5, "logit_mean": 1, "weighting_scheme": "uniform"},
        {"timestep_sampling": "sigma", "discrete_flow_shift": 2.5, "logit_std": 0.3},
        {
            "timestep_sampling": "sigma",
            "discrete_flow_shift": 2,
            "weighting_scheme": "logit_normal",
            "logit_mean": 0.9,
            "logit_std": 0.7,
            "sigmoid_scale": 3,
        },
    ],
)
def test_the_same_times_are_drawn(options: Mapping[str, object]) -> None:
    settings = imported(" ".join(f"--{name}={value}" for name, value in options.items())).settings
    ours = timestep_probabilities(settings, TIMES.signal(False), settings.discrete_flow_shift)
    theirs, _ = np.histogram(drawn(options), bins=PIECES, range=(0, 1))
    assert np.abs(np.cumsum(ours) - np.cumsum(theirs) / theirs.sum()).max() < 0.006


def test_what_counts_with_another_way_alone_says_so() -> None:
    made = imported("--discrete_flow_shift=3 --logit_mean=1 --weighting_scheme=logit_normal --sigmoid_scale=2")
    assert why(made).keys() >= {"discrete_flow_shift", "logit_mean", "weighting_scheme"}
    assert "sigma alone" in why(made)["logit_mean"]
    assert (made.settings.timestep_sampling, made.settings.logit_std) == ("logit_normal", 2.0)
    assert any("timestep_sampling=sigmoid" in note for note in made.report.notes)
    by_loss = why(imported("--timestep_sampling=sigma --weighting_scheme=cosmap"))["weighting_scheme"]
    assert "no weight by its time" in by_loss
    by_size = imported("--timestep_sampling=flux_shift")
    assert [each.why for each in by_size.report.keys if each.key == "timestep_sampling"] == [
        "the sigmoid of a normal number; its shift by the picture's size is not here"
    ]


def test_sd_scripts_other_programs_draw_evenly_where_nothing_is_said() -> None:
    made = imported(command="python sdxl_train_network.py --network_module=networks.lora --max_timestep 900")
    assert (made.settings.timestep_sampling, made.settings.max_timestep) == ("uniform", 900)


def test_files_of_the_base_and_how_it_is_held_are_settings() -> None:
    made = imported(
        "--qwen3 q.safetensors --vae v.safetensors --llm_adapter_path a.safetensors --t5_tokenizer_path t5"
        " --blocks_to_swap 12 --attn_mode torch --unsloth_offload_checkpointing --split_attn --vae_chunk_size 64"
        " --vae_disable_cache --qwen3_max_token_length 256 --text_encoder_batch_size 4 --fp8_base --max_timestep 900"
    )
    settings = made.settings
    assert (settings.qwen3, settings.llm_adapter_path, settings.t5_tokenizer_path) == (
        "q.safetensors",
        "a.safetensors",
        "t5",
    )
    assert (settings.vae, settings.blocks_to_swap, settings.sdpa, settings.gradient_checkpointing) == (
        "v.safetensors",
        12,
        True,
        True,
    )
    assert why(made).keys() == {
        *("network_module", "split_attn", "vae_chunk_size", "vae_disable_cache", "qwen3_max_token_length"),
        *("text_encoder_batch_size", "fp8_base", "max_timestep"),
    }
    assert all(why(made).values())
    assert (settings.fp8_base, settings.max_timestep) == (False, 1000)


def test_the_conditioner_trains_at_the_bodys_rate_as_in_sd_scripts() -> None:
    made = imported(
        "--network_args train_llm_adapter=True rank_dropout=0.1 --unet_lr 3e-5 --learning_rate 1e-4"
        " --text_encoder_lr 1e-6 --network_train_unet_only"
    )
    settings = made.settings
    assert (settings.train_llm_adapter, settings.rank_dropout, settings.network_train_unet_only) == (True, 0.1, False)
    assert math.isclose(settings.text_encoder_lr or 0, 3e-5)
    assert why(made).keys() >= {"text_encoder_lr", "network_train_unet_only"}
    assert not any("text encoder too" in note for note in made.report.notes)


def test_a_text_encoder_that_would_train_there_is_noted() -> None:
    assert any("text encoder too" in note for note in imported("--unet_lr 1e-4").report.notes)
    assert not any("text encoder too" in note for note in imported("--network_train_unet_only").report.notes)
    alone = imported("--network_train_text_encoder_only")
    assert "not trained here" in why(alone)["network_train_text_encoder_only"]


def test_onetrainers_transformer_is_the_body_and_its_shift_ours() -> None:
    text = """{"training_method": "LORA", "model_type": "ANIMA", "peft_type": "LORA", "lora_rank": 16, "lora_alpha": 1,
      "learning_rate": 3e-5, "transformer": {"train": true, "learning_rate": 2e-5, "weight_dtype": "FLOAT_8"},
      "unet": {"train": true, "learning_rate": 1e-3}, "text_encoder": {"train": false, "learning_rate": 1e-6},
      "timestep_distribution": "LOGIT_NORMAL", "noising_weight": 0.5, "noising_bias": 0.0, "timestep_shift": 3.0}"""
    made = import_documents([read_document(text.encode(), "anima.json")])
    assert made.report.of("unknown") == ()
    settings = made.settings
    assert (settings.unet_lr, settings.fp8_base, settings.network_train_unet_only) == (2e-5, True, True)
    assert (settings.timestep_sampling, settings.logit_std, settings.discrete_flow_shift) == ("logit_normal", 1.5, 3.0)
    assert settings.conv_dim is None
    assert not any("cannot be trained" in note for note in made.report.notes)
    other = import_documents([read_document(text.replace("ANIMA", "FLUX_DEV_1").encode(), "flux.json")])
    assert other.settings.discrete_flow_shift == 1
    assert any("cannot be trained" in note for note in other.report.notes)


@pytest.mark.parametrize(("word", "expected"), [("sigmoid", "logit_normal"), ("weighted", "uniform")])
def test_ai_toolkits_times_are_read_for_a_flow(word: str, expected: str) -> None:
    text = f"""
config:
  process:
    - type: sd_trainer
      network: {{type: lora, linear: 32, linear_alpha: 32}}
      train: {{noise_scheduler: flowmatch, timestep_type: {word}, lr: 1e-4, steps: 3000}}
      model: {{name_or_path: x, arch: anima}}
"""
    made = import_documents([read_document(text.encode(), "job.yaml")])
    assert made.values["timestep_sampling"] == expected
    assert not any("cannot be trained" in note for note in made.report.notes)
    other = import_documents([read_document(text.replace("arch: anima", "arch: sdxl").encode(), "job.yaml")])
    assert "timestep_sampling" not in other.values


def test_the_guis_own_toml_is_read_as_sd_scripts_options() -> None:
    text = """epoch = 1
network_module = "networks.lora_anima"
network_dim = 16
qwen3 = "q.safetensors"
timestep_sampling = "shift"
discrete_flow_shift = 3.0
sigmoid_scale = 1.2
noise_offset_type = "Original"
"""
    made = import_documents([read_document(text.encode(), "config_lora.toml")])
    assert "GUI" in made.report.title
    assert (made.settings.qwen3, made.settings.logit_std, made.settings.discrete_flow_shift) == (
        "q.safetensors",
        1.2,
        3.0,
    )
