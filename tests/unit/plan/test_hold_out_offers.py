from pathlib import Path
from typing import Any

import pytest
from check_inputs import data_set

from trainer.dataset.read import read_data, read_validation
from trainer.dataset.records import DataSet
from trainer.errors import SettingsError
from trainer.plan.hold_out_offers import asked_for, held_out_lines, hold_out_offers
from trainer.plan.plan import Plan, make_plan
from trainer.settings.model import Settings

SIZES: dict[str, Any] = {"resolution": "64", "min_bucket_reso": 32, "max_bucket_reso": 128, "bucket_reso_steps": 32}


def planned(root: Path, **values: Any) -> tuple[Settings, DataSet, Plan]:
    settings = Settings.model_validate({"train_data_dir": str(root), "train_batch_size": 2, **SIZES, **values})
    data = read_data(settings)
    return settings, data, make_plan(settings, data, family="sd1")


def test_a_share_and_each_outfit_are_offered_with_what_is_left(tmp_path: Path) -> None:
    root = data_set(tmp_path, count=12).parent
    data_set(tmp_path, "beach", count=8, first=40).rename(root / "3_beach")
    settings, data, plan = planned(root)
    offers = hold_out_offers(settings, data, plan)
    assert [offer.setting for offer in offers] == [
        "validation_split",
        "validation_split",
        "validation_outfit",
        "validation_outfit",
    ]
    assert [(offer.value, offer.held_out, offer.trained) for offer in offers[:2]] == [(0.1, 2, 18), (0.2, 4, 16)]
    assert "too few to tell memorization, which takes 4" in offers[0].text() and "too few" not in offers[1].text()
    for offer in offers:
        chosen, left, then = planned(root, **{offer.setting: offer.value})
        assert (len(left.held_out), len(left.pictures)) == (offer.held_out, offer.trained)
        assert then.steps_per_epoch == offer.steps_per_epoch < plan.steps_per_epoch
        (line,) = held_out_lines(chosen, left, then, read_validation(chosen, left))
        assert f"{offer.held_out} pictures held out" in line and f"{offer.trained} left" in line
        assert hold_out_offers(chosen, left, then) == ()
    lines = list(held_out_lines(settings, data, plan, None))
    assert lines[0].startswith("none; ") and lines[1].startswith(
        "validation_split = 0.1: 2 pictures held out, 18 left, "
    )


def test_of_very_few_pictures_none_is_asked_for(tmp_path: Path) -> None:
    settings, data, plan = planned(data_set(tmp_path, count=7).parent)
    assert hold_out_offers(settings, data, plan) == () and list(held_out_lines(settings, data, plan, None)) == []


def test_named_pictures_are_said_and_nothing_is_offered(tmp_path: Path) -> None:
    root, held = data_set(tmp_path, count=9).parent, data_set(tmp_path, "held", count=5, first=30)
    settings, data, plan = planned(root, validation_data_dir=str(held))
    (line,) = held_out_lines(settings, data, plan, read_validation(settings, data))
    assert line.startswith("5 pictures of validation_data_dir")
    assert hold_out_offers(settings, data, plan) == ()


@pytest.mark.parametrize(
    ("typed", "split", "outfit"),
    [("10%", 0.1, ""), (" 12.5 %", 0.125, ""), ("0.2", 0.2, ""), ("0", 0.0, ""), ("10_school", 0.0, "10_school")],
)
def test_what_is_typed_is_a_share_or_a_folder(typed: str, split: float, outfit: str) -> None:
    assert asked_for(typed, Settings()) == {"validation_split": split, "validation_outfit": outfit}


@pytest.mark.parametrize("typed", ["100%", "-5%", "3", "nan"])
def test_no_share_is_refused(typed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        asked_for(typed, Settings())
    assert "a share such as 10% or 0.1, or a folder's name" in caught.value.line()


def test_other_named_pictures_are_in_the_way() -> None:
    with pytest.raises(SettingsError) as caught:
        asked_for("10%", Settings(validation_data_dir="/held"))
    assert "validation_data_dir names them already: /held" in caught.value.line()
