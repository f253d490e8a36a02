"""Anima's two tokenizers as files: Qwen3's byte-level pieces and T5's unigrams; free of torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from trainer.errors import ModelError
from trainer.file_mark import FileMark, mark_of
from trainer.regular_file import read_regular
from trainer.text import plural, printable

TokenizerKind = Literal["qwen3_tokenizer", "t5_tokenizer_path"]
"""A tokenizer by the setting that names it."""

# Qwen3's tokenizer.json has 11 MB.
_MAX_BYTES = 64 * 2**20
# An embedding has a few rows more than there are tokens, for products of round sizes: 32,128 for T5's 32,100.
_LEAST_SHARE = 0.9
_WHOLE, _VOCABULARY, _MERGES = "tokenizer.json", "vocab.json", "merges.txt"

WANTED: Mapping[TokenizerKind, str] = {
    "qwen3_tokenizer": "Qwen3's tokenizer: a folder with tokenizer.json, or with vocab.json and merges.txt",
    "t5_tokenizer_path": "the tokenizer of T5 v1.1: a folder with tokenizer.json",
}
_TYPE = {"qwen3_tokenizer": "BPE", "t5_tokenizer_path": "Unigram"}
# T5's first tokens; what Qwen's texts end with and are filled up with.
_T5_FIRST = ("<pad>", "</s>", "<unk>")
_QWEN_END = "<|endoftext|>"


@dataclass(frozen=True)
class TokenizerFiles:
    """A tokenizer's files.

    Attributes:
        whole: its tokenizer.json; None where it comes in two.
        vocabulary, merges: those two.
    """

    whole: Path | None
    vocabulary: Path | None = None
    merges: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return all of them."""
        return tuple(path for path in (self.whole, self.vocabulary, self.merges) if path is not None)


def tokenizer_files(place: Path, kind: TokenizerKind) -> TokenizerFiles:
    """Return the files of the tokenizer at `place`.

    Args:
        place: its folder, one that holds it as `tokenizer`, or its tokenizer.json.
        kind: which one.

    Raises:
        ModelError: there is none.
    """
    if place.is_file():
        return TokenizerFiles(place)
    folder = next((each for each in (place, place / "tokenizer") if _is_one(each)), place)
    if (folder / _WHOLE).is_file():
        return TokenizerFiles(folder / _WHOLE)
    if kind == "qwen3_tokenizer" and (folder / _VOCABULARY).is_file() and (folder / _MERGES).is_file():
        return TokenizerFiles(None, folder / _VOCABULARY, folder / _MERGES)
    only_model = (place / "spiece.model").is_file()
    raise ModelError(
        printable(str(place)),
        found="only spiece.model, which sentencepiece alone reads" if only_model else "no tokenizer files",
        expected=WANTED[kind],
        way_out="download tokenizer.json of google/t5-v1_1-base beside it" if only_model else "",
    )


def _is_one(folder: Path) -> bool:
    return (folder / _WHOLE).is_file() or (folder / _MERGES).is_file()


def check_tokenizer(place: Path, kind: TokenizerKind, rows: int) -> None:
    """See that the tokenizer at `place` is the one that a model was trained with.

    Args:
        place: as for tokenizer_files.
        kind: which one.
        rows: of the embedding of its tokens.

    Raises:
        ModelError: there is none, it cannot be read, or it is another one.
    """
    files = tokenizer_files(place, kind)
    found = _facts(files, _marks(files, kind), kind)
    where = printable(str(files.paths[0]))
    if found.kind != _TYPE[kind] or not found.has_marks:
        raise ModelError(
            where,
            found=f"a tokenizer of kind {printable(found.kind, 30)} with other special tokens",
            expected=WANTED[kind],
        )
    if not fits(found.tokens, rows):
        raise ModelError(
            where,
            found=f"a tokenizer of {plural(found.tokens, 'token')} for an embedding of {rows:,}",
            expected=WANTED[kind],
            way_out="give the tokenizer that the model was trained with",
        )


def fits(tokens: int, rows: int) -> bool:
    """Return whether a tokenizer of so many tokens can be that of an embedding with so many rows."""
    return _LEAST_SHARE * rows <= tokens <= rows


@dataclass(frozen=True)
class _Facts:
    kind: str
    tokens: int
    has_marks: bool


def _marks(files: TokenizerFiles, kind: TokenizerKind) -> tuple[FileMark, ...]:
    try:
        return tuple(mark_of(path) for path in files.paths)
    except OSError as error:
        raise _unreadable(files, kind, error) from error


@lru_cache(maxsize=8)
def _facts(files: TokenizerFiles, marks: tuple[FileMark, ...], kind: TokenizerKind) -> _Facts:
    try:
        if files.whole is None:
            assert files.vocabulary is not None
            # Two files are byte-level pieces and their merges; the special tokens are the class's own.
            vocabulary = _json(files.vocabulary)
            # They follow the pieces: <|endoftext|>, and some more that no caption has.
            return _Facts("BPE", max(vocabulary.values()) + 2, len(vocabulary) > 0)
        table = _json(files.whole)
        model = table["model"]
        added = {each["content"]: int(each["id"]) for each in table.get("added_tokens", ())}
        if isinstance(model["vocab"], list):
            first = tuple(piece for piece, _ in model["vocab"][: len(_T5_FIRST)])
            ends = len(model["vocab"]) - 1
            return _Facts("Unigram", max((ends, *added.values())) + 1, first == _T5_FIRST)
        numbers = {**{str(word): int(number) for word, number in model["vocab"].items()}, **added}
        return _Facts(str(model.get("type", "BPE")), max(numbers.values()) + 1, _QWEN_END in numbers)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _unreadable(files, kind, error) from error


def _json(path: Path) -> Any:
    return json.loads(read_regular(path, _MAX_BYTES))


def _unreadable(files: TokenizerFiles, kind: TokenizerKind, error: Exception) -> ModelError:
    reason = printable(" ".join(str(error).split()), 300) or type(error).__name__
    return ModelError(
        printable(str(files.paths[0])), found=f"cannot be read as a tokenizer: {reason}", expected=WANTED[kind]
    )
