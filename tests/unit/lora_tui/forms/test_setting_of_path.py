"""The setting that an error is about, by the path in it."""

import pytest

from lora_tui.forms.settings_editor import setting_of_path
from trainer.errors import DatasetError, ModelError, OutOfMemory
from trainer.settings.describe import settings_naming
from trainer.settings.model import Settings


@pytest.mark.parametrize("setting", settings_naming("weights"))
@pytest.mark.parametrize("typed", ["/models/part.safetensors", "../part.safetensors", "part.safetensors"])
def test_an_error_about_a_file_is_shown_at_the_setting_that_names_it(setting: str, typed: str) -> None:
    named = {"pretrained_model_name_or_path": "/models/base.safetensors", setting: typed}
    error = ModelError("/models/part.safetensors", found="something else")
    assert setting_of_path(error, Settings.model_validate(named)) == setting


def test_an_error_about_no_file_that_is_named_is_the_base_s_or_the_folder_s() -> None:
    elsewhere = Settings(pretrained_model_name_or_path="/models/base.safetensors", vae="/models/vae.safetensors")
    assert setting_of_path(ModelError("/other/x", found="x"), elsewhere) == "pretrained_model_name_or_path"
    assert setting_of_path(DatasetError("/other/x", found="x"), elsewhere) == "train_data_dir"
    assert setting_of_path(OutOfMemory("step", found="x"), elsewhere) == ""
