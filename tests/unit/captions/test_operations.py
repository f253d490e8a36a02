"""What each operation makes of a caption."""

import re
from dataclasses import fields

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trainer.captions.operations import TAG_OPERATIONS, edit_words, is_face, tag_counts, typed_tags
from trainer.captions.record import TagEdit
from trainer.captions.tags import written_tags
from trainer.dataset.records import CaptionRules
from trainer.errors import SettingsError

PLAIN, KEPT = CaptionRules(), CaptionRules(keep_separator="|||")

# Operation -> edits with a line before and after.
EXAMPLES: dict[str, list[tuple[TagEdit, str, str]]] = {
    "rename": [
        (TagEdit("rename", ("solo",), new="alone"), "1girl, solo,(solo:1.2) , x", "1girl, alone, x"),
        (TagEdit("rename", ("a", "b"), new="c"), "x, b, y", "x, c, y"),
        (TagEdit("rename", ("a",), new="b"), "b, a, x", "b, x"),
        (TagEdit("rename", ("a",), new="b"), "(a:1.3), {a|x} hat, aa", "(b:1.3), {b|x} hat, aa"),
        (TagEdit("rename", ("a",), new="b, c"), "a,x", "b,c,x"),
        (TagEdit("rename", ("saber (fate)",), new="artoria"), "saber (fate), fate (series)", "artoria, fate (series)"),
        (TagEdit("rename", ("A",), new="b"), "a, x", "a, x"),
    ],
    "remove": [
        (TagEdit("remove", ("a", "c")), "a, b, c", "b"),
        (TagEdit("remove", ("a",)), "  a ,b,  (a:0.8)", "  b"),
        (TagEdit("remove", ("a",)), "a", ""),
        (TagEdit("remove", ("a",)), "{a|b}, aa", "{a|b}, aa"),
    ],
    "add": [
        (TagEdit("add", ("a", "b")), "x, (b:1.1)", "x, (b:1.1), a"),
        (TagEdit("add", ("a",)), "x,y,", "x,y,a,"),
        (TagEdit("add", ("a", "b"), place="front"), "x, y", "a, b, x, y"),
        (TagEdit("add", ("a",), place="behind", anchor="x"), "(x:1.2), y", "(x:1.2), a, y"),
        (TagEdit("add", ("a",), place="behind", anchor="q"), "x, y", "x, y"),
        (TagEdit("add", ("a",)), "", "a"),
        (TagEdit("add", ("(a:1.2)",)), "x", "x, (a:1.2)"),
        (TagEdit("add", ("a",)), "A girl with a bag stands there.", "A girl with a bag stands there., a"),
    ],
    "front": [
        (TagEdit("front", ("c", "b")), "a, b, c", "c, b, a"),
        (TagEdit("front", ("a",)), "a,b", "a,b"),
        (TagEdit("front", ("b",)), "a, (b:1.2)", "(b:1.2), a"),
        (TagEdit("front", ("q",)), "a, b", "a, b"),
    ],
    "reorder": [
        (TagEdit("reorder"), "rare, common, middle", "common, middle, rare"),
        (TagEdit("reorder", order="alphabet"), "b, (C:1.2), a,", "a, b, (C:1.2),"),
        (TagEdit("reorder", ("z", "y"), order="list"), "a, y, b, z", "z, y, a, b"),
    ],
    "dedupe": [
        (TagEdit("dedupe"), "a, b, A, (b:1.2), , c,", "a, b, c"),
        (TagEdit("dedupe"), "long hair, long  hair, {a|b}, {a|b}", "long hair, {a|b}"),
    ],
    "spaces": [
        (
            TagEdit("spaces"),
            "long_hair, >_<, 0_0, ^_^, (o)_(o), |_|, (blue_eyes:1.2), {red_hat|>_<}",
            "long hair, >_<, 0_0, ^_^, (o)_(o), |_|, (blue eyes:1.2), {red hat|>_<}",
        ),
    ],
    "underscores": [
        (TagEdit("underscores"), "long hair, (blue eyes:1.2), {red hat|cap}, >_<", "long_hair, (blue_eyes:1.2), {red_hat|cap}, >_<"),
        (TagEdit("underscores"), "x y, a girl with long hair in a street", "x_y, a girl with long hair in a street"),
    ],
    "escape": [
        (TagEdit("escape"), r"saber (fate), (smile:1.2), a \(b\), {x (y)|z}", r"saber \(fate\), (smile:1.2), a \(b\), {x \(y\)|z}"),
        (TagEdit("escape"), "(saber (fate):1.2), :)", r"(saber \(fate\):1.2), :\)"),
    ],
    "unescape": [
        (TagEdit("unescape"), r"saber \(fate\), (smile:1.2), \o/", r"saber (fate), (smile:1.2), \o/"),
        # It would become a weight.
        (TagEdit("unescape"), r"\(a:1.2\)", r"\(a:1.2\)"),
    ],
    "replace": [
        (TagEdit("replace", pattern=r"(\w+) hair", replacement=r"hair of \1"), "blue hair, x", "hair of blue, x"),
        (TagEdit("replace", pattern="(?i)GIRL", replacement="woman"), "A girl stands there.", "A woman stands there."),
        (TagEdit("replace", pattern="^", replacement="x, "), "a", "x, a"),
    ],
}  # fmt: skip
COUNTS = {"common": 9, "middle": 5, "rare": 1}


def made(edit: TagEdit, line: str, rules: CaptionRules = PLAIN) -> str:
    return TAG_OPERATIONS[edit.operation].editor(edit, COUNTS)(line, rules)


def test_every_operation_has_an_example() -> None:
    assert set(EXAMPLES) == set(TAG_OPERATIONS)
    for key, operation in TAG_OPERATIONS.items():
        assert operation.key == key
        assert set(operation.takes) <= {field.name for field in fields(TagEdit)}
        assert operation.help.endswith(".")


@pytest.mark.parametrize(
    ("edit", "line", "expected"), [example for examples in EXAMPLES.values() for example in examples]
)
def test_an_operation_changes_what_it_is_for_and_nothing_else(edit: TagEdit, line: str, expected: str) -> None:
    assert made(edit, line) == expected
    # Done once more there is nothing left to do, but for what a pattern finds in its own result.
    if edit.operation != "replace":
        assert made(edit, expected) == expected


@pytest.mark.parametrize(
    ("edit", "line", "expected"),
    [
        (TagEdit("rename", ("b",), new="x"), "a ||| b, c", "a ||| x, c"),
        (TagEdit("remove", ("b",)), "a ||| b, c", "a ||| c"),
        (TagEdit("remove", ("a",)), "a|||b", "|||b"),
        (TagEdit("add", ("x",), place="front"), "a ||| b", "x, a ||| b"),
        (TagEdit("add", ("x",), place="front"), "|||b", "x |||b"),
        (TagEdit("add", ("x",)), "a ||| b", "a ||| b, x"),
        (TagEdit("front", ("c",)), "a ||| b, c", "c, a ||| b"),
        (TagEdit("reorder", order="alphabet"), "z, y ||| c, b ||| x, a", "z, y ||| b, c ||| x, a"),
        (TagEdit("dedupe"), "a ||| b, a", "a ||| b"),
        (TagEdit("spaces"), "long_a ||| long_b", "long a ||| long b"),
    ],
)
def test_a_separator_of_kept_tags_stays_where_it_is(edit: TagEdit, line: str, expected: str) -> None:
    assert made(edit, line, KEPT) == expected


def test_sorting_leaves_the_tags_that_keep_tokens_holds() -> None:
    rules = CaptionRules(keep_tokens=2)
    assert made(TagEdit("reorder", order="alphabet"), "z, y, c, b", rules) == "z, y, b, c"


def test_tags_that_a_separator_holds_together_are_renamed_one_by_one_and_move_together() -> None:
    rules = CaptionRules(secondary_separator=";;;")
    assert made(TagEdit("rename", ("b",), new="x"), "a;;;b ;;; c, d", rules) == "a;;;x ;;; c, d"
    assert made(TagEdit("remove", ("a",)), "a;;;b, a", rules) == "b"
    assert made(TagEdit("reorder", order="alphabet"), "z, b;;;a", rules) == "b;;;a, z"
    assert made(TagEdit("spaces"), "long_a;;;long_b", rules) == "long a;;;long b"


@pytest.mark.parametrize("face", ["0_0", ">_<", "^_^", "o_o", ">_o", "6_9", "@_@", "|_|", "||_||", "(o)_(o)", "<|>_<|>", "._.", "+_-", "T_T", "^_^;", r"\(o\)_\(o\)", "=_=", "u_u"])  # fmt: skip
def test_faces_are_known(face: str) -> None:
    assert is_face(face)
    assert made(TagEdit("spaces"), f"long_hair, {face}") == f"long hair, {face}"


@pytest.mark.parametrize("tag", ["long_hair", "v-shaped_eyebrows", "ab_c", "x", "1_girl", "_", "a_(series)"])
def test_words_are_no_faces(tag: str) -> None:
    assert not is_face(tag) or tag == "_"


LINES = st.lists(st.sampled_from(["a", "b c", "(d:1.2)", "{e|f} g", "h (i)", ">_<", "", "j_k"]), max_size=6).map(
    ", ".join
)


@given(LINES, st.sampled_from([edit for examples in EXAMPLES.values() for edit, _, _ in examples]))
def test_no_operation_makes_what_it_would_not_read(line: str, edit: TagEdit) -> None:
    """The tags that an operation does not name are there afterwards, as they were."""
    if edit.operation in ("rename", "remove", "add", "front", "reorder"):
        named = {*edit.tags, *typed_tags(edit.new or "x")}
        before = [tag for tag in written_tags(line) if tag not in named]
        after = [tag for tag in written_tags(made(edit, line)) if tag not in named]
        assert sorted(before) == sorted(after)


@given(
    st.lists(st.sampled_from(["a", "b", " ", ",", "(a:1.2)", "aa", "|||", "{a|c}"]), max_size=12)
    .map("".join)
    .map(str.rstrip)
)
def test_plain_lines_are_renamed_as_all_others(line: str) -> None:
    edit, tags = TagEdit("rename", ("a",), new="b"), [part.strip() for part in re.split(r",|\|\|\|", line)]
    # Of two that become one the space at the end of a line is another's.
    assume(sum(tag in ("a", "b") or "(" in tag or "{" in tag for tag in tags) < 2)
    for rules in (PLAIN, KEPT):
        # The line beside it has a bracket, so that it is not taken for a plain one. A space at the end of a line is no tag's.
        alone, beside = made(edit, line, rules) + ",(x)", made(edit, line + ",(x)", rules)
        # No comma is left where every tag before it went.
        alone, beside = (re.sub(r"\|\|\|[ ,]+", "|||", text) for text in (alone, beside))
        assert alone == beside


@pytest.mark.parametrize(
    ("pattern", "replacement", "words"),
    [
        ("(unclosed", "x", r"the pattern `(unclosed`: missing ) (at character 10); expected a regular expression"),
        ("*", "x", "the pattern `*`: nothing to repeat"),
        ("a", r"\2", "the replacement `\\\\2`"),
        ("(a)", r"\g<name>", "the replacement"),
        ("", "x", "the pattern: blank"),
        ("a" * 1001, "x", "1,001 characters; expected at most 1,000"),
        ("a", "x\ny", "a line end in"),
    ],
)
def test_a_wrong_pattern_is_one_error_that_names_it(pattern: str, replacement: str, words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words.replace("\\\\", "\\"))) as refused:
        made(TagEdit("replace", pattern=pattern, replacement=replacement), "a b")
    assert "\n" not in refused.value.line()


def test_a_pattern_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = TAG_OPERATIONS["replace"].editor(TagEdit("replace", pattern="b|c", replacement="x"), {})
    assert replaced("ab", PLAIN) == "ax"
    # In a time in which nothing can be searched.
    monkeypatch.setattr("trainer.captions.operations._PATTERN_SECONDS", 1e-9)
    with pytest.raises(SettingsError, match=r"`b\|c`: it takes more than 1e-09 s on `aaa") as refused:
        replaced("a" * 1_000_000, PLAIN)
    assert "\n" not in refused.value.line()


@pytest.mark.parametrize("text", ["", " , ", "a\nb", "a\x1b[2J", "a\0", "\ud800", "a\u2028b"])
def test_what_no_tag_can_be_is_refused(text: str) -> None:
    for edit in (TagEdit("add", (text,)), TagEdit("rename", ("a",), new=text), TagEdit("remove", (text,))):
        with pytest.raises(SettingsError):
            made(edit, "a, b")


def test_tags_are_typed_with_commas() -> None:
    assert typed_tags(" a ,b, (c, d:1.2)") == ("a", "b", "(c, d:1.2)")


def test_an_edit_says_what_it_does() -> None:
    edits = [edit for examples in EXAMPLES.values() for edit, _, _ in examples]
    assert all(edit_words([edit]) for edit in edits)
    assert (
        edit_words([TagEdit("rename", ("a",), new="b"), TagEdit("dedupe")]) == "rename `a` to `b`, remove repeated tags"
    )
    assert edit_words([TagEdit("add", ("a",), place="behind", anchor="b")]) == "add `a` behind `b`"
    assert edit_words([TagEdit("remove", tuple("abcdef"))]) == "remove `a`, `b`, `c`, `d` and 2 more"
    assert "\x1b" not in edit_words([TagEdit("replace", pattern="\x1b[2J")])


def test_a_caption_counts_once_for_a_tag() -> None:
    assert tag_counts([("a", "a", "b"), ("a",)]) == {"a": 2, "b": 1}
