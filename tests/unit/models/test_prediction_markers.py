"""What a base says of its prediction type, and that another kind of model is refused."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from header_only import write_header_only

from trainer.errors import ModelError
from trainer.formats.safetensors_header import read_header
from trainer.models.prediction_markers import PredictionMarkers
from trainer.models.stable_diffusion.prediction_markers import markers_in_file, markers_in_folder


def file_says(path: Path, keys: Iterable[str] = (), metadata: Mapping[str, str] | None = None) -> PredictionMarkers:
    file = write_header_only(path / "x.safetensors", {"a": (1,), **dict.fromkeys(keys, (0,))}, metadata=metadata)
    return markers_in_file(file, read_header(file))


def folder_says(path: Path, config: Mapping[str, object]) -> PredictionMarkers:
    (path / "scheduler").mkdir()
    (path / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    return markers_in_folder(path)


def test_a_file_without_a_word_is_silent(tmp_path: Path) -> None:
    assert file_says(tmp_path) == PredictionMarkers(None, None, "")


@pytest.mark.parametrize(("keys", "zero"), [(("v_pred", "ztsnr"), True), (("v_pred",), False)])
def test_marker_keys_say_v_and_whether_the_last_time_is_all_noise(
    tmp_path: Path, keys: tuple[str, ...], zero: bool
) -> None:
    assert file_says(tmp_path, keys) == PredictionMarkers("v", zero, "key v_pred")


@pytest.mark.parametrize(
    ("word", "prediction"), [("epsilon", "epsilon"), ("v", "v"), ("v_prediction", "v"), ("V-Prediction", "v")]
)
def test_metadata_say_it_where_no_key_does(tmp_path: Path, word: str, prediction: str) -> None:
    assert file_says(tmp_path, metadata={"modelspec.prediction_type": word}) == PredictionMarkers(
        prediction,  # type: ignore[arg-type]
        None,
        "modelspec.prediction_type",
    )


def test_a_key_outweighs_metadata_that_a_merge_dragged_along(tmp_path: Path) -> None:
    assert file_says(tmp_path, ["v_pred"], {"modelspec.prediction_type": "epsilon"}).prediction == "v"


@pytest.mark.parametrize("key", ["edm_mean", "edm_vpred.sigma_max"])
def test_a_file_of_another_kind_of_diffusion_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ModelError, match=rf"prediction type EDM \(key {key}\); expected epsilon or v-prediction"):
        file_says(tmp_path, [key])


def test_metadata_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="prediction type flow"):
        file_says(tmp_path, metadata={"modelspec.prediction_type": "flow"})


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"prediction_type": "epsilon"}, PredictionMarkers("epsilon", None, "scheduler/scheduler_config.json")),
        (
            {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True},
            PredictionMarkers("v", True, "scheduler/scheduler_config.json"),
        ),
        ({"_class_name": "PNDMScheduler", "beta_start": 0.00085}, PredictionMarkers(None, None, "")),
    ],
)
def test_a_folders_scheduler_says_it(tmp_path: Path, config: dict[str, object], said: PredictionMarkers) -> None:
    assert folder_says(tmp_path, config) == said


def test_a_folder_without_scheduler_is_silent(tmp_path: Path) -> None:
    assert markers_in_folder(tmp_path) == PredictionMarkers(None, None, "")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"prediction_type": "sample"}, "prediction type sample"),
        ({"_class_name": "EDMEulerScheduler"}, "prediction type EDMEulerScheduler"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "prediction type FlowMatch"),
        ({"beta_end": 0.02}, "beta_end 0.02; expected 0.012"),
        ({"beta_schedule": "linear"}, "a custom noise schedule"),
    ],
)
def test_a_folder_with_another_noise_is_refused(tmp_path: Path, config: dict[str, object], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        folder_says(tmp_path, config)
