"""Ladder files: the short form a person types, the whole form the journal keeps, and what is wrong in either."""

from pathlib import Path

import pytest

from trainer.errors import SettingsError
from trainer.ladders.build import axis_of, ladder_of_axes, ladder_of_knob
from trainer.ladders.files import asked_of_toml, read_spec, spec_of_toml, spec_toml
from trainer.ladders.record import LadderSpec, Rung
from trainer.settings.model import Settings

OURS = Settings(unet_lr=2e-4)

SHORT = """\
title = "how far does the rate go"
knob = "unet_lr"
rungs = [0.1, "1", "=3e-4", 10]
twins = 3
settings = "hifumi.toml"
[set]
max_train_epochs = 4
lr_warmup_steps = "10%"
"""


def refusal(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        asked_of_toml(text, "l.toml").spec(OURS)
    return caught.value


def test_the_short_form_is_what_one_would_type() -> None:
    asked = asked_of_toml(SHORT, "l.toml")
    spec = asked.spec(OURS)
    assert (asked.settings, asked.of_bake) == ("hifumi.toml", None)
    assert [(rung.label, rung.overrides) for rung in spec.rungs] == [
        ("×0.1", ("unet_lr=2e-5",)),
        ("×1", ()),
        ("3e-4", ("unet_lr=3e-4",)),
        ("×10", ("unet_lr=2e-3",)),
    ]
    assert (spec.twins, spec.title) == (3, "how far does the rate go")
    assert spec.base_settings == ("max_train_epochs=4", "lr_warmup_steps=10%")


def test_two_axes_and_tables_are_taken_too() -> None:
    axes = (
        '[[axes]]\nknob = "unet_lr"\nrungs = [1, 3]\n[[axes]]\nknob = "lr_scheduler"\nrungs = ["constant", "linear"]\n'
    )
    assert len(asked_of_toml(axes, "x").spec(OURS).rungs) == 4
    tables = '[[rungs]]\nlabel = "hot"\nset = { unet_lr = 1e-3, network_train_unet_only = true }\nposition = 1\n[[rungs]]\nlabel = "as it is"\ncentre = true\n'
    spec = asked_of_toml(tables, "x").spec(OURS)
    assert spec.rungs[0] == Rung(label="hot", overrides=("unet_lr=1e-3", "network_train_unet_only=yes"), position=1.0)
    assert spec.knobs == ("network_train_unet_only", "unet_lr") and spec.centre == 1


SPECS = [
    ladder_of_knob(OURS, "unet_lr", ["0.1", "1", "/30"], title='a "title" with \\ and\nline', question="x → y? “z”"),
    ladder_of_knob(OURS, "lr_scheduler", ["cosine", "constant"], twins=1, preset="scheduler"),
    ladder_of_axes(
        OURS,
        [axis_of("network_train_unet_only", ["yes", "no"]), axis_of("network_dim", ["0.5", "1"])],
        base_settings=["optimizer_args=weight_decay=0.1", "text_encoder_lr=", "output_name=x y"],
    ),
    LadderSpec(title="", knobs=("unet_lr",), rungs=(Rung(label="1\t#]", overrides=("unet_lr=1e-9",), position=0.0),)),
    LadderSpec(title="one", knobs=("unet_lr", "text_encoder_lr"), rungs=(Rung(label="is", is_centre=True),), twins=20),
]


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_a_written_spec_is_read_back_as_it_was(spec: LadderSpec, tmp_path: Path) -> None:
    text = spec_toml(spec)
    back = spec_of_toml(text, "x")
    assert back == spec if spec.title else back.rungs == spec.rungs
    assert spec_toml(back) == text or not spec.title
    (tmp_path / "l.toml").write_text(text)
    assert read_spec(tmp_path / "l.toml").rungs == spec.rungs


def test_a_written_spec_can_be_followed_by_who_reads_it() -> None:
    text = spec_toml(SPECS[0])
    assert "# Bakes of each rung that differ in their random numbers alone" in text
    assert "set = { unet_lr = 2e-5 }" in text and "centre = true" in text
    short = [line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   ")]
    assert len(asked_of_toml("\n".join(short), "x").spec(OURS).rungs) == 5


def test_of_two_values_for_one_setting_the_last_is_written() -> None:
    spec = ladder_of_axes(OURS, [axis_of("unet_lr", ["1", "2"])], base_settings=["network_dim=4", "network_dim=8"])
    assert spec_of_toml(spec_toml(spec), "x").base_settings == ("network_dim=8",)


def test_unknown_keys_are_named_all_at_once() -> None:
    error = refusal('titel = "x"\nknob = "unet_lr"\nrungs = [1, 2]\ntwin = 2\n')
    assert "2 keys that lora-tui does not know there: `titel`, `twin`" in error.line()
    assert error.details == ("titel: did you mean `title`?", "twin: did you mean `twins`?")
    inner = refusal('[[axes]]\nknob = "unet_lr"\nrung = [1]\nrungs = [1]\nhue = 3\n')
    assert "axes 1: 2 keys that lora-tui does not know there: `rung`, `hue`" in inner.line()
    names = refusal('[set]\nunet_rate = 1\n[[rungs]]\nlabel = "a"\nset = { unet_lrr = 1, seeed = 2 }\n')
    assert "3 keys" in names.line() and any("`unet_lr`" in line for line in names.details)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "l.toml: "),
        ("knob = 3", "l.toml line 1: knob: 3; expected a text"),
        ('knob = "unet_lr"', "no rungs beside knob"),
        ("rungs = [1, 2]", "no knob beside rungs"),
        ("twins = 0", "l.toml line 1: twins: 0; expected at least 1"),
        ("twins = 2.5", "l.toml line 1: twins: 2.5; expected a whole number"),
        ('twins = "2"', "expected a whole number"),
        ('knob = "unet_lr"\nrungs = [1, [2]]', "a list of 1; expected a number, a switch, a text"),
        ('knob = "unet_lr"\nrungs = [1, inf]', "rung inf: unet_lr: "),
        ('knob = "unet_lr"\nrungs = [nan]', "rung nan: unet_lr: "),
        (f'knob = "unet_lr"\nrungs = [{10**30}]', "expected a number"),
        ('knob = "unet_lr"\nrungs = 3', "l.toml line 2: rungs: 3; expected a list"),
        ('knob = "unet_lr"\nrungs = [1, 2]\n[[axes]]\nknob = "network_dim"\nrungs = [1]', "rungs in several forms"),
        ('[[rungs]]\nset = { unet_lr = 1 }', "l.toml: rungs 1: label: missing; expected a value"),
        ('[[rungs]]\nlabel = ""', "rungs 1: label: "),
        ('[[rungs]]\nlabel = "x"\nposition = nan', "rungs 1: position: nan; expected a number"),
        ('[[rungs]]\nlabel = "x"\nset = { unet_lr = 2026-01-01 }', "rung x: unet_lr: "),
        ('[[rungs]]\nlabel = "x"\nset = { unet_lr = 5 }', "rung x: unet_lr: \"5\"; expected a number from 0 to 1"),
        ('[[rungs]]\nlabel = "x"\nset = { seed = 5 }', "noise"),
        ('[[rungs]]\nlabel = "x"\ncentre = "yes"', "rungs 1: centre: \"yes\"; expected true or false"),
        ("knob = [", "l.toml"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_error_that_names_the_place(text: str, words: str) -> None:
    assert words in refusal(text).line()


def test_what_the_journal_keeps_has_its_rungs_written_out() -> None:
    with pytest.raises(SettingsError, match=r"ladder 3: rungs: none with what each sets"):
        spec_of_toml(SHORT, "ladder 3")


def test_a_rung_that_sets_nothing_is_the_centre_unless_another_is_named() -> None:
    tables = '[[rungs]]\nlabel = "hot"\nset = { unet_lr = 1e-3 }\n[[rungs]]\nlabel = "mine"\n'
    spec = spec_of_toml(tables, "l.toml")
    assert [rung.is_centre for rung in spec.rungs] == [False, True]
    named = spec_of_toml(tables.replace('"hot"\n', '"hot"\ncentre = true\n'), "l.toml")
    assert [rung.is_centre for rung in named.rungs] == [True, False]


@pytest.mark.parametrize("label", [" ", "\t", "   \u3000"])
def test_a_rung_has_a_name_that_can_be_seen(label: str) -> None:
    assert "rungs 1: label: " in refusal(f'[[rungs]]\nlabel = "{label}"\nset = {{ unet_lr = 1e-3 }}').line()


def test_spaces_around_a_rungs_name_are_none_of_it() -> None:
    assert spec_of_toml('[[rungs]]\nlabel = " hot "\nset = { unet_lr = 1e-3 }', "l.toml").rungs[0].label == "hot"
