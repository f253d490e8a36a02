import re
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import SettingsError
from trainer.history.filter import GRAMMAR, MAX_LENGTH, parse_filter
from trainer.history.filter_fields import BY_KEY, FILTER_FIELDS
from trainer.history.filter_values import number_in, span_of_day
from trainer.history.records import BakeEntry, BestEpoch
from trainer.journal.records import BakeState
from trainer.settings.describe import fields, is_setting

GIB = 2**30
ENTRIES = (
    BakeEntry(
        number=1,
        name="hifumi",
        folder="bakes/0001-hifumi",
        state=BakeState.DONE,
        created=datetime(2026, 11, 3, 12).timestamp(),
        steps=240,
        total_steps=240,
        seconds=7200.0,
        peak=5 * GIB,
        loss=0.07,
        subject="hifumi",
        settings={"unet_lr": 3e-4, "subject": "hifumi", "lr_warmup_steps": "20%", "optimizer_args": ["betas=0.9,0.99"]},
        settings_before={"unet_lr": 1e-4, "subject": "hifumi"},
        best=BestEpoch(160, 4, "3 favourites"),
        verdict="right",
        tags=("te", "keep"),
        note="Ears are gone.\nGood coat.",
        parent=None,
        ladders=(3, 12),
    ),
    BakeEntry(
        number=2,
        name="lantern",
        folder="bakes/0002-lantern",
        state=BakeState.FAILED,
        created=datetime(2026, 12, 24).timestamp(),
        steps=60,
        total_steps=900,
        seconds=40.0,
        peak=None,
        loss=float("nan"),
        subject="old lantern",
        settings={"unet_lr": 1e-4, "subject": "old lantern", "masked_loss": True, "network_dim": 16},
        error="out of memory",
        parent=1,
        why="a twin",
    ),
    BakeEntry(
        number=3, name="x", folder="bakes/0003-x", state=BakeState.QUEUED, created=0.0, held=True, fault="unread"
    ),
)


def found(text: str) -> list[int]:
    return [entry.number for entry in parse_filter(text).matching(ENTRIES)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [1, 2, 3]),
        ("unet_lr>1e-4", [1]),
        ("unet_lr>=1e-4", [1, 2]),
        ("unet_lr:0.0001", [2]),
        ("unet_lr!=1e-4", [1, 3]),
        ("UNET_LR>1e-4", [1]),
        ("network_dim=16", [2]),
        ("network_dim=32", [1]),
        ("masked_loss:yes", [2]),
        ("masked_loss:off", [1]),
        ("lr_warmup_steps>=20%", [1]),
        ("optimizer_args:betas", [1]),
        ('vae:""', [1, 2]),
        ("subject:lantern", [2]),
        ("subject=lantern", []),
        ('subject="old lantern"', [2]),
        ("tag:te", [1]),
        ("tag:t", []),
        ("-tag:te", [2, 3]),
        ("state:failed", [2]),
        ("state:held", [3]),
        ("steps>=240", [1]),
        ("total>steps", None),
        ("time>1h", [1]),
        ("time<1min", [2]),
        ("peak<6G", [1]),
        ("peak>=5GiB", [1]),
        ("peak<5000M", []),
        ("loss<0.08", [1]),
        ("best:160", [1]),
        ("verdict:right", [1]),
        ("parent:1", [2]),
        ("ladder:3", [1]),
        ("ladders:12", [1]),
        ("ladder:1", []),
        ("-ladder:3", [2, 3]),
        ("ladder!=12", [2, 3]),
        ("ladder>3", [1]),
        ('ladder:""', [2, 3]),
        ("changed:unet_lr", [1]),
        ("created:2026-11", [1]),
        ("created>=2026-12-24", [2]),
        ("created>2026-12-24", []),
        ("created<2026", [3]),
        ("why:twin", [2]),
        ("note:ears", [1]),
        ("EARS", [1]),
        ('"ears are gone"', [1]),
        ('"are ears"', []),
        ("-ears hifumi", []),
        ("memory", [2]),
        ("unet_lr>1e-5 -state:done", [2]),
        ("imported:no", [1, 2, 3]),
    ],
)
def test_terms_find_what_they_say(text: str, numbers: list[int] | None) -> None:
    if numbers is None:
        with pytest.raises(SettingsError):
            found(text)
    else:
        assert found(text) == numbers


def test_numbers_that_differ_by_rounding_alone_are_the_same() -> None:
    entry = replace(ENTRIES[0], settings={"unet_lr": 0.1 + 0.2}, steps=3)
    terms = ("unet_lr>0.3", "unet_lr<0.30000000000000004", "unet_lr!=0.3", "-unet_lr>=0.3", "-unet_lr<=0.3", "steps<3")
    assert [term for term in terms if parse_filter(term).matching([entry])] == []
    assert parse_filter("unet_lr=0.3").matching([entry]) == [entry]
    assert parse_filter("unet_lr<0.3").matching([replace(entry, settings={"unet_lr": 0.29999})])


def test_metadata_of_the_lora_are_asked_for_by_their_keys() -> None:
    wanted = parse_filter("ss_seed>5 ss_network_module:lora -ss_sd_model_name:anime")
    assert wanted.metadata_keys == ("ss_seed", "ss_network_module", "ss_sd_model_name")
    metadata = {
        "ss_seed": {1: "7", 2: "3"},
        "ss_network_module": {1: "networks.LoRA", 2: "networks.lora"},
        "ss_sd_model_name": {2: "anime.safetensors"},
    }
    assert [entry.number for entry in wanted.matching(ENTRIES, metadata)] == [1]


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("unet_rl>1e-4", "unet_lr"),
        ("te_lr>1e-4", "text_encoder_lr"),
        ("netwrok_dim=4", "network_dim"),
        ("subjct:x", "subject"),
        ("verdct:right", "verdict"),
        ("lr=3", "unet_lr"),
    ],
)
def test_an_unknown_key_is_one_line_with_those_nearest_to_it(text: str, near: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_filter(f"tag:te {text}")
    line = refused.value.line()
    assert line.startswith(f"the filter: {text}: unknown key ")
    assert re.search(rf"did you mean [^?]*`{near}`[^?]*\?", line), line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("unet_lr>fast", "fast; expected a number"),
        ("peak<6Q", "6Q; expected an amount of memory, such as 6G"),
        ("time>3y", "3y; expected a length of time"),
        ("created:yesterday", "yesterday; expected a day"),
        ("masked_loss:perhaps", "perhaps; expected yes or no"),
        ("state>done", "`>`; expected `:`, `=` or `!=`"),
        ("tag<te", "`<`; expected `:`, `=` or `!=`"),
        ("unet_lr>", "nothing; expected a number"),
        ("ladder:first", "first; expected a number"),
        ("x" * (MAX_LENGTH + 1), "2,001 characters; expected at most 2,000"),
    ],
)
def test_a_value_that_is_none_is_one_line_that_says_what_is_expected(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_filter(text)
    assert words in refused.value.line()


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_filter_or_one_error(text: str) -> None:
    try:
        parse_filter(text).matching(ENTRIES)
    except SettingsError as error:
        assert "\n" not in error.line()


def test_every_setting_and_every_field_can_be_asked_for() -> None:
    for info in fields():
        assert isinstance(found(f'{info.name}:""') if info.kind != "bool" else found(f"{info.name}:yes"), list)
    for field in FILTER_FIELDS:
        parse_filter(field.example)
        assert field.example.startswith(field.key)


def test_no_field_hides_a_setting_and_no_name_has_two_fields() -> None:
    names = [name for field in FILTER_FIELDS for name in (field.key, *field.others)]
    assert len(names) == len(set(names)) == len(BY_KEY)
    assert not [name for name in names if is_setting(name)]


def test_the_examples_of_the_grammar_are_filters() -> None:
    for line in GRAMMAR:
        parse_filter(line.example)


@given(st.floats(1e-9, 1e12))
def test_a_number_is_read_as_it_is_written(number: float) -> None:
    assert number_in(repr(number)) == pytest.approx(number)
    assert number_in(f"{number!r}%") == pytest.approx(number / 100)


def test_a_span_is_a_day_a_month_or_a_year() -> None:
    def days(text: str) -> float:
        span = span_of_day(text)
        assert span is not None
        return round((span[1] - span[0]) / 86400)

    assert [days(text) for text in ("2026-02-28", "2026-02", "2026-12", "2024")] == [1, 28, 31, 366]
    assert span_of_day("2026-13") is None
