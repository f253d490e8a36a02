"""What every setting must answer about itself."""

import inspect

import pytest
from other_values import other_values

from trainer.settings.describe import SettingInfo, fields
from trainer.settings.model import Settings
from trainer.settings.one_setting import setting

LONGEST_LABEL = 22
SETTINGS = [pytest.param(info, id=info.name) for info in fields()]


@pytest.mark.parametrize("question", ["memory", "speed", "metadata", "exactness", "synonyms"])
def test_no_setting_answers_by_saying_nothing(question: str) -> None:
    assert inspect.signature(setting).parameters[question].default is inspect.Parameter.empty


def test_labels_are_unique_and_fit_the_form() -> None:
    labels = [info.label for info in fields()]
    assert len(set(labels)) == len(labels)
    assert [label for label in labels if len(label) > LONGEST_LABEL] == []


def test_every_setting_has_synonyms_that_its_name_and_label_do_not_hold() -> None:
    assert [info.name for info in fields() if not info.synonyms] == []
    known = [(info.name, word) for info in fields() for word in info.synonyms if word in (info.name, info.label)]
    assert known == []


@pytest.mark.parametrize("info", SETTINGS)
def test_help_is_one_or_more_sentences(info: SettingInfo) -> None:
    assert info.help[0].isupper() or info.help.startswith(("`", "sd-scripts"))
    assert info.help.endswith(".")


@pytest.mark.parametrize("info", SETTINGS)
def test_a_key_of_its_own_or_several_but_not_both(info: SettingInfo) -> None:
    assert not (info.metadata_key and info.metadata_keys)
    keys = (info.metadata_key,) if info.metadata_key else info.metadata_keys
    assert all(key.startswith(("ss_", "modelspec.")) for key in keys)


def test_another_value_of_each_setting_is_valid() -> None:
    for name, value in other_values().items():
        assert getattr(Settings.model_validate({name: value}), name) != getattr(Settings(), name), name
