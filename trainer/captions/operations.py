"""Operations on the tags of a caption, a record each: what they are called, what they ask for, what they make of a line."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import regex

from trainer.captions.record import OperationName, TagEdit
from trainer.captions.tags import TaggedLine, is_sentence, mapped_tag, names_of, weighted
from trainer.dataset.records import CaptionRules
from trainer.errors import SettingsError
from trainer.text import printable

LineEditor = Callable[[str, CaptionRules], str]
"""From a line of a caption and the rules of its caption to the line as it is afterwards."""

# A pattern that takes longer on one caption would take for ever on some.
_PATTERN_SECONDS = 1.0
_MAX_PATTERN = 1000
_SHOWN = 60
# One sign, or none, on each side of the line between them, and whatever is no letter around: `>_<`, `0_0`, `(o)_(o)`, `^_^;`.
_FACE = re.compile(r"[^\w\s]*+[^\W_]?[^\w\s]*+_+[^\w\s]*+[^\W_]?[^\w\s]*+")
_NO_LINE = frozenset("\r\n\0")
_BRACKET = re.compile(r"\\[()\[\]]|[()\[\]]")
_ESCAPED = re.compile(r"\\([()\[\]])")


@dataclass(frozen=True)
class TagOperation:
    """What is known of one operation.

    Attributes:
        key: its name.
        label: what menus call it.
        help: one sentence.
        takes: the fields of a TagEdit that it asks for.
        clauses: whether it would tear sentences that have commas: these captions are left as they are.
        words: from an edit to what it does, as the history shows it.
        editor: from an edit, and how many captions have each tag, to what it makes of a line; raises SettingsError.
    """

    key: OperationName
    label: str
    help: str
    takes: tuple[str, ...]
    clauses: bool
    words: Callable[[TagEdit], str]
    editor: Callable[[TagEdit, Mapping[str, int]], LineEditor]


def typed_tags(text: str, where: str = "tag") -> tuple[str, ...]:
    """Return the tags that somebody typed, parted by commas; those in a pair of brackets or braces are one.

    Raises:
        SettingsError: there is none, or it has signs that no caption has.
    """
    tags = tuple(TaggedLine.of(checked_words(text, where)).tags)
    if not tags:
        raise SettingsError(where, found="no tag", expected="a tag, such as `blue eyes`")
    return tags


def checked_words(text: str, where: str) -> str:
    """Return what somebody typed into a line of a caption.

    Raises:
        SettingsError: it has a line end, a control sign or half of a letter in it.
    """
    wrong = next(
        (sign for sign in text if sign != "\t" and unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")), None
    )
    if wrong is not None:
        what = "a line end" if wrong in "\r\n" else f"the sign {printable(wrong)}"
        raise SettingsError(where, found=f"{what} in `{printable(text, _SHOWN)}`", expected="one line of text")
    return text


def edit_words(edits: Iterable[TagEdit]) -> str:
    """Return operations in words: ``rename `solo` to `alone` ``."""
    return ", ".join(TAG_OPERATIONS[edit.operation].words(edit) for edit in edits)


# Words


def _shown(text: str) -> str:
    return f"`{printable(text, _SHOWN)}`"


def _listed(tags: Sequence[str]) -> str:
    shown = ", ".join(map(_shown, tags[:4]))
    return f"{shown} and {len(tags) - 4:,} more" if len(tags) > 4 else shown


def _where(edit: TagEdit) -> str:
    return f"behind {_shown(edit.anchor)}" if edit.place == "behind" else f"at the {edit.place}"


def _sorted_by(edit: TagEdit) -> str:
    by = {"frequency": "frequency", "alphabet": "the alphabet", "list": f"a list ({_listed(edit.tags)})"}
    return f"sort tags by {by[edit.order]}"


# Editors


def _given(edit: TagEdit) -> tuple[str, ...]:
    """Return the tags that an edit names."""
    tags = tuple(tag for text in edit.tags for tag in typed_tags(text))
    if not tags:
        raise SettingsError(edit.operation, found="no tag", expected="at least one")
    return tags


def _named(tags: Iterable[str]) -> frozenset[str]:
    """Return the names of tags, and the tags as they are written."""
    tags = tuple(tags)
    return frozenset((*tags, *(name for tag in tags for name in names_of(tag))))


def _rename(edit: TagEdit, _: Mapping[str, int]) -> LineEditor:
    old, new = frozenset(_given(edit)), typed_tags(edit.new, "the new name")
    names = _named(new)

    def editor(line: str, rules: CaptionRules) -> str:
        if not any(tag in line for tag in old):
            return line
        if len(new) == 1 and (made := _renamed_plainly(line, rules, old, new[0])) is not None:
            return made
        before = TaggedLine.of(line, rules)
        after = before.edited(lambda name: new if name in old else [name], old)
        made = str(after)
        # Where the caption had the new name already, one of the two is enough.
        twice = made != line and any(made.count(name) > 1 for name in names)
        return str(_without_repeats(after, only=names, fold=False)) if twice else made

    return editor


def _renamed_plainly(line: str, rules: CaptionRules, old: Collection[str], new: str) -> str | None:
    """Return a line of plain tags with one of them renamed, in a tenth of the time; None where more is to be looked at."""
    if any(sign in line for sign in "([{") or any(
        sign and sign in line for sign in (rules.keep_separator, rules.secondary_separator)
    ):
        return None
    parts = line.split(",")
    tags = [part.strip() for part in parts]
    found = [place for place, tag in enumerate(tags) if tag in old]
    if len(found) != 1 or new in tags:
        return None if found else line
    (place,) = found
    parts[place] = parts[place].replace(tags[place], new, 1)
    return ",".join(parts)


def _remove(edit: TagEdit, _: Mapping[str, int]) -> LineEditor:
    gone = frozenset(_given(edit))

    def editor(line: str, rules: CaptionRules) -> str:
        if not any(tag in line for tag in gone):
            return line
        return str(TaggedLine.of(line, rules).edited(lambda name: [] if name in gone else [name], gone))

    return editor


def _add(edit: TagEdit, _: Mapping[str, int]) -> LineEditor:
    tags = _given(edit)
    (anchor,) = typed_tags(edit.anchor, "the tag to add behind")[:1] if edit.place == "behind" else ("",)

    def editor(line: str, rules: CaptionRules) -> str:
        parts = TaggedLine.of(line, rules)
        there = _named(parts.tags)
        missing = [tag for tag in tags if there.isdisjoint(_named([tag]))]
        if not missing:
            return line
        if edit.place == "front":
            return str(parts.inserted(0, 0, missing))
        if edit.place == "back":
            last = parts.sections[-1]
            behind = max((index + 1 for index, piece in enumerate(last) if piece.tag), default=0)
            return str(parts.inserted(len(parts.sections) - 1, behind, missing))
        found = _place_of(parts, anchor)
        return line if found is None else str(parts.inserted(found[0], found[1] + 1, missing))

    return editor


def _front(edit: TagEdit, _: Mapping[str, int]) -> LineEditor:
    tags = _given(edit)

    def editor(line: str, rules: CaptionRules) -> str:
        parts = TaggedLine.of(line, rules)
        moved: list[str] = []
        for tag in tags:
            if (found := _place_of(parts, tag)) is not None:
                number, index = found
                moved.append(parts.sections[number][index].tag)
                parts = parts.without(number, index)
        if not moved or list(TaggedLine.of(line, rules).tags)[: len(moved)] == moved:
            return line
        return str(parts.inserted(0, 0, moved))

    return editor


def _reorder(edit: TagEdit, counts: Mapping[str, int]) -> LineEditor:
    ranks = {tag: rank for rank, tag in reversed([*enumerate(_given(edit))])} if edit.order == "list" else {}

    def key(tag: str) -> tuple[float, str]:
        name = next(names_of(tag), tag)
        if edit.order == "frequency":
            return (-counts.get(name, 0), name.casefold())
        return (ranks.get(name, len(ranks)), "") if edit.order == "list" else (0, name.casefold())

    def editor(line: str, rules: CaptionRules) -> str:
        parts = TaggedLine.of(line, rules)
        section = parts.sections[parts.loose]
        kept = parts.kept(rules.keep_tokens)
        tags = [piece.tag for piece in section if piece.tag]
        ordered = tags[:kept] + sorted(tags[kept:], key=key)
        if ordered == tags:
            return line
        given = iter(ordered)
        return str(parts.arranged(parts.loose, [next(given) if piece.tag else "" for piece in section]))

    return editor


def _dedupe(edit: TagEdit, _: Mapping[str, int]) -> LineEditor:
    def editor(line: str, rules: CaptionRules) -> str:
        return str(_without_repeats(TaggedLine.of(line, rules)))

    return editor


def _names_mapped(change: Callable[[str], str]) -> Callable[[TagEdit, Mapping[str, int]], LineEditor]:
    """Return what gives each tag of a line another name; what is longer than a tag stays."""

    def made(edit: TagEdit, _: Mapping[str, int]) -> LineEditor:
        def editor(line: str, rules: CaptionRules) -> str:
            parts = TaggedLine.of(line, rules)
            sections = tuple(
                tuple(
                    piece if is_sentence(piece.tag) else replace(piece, tag=mapped_tag(piece.tag, change, parts.held))
                    for piece in section
                )
                for section in parts.sections
            )
            return str(replace(parts, sections=sections))

        return editor

    return made


def is_face(tag: str) -> bool:
    r"""Return whether a tag is a face of signs, whose underscore is its nose or mouth: `0_0`, `>_<`, `^_^`, `\(o\)_\(o\)`."""
    return _FACE.fullmatch(tag) is not None


def _with_spaces(name: str) -> str:
    return name if is_face(name) else re.sub("_+", " ", name).strip() or name


def _with_underscores(name: str) -> str:
    return re.sub(r"\s+", "_", name)


def _escaped(name: str) -> str:
    return _BRACKET.sub(lambda found: found[0] if len(found[0]) > 1 else f"\\{found[0]}", name)


def _unescaped(name: str) -> str:
    plain = _ESCAPED.sub(r"\1", name)
    # What would then be read as a weight keeps its brackets escaped.
    return name if weighted(plain)[0] else plain


def _replace(edit: TagEdit, _: Mapping[str, int]) -> LineEditor:
    pattern = _compiled(edit)

    def editor(line: str, rules: CaptionRules) -> str:
        try:
            made = str(pattern.sub(edit.replacement, line, timeout=_PATTERN_SECONDS))
        except TimeoutError:
            raise SettingsError(
                _shown(edit.pattern),
                found=f"it takes more than {_PATTERN_SECONDS:g} s on {_shown(line)}",
                expected="a pattern that is quick on every caption",
                way_out="avoid repetitions inside repetitions",
            ) from None
        except (regex.error, IndexError, ValueError) as error:
            raise _wrong_pattern(edit.replacement, error, "the replacement") from None
        return made if _NO_LINE.isdisjoint(made) else checked_words(made, "the replacement")

    return editor


def _compiled(edit: TagEdit) -> "regex.Pattern[str]":
    if not edit.pattern:
        raise SettingsError("the pattern", found="blank", expected="a regular expression")
    for text in (edit.pattern, edit.replacement):
        if len(text) > _MAX_PATTERN:
            found = f"{len(text):,} characters"
            raise SettingsError(_shown(text), found=found, expected=f"at most {_MAX_PATTERN:,}")
    try:
        pattern = regex.compile(edit.pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        raise _wrong_pattern(edit.pattern, error, "the pattern") from None
    try:
        # Finds nothing before anything else, which shows what is wrong with a replacement also where no caption matches.
        regex.compile(f"|{edit.pattern}").sub(edit.replacement, "", timeout=_PATTERN_SECONDS)
    except (regex.error, IndexError, ValueError) as error:
        raise _wrong_pattern(edit.replacement, error, "the replacement") from None
    return pattern


def _wrong_pattern(text: str, error: Exception, what: str) -> SettingsError:
    place = getattr(error, "pos", None)
    found = printable(getattr(error, "msg", None) or str(error) or type(error).__name__, 120)
    return SettingsError(
        f"{what} {_shown(text)}",
        found=found + (f" (at character {place + 1})" if place is not None else ""),
        expected="a regular expression" if what == "the pattern" else r"text, with `\1` for the pattern's first group",
    )


def _place_of(line: TaggedLine, tag: str) -> tuple[int, int] | None:
    """Return section and place of a tag, by its name or as it is written."""
    for number, section in enumerate(line.sections):
        for index, piece in enumerate(section):
            if piece.tag and (piece.tag == tag or list(names_of(piece.tag)) == [tag]):
                return number, index
    return None


def _without_repeats(line: TaggedLine, *, only: frozenset[str] | None = None, fold: bool = True) -> TaggedLine:
    """Return a line with the first of equal tags alone.

    Args:
        line: the tags.
        only: the names that are looked at; None for all, and then empty places go, too.
        fold: whether capitals and small letters are the same, as they are to CLIP.
    """
    seen: set[str] = set()
    gone: list[tuple[int, int]] = []
    for number, section in enumerate(line.sections):
        for index, piece in enumerate(section):
            if not piece.tag:
                if only is None and len(section) > 1:
                    gone.append((number, index))
                continue
            names = list(names_of(piece.tag, line.held))
            name = names[0] if len(names) == 1 else piece.tag
            if only is not None and name not in only:
                continue
            key = " ".join(name.casefold().split()) if fold else name
            if key in seen:
                gone.append((number, index))
            seen.add(key)
    for number, index in reversed(gone):
        line = line.without(number, index)
    return line


def tag_counts(texts: Iterable[Sequence[str]]) -> Counter[str]:
    """Return how many captions have each tag, from the tags of each."""
    return Counter(tag for tags in texts for tag in set(tags))


TAG_OPERATIONS: dict[str, TagOperation] = {
    operation.key: operation
    for operation in (
        TagOperation(
            "rename",
            "rename",
            "Give a tag another name, also where it has a weight or is a choice of a wildcard; a tag that was there already stays once.",
            ("tags", "new"),
            clauses=False,
            words=lambda edit: f"rename {_listed(edit.tags)} to {_shown(edit.new)}",
            editor=_rename,
        ),
        TagOperation(
            "remove",
            "remove",
            "Take tags away; a choice of a wildcard stays.",
            ("tags",),
            clauses=False,
            words=lambda edit: f"remove {_listed(edit.tags)}",
            editor=_remove,
        ),
        TagOperation(
            "add",
            "add",
            "Add tags where they are missing: at the front, at the back, or behind another tag.",
            ("tags", "place", "anchor"),
            clauses=False,
            words=lambda edit: f"add {_listed(edit.tags)} {_where(edit)}",
            editor=_add,
        ),
        TagOperation(
            "front",
            "move to the front",
            "Move tags before all others, in the order given.",
            ("tags",),
            clauses=True,
            words=lambda edit: f"move {_listed(edit.tags)} to the front",
            editor=_front,
        ),
        TagOperation(
            "reorder",
            "sort",
            "Sort tags by frequency, by the alphabet or by a list; those that keep_tokens or its separator hold stay where they are.",
            ("order", "tags"),
            clauses=True,
            words=_sorted_by,
            editor=_reorder,
        ),
        TagOperation(
            "dedupe",
            "remove repeats",
            "Keep the first of equal tags, whatever their capitals and weights, and no empty places.",
            (),
            clauses=True,
            words=lambda edit: "remove repeated tags",
            editor=_dedupe,
        ),
        TagOperation(
            "spaces",
            "underscores to spaces",
            "Write `long_hair` as `long hair`; faces such as `>_<` keep theirs.",
            (),
            clauses=True,
            words=lambda edit: "underscores to spaces",
            editor=_names_mapped(_with_spaces),
        ),
        TagOperation(
            "underscores",
            "spaces to underscores",
            "Write `long hair` as `long_hair`.",
            (),
            clauses=True,
            words=lambda edit: "spaces to underscores",
            editor=_names_mapped(_with_underscores),
        ),
        TagOperation(
            "escape",
            "escape brackets",
            "Write `saber (fate)` as `saber \\(fate\\)`, as prompts need it; the brackets of a weight stay.",
            (),
            clauses=True,
            words=lambda edit: "escape brackets",
            editor=_names_mapped(_escaped),
        ),
        TagOperation(
            "unescape",
            "unescape brackets",
            "Write `saber \\(fate\\)` as `saber (fate)`.",
            (),
            clauses=True,
            words=lambda edit: "unescape brackets",
            editor=_names_mapped(_unescaped),
        ),
        TagOperation(
            "replace",
            "find and replace",
            "Replace what a regular expression finds in the caption's line, sentences included.",
            ("pattern", "replacement"),
            clauses=False,
            words=lambda edit: f"replace {_shown(edit.pattern)} by {_shown(edit.replacement)}",
            editor=_replace,
        ),
    )
}
"""Every operation by its key."""
