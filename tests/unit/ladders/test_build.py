"""Ladders made from what somebody types: factors and values, pairs, and what is refused by name."""

from dataclasses import replace

import pytest

from trainer.errors import SettingsError
from trainer.ladders.build import (
    MAX_RUNGS,
    LadderAxis,
    axis_of,
    ladder_of_axes,
    ladder_of_knob,
    more_rungs,
    outwards,
    settings_of_rungs,
)
from trainer.ladders.record import LadderSpec, Rung
from trainer.settings.model import Settings
from trainer.settings.random_numbers import SEEDS

OURS = Settings(unet_lr=2e-4, network_dim=16, text_encoder_lr=None, lr_warmup_steps="5%")


def rungs_of(knob: str, *typed: str, settings: Settings = OURS) -> list[tuple[str, tuple[str, ...], float | None]]:
    return [(rung.label, rung.overrides, rung.position) for rung in ladder_of_knob(settings, knob, typed).rungs]


def refusal(knob: str, *typed: str, settings: Settings = OURS, twins: int = 2) -> str:
    with pytest.raises(SettingsError) as caught:
        ladder_of_knob(settings, knob, typed, twins=twins)
    return caught.value.line()


def test_a_plain_number_is_a_factor_on_what_the_settings_have() -> None:
    assert rungs_of("unet_lr", "10", "×0.1", "1", "/3") == [
        ("×0.1", ("unet_lr=2e-5",), 2e-5),
        ("/3", ("unet_lr=6.66666666667e-5",), 6.66666666667e-5),
        ("×1", (), 2e-4),
        ("×10", ("unet_lr=2e-3",), 2e-3),
    ]


def test_a_factor_is_exact_to_the_digits_that_somebody_would_write() -> None:
    assert rungs_of("unet_lr", "0.1", settings=Settings(unet_lr=3e-5))[0][1] == ("unet_lr=3e-6",)
    assert rungs_of("unet_lr", "0.7", settings=Settings(unet_lr=1.1e-4))[0][1] == ("unet_lr=7.7e-5",)


def test_a_value_is_written_with_an_equals_sign_and_its_own_value_is_the_centre() -> None:
    spec = ladder_of_knob(OURS, "unet_lr", ["=5e-4", "=2e-4", "=0"])
    assert [(rung.label, rung.is_centre) for rung in spec.rungs] == [("0", False), ("2e-4", True), ("5e-4", False)]
    assert spec.centre == 1 and spec.rungs[1].overrides == ()


def test_of_a_setting_without_a_positive_number_every_rung_is_a_value() -> None:
    assert rungs_of("lr_scheduler", "cosine", "constant", "COSINE_with_restarts") == [
        ("cosine", ("lr_scheduler=cosine",), None) if OURS.lr_scheduler != "cosine" else ("cosine", (), None),
        ("constant", ("lr_scheduler=constant",), None),
        ("cosine_with_restarts", ("lr_scheduler=cosine_with_restarts",), None)
        if OURS.lr_scheduler != "cosine_with_restarts"
        else ("cosine_with_restarts", (), None),
    ]
    assert rungs_of("text_encoder_lr", "=", "1e-5", "5e-5") == [
        ("blank", (), None),
        ("1e-5", ("text_encoder_lr=1e-5",), 1e-5),
        ("5e-5", ("text_encoder_lr=5e-5",), 5e-5),
    ]
    assert [label for label, _, _ in rungs_of("network_train_unet_only", "true", "no")] == ["yes", "no"]


def test_amounts_are_numbers_in_their_unit_and_of_two_units_none() -> None:
    assert [position for _, _, position in rungs_of("text_encoder_stop", "3ep", "1ep")] == [1.0, 3.0]
    assert [position for _, _, position in rungs_of("lr_warmup_steps", "5%", "100")] == [None, None]
    assert ladder_of_knob(OURS, "lr_warmup_steps", ["0%", "5%", "10%"]).centre == 1


def test_whole_numbers_stay_whole() -> None:
    assert rungs_of("network_dim", "0.33", "2.5") == [
        ("×0.33", ("network_dim=5",), 5.0),
        ("×2.5", ("network_dim=40",), 40.0),
    ]
    assert rungs_of("network_dim", "0.5", settings=Settings(network_dim=5))[0][1] == ("network_dim=3",)


def test_equal_factors_are_equal_distances_where_factors_or_tens_are_asked_for() -> None:
    for typed, log in ((["0.5", "2"], True), (["=1e-5", "=1e-3"], True), (["=1e-4", "=3e-4"], False), (["1"], False)):
        assert ladder_of_knob(OURS, "unet_lr", typed).log_axis is log, typed
    # The rate 0 of the notes has no place on the axis and stands before it.
    assert ladder_of_knob(OURS, "unet_lr", ["50", "5", "0"]).log_axis


def test_settings_that_move_together_take_one_text_for_all_or_one_for_each() -> None:
    both = ladder_of_knob(Settings(max_train_epochs=4), "max_train_epochs,unet-lr", ["1", "2:0.5"])
    assert both.knobs == ("unet_lr", "max_train_epochs")
    assert [(rung.label, rung.overrides) for rung in both.rungs] == [
        ("×1", ()),
        ("×2, ×0.5", ("max_train_epochs=8", "unet_lr=5e-5")),
    ]
    assert both.title == "max_train_epochs and unet_lr ×1, ×2, ×0.5"
    line = refusal("max_train_epochs,unet_lr", "1:2:3", settings=Settings(max_train_epochs=4))
    assert "rung 1:2:3: 3 parts; expected one for all of max_train_epochs, unet_lr, or one for each" in line
    # A blank rate has nothing that 0.1 could be a factor on.
    line = refusal("unet_lr,text_encoder_lr", "0.1")
    assert "a factor on unet_lr and a value of text_encoder_lr" in line and "separated by `:`" in line


def test_two_rows_are_every_pair_of_their_places() -> None:
    axes = [axis_of("unet_lr", ["0.1", "1"]), axis_of("network_dim", ["1", "2"])]
    spec = ladder_of_axes(OURS, axes)
    assert [rung.label for rung in spec.rungs] == [
        "unet_lr ×0.1, network_dim ×1",
        "unet_lr ×0.1, network_dim ×2",
        "unet_lr ×1, network_dim ×1",
        "unet_lr ×1, network_dim ×2",
    ]
    assert spec.centre == 2 and spec.knobs == ("network_dim", "unet_lr")
    assert spec.rungs[1].overrides == ("unet_lr=2e-5", "network_dim=32")
    assert {rung.position for rung in spec.rungs} == {None}
    assert spec.title == "unet_lr by network_dim, 4 pairs"


def test_factors_count_from_the_settings_of_every_rung() -> None:
    spec = ladder_of_axes(OURS, [axis_of("unet_lr", ["1", "2"])], base_settings=["unet_lr=1e-3", "network_dim=4"])
    assert spec.rungs[1].overrides == ("unet_lr=2e-3",)
    assert [(each.unet_lr, each.network_dim) for each in settings_of_rungs(OURS, spec)] == [(1e-3, 4), (2e-3, 4)]


@pytest.mark.parametrize(
    ("knob", "typed", "words"),
    [
        ("unet_lrr", ["1"], "unknown setting `unet_lrr`; did you mean `unet_lr`?"),
        ("unet_lr", ["0.1", "9e9"], "rung ×9000000000: unet_lr: \"1800000\"; expected a number from 0 to 1"),
        ("unet_lr", ["=much"], "rung much: unet_lr: \"much\"; expected a number from 0 to 1"),
        ("lr_scheduler", ["cosine", "square"], "rung square: lr_scheduler: \"square\"; expected one of "),
        ("text_encoder_lr", ["×0.1"], "rung ×0.1 of text_encoder_lr: a factor, and text_encoder_lr is blank"),
        ("network_train_unet_only", ["maybe"], "rung maybe: network_train_unet_only: \"maybe\"; expected true or false"),
        ("network_dim", ["0.01"], "rung ×0.01: network_dim: 0; expected a whole number from 1"),
        ("unet_lr", ["1", "  "], "rung without a text of unet_lr: nothing is typed"),
        ("unet_lr", ["/0"], "a division by 0"),
        ("unet_lr", ["3", "×3"], "rung ×3: the same bake as rung ×3: unet_lr=6e-4"),
        ("unet_lr", ["3", "=6e-4"], "rung 6e-4: the same bake as rung ×3"),
        ("network_dim", ["1", "1.01"], "rung ×1.01: the same bake as rung ×1: the settings as they are"),
        ("unet_lr,unet_lr", ["1"], "knob unet_lr: named twice"),
        ("unet_lr", [], "rungs of unet_lr: none; expected at least two"),
        ("unet_lr", [f"={n}e-6" for n in range(MAX_RUNGS + 1)], f"{MAX_RUNGS + 1} rungs; expected at most {MAX_RUNGS}"),
        ("min_timestep", ["=2000"], "rung 2000: min_timestep: "),
    ],
)  # fmt: skip
def test_what_cannot_be_a_rung_is_refused_by_name(knob: str, typed: list[str], words: str) -> None:
    assert words in refusal(knob, *typed)


@pytest.mark.parametrize("knob", SEEDS)
def test_a_seed_is_no_knob_and_the_way_out_is_a_twin(knob: str) -> None:
    line = refusal(knob, "=1", "=2")
    assert "what they change is noise" in line and "`lora-tui twin N`" in line
    # Nor does it come in by the back door of a rung that says what it sets.
    spec = LadderSpec(title="x", knobs=("unet_lr",), rungs=(Rung(label="a", overrides=("unet_lr=1e-4", f"{knob}=3")),))
    with pytest.raises(SettingsError, match="noise"):
        settings_of_rungs(OURS, spec)


def test_a_ladder_has_a_bound_on_its_bakes() -> None:
    assert "from 1 to 20" in refusal("unet_lr", "1", twins=21)
    assert "60 rungs of 20 bakes" in refusal("unet_lr", *(f"={n}e-6" for n in range(60)), twins=20)
    assert "rows of rungs" in _axes_refused(3) and "no rungs" in _spec_refused(())
    two = (Rung(label="a", overrides=("unet_lr=1e-5",)), Rung(label="a", overrides=("unet_lr=1e-6",)))
    assert "rung a: given twice" in _spec_refused(two)
    centres = (Rung(label="a", is_centre=True), Rung(label="b", is_centre=True))
    assert "several centres" in _spec_refused(centres)


def _axes_refused(rows: int) -> str:
    with pytest.raises(SettingsError) as caught:
        ladder_of_axes(OURS, [LadderAxis(knobs=("unet_lr",), rungs=("1",))] * rows)
    return caught.value.line()


def _spec_refused(rungs: tuple[Rung, ...]) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_of_rungs(OURS, LadderSpec(title="x", knobs=(), rungs=rungs))
    return caught.value.line()


def test_more_rungs_go_to_their_places_and_leave_the_others_as_they_are() -> None:
    spec = ladder_of_knob(OURS, "unet_lr", ["0.1", "1", "10"])
    longer = more_rungs(OURS, spec, ["3", "0.01"])
    assert [rung.label for rung in longer.rungs] == ["×0.01", "×0.1", "×1", "×3", "×10"]
    assert set(spec.rungs) < set(longer.rungs)
    with pytest.raises(SettingsError, match="the same bake as rung ×10"):
        more_rungs(OURS, spec, ["=2e-3"])


def test_baking_begins_at_the_centre_and_goes_outwards() -> None:
    spec = ladder_of_knob(OURS, "unet_lr", ["0.1", "0.33", "1", "3", "10"])
    assert [spec.rungs[place].label for place in outwards(spec)] == ["×1", "×0.33", "×3", "×0.1", "×10"]
    lopsided = ladder_of_knob(OURS, "unet_lr", ["1", "3", "10"])
    assert outwards(lopsided) == (0, 1, 2)
    assert outwards(replace(spec, rungs=tuple(replace(rung, is_centre=False) for rung in spec.rungs)))[0] == 2


@pytest.mark.parametrize(
    ("settings", "knob", "own", "other"),
    [
        (Settings(shuffle_caption=True), "shuffle_caption", ("on", "1", "TRUE", "y"), "off"),
        (Settings(shuffle_caption=False), "shuffle_caption", ("off", "0", "No"), "on"),
        (
            Settings(caption_extension=[".txt", ".caption"]),
            "caption_extension",
            (".txt,.caption", ".txt ,  .caption"),
            ".txt",
        ),
    ],
)
def test_a_value_is_known_however_it_is_spelt(settings: Settings, knob: str, own: tuple[str, ...], other: str) -> None:
    for spelt in own:
        spec = ladder_of_knob(settings, knob, [spelt, other])
        assert spec.centre == 0 and spec.rungs[0].overrides == ()
        assert "the same bake as" in refusal(knob, own[0], spelt, settings=settings)
