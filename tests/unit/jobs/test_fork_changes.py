"""What may change where a bake continues from a state."""

import pytest

from trainer.errors import SettingsError
from trainer.jobs.fork import check_changes
from trainer.settings.model import Settings


@pytest.mark.parametrize("name", ["seed", "order_seed", "noise_seed"])
def test_the_numbers_of_the_steps_to_come_may_be_others(name: str) -> None:
    check_changes(Settings(seed=7), Settings.model_validate({"seed": 7, name: 8}))


def test_a_start_that_is_past_stays_and_the_error_names_what_may_change() -> None:
    with pytest.raises(SettingsError) as caught:
        check_changes(Settings(), Settings(init_seed=8))
    assert "init_seed: changed from blank to 8" in caught.value.line()
    assert "set order_seed or noise_seed" in caught.value.line()
