"""Which pictures a bake is measured by."""

from pathlib import Path
from typing import Any

import pytest

from trainer.errors import GridError, SettingsError
from trainer.grid.probe_pictures import ProbeSet, PromptKind, check_pictures, planned_pictures
from trainer.models.identify import identify_base
from trainer.settings.subject import Subject, save_subject

DEMO = identify_base("demo")
ALL = tuple(PromptKind)


@pytest.fixture
def near(tmp_path: Path) -> Path:
    """The settings file of a bake in a workspace that has a folder for subjects."""
    (tmp_path / "subjects").mkdir()
    return tmp_path / "who.toml"


@pytest.fixture
def pictures_of(make_settings: Any, near: Path) -> Any:
    """Make the set of a subject, by its facts, under settings."""

    def make(subject: dict[str, Any], folders: tuple[str, ...] = (), **settings: Any) -> ProbeSet:
        save_subject(Subject(**subject), near.parent / "subjects" / "who.toml")
        chosen = {"subject": "who", "measure_pictures": True, "pretrained_model_name_or_path": "demo", **settings}
        return planned_pictures(make_settings(**chosen), near, DEMO, folders)

    return make


def prompts(wanted: ProbeSet, *kinds: PromptKind) -> dict[str, str]:
    """Return name -> prompt of the pictures of these kinds, of all where none is named."""
    return {
        wanted.pictures[index].prompt.name: wanted.pictures[index].recipe.prompt for index in wanted.of(*kinds or ALL)
    }


KITSUNE = {
    "trigger": "kitsune (fox)",
    "prompts": {
        "shrine": r"solo, (kitsune \(fox\):1.2), shrine, rain",
        "stranger": "1boy, armor",
        "plain": r"kitsune \(fox\)",
    },
    "seeds": [7],
    "negative_prompt": "text",
}


def test_a_prompt_with_the_token_is_made_without_it_too_and_one_for_somebody_else_beside_it(pictures_of: Any) -> None:
    wanted = pictures_of(KITSUNE)
    assert prompts(wanted) == {
        "01-shrine": r"solo, (kitsune \(fox\):1.2), shrine, rain",
        "01-shrine without the token": "solo, shrine, rain",
        "02-stranger": "1boy, armor",
        "03-plain": r"kitsune \(fox\)",
        "03-plain without the token": "",
    }
    assert set(prompts(wanted, PromptKind.NEUTRAL)) == {"02-stranger"}
    assert {picture.recipe.negative_prompt for picture in wanted.pictures} == {"text"}
    for index in wanted.of(PromptKind.BARE):
        twin = wanted.twin_of(index)
        assert twin is not None
        made, other = wanted.pictures[twin], wanted.pictures[index]
        assert (made.prompt.name, made.recipe.seed) == (other.prompt.twin, other.recipe.seed)


def test_seeds_are_the_subjects_and_count_on_and_never_the_bakes(pictures_of: Any) -> None:
    wanted = pictures_of(KITSUNE, measure_pictures_seeds=3, seed=99)
    assert [picture.recipe.seed for picture in wanted.pictures][:4] == [7, 8, 9, 7]
    # Twins of a bake differ in its seed, and must make the same pictures.
    without = {**KITSUNE, "seeds": []}
    assert [picture.recipe.seed for picture in pictures_of(without, seed=99).pictures][:2] == [0, 1]


def test_where_no_prompt_is_for_somebody_else_one_without_words_is_made(pictures_of: Any) -> None:
    only = {"trigger": "xq", "prompts": {"a": "xq, sea"}}
    assert prompts(pictures_of(only), PromptKind.NEUTRAL) == {"no words": ""}


def test_where_no_prompt_has_the_token_it_is_put_before_one(pictures_of: Any) -> None:
    wanted = pictures_of({"trigger": "xq", "prompts": {"a": "sea", "b": "hill"}})
    assert prompts(wanted, PromptKind.SUBJECT) == {"01-a with the token": "xq, sea"}
    assert prompts(wanted, PromptKind.BARE) == {"01-a": "sea"}
    assert prompts(wanted, PromptKind.NEUTRAL) == {"02-b": "hill"}


def test_the_tokens_name_in_a_loras_tag_is_no_token(pictures_of: Any) -> None:
    wanted = pictures_of({"trigger": "xq", "prompts": {"a": "<lora:xq:1>sea", "b": "xq, <lora:xq:0.5>hill"}})
    assert prompts(wanted) == {"02-b": "xq, hill", "02-b without the token": "hill", "01-a": "sea"}


def test_a_subject_without_prompts_is_measured_by_its_token(pictures_of: Any) -> None:
    wanted = pictures_of({"trigger": "xq (b)"})
    assert prompts(wanted) == {"token": r"xq \(b\)", "token without the token": "", "no words": ""}


def test_without_a_token_only_drift_and_the_pictures_themselves_are_measured(pictures_of: Any) -> None:
    wanted = pictures_of({"prompts": {"a": "sea", "b": "hill"}})
    assert set(prompts(wanted, PromptKind.SUBJECT)) == {"01-a", "02-b"} == set(prompts(wanted))
    made, not_made = wanted.measured()
    assert made == ("drift", "fine detail", "saturation", "static")
    assert not_made == (
        "no token effect: the subject has no trigger",
        "no bleed: the subject has no trigger",
        "no outfits: the subject has fewer than two with pictures",
    )


WARDROBE = {
    "trigger": "xq",
    "prompts": {"a": "xq, red coat, street", "b": "hill"},
    "outfits": {"8_coat": "red coat", "4_suit": "suit, tie", "2_gone": "cape"},
}


def test_outfits_with_pictures_are_asked_for_in_one_prompt_in_which_nothing_else_differs(pictures_of: Any) -> None:
    wanted = pictures_of(WARDROBE, ("8_coat", "4_suit", "regularisation"))
    assert wanted.outfits == ("8_coat", "4_suit")
    assert prompts(wanted, PromptKind.OUTFIT) == {
        "outfit 8_coat": "xq, red coat, street",
        "outfit 4_suit": "xq, suit, tie, street",
    }
    assert "outfit asked × outfit seen" in wanted.measured()[0]


def test_one_outfit_alone_is_not_asked_for(pictures_of: Any) -> None:
    wanted = pictures_of(WARDROBE, ("8_coat",))
    assert (wanted.outfits, prompts(wanted, PromptKind.OUTFIT)) == ((), {})


@pytest.mark.parametrize(
    ("most", "seeds", "prompts_made", "not_made"),
    [
        (1, 2, 1, {"no token effect", "no bleed", "no outfits"}),
        (5, 2, 2, {"no outfits"}),
        (8, 2, 4, {"no outfits"}),
        (10, 2, 5, set()),
        (1000, 2, 6, set()),
    ],
)
def test_the_bound_on_pictures_keeps_the_prompts_that_tell_most(
    pictures_of: Any, most: int, seeds: int, prompts_made: int, not_made: set[str]
) -> None:
    more = {**WARDROBE, "prompts": {**WARDROBE["prompts"], "c": "sea"}}
    wanted = pictures_of(more, ("8_coat", "4_suit"), measure_pictures_most=most, measure_pictures_seeds=seeds)
    assert wanted.prompts == prompts_made
    assert len(wanted.pictures) == prompts_made * min(seeds, most) <= most
    assert {line.partition(":")[0] for line in wanted.measured()[1]} == not_made
    left = 6 - prompts_made
    assert wanted.left_out.startswith(f"{left} prompt") if left else wanted.left_out == ""


def test_a_prompt_files_lines_say_how_their_pictures_are_made(pictures_of: Any, near: Path, make_settings: Any) -> None:
    file = near.parent / "lines.txt"
    file.write_text("xq, tower --d 40 --s 3 --w 128 --h 64 --n fog\nboat --l 1")
    wanted = pictures_of({"trigger": "xq"}, sample_prompts=str(file), sample_steps=5)
    first, bare = wanted.pictures[0].recipe, wanted.pictures[2].recipe
    assert (first.prompt, first.seed, first.steps, first.width, first.negative_prompt) == (
        "xq, tower",
        40,
        3,
        128,
        "fog",
    )
    assert (bare.prompt, bare.seed, bare.steps, bare.width) == ("tower", 40, 3, 128)
    assert wanted.pictures[1].recipe.seed == 41
    neutral = wanted.pictures[wanted.of(PromptKind.NEUTRAL)[0]].recipe
    assert (neutral.prompt, neutral.seed, neutral.cfg_scale, neutral.steps) == ("boat", 0, 1, 5)


def test_nothing_to_make_pictures_of_is_refused_before_the_bake(make_settings: Any, near: Path) -> None:
    with pytest.raises(SettingsError, match="measure_pictures: on, and the subject has neither prompts nor a trigger"):
        check_pictures(make_settings(measure_pictures=True), near, DEMO)
    check_pictures(make_settings(), near, DEMO)


def test_a_prompt_that_cannot_be_made_is_refused_before_the_bake(make_settings: Any, near: Path) -> None:
    (near.parent / "p.txt").write_text("a [cat:dog:0.5]")
    settings = make_settings(measure_pictures=True, sample_prompts=str(near.parent / "p.txt"))
    with pytest.raises(GridError, match="sample prompt 01"):
        check_pictures(settings, near, DEMO)
