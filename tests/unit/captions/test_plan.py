"""What an edit would change: every caption is changed, unchanged, or named with the reason why it is left."""

from pathlib import Path

import pytest
from captioned import after, captioned, contents, files_in, planned, rename, ways_of
from no_override import permissions_hold

from trainer.captions.find import caption_files, found_pictures
from trainer.captions.plan import count_tags, having_tags, plan_edit, plan_texts
from trainer.captions.record import CaptionEditPlan, TagEdit
from trainer.dataset.records import CaptionRules
from trainer.errors import DatasetError, SettingsError


def refused(plan: CaptionEditPlan) -> dict[str, str]:
    return {each.path.name: each.why for each in plan.refused}


def test_a_plan_changes_nothing_yet(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "solo, x\nmore\n", "b": "y", "c": "solo"})
    before = contents(folder)
    plan = rename(folder, "solo", "alone")
    assert after(plan) == {"a.txt": "alone, x\nmore\n", "c.txt": "alone"}
    assert (plan.unchanged, plan.refused, plan.words) == (1, (), "rename `solo` to `alone`")
    assert [change.before for change in plan.changes] == ["solo, x\nmore\n", "solo"]
    assert contents(folder) == before


def test_several_operations_are_one_plan_in_their_order(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "long_hair, long hair"})
    assert after(planned(folder, TagEdit("spaces"), TagEdit("dedupe"))) == {"a.txt": "long hair"}
    assert after(planned(folder, TagEdit("dedupe"), TagEdit("spaces"))) == {"a.txt": "long hair, long hair"}


def test_with_wildcards_every_line_is_edited_and_blank_ones_stay(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "solo\r\n\r\nsolo, x\r\n"})
    rules = CaptionRules(wildcards=True)
    plan = planned(folder, TagEdit("rename", ("solo",), new="alone"), rules=rules)
    assert after(plan) == {"a.txt": "alone\r\n\r\nalone, x\r\n"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("ソロ、女の子".encode("cp932"), "a caption that is not UTF-8 text (byte 0), probably Shift-JIS; save it as UTF-8"),
        ("solo, 女".encode("utf-16-le"), "UTF-16LE without a byte order mark"),
        (b"solo\0", "zero"),
        (b"x" * (2**20 + 1), "more than 1 MiB"),
    ],
)  # fmt: skip
def test_what_a_bake_cannot_read_is_named_and_left(content: bytes, why: str, tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": content, "b": "solo"})
    plan = rename(folder, "solo", "alone")
    assert after(plan) == {"b.txt": "alone"}
    assert why in refused(plan)["a.txt"]


def test_what_may_not_be_written_is_named(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "solo", "b": "solo", "c": "x"})
    (folder / "a.txt").chmod(0o444)
    (folder / "c.txt").chmod(0o444)
    with permissions_hold():
        plan = rename(folder, "solo", "alone")
        assert refused(plan) == {"a.txt": "no permission to write it"}
        folder.chmod(0o555)
        assert set(refused(rename(folder, "solo", "alone"))) == {"a.txt", "b.txt"}
    folder.chmod(0o755)


def test_a_shared_caption_is_edited_once_and_only_for_all_of_its_pictures(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a_1_2_3_4": None, "a_5_6_7_8": None, "b": "solo"})
    (folder / "a.txt").write_text("solo")
    assert after(rename(folder, "solo", "alone")) == {"a.txt": "alone", "b.txt": "alone"}
    ways = ways_of(folder)
    some = [each for each in found_pictures(ways) if "5" in each.path.name or each.path.name == "b.png"]
    plan = plan_edit(TagEdit("rename", ("solo",), new="alone"), caption_files(some, ways))
    assert after(plan) == {"b.txt": "alone"}
    assert refused(plan)["a.txt"].startswith("it is the caption of 2 pictures, and 1 of them is chosen")
    typed = plan_texts({folder / "a.txt": "mine"}, caption_files(some, ways))
    assert not typed.changes and "2 pictures" in refused(typed)["a.txt"]


def test_a_folders_words_are_not_renamed_and_a_caption_that_is_made_has_them(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "10_hifumi chan", {"a": None, "b": "hifumi chan, x"})
    plan = planned(folder, TagEdit("rename", ("hifumi chan",), new="hfm"), words="hifumi chan")
    assert after(plan) == {"b.txt": "hfm, x"}
    assert "a.png has no caption file: the words come from the folder's name" in refused(plan)["a.txt"]
    plan = planned(folder, TagEdit("add", ("solo",)), words="hifumi chan")
    assert after(plan) == {"a.txt": "hifumi chan, solo\n", "b.txt": "hifumi chan, x, solo"}
    assert plan.changes[0].before is None
    # What it has already in the folder's words is no reason to make one.
    assert after(planned(folder, TagEdit("add", ("hifumi chan",)), words="hifumi chan")) == {}


def test_sentences_are_not_torn_apart_and_counted(tmp_path: Path) -> None:
    folder = captioned(
        tmp_path / "data",
        {
            "a": "a girl with a backpack stands in the street",
            "b": "He walks to the house, alone, home. The sun is there, and it shines, alone.",
            "c": "long_hair, b, a, a",
        },
    )
    plan = planned(folder, TagEdit("reorder", order="alphabet"))
    assert after(plan) == {"c.txt": "a, a, b, long_hair"}
    assert "it reads as sentences" in refused(plan)["b.txt"]
    assert plan.remarks == (
        "1 caption without commas is a sentence: each counts as one tag and stays whole; `replace` reaches words in it",
    )
    assert set(after(planned(folder, TagEdit("dedupe")))) == {"c.txt"}
    assert after(planned(folder, TagEdit("underscores"))) == {}
    plan = planned(folder, TagEdit("replace", pattern="girl|house", replacement="x"))
    assert set(after(plan)) == {"a.txt", "b.txt"} and not plan.remarks


def test_frequency_is_that_of_the_chosen_captions(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "rare, b, common", "b": "common, b", "c": "common"})
    assert after(planned(folder, TagEdit("reorder"))) == {"a.txt": "common, b, rare"}


def test_another_tag_in_front_is_said_where_keep_tokens_counts(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "trigger, x", "b": "x"})
    rules = CaptionRules(keep_tokens=1)
    plan = planned(folder, TagEdit("add", ("new",), place="front"), rules=rules)
    assert plan.remarks == (
        "2 captions would start with another tag, and keep_tokens holds the first ones in their place",
    )
    assert planned(folder, TagEdit("add", ("new",)), rules=rules).remarks == ()


def test_a_tag_that_no_caption_has_is_said_with_the_nearest(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "blue eyes, solo"})
    plan = planned(folder, TagEdit("remove", ("blu eyes",)))
    assert plan.remarks == ("no caption has the tag `blu eyes`; did you mean `blue eyes`?",)
    assert planned(folder, TagEdit("rename", ("zzz",), new="y")).remarks == ("no caption has the tag `zzz`",)


def test_what_is_asked_for_is_looked_at_before_a_caption_is_read(tmp_path: Path) -> None:
    for edit in (TagEdit("replace", pattern="("), TagEdit("add"), TagEdit("turn")):  # type: ignore[arg-type]
        with pytest.raises(SettingsError):
            plan_edit(edit, [])


def test_a_plan_that_is_stopped_changes_nothing(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {name: "solo" for name in "abc"})
    shown: list[tuple[int, int]] = []
    edit = TagEdit("rename", ("solo",), new="x")
    plan = plan_edit(edit, files_in(folder), show=lambda *now: shown.append(now), stop=lambda: len(shown) == 2)
    assert (plan.changes, shown) == ((), [(1, 3), (2, 3)])


def test_a_plan_is_stopped_while_a_pattern_is_slow_on_each_caption(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {name: f"solo, {name}" for name in "abcdef"})
    asked = 0

    def stop() -> bool:
        # While they are read nobody minds.
        nonlocal asked
        asked += 1
        return asked > 6 + 1 + 2

    plan = plan_edit(TagEdit("replace", pattern="solo", replacement="x"), files_in(folder), stop=stop)
    assert (plan.changes, plan.remarks) == ((), ("stopped before all captions were looked at",))
    assert asked == 10


def test_an_empty_caption_takes_tags(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "", "b": "\n", "c": "\nmore\n"})
    plan = planned(folder, TagEdit("add", ("x",)))
    assert after(plan) == {"a.txt": "x", "b.txt": "x\n", "c.txt": "x\nmore\n"}


# Typed by hand


def test_typed_captions_replace_what_is_read_and_nothing_else(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "old\r\nmore\r\n", "b": None, "c": "same", "d": None})
    texts = {folder / "a.txt": "new, x", folder / "b.txt": "made", folder / "c.txt": "same", folder / "d.txt": ""}
    plan = plan_texts(texts, files_in(folder))
    assert after(plan) == {"a.txt": "new, x\r\nmore\r\n", "b.txt": "made\n"}
    assert (plan.unchanged, plan.words) == (2, "captions typed by hand")
    whole = plan_texts({folder / "a.txt": "new\nother\n"}, files_in(folder), complete=True, words="edited")
    assert (after(whole), whole.words) == ({"a.txt": "new\nother\n"}, "edited")


def test_several_lines_are_typed_only_where_they_are_read(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "old\r\n\r\nolder\r\n"})
    plan = plan_texts({folder / "a.txt": "new\nnewer"}, files_in(folder))
    assert not plan.changes and "only the first is read" in refused(plan)["a.txt"]
    plan = plan_texts({folder / "a.txt": "new\nnewer"}, files_in(folder, CaptionRules(wildcards=True)))
    assert after(plan) == {"a.txt": "new\r\nnewer\r\n"}


def test_what_is_typed_must_be_text_of_a_known_caption(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "old"})
    for text in ("a\x1b[2J", "a\0", "\ud800"):
        with pytest.raises(SettingsError, match=r"a\.txt: the sign"):
            plan_texts({folder / "a.txt": text}, files_in(folder))
    with pytest.raises(DatasetError, match="no caption of the pictures"):
        plan_texts({folder / "b.txt": "x"}, files_in(folder))


# Counted


def test_tags_are_counted_by_caption_and_captions_chosen_by_tag(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "x, y, x", "b": "x", "c": None, "d": b"\xff"})
    table = count_tags(files_in(folder, words="x"))
    assert (table.counts, table.captions, table.without) == ({"x": 2, "y": 1}, 2, 1)
    assert [each.path.name for each in table.unread] == ["d.txt"]
    chosen = having_tags(files_in(folder, words="x"), ["x", "y"])
    assert [file.path.name for file in chosen] == ["a.txt"]
