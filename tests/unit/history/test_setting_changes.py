from hypothesis import given
from hypothesis import strategies as st

from trainer.history.setting_changes import changed_names, defaults, differing, setting_changes
from trainer.settings.describe import fields
from trainer.settings.model import Settings
from trainer.settings.one_setting import Decides


def words(before: dict[str, object], after: dict[str, object]) -> list[str]:
    one, other = (differing(Settings.model_validate(each)) for each in (before, after))
    return [change.words for change in setting_changes(one, other)]


def test_rates_that_are_a_multiple_are_told_as_one() -> None:
    assert words({"unet_lr": 1e-4}, {"unet_lr": 3e-4}) == ["unet_lr ×3"]
    assert words({"unet_lr": 2e-4}, {"unet_lr": 1e-4}) == ["unet_lr ×0.5"]
    assert words({"text_encoder_lr": 4e-5}, {"text_encoder_lr": 5e-5}) == ["text_encoder_lr 4e-5 → 5e-5"]


def test_what_is_no_plain_multiple_is_told_by_both_values() -> None:
    assert words({"unet_lr": 3e-4}, {"unet_lr": 7.123e-4}) == ["unet_lr 3e-4 → 7.123e-4"]
    assert words({"noise_offset": 0.0}, {"noise_offset": 0.1}) == ["noise_offset 0 → 0.1"]
    assert words({"seed": 2}, {"seed": 6}) == ["seed 2 → 6"]


def test_switches_blanks_lists_and_paths_have_their_own_words() -> None:
    assert words({}, {"masked_loss": True}) == ["masked_loss yes"]
    assert words({"vae": "/m/a.safetensors"}, {"vae": ""}) == ["vae → blank"]
    assert words({"vae": "/m/a.safetensors"}, {"vae": "/m/b.safetensors"}) == ["vae → b.safetensors"]
    assert words({"vae": "/m/a.safetensors"}, {"vae": "/n/a.safetensors"}) == ["vae elsewhere"]
    assert words({}, {"training_comment": "x" * 500}) == ["training_comment changed"]


def test_what_decides_the_result_comes_first() -> None:
    before, after = {}, {"on_done": "true", "sdpa": False, "seed": 5, "sample_steps": 7}
    one, other = (differing(Settings.model_validate(each)) for each in (before, after))
    changes = setting_changes(one, other)
    assert [change.decides for change in changes] == sorted(
        (change.decides for change in changes), key=[Decides.YES, Decides.ROUNDING, Decides.NO].index
    )
    assert (changes[0].name, changes[0].decides) == ("seed", Decides.YES)


def test_the_own_name_of_a_bake_is_no_change() -> None:
    assert words({"output_name": "a"}, {"output_name": "b"}) == []


@given(st.data())
def test_every_setting_that_differs_is_named_once_in_either_direction(data: st.DataObject) -> None:
    names = [info.name for info in fields()]
    before = data.draw(st.dictionaries(st.sampled_from(names), st.integers(0, 3)))
    after = data.draw(st.dictionaries(st.sampled_from(names), st.integers(0, 3)))
    ours = defaults()
    expected = {name for name in names if before.get(name, ours[name]) != after.get(name, ours[name])}
    assert set(changed_names(before, after)) == set(changed_names(after, before)) == expected
