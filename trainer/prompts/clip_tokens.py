"""Tokens of CLIP's text encoders, as sd-scripts and the webui get them: fixed by ftfy, in lower case, merged pair by pair.

They are the numbers that transformers' CLIPTokenizer written in Python (releases before 5) gives with ftfy installed. The
newer one, in Rust, does without ftfy: `’`, `&amp;` and full-width letters are other tokens there. Free of torch, so that a
plan can count tokens.
"""

import gzip
import heapq
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from itertools import islice

import ftfy
import regex

START, END = "<|startoftext|>", "<|endoftext|>"
"""The tokens around a text. Where a text has them letter by letter, they are these tokens too."""

CLIP_TOKENS = 49408
"""Tokens of CLIP's vocabulary: 256 bytes, each alone and at a word's end, the merges, and the two around a text."""

_MERGES = CLIP_TOKENS - 2 * 256 - 2
_WORD_END = "</w>"
_WORDS = regex.compile(
    rf"{regex.escape(START)}|{regex.escape(END)}|'s|'t|'re|'ve|'m|'ll|'d|\p{{L}}+|\p{{N}}|[^\s\p{{L}}\p{{N}}]+"
)
_BLANKS = regex.compile(r"\s+")


class BytePairTokenizer:
    """A tokenizer of CLIP's kind: its words are CLIP's, its vocabulary and merges may be others.

    Args:
        vocabulary: token -> number; it has START, END and every byte's letter.
        merges: pairs of tokens, in the order in which they are merged.
        added: texts that are tokens of their own beyond the vocabulary, as textual inversions are -> number.

    Attributes:
        start, end: numbers of the tokens around a text.
        comma: number of `,` at a word's end.
    """

    def __init__(
        self, vocabulary: Mapping[str, int], merges: Iterable[tuple[str, str]], added: Mapping[str, int] | None = None
    ) -> None:
        self._numbers = vocabulary
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.start, self.end = vocabulary[START], vocabulary[END]
        self.comma = vocabulary.get("," + _WORD_END, self.end)
        self._whole = dict(added or {}) | {START: self.start, END: self.end}
        longest_first = sorted(self._whole, key=len, reverse=True)
        self._apart = regex.compile(f"({'|'.join(map(regex.escape, longest_first))})")
        # Words recur from caption to caption and from step to step, and so do tags.
        self._word = lru_cache(maxsize=50_000)(self._tokens_of)
        self._tag = lru_cache(maxsize=50_000)(lambda tag: tuple(self._tokens_in(tag)))
        self._own_alone = len(self._whole) == 2

    def tokens(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens, without those around it."""
        tags = text.split(", ")
        # Of plain text the commas behind letters and digits are tokens of their own, whatever stands around them.
        if (
            len(tags) > 1
            and self._own_alone
            and _is_plain(text)
            and "<|" not in text
            and all(map(_ends_plainly, tags[:-1]))
        ):
            numbers = list(self._tag(tags[0]))
            for tag in tags[1:]:
                numbers.append(self.comma)
                numbers += self._tag(tag)
            return numbers
        return self._tokens_in(text)

    def _tokens_in(self, text: str) -> list[int]:
        found: list[int] = []
        for part in self._apart.split(text):
            if part in self._whole:
                found.append(self._whole[part])
            elif part:
                for word in _WORDS.findall(fixed(part)):
                    found += self._word(word)
        return found

    def _tokens_of(self, word: str) -> tuple[int, ...]:
        if word in (START, END):
            return (self._numbers[word],)
        letters = byte_letters()
        parts = [letters[byte] for byte in word.encode("utf-8", "replace")]
        parts[-1] += _WORD_END
        return tuple(self._numbers.get(part, self.end) for part in _merged(parts, self._ranks))


@cache
def clip_tokenizer() -> BytePairTokenizer:
    """Return CLIP's own tokenizer, from the vocabulary that comes with this program.

    SDXL's second encoder reads the same tokens and is filled up with 0 in place of the end's. Its published tokenizer calls
    0 (`!` within a word) the padding token, and so gives it for every `!` in a text too; CLIP gives 256, as here.
    """
    return BytePairTokenizer(*clip_vocabulary())


def clip_tokens(text: str) -> list[int]:
    """Return the numbers of a text's tokens in CLIP's vocabulary, without those around it."""
    return clip_tokenizer().tokens(text)


def fixed(text: str) -> str:
    """Return a text as CLIP reads it: ftfy's repairs, single blanks, lower case.

    ftfy straightens quotes, reads HTML entities, narrows full-width letters, parts ligatures, drops control characters and
    repairs text that was decoded wrongly.
    """
    return str(_BLANKS.sub(" ", _by_ftfy(text)).strip().lower())


def needs_fixing(text: str) -> bool:
    """Return whether ftfy changes a text, so that its tokens may be others than without it."""
    return _by_ftfy(text) != text


def _by_ftfy(text: str) -> str:
    # In printable ASCII it looks for entities only; asking it takes as long as all the rest of a caption's tokens.
    return text if _is_plain(text) else ftfy.fix_text(text)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "&" not in text


def _ends_plainly(tag: str) -> bool:
    return tag[-1:].isalnum()


@cache
def clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return token -> number, and the pairs to merge, earliest first (Radford et al. 2021; openai/CLIP, simple_tokenizer)."""
    packed = resources.files("trainer.prompts").joinpath("vocabulary", "bpe_simple_vocab_16e6.txt.gz")
    with packed.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8") as lines:
        # The first line is a heading; merges beyond these are of a larger vocabulary that CLIP does not use.
        merges = [(first, second) for first, second in (line.split() for line in islice(lines, 1, 1 + _MERGES))]
    letters = list(byte_letters().values())
    tokens = [*letters, *(letter + _WORD_END for letter in letters), *(first + second for first, second in merges)]
    return {token: number for number, token in enumerate([*tokens, START, END])}, merges


@cache
def byte_letters() -> dict[int, str]:
    """Return the letter that stands for each byte, in the vocabulary's order: printable ones first, for themselves."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + place) for place, byte in enumerate(others)}


def _merged(parts: list[str], ranks: Mapping[tuple[str, str], int]) -> Sequence[str]:
    """Return the tokens of a word: the pair with the lowest rank is merged first, of equal ones the one in front.

    A heap of pairs, because a text from outside may be one word of many thousand letters. `parts` is used up.
    """
    length = len(parts)
    before, after = list(range(-1, length - 1)), list(range(1, length + 1))
    heap: list[tuple[int, int, str, str]] = []

    def note(left: int, right: int) -> None:
        if left >= 0 and right < length and (rank := ranks.get((parts[left], parts[right]))) is not None:
            heapq.heappush(heap, (rank, left, parts[left], parts[right]))

    for place in range(length - 1):
        note(place, place + 1)
    while heap:
        _, left, first, second = heapq.heappop(heap)
        right = after[left]
        # Otherwise one of the two was merged with another part in the meantime.
        if right < length and parts[left] == first and parts[right] == second:
            parts[left], parts[right] = first + second, ""
            after[left] = after[right]
            if after[left] < length:
                before[after[left]] = left
            note(before[left], left)
            note(left, after[left])
    return [part for part in parts if part]
