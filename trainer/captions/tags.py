"""The tags of a caption's line, taken apart and put together again without touching what stands between them."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from trainer.dataset.records import CaptionRules

_PLAIN = CaptionRules()
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_CLOSES = {")": "(", "]": "[", "}": "{"}
# Of text that is no caption these take time in proportion to its length, too.
_WEIGHT = re.compile(r":\s*+[+-]?(?:\d++(?:\.\d*+)?|\.\d++)\s*+\Z")
_SIGNS = re.compile(r"\\[()\[\]{}]|[,()\[\]{}]")
_CHOICES = re.compile(r"([{}|]+)")
# A full stop behind a word, and then the end or a capital letter: the commas around it part clauses, not tags. `!` and `?` end the
# names of many works, which are tags.
_STOP = re.compile(r"(?<=[^\W\d_]{2})\.[\"'”’)]*+(?=\s++[\"'“‘(]?[A-Z]|\s*+\Z)")
_SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "his",
        "her",
        "its",
        "their",
        "with",
        "and",
        "that",
        "which",
        "who",
        "while",
    ]
)
# Tags of so many words are rare, and hardly any has one of the small words as well.
_MIN_SENTENCE_WORDS = 6
_MIN_CLAUSE_WORDS = 4
# What is longer is text, not a tag with a weight.
_MAX_WEIGHTED = 400


@dataclass(frozen=True)
class TagPiece:
    """What stands between two commas: a tag, with the blanks around it; of an empty place the tag is "" ."""

    before: str
    tag: str
    behind: str = ""

    @property
    def whole(self) -> str:
        """All of it."""
        return self.before + self.tag + self.behind


Section = tuple[TagPiece, ...]
"""Tags between two separators of the setting keep_tokens_separator."""


@dataclass(frozen=True)
class TaggedLine:
    """One line of a caption.

    Attributes:
        sections: its tags; more than one section where its separator stands in it.
        separator: what parts the sections, "" where nothing does.
        held: what holds tags together inside one place (secondary_separator), "" where nothing does.
    """

    sections: tuple[Section, ...]
    separator: str = ""
    held: str = ""

    @classmethod
    def of(cls, line: str, rules: CaptionRules = _PLAIN) -> "TaggedLine":
        """Return the tags of a line."""
        separator = rules.keep_separator
        parts = line.split(separator) if separator else [line]
        return cls(tuple(map(_pieces, parts)), separator, rules.secondary_separator)

    def __str__(self) -> str:
        """Return the line."""
        return self.separator.join(",".join(piece.whole for piece in section) for section in self.sections)

    @property
    def tags(self) -> Iterator[str]:
        """Every tag as it is written, without empty places."""
        return (piece.tag for piece in chain.from_iterable(self.sections) if piece.tag)

    @property
    def names(self) -> Iterator[str]:
        """The name of every tag, without weights."""
        return chain.from_iterable(names_of(tag, self.held) for tag in self.tags)

    @property
    def loose(self) -> int:
        """Which section holds the tags that may change places, as training has it."""
        return 1 if len(self.sections) > 1 else 0

    def kept(self, keep_tokens: int) -> int:
        """Return how many tags of the loose section stay in front."""
        return keep_tokens if len(self.sections) == 1 else 0

    def with_section(self, number: int, section: Section) -> "TaggedLine":
        """Return the line with another section `number`."""
        return replace(self, sections=(*self.sections[:number], section, *self.sections[number + 1 :]))

    def edited(self, change: Callable[[str], Sequence[str]], about: Collection[str] = ()) -> "TaggedLine":
        """Return the line with the tags that `change` makes of each name; none removes it.

        Args:
            change: from a name to tags.
            about: the only names that it changes; none where it may change any.
        """
        line = self
        for number, section in enumerate(self.sections):
            made = section
            for index in reversed(range(len(section))):
                tag = section[index].tag
                if about and not any(name in tag for name in about):
                    continue
                if tag and (tags := edited_tag(tag, change, self.held)) != [tag]:
                    made = _with_tags_at(made, index, tags) if tags else _without(made, index)
            if made is not section:
                line = line.with_section(number, made)
        return line

    def inserted(self, number: int, index: int, tags: Sequence[str]) -> "TaggedLine":
        """Return the line with tags before place `index` of section `number`."""
        section = self.sections[number]
        if all(not piece.tag for piece in section):
            first, last = section[0].before, section[-1].behind
            made = [TagPiece(first if not place else " ", tag) for place, tag in enumerate(tags)]
            made[-1] = replace(made[-1], behind=last or (" " if self._parted_behind(number) else ""))
            if number and not first:
                made[0] = replace(made[0], before=" ")
            return self.with_section(number, tuple(made))
        return self.with_section(number, _inserted(section, index, tags))

    def without(self, number: int, index: int) -> "TaggedLine":
        """Return the line without a tag."""
        return self.with_section(number, _without(self.sections[number], index))

    def arranged(self, number: int, tags: Sequence[str]) -> "TaggedLine":
        """Return the line with as many tags in the places of section `number`."""
        places = zip(self.sections[number], tags, strict=True)
        return self.with_section(number, tuple(replace(piece, tag=tag) for piece, tag in places))

    def _parted_behind(self, number: int) -> bool:
        return number < len(self.sections) - 1


def tags_of(text: str, rules: CaptionRules = _PLAIN) -> tuple[str, ...]:
    """Return the names of the tags of a caption, without weights; with wildcards on those of all its lines.

    Args:
        text: of a caption file, or a caption.
        rules: how it is read.
    """
    lines = [line for line, _ in lines_of(text)]
    read = [line for line in lines if line.strip()] if rules.wildcards else lines[:1]
    return tuple(chain.from_iterable(TaggedLine.of(line, rules).names for line in read))


def written_tags(text: str, rules: CaptionRules = _PLAIN) -> tuple[str, ...]:
    """Return the tags of a caption's first line as they are written, weights and wildcards included; arguments as tags_of."""
    lines = lines_of(text)
    return tuple(TaggedLine.of(lines[0][0], rules).tags) if lines else ()


def text_of(tags: Sequence[str], text: str = "", rules: CaptionRules = _PLAIN) -> str:
    """Return the text of a caption file with these tags in the place of those of its first line; what parts them and all other lines stay.

    Args:
        tags: as they are to be written, weights included.
        text: the file's.
        rules: how it is read.
    """
    (line, end), *others = lines_of(text) or [("", "\n")]
    old = TaggedLine.of(line, rules)
    if len(old.sections) > 1:
        return "".join([_in_sections(old, tags), end, *chain.from_iterable(others)])
    section = old.sections[0]
    while len(section) > len(tags) and len(section) > 1:
        section = _without(section, len(section) - 1)
    if len(section) < len(tags):
        more = tags[len(section) :]
        section = _inserted(section, len(section), more)
    given = list(tags) or [""]
    new = tuple(replace(piece, tag=tag) for piece, tag in zip(section, given, strict=True))
    return "".join([str(replace(old, sections=(new,))), end, *chain.from_iterable(others)])


def _in_sections(line: TaggedLine, tags: Sequence[str]) -> str:
    """Return the tags in the sections of `line`: each where it was, and one that is new where the one before it is."""
    places = {piece.tag: number for number, section in enumerate(line.sections) for piece in section if piece.tag}
    parts: list[list[str]] = [[] for _ in line.sections]
    at = 0 if any(piece.tag for piece in line.sections[0]) else line.loose
    for tag in tags:
        at = max(at, places.get(tag, at))
        parts[at].append(tag)
    blank = line.sections[0][-1].behind or line.sections[1][0].before
    return f"{blank}{line.separator}{blank}".join(", ".join(part) for part in parts)


def lines_of(text: str) -> list[tuple[str, str]]:
    """Return each line of a text with what ends it; a text that ends with a line's end has no empty line behind it."""
    lines = []
    for found in _LINE.findall(text):
        if found:
            line = found.rstrip("\r\n")
            lines.append((line, found[len(line) :]))
    return lines


def names_of(tag: str, held: str = "") -> Iterator[str]:
    """Yield the name of a tag; `a` and `b` of `(a, b:1.2)`, and of `a;;;b` where `held` is `;;;`."""
    if held and held in tag:
        for part in tag.split(held):
            yield from names_of(part.strip())
        return
    head, inner, _ = weighted(tag)
    if not head:
        if tag:
            yield tag
        return
    for piece in _pieces(inner):
        yield from names_of(piece.tag)


def edited_tag(tag: str, change: Callable[[str], Sequence[str]], held: str = "") -> list[str]:
    """Return what `change` makes of the names in a tag, as tags; weights stay, and of a wildcard's choices none is removed."""
    if held and held in tag:
        parts = tag.split(held)
        edited = ((part, edited_tag(part.strip(), change) if part.strip() else [""]) for part in parts)
        left = [_in_blanks(part, [held.join(tags)]) for part, tags in edited if tags]
        gone = len(left) < len(parts) and not any(part.strip() for part in left)
        return [] if gone else [held.join(left)]
    whole = list(change(tag))
    if whole != [tag]:
        return whole
    head, inner, tail = weighted(tag)
    if head:
        left = _pieces_edited(inner, change)
        if len(left) == len(_pieces(inner)):
            return [head + ",".join(left) + tail]
        return [head + ",".join(left).strip() + tail] if any(each.strip() for each in left) else []
    return [_choices_edited(tag, change)] if "{" in tag and "}" in tag else [tag]


def mapped_tag(tag: str, change: Callable[[str], str], held: str = "") -> str:
    """Return a tag with what `change` makes of each name in it, choices of wildcards and weighted ones too."""
    if held and held in tag:
        return held.join(_in_blanks(part, [mapped_tag(part.strip(), change)]) for part in tag.split(held))
    head, inner, tail = weighted(tag)
    if head:
        return head + ",".join(_in_blanks(part.whole, [mapped_tag(part.tag, change)]) for part in _pieces(inner)) + tail
    if "{" in tag and "}" in tag:
        parts = _CHOICES.split(tag)
        return "".join(
            part if number % 2 else _in_blanks(part, [mapped_tag(part.strip(), change)])
            for number, part in enumerate(parts)
        )
    return change(tag) if tag else tag


def weighted(tag: str) -> tuple[str, str, str]:
    """Return the brackets before a weighted tag, the tag and what is behind it: `((`, `a`, `:1.2))`; no brackets where it has no weight."""
    head, inner, tail, has_weight = "", tag, "", False
    while 2 < len(inner) <= _MAX_WEIGHTED and inner[0] in "([" and _closed_by_last(inner):
        body = inner[1:-1]
        number = _WEIGHT.search(body) if inner[0] == "(" else None
        if number and not body[: number.start()].strip():
            # `(:3)` is a face.
            break
        has_weight = has_weight or number is not None
        head, tail = head + inner[0], (number[0] if number else "") + inner[-1] + tail
        inner = body[: number.start()] if number else body
    return (head, inner, tail) if has_weight else ("", tag, "")


def is_sentence(tag: str) -> bool:
    """Return whether what stands between two commas is more than a tag: six words or more with small words between them."""
    words = tag.lower().split()
    return len(words) >= _MIN_SENTENCE_WORDS and not _SMALL_WORDS.isdisjoint(words)


def reads_as_sentences(line: str) -> bool:
    """Return whether a line's commas part clauses rather than tags, or it has none and is a sentence."""
    if not _STOP.search(line):
        return "," not in line and is_sentence(line)
    return any(len(part.split()) >= _MIN_CLAUSE_WORDS for part in line.split(","))


def _pieces_edited(text: str, change: Callable[[str], Sequence[str]]) -> list[str]:
    """Return what stands between the commas of `text`, edited, without what was removed."""
    made = []
    for piece in _pieces(text):
        tags = edited_tag(piece.tag, change) if piece.tag else [""]
        if tags:
            made.append(_in_blanks(piece.whole, tags))
    return made


def _choices_edited(tag: str, change: Callable[[str], Sequence[str]]) -> str:
    """Return a tag with the choices of its wildcards edited; what stands beside a wildcard is no tag of its own."""
    depth, parts = 0, _CHOICES.split(tag)
    for number, part in enumerate(parts):
        if number % 2:
            depth += part.count("{") - part.count("}")
        elif depth > 0 and part.strip():
            # A choice that is removed would leave an empty one.
            parts[number] = ",".join(_pieces_edited(part, change)) or part
    return "".join(parts)


def _in_blanks(old: str, tags: Sequence[str]) -> str:
    """Return tags with the blanks around `old`."""
    stripped = old.strip()
    if not stripped:
        return old + ", ".join(tags)
    start = old.index(stripped)
    return old[:start] + ", ".join(tags) + old[start + len(stripped) :]


def _closed_by_last(tag: str) -> bool:
    """Return whether the last sign closes the bracket that the first one opens."""
    kind, depth = tag[0], 0
    closing = ")" if kind == "(" else "]"
    at = 0
    while at < len(tag):
        if tag[at] == "\\":
            at += 2
            continue
        depth += (tag[at] == kind) - (tag[at] == closing)
        if depth == 0:
            return at == len(tag) - 1
        at += 1
    return False


def _pieces(text: str) -> Section:
    places = [-1, *_commas(text), len(text)]
    parts = (text[start + 1 : end] for start, end in pairwise(places))
    return tuple(map(_piece, parts))


def _piece(part: str) -> TagPiece:
    tag = part.strip()
    if not tag:
        return TagPiece(part, "")
    start = part.index(tag)
    return TagPiece(part[:start], tag, part[start + len(tag) :])


def _commas(text: str) -> list[int]:
    """Return the places of the commas that part tags: those inside a pair of braces do not, nor those in brackets around whole tags."""
    commas: list[int] = []
    # Of each kind the open ones: a number that grows, and how many commas there were.
    opened: dict[str, list[tuple[int, int]]] = {"(": [], "[": [], "{": []}
    fresh, behind, count = True, 0, 0
    for found in _SIGNS.finditer(text):
        sign, at = found[0], found.start()
        # Whether nothing but blanks and brackets stands before it.
        fresh = fresh and not text[behind:at].strip()
        behind = at + 1
        if sign == ",":
            commas.append(at)
            fresh = True
        elif sign in opened:
            # `:(` is a face.
            if fresh or sign == "{":
                opened[sign].append((count, len(commas)))
                count += 1
        elif sign in _CLOSES and (same := opened[_CLOSES[sign]]):
            number, before = same.pop()
            del commas[before:]
            for others in opened.values():
                while others and others[-1][0] > number:
                    others.pop()
            fresh = False
        else:
            fresh = False
    return commas


def _without(section: Section, index: int) -> Section:
    left = [*section[:index], *section[index + 1 :]]
    gone = section[index]
    if not left:
        return (TagPiece(gone.before, "", gone.behind),)
    if index == 0:
        left[0] = replace(left[0], before=gone.before)
    if index == len(section) - 1:
        left[-1] = replace(left[-1], behind=gone.behind)
    return tuple(left)


def _inserted(section: Section, index: int, tags: Sequence[str]) -> Section:
    between = _between(section)
    new = [TagPiece(between, tag) for tag in tags]
    made = [*section[:index], *new, *section[index:]]
    if index == 0 and new:
        made[0] = replace(made[0], before=section[0].before)
        made[len(new)] = replace(made[len(new)], before=between)
    if index == len(section) and new:
        made[index - 1] = replace(made[index - 1], behind="")
        made[-1] = replace(made[-1], behind=section[-1].behind)
    return tuple(made)


def _between(section: Section) -> str:
    """Return what stands behind the commas of a section: nothing where nothing does anywhere."""
    later = [piece.before for piece in section[1:] if piece.tag]
    return "" if later and not any(later) else " "


def _with_tags_at(section: Section, index: int, tags: Sequence[str]) -> Section:
    piece = section[index]
    first = replace(piece, tag=tags[0])
    made = (*section[:index], first, *section[index + 1 :])
    return _inserted(made, index + 1, tags[1:]) if len(tags) > 1 else made
