"""What other trainers call our settings, as their tables have it."""

import pytest

from trainer.interop.option_names import foreign_names, plain_name
from trainer.interop.registry import FORMATS
from trainer.settings.describe import is_setting


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("lora_rank", "network_dim"),
        ("network.rank", "network_dim"),
        ("batch_size", "train_batch_size"),
        ("lora_weight_dtype_of_nobody", ""),
        ("train.steps", "max_train_steps"),
        ("save_state", "keep_states"),
        ("dropout_probability", "network_dropout"),
        ("learning_rate_warmup_steps", "lr_warmup_steps"),
        ("max_train_epochs", "max_train_epochs"),
        ("conv_dim", "conv_dim"),
    ],
)
def test_a_name_of_another_trainer_leads_to_our_setting(name: str, setting: str) -> None:
    found = {each for foreign in foreign_names().get(plain_name(name), ()) for each in foreign.settings}
    assert setting in found if setting else not found


def test_every_setting_that_a_name_leads_to_is_one() -> None:
    named = {setting for names in foreign_names().values() for name in names for setting in name.settings}
    assert [name for name in named if not is_setting(name)] == []
    assert len(named) > 60


def test_every_key_of_every_table_is_found_by_its_whole_name() -> None:
    missing = [
        rule.key
        for trainer in FORMATS
        for rule in trainer.rules
        if "NAME" not in rule.key and plain_name(rule.key) and plain_name(rule.key) not in foreign_names()
    ]
    assert missing == []


def test_a_name_without_a_setting_says_why() -> None:
    names = foreign_names()["flip aug"]
    assert next(name.settings for name in names if name.trainer == "sd-scripts") == ()
    assert any("mirrored pictures" in name.why for name in names)
