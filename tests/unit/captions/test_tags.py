"""Tags of captions: found, named, and put back without a change to anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.captions.tags import (
    TaggedLine,
    edited_tag,
    is_sentence,
    lines_of,
    mapped_tag,
    reads_as_sentences,
    tags_of,
    text_of,
    weighted,
    written_tags,
)
from trainer.dataset.records import CaptionRules

KEPT = CaptionRules(keep_separator="|||")
HELD = CaptionRules(secondary_separator=";;;")
LINES = CaptionRules(wildcards=True)
ANY_LINE = st.lists(st.sampled_from([*"ab ,,()[]{}|.\\_\t画", ":1)", "|||", ";;;", ", (a"]), max_size=30).map("".join)


@given(ANY_LINE)
def test_a_line_that_is_taken_apart_is_put_together_as_it_was(line: str) -> None:
    for rules in (CaptionRules(), KEPT, HELD, CaptionRules(keep_separator=", |")):
        assert str(TaggedLine.of(line, rules)) == line


@given(ANY_LINE)
def test_edits_that_change_no_name_change_nothing(line: str) -> None:
    for rules in (CaptionRules(), KEPT, HELD):
        assert str(TaggedLine.of(line, rules).edited(lambda name: [name])) == line
        for tag in TaggedLine.of(line, rules).tags:
            assert mapped_tag(tag, lambda name: name, rules.secondary_separator) == tag


@given(st.text(st.sampled_from("a\r\n ,"), max_size=20))
def test_lines_are_put_together_as_they_were(text: str) -> None:
    assert "".join(line + end for line, end in lines_of(text)) == text


@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ("1girl, solo,smile", ["1girl", "solo", "smile"]),
        (" a ,, b ,", ["a", "b"]),
        ("(red hair, blue eyes:1.2), hat", ["(red hair, blue eyes:1.2)", "hat"]),
        ("((a, b)), [c, d], e", ["((a, b))", "[c, d]", "e"]),
        ("{red, dark red|blue} dress, hat", ["{red, dark red|blue} dress", "hat"]),
        ("saber (fate), fate (series), hat", ["saber (fate)", "fate (series)", "hat"]),
        (":(, smile, :), ;d", [":(", "smile", ":)", ";d"]),
        (r"\(a, b\), c", [r"\(a", r"b\)", "c"]),
        ("(unclosed, a, b", ["(unclosed", "a", "b"]),
        ("{unclosed, a|b", ["{unclosed", "a|b"]),
        ("closed), a", ["closed)", "a"]),
        ("[a, (b, c], d)", ["[a, (b, c]", "d)"]),
        ("blonde hair、青い目", ["blonde hair、青い目"]),
        ("", []),
    ],
)
def test_commas_part_tags_unless_brackets_hold_them(line: str, tags: list[str]) -> None:
    assert list(TaggedLine.of(line).tags) == tags


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        ("(smile:1.2)", ("(", "smile", ":1.2)")),
        ("((smile:1.2))", ("((", "smile", ":1.2))")),
        ("[(smile: .5 )]", ("[(", "smile", ": .5 )]")),
        ("(saber (fate):1.1)", ("(", "saber (fate)", ":1.1)")),
        # Neither of these has a weight.
        ("(medium)", ("", "(medium)", "")),
        ("(o)_(o)", ("", "(o)_(o)", "")),
        ("(:3)", ("", "(:3)", "")),
        ("saber (fate:1.1)", ("", "saber (fate:1.1)", "")),
        (r"\(smile:1.2\)", ("", r"\(smile:1.2\)", "")),
        ("(a:1) (b:2)", ("", "(a:1) (b:2)", "")),
    ],
)
def test_a_weight_is_told_from_brackets_that_are_part_of_a_tag(tag: str, parts: tuple[str, str, str]) -> None:
    assert weighted(tag) == parts


def test_names_come_without_weights_and_lines_beyond_the_first_only_with_wildcards() -> None:
    text = "1girl, (smile:1.2), {red|blue} hat, (a, (b:1.1):0.8)\nsecond, line\n"
    assert tags_of(text) == ("1girl", "smile", "{red|blue} hat", "a", "b")
    assert tags_of(text, LINES)[-2:] == ("second", "line")
    assert tags_of("a, b ||| c;;;d", CaptionRules(keep_separator="|||", secondary_separator=";;;")) == tuple("abcd")
    assert written_tags(text) == ("1girl", "(smile:1.2)", "{red|blue} hat", "(a, (b:1.1):0.8)")
    assert tags_of("") == written_tags("") == ()


def test_a_deep_nest_of_brackets_is_read_at_once() -> None:
    for line in (
        "(" * 50_000,
        "(" * 50_000 + ")" * 50_000,
        "[(" * 30_000 + "]" * 30_000,
        "(a:1" * 20_000,
        "{,}" * 50_000,
    ):
        assert str(TaggedLine.of(line).edited(lambda name: [name])) == line
    assert reads_as_sentences("a" * 200_000 + ".b") is False


@pytest.mark.parametrize(
    ("tag", "made"),
    [
        ("x", ["y"]),
        ("(x:1.2)", ["(y:1.2)"]),
        ("(a, x:1.2)", ["(a, y:1.2)"]),
        ("{x|a} hat", ["{y|a} hat"]),
        ("{a| x }", ["{a| y }"]),
        ("{a|(x:1.3)}", ["{a|(y:1.3)}"]),
        # What stands beside a wildcard is not a tag of its own.
        ("{a|b} x", ["{a|b} x"]),
        ("xx", ["xx"]),
    ],
)
def test_a_name_is_changed_wherever_it_is_a_whole_tag(tag: str, made: list[str]) -> None:
    assert edited_tag(tag, lambda name: ["y"] if name == "x" else [name]) == made


def test_what_is_removed_takes_its_weight_along_and_leaves_the_choices_of_a_wildcard() -> None:
    def gone(name: str) -> list[str]:
        return [] if name == "x" else [name]

    assert edited_tag("(x:1.2)", gone) == []
    assert edited_tag("(x, a:1.2)", gone) == ["(a:1.2)"]
    assert edited_tag("{x|a}", gone) == ["{x|a}"]
    assert edited_tag("a;;;x;;;b", gone, ";;;") == ["a;;;b"]
    assert edited_tag("x;;;x", gone, ";;;") == []


@pytest.mark.parametrize(
    ("text", "tags", "made"),
    [
        ("a, b\n", ["a", "c", "b"], "a, c, b\n"),
        ("a,b,c\r\nmore\r\n", ["a", "c"], "a,c\r\nmore\r\n"),
        ("", ["a", "b"], "a, b\n"),
        ("a\nsecond", [], "\nsecond"),
        ("  a, b ", ["b"], "  b "),
        ("a", ["a", "b"], "a, b"),
    ],
)
def test_other_tags_are_written_into_the_place_of_those_there_are(text: str, tags: list[str], made: str) -> None:
    assert text_of(tags, text) == made


def test_tags_stay_on_their_side_of_a_separator() -> None:
    text = "a, b ||| c, d\n"
    assert text_of(written_tags(text, KEPT), text, KEPT) == text
    assert text_of(["a", "x", "b", "d", "c"], text, KEPT) == "a, x, b ||| d, c\n"


@given(st.lists(st.sampled_from(["a", "(b:1.2)", "{c|d}", "e f"]), max_size=5), ANY_LINE)
def test_the_tags_that_are_written_are_the_ones_that_are_read(tags: list[str], line: str) -> None:
    assert list(written_tags(text_of(tags, line + "\nx"))) == tags


@pytest.mark.parametrize(
    "line",
    [
        "a girl with a backpack stands in the street",
        "A girl, who has long hair, stands there.",
        "1girl, solo, blue eyes. A girl with her backpack is standing, smiling.",
    ],
)
def test_sentences_are_known(line: str) -> None:
    assert reads_as_sentences(line)


@pytest.mark.parametrize(
    "line",
    [
        "1girl, solo, love live! school idol project",
        "kono subarashii sekai ni shukufuku wo!, megumin",
        "dr. stone, senku (dr. stone), looking at viewer with a smile",
        "mr. x",
        "hifumi chan",
        "the legend of zelda, link",
        "blue archive, hifumi (blue archive), ...",
    ],
)
def test_tags_are_not_taken_for_sentences(line: str) -> None:
    assert not reads_as_sentences(line)


def test_a_long_piece_between_commas_is_no_tag() -> None:
    assert is_sentence("a girl with long hair in a street")
    assert not is_sentence("long hair")
