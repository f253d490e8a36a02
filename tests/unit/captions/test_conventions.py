"""Captions by the convention of a base: what moves, what is spelled otherwise, and what stays as it is."""

from pathlib import Path

import pytest

from trainer.captions.conventions import ConventionEdit, keep_tokens_advice, plan_convention
from trainer.captions.find import CaptionWays, caption_files, found_pictures
from trainer.captions.record import CaptionFile
from trainer.dataset.records import CaptionRules
from trainer.families.conventions import CaptionConvention
from trainer.families.registry import FAMILIES
from trainer.settings.model import Settings

ALL = [
    pytest.param(convention, id=f"{record.key}-{convention.key}")
    for record in FAMILIES.values()
    for convention in record.conventions
]
KNOWN = {convention.key: convention for record in FAMILIES.values() for convention in record.conventions}
TAGS = [case for case in ALL if case.values[0].style == "tags"]  # type: ignore[attr-defined]


def arranged(key: str, line: str, trigger: str = "", rules: CaptionRules | None = None) -> str:
    return ConventionEdit(KNOWN[key], trigger).editor()(line, rules or CaptionRules())


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        (
            "pony",
            "smile, hifumi, 1girl, rating safe, source anime, score_9, score_8 up",
            "hifumi, score_9, score_8_up, source_anime, rating_safe, 1girl, smile",
        ),
        (
            "anima",
            "smile, hifumi, score_7, 1girl, @some_artist, safe, masterpiece",
            "hifumi, score_7, masterpiece, safe, 1girl, @some artist, smile",
        ),
        (
            "noobai",
            "masterpiece, best quality, long_hair, hifumi, newest, 1girl, safe, >_<",
            "hifumi, 1girl, long hair, >_<, safe, masterpiece, best quality, newest",
        ),
        (
            "illustrious",
            "absurdres, solo, smile, hifumi, year 2023, 1girl",
            "hifumi, solo, 1girl, smile, absurdres, year 2023",
        ),
        (
            "animagine",
            "masterpiece, smile, 1girl, general, hifumi, high score",
            "hifumi, 1girl, general, smile, masterpiece, high score",
        ),
        (
            "booru",
            r"smile, saber \(fate\), 1girl, hifumi, smile, masterpiece",
            "hifumi, masterpiece, 1girl, smile, saber (fate)",
        ),
    ],
)
def test_tags_take_the_order_and_the_spelling_that_a_base_was_trained_with(key: str, before: str, after: str) -> None:
    assert arranged(key, before, "hifumi") == after
    assert arranged(key, after, "hifumi") == after


def test_a_taggers_file_tells_characters_series_and_artists_from_the_rest() -> None:
    edit = ConventionEdit(
        KNOWN["noobai"], "", {"hifumi": "character", "blue archive": "series", "some artist": "artist"}
    )
    made = edit.editor()("smile, some artist, blue_archive, 1girl, hifumi, hat", CaptionRules())
    assert made == "1girl, hifumi, blue archive, some artist, smile, hat"


def test_a_trigger_of_several_tags_stays_in_its_own_order() -> None:
    assert arranged("booru", "1girl, armor, smile, my_knight", "my knight, armor") == "my knight, armor, 1girl, smile"


@pytest.mark.parametrize("case", ALL)
def test_sentences_stay_as_they_are(case: CaptionConvention) -> None:
    for line in (
        "A girl with long_hair stands in a garden, smiling. 1girl is written on her shirt, in red.",
        "a photo of a girl with long hair who stands in a garden",
    ):
        assert ConventionEdit(case, "hifumi").editor()(line, CaptionRules()) == line


def test_where_a_base_takes_sentences_only_the_trigger_moves() -> None:
    assert arranged("sentences", "long_hair, hifumi, smile", "hifumi") == "hifumi, long_hair, smile"


def test_what_a_separator_keeps_in_front_stays_there() -> None:
    rules = CaptionRules(shuffle=True, keep_separator="|||")
    line = "hifumi ||| smile, masterpiece, 1girl"
    assert arranged("noobai", line, "hifumi", rules) == "hifumi ||| 1girl, smile, masterpiece"


@pytest.mark.parametrize("case", TAGS)
def test_nothing_is_added_and_no_tag_is_lost(case: CaptionConvention) -> None:
    line = "smile, score_9, hifumi, rating_safe, 2girls, best quality, long hair, year 2020, source_anime, >_<"
    made = ConventionEdit(case, "hifumi").editor()(line, CaptionRules())
    plain = [sorted(tag.strip().replace("_", " ") for tag in text.split(",")) for text in (line, made)]
    assert plain[0] == plain[1]
    assert made.startswith("hifumi, ")


@pytest.mark.parametrize("case", ALL)
def test_a_convention_says_where_it_is_known_from_and_whose_it_is(case: CaptionConvention) -> None:
    assert case.sources and all(case.sources)
    assert case.bases and case.title
    # What people see of it rates nothing.
    assert "quality" not in f"{case.title} {case.note} {' '.join(case.bases)}".casefold()
    assert (case.style == "tags") == bool(case.order)
    if case.style == "tags":
        assert "general" in case.order
        assert set(case.words) <= set(case.order)
        assert len(set(case.order)) == len(case.order)


def test_keys_of_a_familys_conventions_differ() -> None:
    for record in FAMILIES.values():
        keys = [each.key for each in record.conventions]
        assert len(set(keys)) == len(keys) > 0


def test_shuffled_captions_need_as_many_kept_tokens_as_the_trigger_has_tags() -> None:
    shuffled = Settings(shuffle_caption=True)
    assert "keep_tokens = 2 keeps 2 tags in front (it is 0)" in keep_tokens_advice(shuffled, "my knight, armor")
    assert keep_tokens_advice(Settings(shuffle_caption=True, keep_tokens=1), "hifumi") == ""
    assert keep_tokens_advice(Settings(), "hifumi") == ""
    assert keep_tokens_advice(shuffled, "") == ""


def _files(folder: Path) -> list[CaptionFile]:
    ways = CaptionWays.of_folder(folder)
    return caption_files(found_pictures(ways), ways)


def test_a_plan_changes_captions_that_are_there_and_counts_sentences(tmp_path: Path) -> None:
    folder = tmp_path / "2_x"
    folder.mkdir()
    for name, text in (
        ("a", "smile, 1girl, hifumi\nA second line.\n"),
        ("b", "hifumi, 1girl, smile\n"),
        ("c", "A girl smiles, and waves. She is in a garden.\n"),
        ("d", None),
    ):
        (folder / f"{name}.png").write_bytes(b"")
        if text is not None:
            (folder / f"{name}.txt").write_text(text)
    seen: list[tuple[int, int]] = []
    found = plan_convention(
        ConventionEdit(KNOWN["noobai"], "hifumi"), _files(tmp_path), show=lambda done, total: seen.append((done, total))
    )
    (change,) = found.plan.changes
    assert (change.path.name, change.after) == ("a.txt", "hifumi, 1girl, smile\nA second line.\n")
    assert (found.captions, found.of_sentences) == (3, 1)
    assert seen[-1] == (3, 3)
    assert found.plan.words == "captions by the convention noobai"
    stopped = plan_convention(ConventionEdit(KNOWN["noobai"], "hifumi"), _files(tmp_path), stop=lambda: True)
    assert stopped.plan.changes == ()


def test_a_caption_that_cannot_be_read_is_left_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\xd8")
    found = plan_convention(ConventionEdit(KNOWN["pony"], "hifumi"), _files(tmp_path))
    assert found.plan.changes == ()
    assert [each.path.name for each in found.plan.refused] == ["a.txt"]
